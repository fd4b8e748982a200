"""A SYN into silence, and when this kernel repeats it."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

from labctl.errors import CannotRun
from labctl.events import Event, Measure
from labctl.network import Rule
from labctl.protocols.tcp_ladder import Conversation
from labctl.protocols.tcp_segments import Segment
from labs.tcp import ladder
from labs.tcp.claims import SYN_REPEATS
from labs.tcp.stage import Stage
from labs.tcp.words import seconds
from labs.telling import note, opening, result
from labs.words import listed

# Seconds: long enough for the second repeat of a kernel that doubles, at 1 + 2.
PATIENCE = 3.4


def show(stage: Stage) -> Iterator[Event]:
    yield opening("a SYN into silence", f"we give up after {PATIENCE} s")
    segments: list[Segment] = []
    drawn = 0
    with stage.listener(80) as listening, stage.client(timeout=PATIENCE) as client:
        port = listening.getsockname()[1]
        with stage.scripted(Rule(_is_syn, "blackhole", "to-server")):
            thread = threading.Thread(target=_connect, args=(client, (stage.network.server_address, port)))
            thread.start()
            while thread.is_alive():
                thread.join(0.05)
                segments += stage.crossed(port=port, settle_ms=0)
                if len(segments) > drawn:
                    yield from ladder.exchanges(Conversation(segments), after=drawn)
                    drawn = len(segments)
    if not segments:
        yield SYN_REPEATS.not_seen("No SYN was seen to leave.")
        return
    conversation = Conversation(segments)
    times = [row.at_ms for row in conversation.rows[1:]]
    yield note(_what_the_kernel_would_do(stage))
    yield from _judged(stage, times)


def _connect(client: socket.socket, address: tuple[str, int]) -> None:
    # That nobody answers is what is shown.
    with contextlib.suppress(OSError):
        client.connect(address)


def _is_syn(segment: Segment) -> bool:
    return "S" in segment.flags


def _judged(stage: Stage, times: list[float]) -> Iterator[Event]:
    said = listed([seconds(t) for t in times])
    if times:
        yield Measure(f"The repeats came after {said}.", "tcp.syn.times", said)
    if len(times) < 2:
        yield SYN_REPEATS.not_seen(f"There was no second repeat in {PATIENCE} s, so nothing to compare.")
        return
    first, second = times[0], times[1] - times[0]
    steady = second < 1.5 * first
    if not steady and _linear(stage) is None:
        yield SYN_REPEATS.not_seen(
            f"Repeats after {said}: this kernel doubles from the start, as Linux did before 6.5."
        )
        return
    yield SYN_REPEATS.judged(steady, f"The repeats came after {said}.")
    after = f", the repeats after {said}" if stage.network.evidence == "captured" else ""
    yield result(f"Silence: {len(times) + 1} SYNs{after}. Nobody said no.")


def _linear(stage: Stage) -> int | None:
    try:
        return int(stage.network.sysctl("net.ipv4.tcp_syn_linear_timeouts"))
    except (CannotRun, ValueError):
        return None


def _what_the_kernel_would_do(stage: Stage) -> str:
    try:
        retries = int(stage.network.sysctl("net.ipv4.tcp_syn_retries"))
    except (CannotRun, ValueError):
        return f"We gave up after {PATIENCE} s; the kernel would have gone on."
    linear = _linear(stage) or 0
    last = linear + 2**retries - 1
    return (
        f"We gave up after {PATIENCE} s. This kernel would go on: {linear + retries} repeats "
        f"(tcp_syn_linear_timeouts={linear}, tcp_syn_retries={retries}), the last after about {last} s, "
        f"and ETIMEDOUT after about {last + 2**retries} s."
    )
