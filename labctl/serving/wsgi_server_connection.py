"""One client's connection to the WSGI server: requests off the socket, one after the other, and their responses."""

from __future__ import annotations

import contextlib
import functools
import time
import traceback
from typing import Protocol

from labctl.protocols import http1
from labctl.protocols.http1 import BodyReader, MessageError, RequestHead
from labctl.protocols.http_dates import write_http_date
from labctl.protocols.http_statuses import status_meaning
from labctl.protocols.wsgi_call import call
from labctl.protocols.wsgi_contract import Environ
from labctl.protocols.wsgi_environ import Ends, connection_environ, request_environ
from labctl.protocols.wsgi_input import InputBroken, WsgiInput, no_input, wanted
from labctl.protocols.wsgi_response import Pieces, WsgiResponse
from labctl.serving.wsgi_server_limits import Service

# Content that an application left unread is thrown away up to so many bytes; more of it ends the connection.
_DRAINED = 65536
_CONTINUE = [b"HTTP/1.1 100 Continue\r\n\r\n"]


class Stream(Protocol):
    """What a connection needs of a socket; `ClientSocket` is the real one."""

    gone: bool
    name: tuple[str, int] | str

    def receive(self, seconds: float) -> bytes: ...
    def send(self, pieces: Pieces) -> None: ...
    def part(self, seconds: float) -> None: ...
    def reset_when_closed(self) -> None: ...


class Connection:
    """A client's. `serve()` returns when it is over; whoever made the stream closes it.

    `silent_since` is when it began to wait for a request of which nothing has come, 0.0 while it serves one.
    """

    def __init__(self, stream: Stream, client: tuple[str, int] | str, service: Service) -> None:
        self.stream = stream
        self.silent_since = time.monotonic()
        self._service = service
        self._limits = service.limits
        self._buffer = b""
        self._requests = 0
        self._keeps = True
        self._current: WsgiResponse | None = None
        self._environ = connection_environ(
            Ends(stream.name, client),
            errors=service.errors,
            multithread=service.multithread,
            multiprocess=service.multiprocess,
        )

    def serve(self) -> None:
        """Answer requests until one of the two has enough."""
        try:
            while self._answer_one():
                # In this order: `close` sets `ending` and then looks who is silent.
                self.silent_since = time.monotonic()
                if self._service.ending.is_set() and not self._buffer:
                    return
        except MessageError as error:
            self._refuse(error)
        except OSError:
            return

    def _answer_one(self) -> bool:
        """One request and its response. False when the connection is over. Raises MessageError, OSError."""
        found = self._read_head()
        if found is None:
            return False
        head, named, end = found
        content = self._content(head, named, self._buffer[end:])
        self._requests += 1
        self._keeps = self._goes_on(head, named)
        response = self._response(head, self._keeps and (content is None or _fits(content)))
        self._current = response
        if head.target == "*" or head.method == "CONNECT":
            self._answer_itself(head, response)
        else:
            environ = request_environ(self._environ, head, named, content or no_input())
            self._run(head, environ, response)
        if self.stream.gone:
            return False
        if content is not None:
            if not content.complete and not (response.keeps and content.asked and content.drain(_DRAINED)):
                self.stream.part(self._limits.linger_s)
                return False
            self._buffer = content.reader.excess
        if not response.keeps and self._buffer:
            self.stream.part(self._limits.linger_s)
        return response.keeps

    # The request.

    def _read_head(self) -> tuple[RequestHead, dict[str, str], int] | None:
        """The next head, its fields by name, and where it ends in the buffer; None at the end. Raises MessageError."""
        deadline = 0.0
        while True:
            wait = self._limits.idle_s
            if self._buffer:
                self.silent_since = 0.0
                if (found := http1.read_request(self._buffer, limit=self._limits.head)) is not None:
                    return found
                deadline = deadline or time.monotonic() + self._limits.head_s
                wait = deadline - time.monotonic()
            try:
                data = self.stream.receive(wait) if wait > 0 else None
            except TimeoutError:
                data = None
            if not data:
                if not self._buffer.strip(b"\r\n"):
                    return None
                if data is None:
                    raise MessageError("too-slow", "The head did not come to its end in time.", 408)
                raise MessageError("closed-early", "The connection closed in the middle of a head.")
            self._buffer += data

    def _content(self, head: RequestHead, named: dict[str, str], rest: bytes) -> WsgiInput | None:
        """The content of a request, None when it has none; `rest` came behind the head. Raises MessageError."""
        self._buffer = rest
        if "content-length" not in named and "transfer-encoding" not in named:
            return None
        framing = http1.request_framing(head)
        expects = wanted(named, head.version)
        if expects == "unknown":
            raise MessageError("expectation", "The only expectation that can be met is 100-continue.", 417)
        reader = BodyReader(framing, limit=self._limits.body)
        ask = self._say_continue if expects and not rest else None
        return WsgiInput(reader, rest, self._receive_content, ask)

    def _say_continue(self) -> None:
        """The application wants the content; a response that has begun says already that it did not wait for it."""
        if self._current is not None and not self._current.framing:
            self.stream.send(_CONTINUE)
            self._current.keeps = self._keeps

    def _receive_content(self) -> bytes:
        try:
            return self.stream.receive(self._limits.body_s)
        except TimeoutError:
            raise MessageError("too-slow", "The content did not come to its end in time.", 408) from None
        except OSError:  # reset is as good as closed: the content is not complete
            return b""

    def _goes_on(self, head: RequestHead, named: dict[str, str]) -> bool:
        """Whether the client and the server want to go on after this request."""
        plain = head.version == "1.1" and "connection" not in named
        if not plain and not http1.keeps_alive(head.version, head.fields):
            return False
        if self._service.ending.is_set() or self._service.crowded.is_set():
            return False
        return self._requests != self._limits.requests

    # The response.

    def _response(self, head: RequestHead | None, keeps: bool) -> WsgiResponse:
        method, version = (head.method, head.version) if head else ("GET", "1.1")
        date = _date(int(time.time()))
        return WsgiResponse(method, version, keeps=keeps, transmit=self.stream.send, date=date)

    def _run(self, head: RequestHead, environ: Environ, response: WsgiResponse) -> None:
        """The application's answer. Raises OSError when a 500 cannot be sent."""
        tell = self._service.tell
        if tell:
            path, query = environ["PATH_INFO"], environ["QUERY_STRING"]
            tell("begin", {"method": head.method, "path": path, "query": query})
        raised = call(self._service.app, environ, response, self.stream.send)
        if raised is not None and not self.stream.gone:
            self._answer_failure(raised, response)
        if tell:
            for broken in response.broken:
                tell("broken", {"name": broken.name, "detail": broken.detail, "rule": broken.violation.rule})
            error = "" if raised is None else type(raised).__name__
            tell("end", {"status": response.status, "sent": response.sent, "raised": error})

    def _answer_failure(self, raised: BaseException, response: WsgiResponse) -> None:
        """A 500 when nothing is sent yet, else a cut. An unreadable request is not the application's fault."""
        if isinstance(raised, InputBroken):
            pieces = response.fail(_status_line(raised.status), str(raised))
        else:
            with contextlib.suppress(OSError, ValueError):  # a closed stream is no reason to fail
                self._service.errors.write("".join(traceback.format_exception(raised)))
                self._service.errors.flush()
            pieces = response.fail(_status_line(500), "The application failed.")
        if pieces is not None:
            self.stream.send(pieces)
        elif response.framing == "close":
            self.stream.reset_when_closed()

    def _answer_itself(self, head: RequestHead, response: WsgiResponse) -> None:
        """What no application can be asked: `OPTIONS *` is about the server, and CONNECT wants a tunnel."""
        if head.method == "CONNECT":
            raise MessageError("no-tunnel", "This server makes no tunnels.", 501)
        response.start_response("204 No Content", [])
        self.stream.send(response.end())

    def _refuse(self, error: MessageError) -> None:
        """The answer to what is no good request; the application does not hear of it."""
        if self._service.tell:
            self._service.tell("refused", {"status": error.status, "code": error.code, "why": error.sentence})
        pieces = self._response(None, False).fail(_status_line(error.status), error.sentence)
        with contextlib.suppress(OSError):
            self.stream.send(pieces or [])
            self.stream.part(self._limits.linger_s)


def _fits(content: WsgiInput) -> bool:
    """Whether content that the application leaves unread is small, and comes without being asked for."""
    return content.asked and content.reader.framing.length <= _DRAINED


@functools.lru_cache(maxsize=2)
def _date(second: int) -> bytes:
    return write_http_date(second).encode("ascii")


def _status_line(status: int) -> str:
    return f"{status} {status_meaning(status).name}"
