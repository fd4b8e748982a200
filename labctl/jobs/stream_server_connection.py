"""One connection of the stream server: a head, a decision, then events until the job ends or the client goes."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Literal, NamedTuple, cast

from labctl.jobs.stream_server_gate import Answer, Begin, write, write_beginning
from labctl.protocols.http1 import MessageError, read_request

if TYPE_CHECKING:
    from labctl.jobs.stream_server import StreamServer

_USER_TIMEOUT_MS = 30_000


class Limits(NamedTuple):
    """What the server bears, in bytes and seconds.

    `head`: of a request. `after_head`: what a client may send once it listens. `unread`: what may wait for a slow
    reader before the next event drops it. `head_s`: for a whole head; `last_s`: for a client to take its last bytes.
    Above `connections` the answer is 503, and `refusals` more can wait for that.
    """

    head: int = 16384
    after_head: int = 65536
    unread: int = 262_144
    head_s: float = 10.0
    last_s: float = 10.0
    connections: int = 20_000
    refusals: int = 100


class Connection(asyncio.Protocol):
    """`until`: when the server drops it, in the loop's time, 0 for never; `sent_at`: when something was last sent."""

    __slots__ = ("buffer", "full", "sent_at", "server", "state", "transport", "until", "user", "write")

    def __init__(self, server: StreamServer) -> None:
        self.server = server
        self.buffer = bytearray()
        self.state: Literal["head", "asking", "streaming", "ending"] = "head"
        self.until = server.loop.time() + server.limits.head_s
        self.sent_at = 0.0
        self.user = ""
        self.full = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.transport.set_write_buffer_limits(high=self.server.limits.unread)
        self.write = self.transport.write
        if not self.server.admit(self):
            self.transport.abort()

    def data_received(self, data: bytes) -> None:
        if self.state == "ending":
            return
        self.buffer += data
        if self.state != "head":
            if len(self.buffer) > self.server.limits.after_head:
                self.transport.abort()
            return
        try:
            found = read_request(self.buffer, limit=self.server.limits.head)
        except MessageError as wrong:
            self._answer(Answer(wrong.status, wrong.code, wrong.sentence))
            return
        if found is None:
            return
        head, fields, _ = found
        self.buffer = bytearray()
        answer = self.server.crowded() or self.server.gate.at_once(head, fields)
        if answer is not None:
            self._answer(answer)
            return
        self.state, self.until = "asking", 0.0
        self.server.ask(self, head, fields)

    def decided(self, decision: Answer | Begin) -> None:
        """What `Gate.decide` said, on the loop's thread."""
        if self.state != "asking" or self.transport.is_closing():
            return
        if isinstance(decision, Answer):
            self._answer(decision)
            return
        refused = self.server.take_stream(self, decision.user)
        if refused is not None:
            self._answer(refused._replace(fields=decision.fields + refused.fields))
            return
        self.state = "streaming"
        sock = self.transport.get_extra_info("socket")
        if sock is not None and hasattr(socket, "TCP_USER_TIMEOUT"):
            # A client that vanished without a word: the beats that nobody acknowledges end it.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _USER_TIMEOUT_MS)
        self.send(write_beginning(decision, self.server.settings))
        self.server.channels.join(self, decision.job_id, decision.after)

    def send(self, data: bytes) -> None:
        """A client that has not read what was sent before is dropped: it comes back with its last id."""
        if self.full:
            self.server.dropped += 1
            self.transport.abort()
            return
        self.write(data)
        self.sent_at = self.server.now

    def pause_writing(self) -> None:
        self.full = True

    def resume_writing(self) -> None:
        self.full = False

    def finish(self) -> None:
        """Ends the connection when the client has taken what was sent, or has not in time."""
        self.state, self.until = "ending", self.server.loop.time() + self.server.limits.last_s
        self.transport.close()

    def _answer(self, answer: Answer) -> None:
        """The client ends the connection: if we did while it still sends, it could not read the answer."""
        self.state, self.until = "ending", self.server.loop.time() + self.server.limits.last_s
        self.buffer = bytearray()
        self.transport.write(write(answer))
        self.transport.write_eof()

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, error: Exception | None) -> None:
        self.state = "ending"
        self.server.lost(self)
