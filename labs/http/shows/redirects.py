"""Five codes that send a POST elsewhere, and what clients do next: ours, httpx, and curl where there is one."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from typing import NamedTuple

from labctl.events import Event, Hue, Row
from labctl.fetch.exchange import Answer
from labctl.protocols import redirects
from labctl.protocols.url import parse_url
from labs.http.claims import REDIRECTS
from labs.http.other_clients import curl_follows, httpx_follows
from labs.http.peer import USUAL_FIELDS, Desk
from labs.http.telling import came, sent
from labs.telling import about, heading, measured, opening, result, table
from labs.words import listed

CODES = (301, 302, 303, 307, 308)
HOST, THERE = "api.shop.test", "http://api.shop.test/order"
CONTENT = b"item=1"
FORM = (("Content-Type", "application/x-www-form-urlencoded"),)


class Next(NamedTuple):
    """What the application got behind the redirect; "" and 0 when nothing came."""

    method: str
    content: int


def show(desk: Desk) -> Iterator[Event]:
    yield opening("a POST is sent elsewhere", "five codes")
    yield heading("303, on the way", "our client")
    ours: dict[int, Next] = {}
    for code in CODES:
        ours[code] = yield from _ours(desk, code, drawn=code in (303, 308))
        if code == 303:
            yield heading("308, on the way", "our client")
    others = {
        "httpx": {code: _seen(desk, lambda url: httpx_follows(desk, url, CONTENT), code) for code in CODES}
    }
    if curl := curl_follows(desk):
        others["curl -L"] = {code: _seen(desk, lambda url: curl(url, CONTENT), code) for code in CODES}
    yield _table(ours, others)
    yield about(
        "301, 302", "RFC 9110 lets the client change POST into GET, and all do since the first browsers did."
    )
    for code, got in ours.items():
        yield measured(
            f"http.redirect.{code}", got.method, f"After {code} our client sent {got.method or 'nothing'}."
        )
    kept = all(ours[code] == Next("POST", len(CONTENT)) for code in (307, 308))
    changed = all(ours[code] == Next("GET", 0) for code in (301, 302, 303))
    yield REDIRECTS.judged(
        kept and changed,
        "A POST was followed by "
        + listed([f"{got.method or 'nothing'} after {code}" for code, got in ours.items()])
        + f"; 307 and 308 brought {ours[307].content} and {ours[308].content} bytes of content along.",
    )
    if kept:
        yield result("For a form that moved for good, 308; to show a page after a POST, 303.")


def _ours(desk: Desk, code: int, *, drawn: bool) -> Generator[Event, None, Next]:
    """Our client, one step; as the habit of this world has it."""
    url = parse_url(_url(code))
    with desk.reach(url) as peer:
        first = peer.ask(url.path, method="POST", fields=FORM, body=CONTENT)
    if drawn:
        yield _asks(first, "POST", len(CONTENT), url.host)
        at = first.times.head_at or first.times.sent_at
        said = f"{code}, and Location says where."
        yield came(at, f"{code} Location", said, by=url.host, heavy=False, role="redirect", hue="alt")
    status = 303 if "redirects-always-get" in desk.habits and first.status in CODES else first.status
    there = redirects.after(status, first.fields, "POST", url, (*USUAL_FIELDS, *FORM), CONTENT)
    if not isinstance(there, redirects.Next):
        return Next("", 0)
    before = len(desk.web.log)
    with desk.reach(there.url) as peer:
        second = peer.ask(there.url.path, method=there.method, fields=there.fields, body=there.body)
    if drawn:
        yield _asks(second, there.method, len(there.body), there.url.host)
        at = second.times.head_at or second.times.sent_at
        yield came(at, f"{second.status}", f"The answer is {second.status}.", by=there.url.host)
    return _last(desk, before)


def _asks(answer: Answer, method: str, content: int, host: str) -> Event:
    label = f"{method}, {content} B" if content else method
    said = f"{method} with {content} bytes of content." if content else f"{method} without content."
    return sent(answer.times.sent_at, label, said, to=host, heavy=bool(content))


def _url(code: int) -> str:
    return f"http://origin.shop.test/redirect/{code}?to={THERE}"


def _seen(desk: Desk, follow: Callable[[str], None], code: int) -> Next:
    """What the application got after this client had followed."""
    before = len(desk.web.log)
    follow(_url(code))
    return _last(desk, before)


def _last(desk: Desk, before: int) -> Next:
    got = [each for each in list(desk.web.log)[before:] if each.site == HOST and each.target == "/order"]
    return Next(got[-1].method, got[-1].body_length) if got else Next("", 0)


def _table(ours: dict[int, Next], others: dict[str, dict[int, Next]]) -> Event:
    rows = []
    for code in CODES:
        every = {"labctl": ours[code], **{name: got[code] for name, got in others.items()}}
        said = [f"{name} {_said(got)}" for name, got in every.items()]
        hues: tuple[Hue, ...] = ("accent", *("ok" if got.method == "POST" else "" for got in every.values()))
        rows.append(
            Row(
                text=f"{code}: {listed(said)}. {_MEANING[code]}.",
                cells=(str(code), *map(_said, every.values()), _MEANING[code]),
                hues=(*hues, "mute"),
            )
        )
    columns = ("", "labctl", *others, "RFC 9110")
    return table("redirects", "A POST with 6 bytes, and what came next", columns, rows)


_MEANING = {
    301: "for good; POST may become GET",
    302: "for now; POST may become GET",
    303: "see there: GET",
    307: "for now; the same request",
    308: "for good; the same request",
}


def _said(got: Next) -> str:
    if not got.method:
        return "nothing"
    return f"{got.method}, {got.content} B" if got.content else got.method
