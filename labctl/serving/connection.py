"""One connection to a server that stands here, byte by byte, and what comes back on it."""

from __future__ import annotations

import socket
import time
from typing import NamedTuple

from labctl.protocols.http1 import (
    BodyReader,
    Fields,
    MessageError,
    get,
    keeps_alive,
    read_response_head,
    response_framing,
    write_request_head,
)

Address = tuple[str, int] | str
_READ_BYTES = 65536


class Answer(NamedTuple):
    """What came back. `status` 0 is none. `raw` is the head as it came, `body` the content without its framing.

    Times are milliseconds since the asking began, connecting included: the request was out, the first byte came, all
    was there (or had failed); 0 is for what did not happen. `local` is our end, "127.0.0.1:4711". `failure`: "",
    refused, reset, timeout, empty (the peer closed without a byte), malformed, cut (it closed in the middle), large
    (there is more than `most` bytes of content, and the rest was not read).
    """

    status: int = 0
    reason: str = ""
    fields: Fields = ()
    body: bytes = b""
    raw: bytes = b""
    sent_at_ms: float = 0.0
    first_byte_ms: float = 0.0
    end_ms: float = 0.0
    local: str = ""
    failure: str = ""
    keeps_alive: bool = False
    http_version: str = ""

    def get(self, name: str) -> str | None:
        """The value of a field; None when it is not there."""
        return get(self.fields, name)

    @property
    def text(self) -> str:
        """The content as UTF-8, with replacements."""
        return self.body.decode("utf-8", "replace")


def write_request(
    address: Address,
    target: str,
    method: str,
    fields: Fields,
    body: bytes = b"",
    version: str = "1.1",
    close: bool = True,
) -> bytes:
    """The bytes of a request, with Host, Content-Length and Connection unless `fields` has them."""
    added: list[tuple[str, str]] = []
    if get(fields, "Host") is None and version != "1.0":
        host = "localhost" if isinstance(address, str) else f"{address[0]}:{address[1]}"
        added.append(("Host", host))
    if body and get(fields, "Content-Length") is None and get(fields, "Transfer-Encoding") is None:
        added.append(("Content-Length", str(len(body))))
    if close and get(fields, "Connection") is None and version != "1.0":
        added.append(("Connection", "close"))
    return write_request_head(method, target, (*added, *fields), version) + body


class Connection:
    """One connection, byte by byte: keep-alive, pipelining, slow clients. A context manager.

    TCP_NODELAY is set. Raises OSError when it cannot be made. `timeout_s` bounds connecting, each send and each answer.
    """

    def __init__(
        self, address: Address, *, source: str = "", timeout_s: float = 10.0, start: float | None = None
    ) -> None:
        self._start = time.monotonic() if start is None else start
        self._timeout_s = timeout_s
        self._buffer = bytearray()
        self._sent_at = 0.0
        self._address = address
        self.local = ""
        if isinstance(address, str):
            self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            family_address: tuple[str, int] | str = address
        else:
            family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
            self.socket = socket.socket(family, socket.SOCK_STREAM)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            family_address = address
        self.socket.settimeout(timeout_s)
        try:
            if source:
                self.socket.bind((source, 0))
            self.socket.connect(family_address)
            if not isinstance(address, str):
                host, port = self.socket.getsockname()[:2]
                self.local = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        except BaseException:
            self.socket.close()
            raise

    def send(self, data: bytes) -> None:
        """Send bytes as they are. Raises OSError."""
        self.socket.settimeout(self._timeout_s)
        self.socket.sendall(data)
        self._sent_at = self._now_ms()

    def ask(
        self, target: str = "/", *, method: str = "GET", fields: Fields = (), body: bytes = b""
    ) -> Answer:
        """A request that keeps the connection, and its answer. Raises OSError when it cannot be sent."""
        self.send(write_request(self._address, target, method, fields, body, close=False))
        return self.read_answer(method)

    def read_answer(self, method: str = "GET", *, interim: bool = False, most: int | None = None) -> Answer:
        """The next final answer; with `interim` also a 100 or 103. Never raises for what the peer does."""
        deadline = time.monotonic() + self._timeout_s
        answer = Answer(sent_at_ms=self._sent_at, local=self.local)
        content = bytearray()
        first = 0.0
        try:
            while True:
                found = read_response_head(self._buffer)
                if found is None:
                    if not self._more(deadline):
                        failure = "cut" if self._buffer else "empty"
                        return self._ended(answer, failure, first, content)
                    first = first or self._now_ms()
                    continue
                first = first or self._now_ms()
                head, begins = found
                del self._buffer[:begins]
                if head.status >= 200 or interim or head.status == 101:
                    break
            answer = answer._replace(
                status=head.status,
                reason=head.reason,
                fields=head.fields,
                raw=head.raw,
                http_version=head.version,
            )
            reader = BodyReader(response_framing(method, head))
            content += self._fed(reader)
            while not reader.done:
                if most is not None and len(content) > most:
                    return self._ended(answer, "large", first, content)
                if not self._more(deadline):
                    reader.end_of_input()
                    break
                content += self._fed(reader)
            self._buffer[:0] = reader.excess
            alive = keeps_alive(head.version, head.fields) and reader.framing.kind != "close"
            return self._ended(answer, "", first, content)._replace(keeps_alive=alive)
        except MessageError as problem:
            failure = "cut" if problem.code == "closed-early" else "malformed"
            if not answer.status:
                answer = answer._replace(raw=bytes(self._buffer))
            return self._ended(answer, failure, first, content)
        except OSError as problem:
            return self._ended(answer, failure_of(problem), first, content)

    def _fed(self, reader: BodyReader) -> bytes:
        data = bytes(self._buffer)
        self._buffer.clear()
        return reader.feed(data) if data else b""

    def _more(self, deadline: float) -> bool:
        """Read once. False at the end of the stream."""
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self.socket.settimeout(left)
        data = self.socket.recv(_READ_BYTES)
        self._buffer += data
        return bool(data)

    def _ended(self, answer: Answer, failure: str, first: float, content: bytearray) -> Answer:
        return answer._replace(
            failure=failure, first_byte_ms=first, end_ms=self._now_ms(), body=bytes(content)
        )

    def _now_ms(self) -> float:
        return (time.monotonic() - self._start) * 1000

    def close(self) -> None:
        """Close it, at once."""
        self.socket.close()

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def failure_of(problem: OSError) -> str:
    """The word of `Answer.failure` for what a socket raised."""
    if isinstance(problem, TimeoutError):
        return "timeout"
    if isinstance(problem, (ConnectionRefusedError, FileNotFoundError)):
        return "refused"
    if isinstance(problem, (ConnectionResetError, BrokenPipeError, ConnectionAbortedError)):
        return "reset"
    return "refused"
