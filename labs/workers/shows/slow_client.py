"""Half a request, and silence: what slow clients do to workers that have nothing in front of them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, NamedTuple

from labctl.events import Event, Row
from labctl.internet import Internet
from labctl.serving.asking import Connection
from labs.telling import command, measured, note, opening, result, table
from labs.words import ms
from labs.workers.claims import SLOW_CLIENT
from labs.workers.client import Clients, many
from labs.workers.processes import accept_queue
from labs.workers.server import address_of, standing

if TYPE_CHECKING:
    from labctl.serving.standing import Standing

HELD, PATIENCE_S = 2, 0.25
HALF = b"GET / HTTP/1.1\r\nHost: shop\r\nX-Slow: "


class Tried(NamedTuple):
    """What somebody else met while slow clients were there. Milliseconds; `after_ms` is since they left."""

    server: str
    slow: str
    patience_s: float
    meanwhile: bool
    took_ms: float
    after_ms: float


def show(internet: Internet) -> Iterator[Event]:
    yield opening(f"{HELD} slow clients, and somebody else", "sync and gthread")
    found = []
    for kind, name, workers, threads in (
        ("sync", f"sync, {HELD} workers", HELD, 1),
        ("gthread", f"gthread, {HELD} threads", 1, HELD),
    ):
        with standing(internet, kind, workers=workers, threads=threads) as server:
            for slow, data in (("half a request", HALF), ("nothing sent", b"")):
                found.append(_try(server, name, slow, data))
    yield table(
        "slow.tried",
        "",
        (
            "server",
            "slow clients",
            "somebody else",
            "once they left",
        ),
        [_row(each) for each in found],
    )
    yield note(
        "A connection costs its sender nothing. A sync worker that has accepted one waits for the rest of the request, "
        "and its heartbeat waits, too: after --timeout the master ends it, and the slow client comes again."
    )
    yield note(
        "Threads only make it more connections. nginx in front reads the whole request by itself and hands it over "
        "when it is there: that is why the documentation of sync workers asks for a buffering proxy. It is also why "
        "a sync worker answers Connection: close, and keeps no connection for a next request."
    )
    first = found[0]
    yield measured(
        "workers.slow.wait",
        round(first.took_ms, 1),
        f"Somebody else waited {ms(first.took_ms)} for an answer.",
        "ms",
    )
    yield SLOW_CLIENT.judged(
        not first.meanwhile,
        f"With {HELD} half-sent requests at {HELD} sync workers, somebody else "
        + (
            "got an answer all the same."
            if first.meanwhile
            else f"waited {ms(first.took_ms)}, until they left."
        ),
    )
    yield result("A worker is not for waiting for clients: put a proxy that buffers in front.")
    yield command(
        "by hand", "(printf 'GET / HTTP/1.1\\r\\n'; sleep 20) | nc localhost 8000", "once per worker"
    )
    yield command("next", "labctl proxy --show buffering", "the proxy that waits instead")


def _try(server: Standing, name: str, slow: str, data: bytes) -> Tried:
    address = address_of(server)
    with Clients(address, many("/", 1)) as alone:
        # A busy machine takes long for everything.
        patience_s = max(PATIENCE_S, 10 * alone.wait()[0].took_ms / 1000)
    with ExitStack() as opened:
        slow_ones = [opened.enter_context(Connection(address, timeout_s=5)) for _ in range(HELD)]
        for each in slow_ones:
            if data:
                each.send(data)
        # Until they are accepted, and a moment for reading what there is.
        end = time.monotonic() + 0.5
        while accept_queue(address[1]) and time.monotonic() < end:
            time.sleep(0.005)
        time.sleep(0.03)
        clients = opened.enter_context(Clients(address, many("/", 1)))
        end = time.monotonic() + patience_s
        while not clients.finished and time.monotonic() < end:
            time.sleep(0.005)
        meanwhile = clients.finished
        left = time.monotonic_ns()
        for each in slow_ones:
            each.close()
        asked = clients.wait()[0]
    return Tried(name, slow, patience_s, meanwhile, asked.took_ms, max(0.0, (asked.done_ns - left) / 1e6))


def _row(tried: Tried) -> Row:
    waited = f"in {ms(tried.patience_s * 1000)}"
    got = f"answered {waited}" if tried.meanwhile else f"no answer {waited}"
    later = "──" if tried.meanwhile else ms(tried.after_ms)
    after = "" if tried.meanwhile else f", and an answer {later} after they left"
    return Row(
        f"{tried.server}, {HELD} clients with {tried.slow}: somebody else: {got}{after}.",
        (tried.server, tried.slow, got, later),
        hues=("accent", "", "ok" if tried.meanwhile else "bad", "mute"),
    )
