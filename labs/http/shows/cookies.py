"""Cookies: which come back, to whom, and what a server may believe of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import quote

from labctl.events import Event, Row
from labctl.protocols.http1 import get, get_all
from labctl.protocols.http_cookies import Cookie, Jar, Refused, cookie_field, why_not
from labctl.protocols.url import Url, parse_url
from labs.http.claims import COOKIES
from labs.http.peer import Desk
from labs.telling import about, heading, measured, opening, result, table
from labs.words import count, listed

SETTER = "https://origin.shop.test/cache"
LINES = (
    "cart=c0ffee; Path=/; Secure; HttpOnly; SameSite=Lax",
    "theme=dark; Domain=shop.test; Path=/",
    "tour=2; Path=/help",
    "spy=1; Domain=example.com; Path=/",
    "all=1; Domain=test; Path=/",
)
ASKED = (
    "https://origin.shop.test/",
    "http://origin.shop.test/",
    "https://origin.shop.test/help/start",
    "https://api.shop.test/cookies",
    "https://www.example.com/",
)


class Got(NamedTuple):
    """What the application behind a URL got as Cookie, and what the rules say that it should get."""

    url: Url
    names: list[str]
    allowed: list[str]


def show(desk: Desk) -> Iterator[Event]:
    yield opening("who gets which cookie back", "two sites of the town")
    jar = Jar()
    query = "&".join(f"Set-Cookie={quote(line)}" for line in LINES)
    url = parse_url(f"{SETTER}?{query}")
    with desk.reach(url) as peer:
        answer = peer.ask()
    taken = [(line, jar.take(line, url)) for line in get_all(answer.fields, "Set-Cookie")]
    yield table("set", f"{url.host} sets", ("cookie", "with", "kept?"), [_set(*each) for each in taken])
    seen = [_visit(desk, jar, target) for target in ASKED]
    rows = [_sent(jar, each) for each in seen]
    yield table("sent", "And what the next requests bring along", ("to", "cookies", "left at home"), rows)
    yield heading("Anybody can send any cookie", "curl -b admin=1")
    forged = _forged(desk)
    yield about("forged", f"The application got Cookie: {forged}. Nothing in it says who wrote that.")
    yield about(
        "so", "a session cookie is a long random number, or signed; HttpOnly keeps scripts away from it."
    )
    stray = [each for each in seen if set(each.names) - set(each.allowed)]
    strays = listed(list(dict.fromkeys(each.url.host for each in stray)))
    there = sum(len(each.names) for each in seen)
    yield measured(
        "http.cookies.sent", there, f"{count(there, 'cookie')} went along in {len(seen)} requests."
    )
    yield COOKIES.judged(
        not stray and any(each.names for each in seen) and forged == "admin=1",
        f"{count(there, 'cookie')} went along in {len(seen)} requests, "
        + (f"{strays} got some that are not theirs" if stray else "each where it belongs")
        + f"; a forged one arrived as {forged or 'nothing'}.",
    )
    if not stray:
        yield result("Host, path and Secure decide. What comes back is a claim of the client, not a fact.")


def _set(line: str, found: Cookie | Refused) -> Row:
    pair, _, attributes = line.partition("; ")
    kept = isinstance(found, Cookie)
    if isinstance(found, Cookie):
        said = (
            f"for {found.domain}"
            + ("" if found.host_only else " and below")
            + (f", {found.path}" if found.path != "/" else "")
        )
    else:
        said = f"refused: {found.why}"
    return Row(
        text=f"{line}: {said}.",
        cells=(pair, attributes, said),
        hues=("accent", "mute", "" if kept else "bad"),
    )


def _visit(desk: Desk, jar: Jar, target: str) -> Got:
    """One request with the cookies that our client sends there; what its application got."""
    url = parse_url(target)
    allowed = jar.for_url(url)
    cookies = jar.cookies if "cookies-everywhere" in desk.habits else allowed
    before = len(desk.web.log)
    with desk.reach(url) as peer:
        peer.ask(fields=(("Cookie", cookie_field(cookies)),) if cookies else ())
    got = next((each for each in list(desk.web.log)[before:] if each.site == url.host), None)
    value = (get(got.fields, "Cookie") or "") if got is not None else ""
    names = [part.partition("=")[0].strip() for part in value.split(";") if part.strip()]
    return Got(url, names, [cookie.name for cookie in allowed])


def _sent(jar: Jar, got: Got) -> Row:
    reasons: dict[str, list[str]] = {}
    for cookie in jar.cookies:
        if cookie.name not in got.names:
            reasons.setdefault(why_not(cookie, got.url), []).append(cookie.name)
    names = listed(got.names)
    stray = set(got.names) - set(got.allowed)
    kept = "; ".join(f"{listed(left)}: {why}" for why, left in reasons.items())
    brief: dict[str, list[str]] = {}
    for why, left in reasons.items():
        brief.setdefault(_brief(why), []).extend(left)
    shown = ", ".join(f"{listed(left)} ({why})" for why, left in brief.items())
    return Row(
        text=f"{got.url} got {names}" + (f"; left at home: {kept}." if kept else "."),
        cells=(f"{got.url.origin}{got.url.path}", names, shown),
        hues=("", "bad" if stray else "ok" if got.names else "mute", "mute"),
    )


def _brief(why: str) -> str:
    if why.startswith("only /"):
        return "another path"
    return "not https" if why == "only https" else "another host"


def _forged(desk: Desk) -> str:
    """What an application gets of a cookie that nobody ever set."""
    before = len(desk.web.log)
    with desk.reach("https://api.shop.test/cookies") as peer:
        peer.ask(fields=(("Cookie", "admin=1"),))
    got = next((each for each in list(desk.web.log)[before:] if each.site == "api.shop.test"), None)
    return (get(got.fields, "Cookie") or "") if got is not None else ""
