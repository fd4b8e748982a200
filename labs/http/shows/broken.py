"""Peers that break the rules, one by one: what our client makes of each, in bounded time and memory."""

from __future__ import annotations

from collections.abc import Iterator

from labctl.events import Event, Hue, Row
from labctl.fetch.exchange import Answer, Limits
from labctl.protocols.content_coding import decoded
from labctl.protocols.http1 import get
from labs.http.claims import FRAMING
from labs.http.peer import Desk
from labs.http.telling import message
from labs.http.words import elapsed_ms, size
from labs.telling import measured, opening, result
from labs.words import count, ms

HOST = "raw.shop.test"
# Nobody waits longer here; a client of your own has other numbers, and needs some.
PATIENCE = Limits(body=64_000, most=1_000_000, seconds=0.6)
# What says, wrongly, where its content ends.
_FRAMING = ("/bad-chunk", "/two-lengths", "/two-content-lengths", "/short-body", "/cut-chunks")


def show(desk: Desk) -> Iterator[Event]:
    from labctl.sandbox.site_misbehaving import MISBEHAVIOURS

    yield opening(
        "peers that break the rules", f"at most {PATIENCE.seconds:g} s and {size(PATIENCE.most)} each"
    )
    answers: dict[str, Answer] = {}
    rows = []
    for path, each in MISBEHAVIOURS.items():
        with desk.reach(f"http://{HOST}/") as peer:
            answer = answers[path] = peer.ask(path, limits=PATIENCE)
        rows.append(_row(path, each.sentence, answer))
    yield message("broken", f"http://{HOST}", rows, columns=("after", "path", "what it does", "we say"))
    caught = [path for path, answer in answers.items() if _said(answer) != str(answer.status)]
    yield measured("http.broken", len(answers), f"{count(len(answers), 'peer')} broke a rule.")
    noticed = [path for path in _FRAMING if answers[path].failure]
    yield FRAMING.judged(
        len(noticed) == len(_FRAMING),
        f"{len(noticed)} of {len(_FRAMING)} contents whose end was said wrongly were noticed.",
    )
    yield result(f"{len(caught)} of {len(answers)} were caught before anything was believed.")


def _row(path: str, sentence: str, answer: Answer) -> Row:
    said = _said(answer)
    took = ms(elapsed_ms(answer))
    detail = answer.detail or (
        f"{size(len(answer.excess))} came unasked and were not read." if answer.excess else ""
    )
    hue: Hue = "ok" if said == str(answer.status) else "warn"
    return Row(
        text=f"{path}: {sentence} We say {said}, after {took}. {detail}".rstrip(),
        cells=(took, path, sentence, said),
        hues=("mute", hue),
    )


def _said(answer: Answer) -> str:
    """What we call it; the status where nothing is wrong."""
    coding = get(answer.fields, "Content-Encoding")
    if answer.failure:
        return answer.failure
    if answer.excess:
        return "excess"
    if coding and decoded(answer.body, coding).failure:
        return f"not {coding}"
    return str(answer.status)
