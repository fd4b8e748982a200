"""Four answers at once over HTTP/2, and one segment of TCP that is lost: who waits."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from itertools import pairwise
from typing import NamedTuple

from labctl.errors import CannotRun
from labctl.events import Event, Hue, Row
from labctl.fetch.exchange import Answer
from labs.http.claims import MULTIPLEXING
from labs.http.losing import in_a_box, losing
from labs.http.peer import Desk, Peer
from labs.telling import about, measured, opening, result, table
from labs.words import count, ms

HOST = "api.shop.test"
STREAMS, PIECES, EVERY_MS = 4, 8, 25
DRIP = f"/drip/{PIECES}/{EVERY_MS}"
# A silence that is longer than this, beyond what the pieces' distance makes, is a wait.
WAITED_MS = 60.0


class Seen(NamedTuple):
    """One way to ask for the four: connections that the server counted, the longest silence of each in ms."""

    connections: int
    silences: list[float]
    failure: str = ""


def show(desk: Desk) -> Iterator[Event]:
    yield opening(f"{STREAMS} answers at once", "and a loss on the way")
    alone = "connection-for-each" in desk.habits
    try:
        whole = _apart(desk, lost=False, http2=True) if alone else _together(desk, lost=False)
        hurt = _apart(desk, lost=True, http2=True) if alone else _together(desk, lost=True)
        apart = _apart(desk, lost=True, http2=False)
    except CannotRun as why:
        if why.code != "needs-box":
            raise
        yield MULTIPLEXING.not_seen(
            f"A segment can be lost on purpose only where there is a wire: {why.headline}."
        )
        return
    for each in (whole, hurt, apart):
        if each.failure:
            yield MULTIPLEXING.not_seen(f"One of the answers did not come to its end. {each.failure}")
            return
    yield _table(whole, hurt, apart)
    yield about(
        "TCP", "knows one stream of bytes: what came behind the gap waits in the kernel until it is filled."
    )
    yield about("HTTP/3", "runs on QUIC, which knows the streams: a lost packet holds up only those in it.")
    yield about(
        "and",
        "requests side by side on the wire are not side by side in the application: its workers decide.",
    )
    waiting, apart_waiting = _waiting(hurt), _waiting(apart)
    worst = round(max(hurt.silences), 1)
    what = "one segment was lost" if in_a_box(desk) else "what it sent for a tenth of a second was lost"
    made = count(hurt.connections, "connection")
    yield measured("http.multiplexing.connections", hurt.connections, f"HTTP/2 made {made}.")
    yield measured("http.multiplexing.waited", waiting, f"{waiting} of {STREAMS} answers waited.")
    yield measured("http.multiplexing.silence", worst, f"The longest silence was {ms(worst)}.", "ms")
    yield MULTIPLEXING.judged(
        hurt.connections == 1 and waiting == STREAMS,
        f"{STREAMS} requests over {made}; {what}, and {waiting} of {STREAMS} were silent for up to "
        f"{ms(worst)}. Over {count(apart.connections, 'connection')} of HTTP/1.1 {apart_waiting} waited.",
    )
    if hurt.connections == 1 and waiting == STREAMS:
        yield result(f"One connection saves {STREAMS - 1} handshakes, and shares every loss.")


def _waiting(seen: Seen) -> int:
    return sum(silence > EVERY_MS + WAITED_MS for silence in seen.silences)


def _table(whole: Seen, hurt: Seen, apart: Seen) -> Event:
    rows = []
    every = zip(whole.silences, hurt.silences, apart.silences, strict=True)
    for number, (a, b, c) in enumerate(every, 1):
        said = f"longest silence {ms(a)} without loss, {ms(b)} with it"
        rows.append(
            Row(
                text=f"Answer {number}: {said}; over connections of their own {ms(c)}.",
                cells=(str(number), ms(a), ms(b), ms(c)),
                hues=("mute", "ok", _hue(b), _hue(c)),
            )
        )
    connections = [count(each.connections, "connection") for each in (whole, hurt, apart)]
    rows.append(
        Row(
            text=f"They went over {connections[0]}, {connections[1]} and {connections[2]}.",
            cells=("over", *connections),
            bold=(1, 2, 3),
        )
    )
    columns = ("", "HTTP/2, no loss", "HTTP/2, a loss", "HTTP/1.1, a loss")
    return table("silence", f"The longest silence of each, a piece every {EVERY_MS} ms", columns, rows)


def _hue(silence_ms: float) -> Hue:
    return "bad" if silence_ms > EVERY_MS + WAITED_MS else "ok"


def _together(desk: Desk, *, lost: bool) -> Seen:
    """All over one connection."""
    before = desk.web.connections[HOST]
    with desk.reach(f"https://{HOST}/", http2=True) as peer:
        requests = [peer.request(DRIP) for _ in range(STREAMS)]
        # SETTINGS go to and fro first, so that the segments counted are those of the answers.
        peer.ask("/counter")
        with _losing(desk, peer, lost):
            answers = peer.connection.ask_many(requests, limits=desk.limits)
        silences = _silences(peer, {n for f in peer.connection.frames if (n := f.stream_id) > 1})
    return Seen(desk.web.connections[HOST] - before, silences, _failure(answers))


def _apart(desk: Desk, *, lost: bool, http2: bool) -> Seen:
    """Each over a connection of its own; the loss meets the first of them."""
    before = desk.web.connections[HOST]
    peers = [desk.reach(f"https://{HOST}/", http2=http2) for _ in range(STREAMS)]
    answers: list[Answer] = []

    def ask(peer: Peer) -> None:
        answers.append(peer.ask(DRIP, limits=desk.limits))

    try:
        for peer in peers:
            peer.ask("/counter")
        marks = [len(peer.stream.tap) for peer in peers]
        asking = [threading.Thread(target=ask, args=(peer,), name="asks") for peer in peers]
        with _losing(desk, peers[0], lost):
            for thread in asking:
                thread.start()
            for thread in asking:
                thread.join()
        silences = [
            _longest([c.at for c in p.stream.tap[m:] if not c.sent])
            for p, m in zip(peers, marks, strict=True)
        ]
    finally:
        for peer in peers:
            peer.close()
    return Seen(desk.web.connections[HOST] - before, silences, _failure(answers))


def _failure(answers: list[Answer]) -> str:
    return next((answer.detail for answer in answers if answer.failure), "")


def _silences(peer: Peer, streams: set[int]) -> list[float]:
    frames = peer.connection.frames
    return [
        _longest([f.at for f in frames if not f.sent and f.stream_id == number]) for number in sorted(streams)
    ]


def _longest(moments: list[float]) -> float:
    return max((b - a for a, b in pairwise(moments)), default=0.0) * 1000


def _losing(desk: Desk, peer: Peer, lost: bool) -> AbstractContextManager[None]:
    return losing(desk, peer) if lost else nullcontext()
