"""Nagle's rule against the delayed acknowledgement: two small writes, and then a read."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

from labctl.events import Event, Measure, Row, Rows
from labctl.protocols.tcp_ladder import Conversation
from labctl.protocols.tcp_segments import Segment
from labs.tcp import ladder
from labs.tcp.claims import NAGLE
from labs.tcp.programs import leave, read_exactly
from labs.tcp.stage import Stage, converse
from labs.telling import about, opening, result
from labs.words import ms

HEAD, BODY, ANSWER = b"h" * 20, b"b" * 20, b"a" * 30
TIMES = 4
# The delayed acknowledgement of Linux, less what clocks and a busy machine may cost.
LEAST_MS = 30.0


def show(stage: Stage) -> Iterator[Event]:
    yield opening("write, write, read", "two small writes for each request")
    two, segments = _exchanges(stage, (HEAD, BODY))
    one, _ = _exchanges(stage, (HEAD + BODY,))
    if not segments or len(two) < TIMES or len(one) < TIMES:
        yield NAGLE.not_seen("The exchanges were not finished.")
        return
    yield from ladder.exchanges(Conversation(segments), only=("data",), phases={"data": f"{TIMES} requests"})
    slow, fast = (sorted(times[1:])[(TIMES - 1) // 2] for times in (two, one))
    yield about("Nagle", "no second small segment while the first is not acknowledged")
    yield about("delayed", "no bare ACK while an answer might come to carry it, for some 40 ms")
    yield _table(two, one)
    yield Measure(f"Two writes took {ms(slow)} an exchange.", "tcp.nagle.slow", round(slow, 1), "ms")
    yield Measure(f"One write took {ms(fast)} an exchange.", "tcp.nagle.fast", round(fast, 1), "ms")
    cost = slow - fast
    yield NAGLE.judged(
        cost >= LEAST_MS,
        f"Two writes took {ms(slow)}, one write {ms(fast)}: {ms(max(0.0, cost))} more.",
    )
    if cost >= LEAST_MS:
        yield result("Write a request in one call, or set TCP_NODELAY.")


def _exchanges(stage: Stage, writes: tuple[bytes, ...]) -> tuple[list[float], list[Segment]]:
    """Milliseconds of each exchange, and the segments."""
    took: list[float] = []
    size = sum(map(len, writes))

    def program(connection: socket.socket) -> None:
        while len(read_exactly(connection, size)) == size:
            connection.sendall(ANSWER)
        leave(stage, connection)

    def client(connection: socket.socket) -> None:
        for _ in range(TIMES):
            began = time.monotonic()
            for each in writes:
                connection.sendall(each)
            read_exactly(connection, len(ANSWER))
            took.append((time.monotonic() - began) * 1000)

    return took, converse(stage, program, client)


def _table(two: list[float], one: list[float]) -> Rows:
    rows = tuple(
        Row(
            text=f"Exchange {number}: two writes {ms(a)}, one write {ms(b)}"
            + (" (a fresh connection acknowledges at once)." if number == 1 else "."),
            cells=(
                str(number),
                ms(a),
                ms(b),
                "a fresh connection acknowledges at once" if number == 1 else "",
            ),
            hues=("mute", "warn" if a - b >= LEAST_MS else "", "ok", "mute"),
        )
        for number, (a, b) in enumerate(zip(two, one, strict=True), 1)
    )
    return Rows(
        text="How long each exchange took.",
        id="nagle",
        title="How long each exchange took",
        columns=("", "two writes", "one write", ""),
        rows=rows,
        show_columns=True,
    )
