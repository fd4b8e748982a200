"""Three segments or four: when the other program closes decides it."""

from __future__ import annotations

from collections.abc import Iterator

from labctl.events import Event, Measure
from labctl.protocols.tcp_close import Close, how_it_closed
from labctl.protocols.tcp_ladder import Conversation
from labs.tcp import judging, ladder
from labs.tcp.claims import FIN_WITH_ACK
from labs.tcp.programs import get, web
from labs.tcp.stage import Stage, converse
from labs.tcp.target import OURS
from labs.telling import heading, note, opening, result
from labs.words import count, ms

# Long after any delayed acknowledgement, which Linux sends after 40 ms, and at most after 200 ms.
SLOW_MS = 250.0


def show(stage: Stage) -> Iterator[Event]:
    yield opening("two ways to say good-bye", "the same two programs")
    quick = converse(stage, web(stage), get(OURS.host))
    slow = converse(stage, web(stage, wait_ms=SLOW_MS), get(OURS.host))
    if not quick or not slow:
        return
    closes: list[Close] = []
    for segments, title, remark in (
        (quick, "The server closes as soon as it has read the end", ""),
        (slow, f"The server's program takes {SLOW_MS:.0f} ms to close", "the same close, later"),
    ):
        conversation = Conversation(segments)
        yield heading(title, remark)
        yield from ladder.exchanges(conversation, only=("close", "reset"))
        close = how_it_closed(conversation)
        closes.append(close)
        yield note(judging.close_said(conversation, close))
    yield from judging.closed(Conversation(quick))
    yield from _judged(Conversation(quick), Conversation(slow), *closes)


def _judged(one: Conversation, two: Conversation, quick: Close, slow: Close) -> Iterator[Event]:
    if not judging.captured(one):
        yield FIN_WITH_ACK.not_seen("The segments were not captured, so they cannot be counted here.")
        return
    if {quick.kind, slow.kind} - {"three", "four"}:
        yield FIN_WITH_ACK.not_seen("One of the connections was not closed by two FINs.")
        return
    fast, late = len(quick.rows), len(slow.rows)
    yield Measure(f"Closed at once, it took {count(fast, 'segment')}.", "tcp.close.fast", fast)
    yield Measure(f"Closed later, it took {count(late, 'segment')}.", "tcp.close.slow", late)
    yield Measure(f"The slow server waited {ms(SLOW_MS)}.", "tcp.close.wait", SLOW_MS, "ms")
    rows = {row.number: row for row in two.rows}
    waited = rows[slow.rows[1]].at_ms - rows[slow.rows[0]].at_ms
    yield Measure(
        f"The bare ACK of the FIN came {ms(waited)} after it.", "tcp.close.ack_after", round(waited, 1), "ms"
    )
    together = quick.kind == "three"
    yield FIN_WITH_ACK.judged(
        together and slow.kind == "four",
        f"{fast} segments when the server closed at once, {late} when it took {ms(SLOW_MS)}"
        + (
            f": there the ACK went alone, {ms(waited)} after the FIN."
            if together
            else "; its kernel did not wait for the close before it acknowledged."
        ),
    )
    if together:
        yield result(f"{fast} or {late}: timing decides, not the protocol.")
