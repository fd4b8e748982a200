"""The default: one connection, one request and its reply, every segment."""

from __future__ import annotations

from collections.abc import Iterator

from labctl.events import Event
from labctl.protocols.tcp_close import how_it_closed
from labctl.protocols.tcp_ladder import Conversation
from labs.tcp import judging, ladder, time_wait
from labs.tcp.programs import get, web
from labs.tcp.stage import Stage, converse
from labs.tcp.telling import explained, plainly
from labs.telling import opening, result
from labs.words import count, ms


def show(stage: Stage, host: str, path: str = "/", address: str = "") -> Iterator[Event]:
    """The request goes to the lab's own server on the other side (at another `address` of the town)."""
    segments = converse(stage, web(stage), get(host, path), address=address)
    if not segments:
        return
    yield from told(stage, Conversation(segments), f"GET {path} and its reply")


def told(
    stage: Stage | None, conversation: Conversation, data: str, *, asked: bool = True
) -> Iterator[Event]:
    """The lesson of one whole connection. Without a stage the other side's kernel cannot be looked into."""
    seen = judging.captured(conversation)
    subject = "request" if asked else "connection"
    yield opening(
        f"one {subject}, every segment" if seen else f"one {subject}, as a kernel tells it",
        headline(conversation),
    )
    yield from ladder.bounded(conversation, phases={"data": data})
    yield from explained(conversation, "ack=")
    # What the segments lead to by the standard is said only of real ones, and where the kernel agrees.
    if seen and (stage is None or time_wait.of(stage, conversation)):
        yield from explained(conversation, "TIME-WAIT")
    yield from judging.opened(conversation)
    yield from judging.exchanged(conversation)
    yield from judging.counted(conversation)
    yield from judging.closed(conversation)
    if stage is not None:
        yield from time_wait.judged(stage, conversation)
    yield conclusion(conversation)


def headline(conversation: Conversation) -> str:
    """`10 segments, round trip 14.2 ms`."""
    rtt = judging.round_trip_ms(conversation)
    if not judging.captured(conversation):
        return "not captured"
    told = f", round trip {ms(rtt)}" if rtt is not None else ""
    return count(len(conversation.rows), "segment") + told


def conclusion(conversation: Conversation) -> Event:
    rows = conversation.rows
    took = ms(rows[-1].at_ms)
    if not judging.captured(conversation):
        return result(
            f"{judging.close_said(conversation, how_it_closed(conversation))} What crossed was not captured.",
            "warn",
        )
    phases = {p: sum(r.phase == p for r in rows) for p in ("open", "data", "close", "reset")}
    came = sum(row.segment.length for row in rows)
    if not came and not phases["reset"] and phases["close"]:
        return result(f"{count(len(rows), 'segment')} in {took}: opened, and closed without a word.")
    if not phases["data"] and came and phases["close"] and not phases["reset"]:
        return result(
            f"{count(len(rows), 'segment')} in {took}: {phases['open']} to open, {phases['close']} to close, "
            f"and {count(came, 'byte')} came while it closed."
        )
    if not phases["data"]:
        return result(
            f"{count(len(rows), 'segment')} in {took}: {plainly(how_it_closed(conversation).text)}", "warn"
        )
    end = f"{phases['close']} to close" if not phases["reset"] else "and then RST"
    return result(
        f"{count(len(rows), 'segment')} in {took}: {phases['open']} to open, {phases['data']} for the data, {end}."
    )
