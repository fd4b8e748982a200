"""The session cookie: read by anybody, changed by nobody, replayed by whoever has it, minted with a leaked key."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

from labctl.events import Event, Measure, Row, Verdict
from labctl.internet import Internet
from labctl.protocols.flask_session import NoSession, forge, make_session
from labs.flask.claims import FORGED, REPLAYED, SESSION_READ, SIZE
from labs.flask.cookies import Jar, cookie_table, session_in, set_cookies
from labs.flask.habits import habits_of
from labs.flask.shows.footer import footer
from labs.flask.stage import Seen, Stage
from labs.flask.target import SHOP
from labs.telling import measured, opening, result, table

# What the shop's SECRET_KEY is: leaked, as keys are that stand in a repository.
LEAKED = "correct horse battery staple"
ADMIN = '{"role":"admin","user":"ana"}'
SMALL, LARGE = 3000, 5500


class _NoAnswer(Exception):
    pass


def show(internet: Internet) -> Iterator[Event]:
    from labctl.serving.application import own_app

    with Stage(own_app(SHOP), habits_of(internet)) as stage:
        yield opening("the session cookie", "read, forged, replayed, minted")
        login = stage.ask("/login", "POST").answer
        sent = set_cookies(login.fields)
        if not sent:
            yield SESSION_READ.not_seen(f"Logging in set no cookie: {login.status or login.failure}.")
            return
        name, value = sent[0]
        found = session_in(login.fields)
        if found is None:
            yield SESSION_READ.judged(False, f"The cookie {name} says nothing without the key.")
        else:
            yield from cookie_table(*found)
            yield SESSION_READ.judged(True, f"Without the key it says {found[2].payload}.")
        rows: list[Row] = []
        try:
            yield from _tried(stage, name, value, rows)
        except _NoAnswer as why:
            yield FORGED.not_seen(str(why))
            yield REPLAYED.not_seen(str(why))
        yield from _sizes(stage)
    yield result(
        "Put nothing secret into it, keep the key out of the repository, and let sessions end by themselves."
    )
    yield from footer("session")


def _who(stage: Stage, name: str, value: str) -> dict[str, str]:
    """What the shop takes a cookie for. Raises _NoAnswer when it does not say: that is no refusal."""
    answer = stage.ask("/whoami", fields=(("Cookie", f"{name}={value}"),)).answer
    if answer.status != 200:
        raise _NoAnswer(f"Asked whom it takes a cookie for, the shop gave {answer.status or answer.failure}.")
    found = json.loads(answer.body)
    return {str(k): str(v) for k, v in found.items()}


def _tried(stage: Stage, name: str, value: str, rows: list[Row]) -> Iterator[Event]:
    own = _who(stage, name, value)
    rows.append(_row("Ana's own cookie", own))
    try:
        forged: dict[str, str] | None = _who(stage, name, forge(value, ADMIN))
    except NoSession:
        forged = None
    if forged is not None:
        rows.append(_row("changed to admin, the old signature", forged, good=not forged))
    # Another connection, another client: the cookie is all that it has.
    copied = _who(stage, name, value)
    rows.append(_row("copied to another client", copied, good=not copied))
    stage.ask("/logout", "POST", (("Cookie", f"{name}={value}"),))
    later = _who(stage, name, value)
    rows.append(_row("the copy, after Ana has logged out", later, good=not later))
    minted = _who(stage, name, make_session(ADMIN, LEAKED, int(time.time())))
    rows.append(_row("minted with the leaked SECRET_KEY", minted, good=minted.get("role") != "admin"))
    yield table("tried", "What the shop takes a cookie for", ("", "who it is", ""), rows)
    yield from _judged(own, forged, later)


def _judged(
    own: dict[str, str], forged: dict[str, str] | None, later: dict[str, str]
) -> Iterator[Verdict | Measure]:
    if forged is None:
        yield FORGED.not_seen("The cookie cannot be read, so there was nothing to change in it.")
    else:
        role = forged.get("role", "nobody")
        yield measured("flask.session.forged", role, f"The forged cookie was taken for {role}.")
        yield FORGED.judged(
            not forged,
            "The signature did not fit, and the shop took an empty session."
            if not forged
            else f"The shop took the forged cookie: role {role}.",
        )
    if not own:
        yield REPLAYED.not_seen("The shop did not know its own cookie.")
        return
    who = later.get("user", "nobody")
    yield measured("flask.session.later", who, f"After logging out the copied cookie was taken for {who}.")
    yield REPLAYED.judged(
        later == own,
        f"Ana had logged out, and the copy of her cookie was still {who}."
        if later == own
        else "After logging out the copy was worth nothing: the server had forgotten its number.",
    )


def _row(words: str, who: dict[str, str], *, good: bool = True) -> Row:
    said = (
        ", ".join(f"{key} {value}" for key, value in sorted(who.items(), reverse=True))
        or "nobody: an empty session"
    )
    verdict = "refused" if not who else "accepted"
    return Row(
        f"{words[:1].upper()}{words[1:]}: {verdict}, {said}.",
        (words, said, verdict),
        hues=("", "", "ok" if good else "bad"),
        bold=(2,),
    )


def _sizes(stage: Stage) -> Iterator[Event]:
    rows: list[Row] = []
    kept: dict[int, bool] = {}
    sizes: dict[int, int] = {}
    statuses: dict[int, int] = {}
    warned = False
    for size in (SMALL, LARGE):
        jar = Jar()
        seen: Seen = stage.ask(f"/remember/{size}")
        jar.take(seen.answer.fields)
        sent = set_cookies(seen.answer.fields)
        sizes[size], statuses[size], kept[size] = (
            len(sent[0][1]) if sent else 0,
            seen.answer.status,
            bool(jar.cookies),
        )
        warned = "cookie is too large" in stage.standing.log()
        does = "keeps it" if jar.cookies else "drops it" if jar.refused else "gets none"
        rows.append(
            Row(
                f"{size:,} characters: {seen.answer.status}, a cookie of {sizes[size]:,} bytes, and a browser {does}.",
                (
                    f"{size:,} characters",
                    str(seen.answer.status),
                    f"{sizes[size]:,} bytes",
                    does,
                    "UserWarning" if warned else "",
                ),
                hues=("", "", "", "ok" if jar.cookies else "bad", "warn"),
            )
        )
    yield table("sizes", "A session that grows", ("session", "status", "cookie", "a browser", "log"), rows)
    yield measured(
        "flask.session.large", sizes[LARGE], f"The large cookie has {sizes[LARGE]:,} bytes.", "bytes"
    )
    if statuses[LARGE] == 200 and sizes[LARGE] < LARGE // 2:
        yield SIZE.not_seen("The session is not in the cookie, so it cannot be too large for it.")
        return
    held = statuses[LARGE] == 200 and kept[SMALL] and not kept[LARGE] and warned
    yield SIZE.judged(
        held,
        f"{sizes[LARGE]:,} bytes were sent with status {statuses[LARGE]} and a warning; no browser keeps them."
        if held
        else f"The shop answered {statuses[LARGE]} and sent {sizes[LARGE]:,} bytes.",
    )
