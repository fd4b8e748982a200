"""RST: nobody listens, and somebody who closes without having read."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

from labctl.events import Event, Measure
from labctl.protocols.tcp_ladder import Conversation
from labs.tcp import judging, ladder
from labs.tcp.claims import REFUSED, UNREAD
from labs.tcp.programs import REPLY, leave
from labs.tcp.stage import Program, Stage, converse
from labs.tcp.telling import explained
from labs.telling import heading, note, opening, result
from labs.words import ms

# Nobody listens on port 9 of any machine that is in use.
CLOSED_PORT = 9
SIZE, READ = 1100, 1024


def show(stage: Stage) -> Iterator[Event]:
    yield opening("RST: no, and no more")
    yield from _closed_port(stage)
    yield from _unread(stage)


def _closed_port(stage: Stage) -> Iterator[Event]:
    patience = max(0.6, stage.rtt_ms * 10 / 1000)
    with _port(stage) as port, stage.client(timeout=patience) as client:
        began = time.monotonic()
        try:
            client.connect((stage.network.server_address, port))
            outcome = "connected"
        except ConnectionRefusedError:
            outcome = "refused"
        except OSError as error:
            outcome = "silence" if isinstance(error, TimeoutError) else type(error).__name__
        took = round((time.monotonic() - began) * 1000, 1)
    segments = stage.crossed(port=port)
    yield heading("A port where nobody listens")
    if segments:
        yield from ladder.exchanges(Conversation(segments))
    if outcome == "refused":
        yield Measure(f"connect was refused after {ms(took)}.", "tcp.refused.took", took, "ms")
        yield note(f"connect: ConnectionRefusedError after {ms(took)}. A refusal is an answer.")
        if segments and judging.captured(Conversation(segments)):
            yield REFUSED.judged(True, f"RST came, and connect failed after {ms(took)}.")
        else:
            yield REFUSED.not_seen(f"connect was refused after {ms(took)}; the RST was not captured.")
    elif outcome == "silence":
        yield note(f"connect: nothing for {ms(took)}, and then we gave up.")
        yield REFUSED.judged(False, f"connect heard nothing for {ms(took)}.")
    else:
        yield REFUSED.not_seen(f"connect ended with: {outcome}.")


@contextmanager
def _port(stage: Stage) -> Iterator[int]:
    """A port that nobody listens on. Outside of a box it is bound meanwhile, so that nobody else gets it."""
    if stage.boxed:
        yield CLOSED_PORT
        return
    with stage.network.server_socket() as holding:
        holding.bind((stage.network.server_address, 0))
        yield int(holding.getsockname()[1])


def _unread(stage: Stage) -> Iterator[Event]:
    heard: list[str] = []

    def client(connection: socket.socket) -> None:
        connection.settimeout(1.0)
        connection.sendall(b"x" * SIZE)
        # Until everything that the server does has arrived.
        time.sleep(max(0.03, stage.rtt_ms * 3 / 1000))
        for _ in range(2):
            try:
                some = connection.recv(4096)
            except ConnectionResetError:
                heard.append("ConnectionResetError")
                return
            except TimeoutError:
                heard.append("silence")
                return
            heard.append(f"{len(some)} bytes" if some else "the end")
            if not some:
                return

    segments = converse(stage, _reads_once(stage), client)
    yield heading(
        "A server that closes without having read everything", f"{SIZE:,} B came, recv({READ}) once"
    )
    if not segments:
        return
    conversation = Conversation(segments)
    yield from ladder.exchanges(conversation)
    yield from explained(conversation, "ack=")
    said = ", then ".join(heard) or "nothing"
    yield note(f"The client's recv gave: {said}.")
    reset = next((r for r in conversation.rows if "R" in r.segment.flags and r.sender == "server"), None)
    failed = "ConnectionResetError" in heard
    if not judging.captured(conversation):
        yield UNREAD.not_seen(
            f"{SIZE - READ} bytes were unread, and the client read {said}; how the server closed was not captured."
        )
    elif reset is not None and not reset.segment.dropped and failed:
        yield UNREAD.judged(True, f"{SIZE - READ} bytes were unread: RST, and the client read {said}.")
        yield result("Read what you were sent before you close, or your answer may never be read.")
    elif any("F" in r.segment.flags and r.sender == "server" for r in conversation.rows):
        yield UNREAD.judged(False, f"The server sent FIN, and the client read {said}.")
    else:
        yield UNREAD.not_seen(f"Neither RST nor FIN of the server arrived; the client read {said}.")


def _reads_once(stage: Stage) -> Program:
    def program(connection: socket.socket) -> None:
        read = len(connection.recv(READ))
        while stage.manners.server_reads_it_all and read < SIZE:
            read += len(connection.recv(READ))
        connection.sendall(REPLY)
        leave(stage, connection)

    return program
