"""Five requests: a connection for each, and one connection for all. The server counts."""

from __future__ import annotations

from collections.abc import Iterator

from labctl.events import Event, Row
from labctl.fetch.exchange import Answer
from labctl.protocols.http1 import Fields
from labs.http.claims import KEEP_ALIVE
from labs.http.peer import Desk, Peer
from labs.telling import about, measured, opening, result, table
from labs.words import count, ms

HOST = "api.shop.test"
REQUESTS = 5


def show(desk: Desk) -> Iterator[Event]:
    yield opening("five requests", "and how many connections")
    # Names are known and certificates made, so that the first of the two is not the slower one for that.
    with desk.reach(f"https://{HOST}/") as peer:
        peer.ask("/counter")
    each_s, each_took, said = _visit(desk, (("Connection", "close"),))
    kept_s, kept_took, _ = _visit(desk, ())
    rows = [
        Row(
            text=f"Request {number}: {ms(a)} when the client says close, {ms(b)} when it does not.",
            cells=(str(number), ms(a), ms(b)),
            hues=("mute", "warn", "ok" if b < a * 0.8 else "warn"),
        )
        for number, (a, b) in enumerate(zip(each_took, kept_took, strict=True), 1)
    ]
    total = round(sum(each_took), 1), round(sum(kept_took), 1)
    rows.append(
        Row(
            text=f"All: {ms(total[0])} when the client says close, {ms(total[1])} when it does not.",
            cells=("all", ms(total[0]), ms(total[1])),
            bold=(1, 2),
        )
    )
    rows.append(
        Row(
            text=f"The server counted {count(each_s, 'connection')} and {count(kept_s, 'connection')}.",
            cells=("made", count(each_s, "connection"), count(kept_s, "connection")),
            bold=(1, 2),
        )
    )
    yield table(
        "keep-alive",
        "Over TLS, from the first packet of TCP on",
        ("", "Connection: close", "kept open"),
        rows,
    )
    yield about("close", "said by either side, it ends the connection after this response.")
    if said.failure:
        yield about("failure", said.detail)
    yield measured(
        "http.connections.each", each_s, f"With close the server counted {count(each_s, 'connection')}."
    )
    yield measured(
        "http.connections.kept", kept_s, f"Without it the server counted {count(kept_s, 'connection')}."
    )
    yield measured("http.each.ms", total[0], f"A connection for each took {ms(total[0])}.", "ms")
    yield measured("http.kept.ms", total[1], f"Keeping it took {ms(total[1])}.", "ms")
    yield KEEP_ALIVE.judged(
        kept_s == 1 and each_s == REQUESTS,
        f"{REQUESTS} requests came over {count(kept_s, 'connection')}; with Connection: close over {each_s}.",
    )
    if kept_s == 1:
        yield result(
            f"{ms(total[1])} instead of {ms(total[0])}: the round trips of TCP and TLS were paid once."
        )


def _visit(desk: Desk, fields: Fields) -> tuple[int, list[float], Answer]:
    """Connections that the server counted, milliseconds of each request with what it needed, and the last answer."""
    before = desk.web.connections[HOST]
    took: list[float] = []
    peer: Peer | None = None
    for _ in range(REQUESTS):
        began = desk.internet.clock()
        if peer is None:
            peer = desk.reach(f"https://{HOST}/")
        answer = peer.ask("/counter", fields=fields)
        took.append((desk.internet.clock() - began) * 1000)
        if not answer.keep_alive:
            peer.close()
            peer = None
    if peer is not None:
        peer.close()
    return desk.web.connections[HOST] - before, took, answer
