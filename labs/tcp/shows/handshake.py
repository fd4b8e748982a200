"""What the first two segments settle for the whole connection."""

from __future__ import annotations

from collections.abc import Iterator

from labctl.events import Event, Measure, Row, Rows
from labctl.protocols.tcp_ladder import Conversation
from labctl.protocols.tcp_segments import Segment
from labs.tcp import judging, ladder
from labs.tcp.claims import OPTIONS
from labs.tcp.programs import get, web
from labs.tcp.stage import Stage, converse
from labs.tcp.target import OURS
from labs.tcp.telling import explained
from labs.telling import about, opening, result
from labs.words import ms


def show(stage: Stage) -> Iterator[Event]:
    segments = converse(stage, web(stage), get(OURS.host))
    if not segments:
        return
    conversation = Conversation(segments)
    rtt = judging.round_trip_ms(conversation)
    yield opening("three segments, two numbers", f"round trip {ms(rtt)}" if rtt else "")
    yield from ladder.exchanges(conversation, only=("open",))
    yield from explained(conversation, "ack=1")
    syn, answer = _syns(conversation)
    if syn is not None and answer is not None and not answer.unknown:
        yield about(
            "seq=0",
            f"On the wire the client began at {syn.seq} and the server at {answer.seq}: secret starting points.",
        )
    yield from judging.opened(conversation)
    if syn is None or answer is None:
        yield OPTIONS.not_seen("SYN and SYN ACK were not both seen.")
        return
    if "options" in answer.unknown:
        yield OPTIONS.not_seen("The server's SYN ACK was not captured.")
        return
    yield _table(syn, answer)
    yield from _judged(syn, answer)
    yield result("One round trip, and both sides know the other's number and what both can do.")


def _syns(conversation: Conversation) -> tuple[Segment | None, Segment | None]:
    found = [row for row in conversation.rows if "S" in row.segment.flags]
    syn = next((r.segment for r in found if "A" not in r.segment.flags), None)
    return syn, next((r.segment for r in found if "A" in r.segment.flags), None)


def _table(syn: Segment, answer: Segment) -> Rows:
    both_stamp = syn.timestamps is not None and answer.timestamps is not None
    room = (answer.mss or 536) - (12 if both_stamp else 0)
    rows = (
        _row(
            "MSS",
            _number(syn.mss),
            _number(answer.mss),
            f"the client sends segments of up to {room:,} B"
            + (", 12 B go for the time stamps" if both_stamp else ""),
        ),
        _row(
            "SACK",
            _yes(syn.sack_permitted),
            _yes(answer.sack_permitted),
            "a gap can be named, not only its beginning"
            if syn.sack_permitted and answer.sack_permitted
            else "off: an ACK can only say where the gap begins",
        ),
        _row(
            "window scale",
            _number(syn.window_scale),
            _number(answer.window_scale),
            _scale(syn.window_scale, answer.window_scale),
        ),
        _row(
            "time stamps",
            _yes(syn.timestamps is not None),
            _yes(answer.timestamps is not None),
            "each ACK measures the round trip" if both_stamp else "off: old segments are harder to tell",
        ),
    )
    return Rows(
        text="What SYN and SYN ACK name, and what follows from both.",
        id="options",
        title="What the two SYNs name",
        columns=("option", "client", "server", "so"),
        rows=rows,
        show_columns=True,
    )


def _row(name: str, client: str, server: str, so: str) -> Row:
    return Row(text=f"{name}: client {client}, server {server}; {so}.", cells=(name, client, server, so))


def _number(value: int | None) -> str:
    return "none" if value is None else str(value)


def _yes(value: bool) -> str:
    return "yes" if value else "none"


def _scale(client: int | None, server: int | None) -> str:
    if client is None or server is None:
        return "off: never more than 65,535 B under way"
    return f"the windows count in units of {1 << client:,} B and {1 << server:,} B"


def _judged(syn: Segment, answer: Segment) -> Iterator[Event]:
    names = ("SACK", "window scale", "time stamps")
    lacking = []
    for who, segment in (("client", syn), ("server", answer)):
        has = (
            segment.sack_permitted,
            segment.window_scale is not None,
            segment.timestamps is not None,
        )
        missing = [name for name, there in zip(names, has, strict=True) if not there]
        if missing:
            lacking.append(f"the {who} named no {', no '.join(missing)}")
    if syn.mss is not None:
        yield Measure(f"The client's MSS is {syn.mss} B.", "tcp.mss", syn.mss, "B")
    said = "; ".join(lacking) or "both named all three"
    yield OPTIONS.judged(not lacking, f"{said[:1].upper()}{said[1:]}.")
