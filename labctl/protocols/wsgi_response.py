"""A response of a WSGI application as a state machine: what start_response, the items of the body and the end become.

Bytes for the client come out as lists of pieces, so that a large item is not copied. Nothing comes out before the first
bytes of the body (PEP 3333): until then an error can still become a 500.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from labctl.protocols.http1_body import LAST_CHUNK
from labctl.protocols.wsgi_contract import Breach, ContractBroken, ExcInfo, breach, shown
from labctl.protocols.wsgi_headers import Started, read_start

Pieces = list[bytes]
How = Literal["", "none", "length", "chunked", "close"]


class WsgiResponse:
    """The response to one request with this method and version ("1.1" or "1.0").

    `keeps`: the client and the server would both go on after it. `transmit` sends what write() makes. `date` is for
    the field Date. After the end, `keeps` says whether the connection can go on; `framing` how the client finds the
    end of the body, "" as long as nothing is sent; `sent` how many bytes of the body went out; `broken` what the
    application did against the contract.
    """

    def __init__(
        self,
        method: str,
        version: str,
        *,
        keeps: bool = True,
        transmit: Callable[[Pieces], object],
        date: bytes = b"",
        server: bytes = b"labctl",
    ) -> None:
        self.method = method
        self.version = version
        self.keeps = keeps
        self.started: Started | None = None
        self.framing: How = ""
        self.sent = 0
        self.broken: list[Breach] = []
        self.ended = False
        self.full = False  # the body has all that Content-Length promised: more is not asked for
        self._promised = 0  # the bytes of a body with the framing "length"
        self._transmit = transmit
        self._date = date
        self._server = server

    @property
    def status(self) -> int:
        """The status code, 0 when the application has not started a response."""
        return self.started.code if self.started else 0

    # What the application calls.

    def start_response(
        self, status: str, response_headers: list[tuple[str, str]], exc_info: ExcInfo | None = None
    ) -> Callable[[bytes], None]:
        """PEP 3333's. Raises ContractBroken, and the application's own exception when the head is out."""
        if self.ended:
            raise self._breach(
                "start-response-late", "start_response is called after the response has ended."
            )
        if exc_info:
            try:
                if self.framing:
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None  # no circle of traceback and frame
        elif self.started:
            raise self._breach("start-response-twice", f"The first call said {shown(self.started.status)}.")
        try:
            self.started = read_start(status, response_headers)
        except ContractBroken as error:
            self.broken.append(error.breach)
            raise
        self.broken += self.started.noted
        return self.write

    def write(self, data: bytes) -> None:
        """The old way to send a piece of the body, at once."""
        if self.ended:
            raise self._breach("write-late", "write() is called after the response has ended.")
        pieces = self.item(data, otherwise="write-not-bytes")
        if not self.framing:
            pieces = self._begin(None)
        if pieces:
            self._transmit(pieces)

    # What the server says.

    def whole(self, items: list[bytes] | tuple[bytes, ...]) -> Pieces:
        """All of the body and its end, when the application returned a list. One item says how long it is.

        Raises ContractBroken.
        """
        for item in items:  # first of all: a 500 is still possible
            self._good(item, "item-not-bytes")
        pieces: Pieces = []
        if len(items) == 1 and not self.framing:
            pieces = self._begin(len(items[0]))
        for item in items:
            pieces += self.item(item)
        return pieces + self.end()

    def item(self, data: bytes, *, alone: bool = False, otherwise: str = "item-not-bytes") -> Pieces:
        """An item of the body, the only one when `alone`. Empty ones come to nothing. Raises ContractBroken."""
        self._good(data, otherwise)
        if not data:
            return []
        pieces = [] if self.framing else self._begin(len(data) if alone else None)
        if self.framing == "length":
            left = self._promised - self.sent
            if len(data) > left:
                more = f"{len(data) - left:,} more came"
                self._note("body-too-long", f"Content-Length is {self._promised:,}, and {more}.")
                data = data[:left]
                self.full = True
            if data:
                pieces.append(data)
        elif self.framing == "chunked":
            pieces += (b"%x\r\n" % len(data), data, b"\r\n")
        elif self.framing == "close":
            pieces.append(data)
        else:
            if self.method != "HEAD":
                self._note("body-forbidden", f"The status is {self.status}, and the body has {shown(data)}.")
            self.full = True
            return pieces
        self.sent += len(data)
        return pieces

    def end(self) -> Pieces:
        """The body has ended. Raises ContractBroken when there never was a response."""
        pieces = [] if self.framing else self._begin(0)
        self.ended = True
        if self.framing == "chunked":
            pieces.append(LAST_CHUNK)
        elif self.framing == "length" and self.sent < self._promised:
            had = f"the body has {self.sent:,}"
            self._note("body-too-short", f"Content-Length is {self._promised:,}, and {had}.")
            self.keeps = False
        return pieces

    def fail(self, status: str, sentence: str) -> Pieces | None:
        """The server's own answer in place of the application's; None when the head is out: then cut.

        A cut looks like an end where only the end of the connection says it (`framing` "close"): reset that one.
        """
        self.ended = True
        self.keeps = False
        if self.framing:
            return None
        body = f"{sentence}\n".encode()
        self.started = read_start(status, [("Content-Type", "text/plain; charset=utf-8")])
        pieces = self._begin(len(body))
        if self.method != "HEAD":
            pieces.append(body)
            self.sent = len(body)
        return pieces

    # Inside.

    def _begin(self, size: int | None) -> Pieces:
        """The head. `size` is how long the body is, when that is known. Raises ContractBroken."""
        started = self.started
        if started is None:
            raise self._breach("start-response-missing", "start_response was not called.")
        length = size if started.length is None else started.length
        bodiless = started.code in (204, 304)
        head = [b"HTTP/1.1 ", started.lines]
        if self._date and "date" not in started.has:
            head += (b"Date: ", self._date, b"\r\n")
        if "server" not in started.has:
            head += (b"Server: ", self._server, b"\r\n")
        if bodiless or self.method == "HEAD":
            self.framing = "none"
            # Only the application knows the length of a 304; nor is that of an answer to HEAD 0 because it is empty.
            length = None if bodiless else length or None
        elif length is not None:
            self.framing = "length"
            self._promised = length
        elif self.version == "1.1":
            self.framing = "chunked"
            head.append(b"Transfer-Encoding: chunked\r\n")
        else:
            self.framing = "close"
            self.keeps = False
        if length is not None and started.length is None:
            head.append(b"Content-Length: %d\r\n" % length)
        if not self.keeps:
            head.append(b"Connection: close\r\n")
        elif self.version == "1.0":
            head.append(b"Connection: keep-alive\r\n")
        head.append(b"\r\n")
        return [b"".join(head)]

    def _good(self, data: bytes, otherwise: str) -> bytes:
        if not isinstance(data, bytes):
            raise self._breach(otherwise, f"It is {shown(data)}.")
        return data

    def _note(self, name: str, detail: str) -> None:
        if all(each.name != name for each in self.broken):
            self.broken.append(breach(name, detail))

    def _breach(self, name: str, detail: str) -> ContractBroken:
        self.broken.append(breach(name, detail))
        return ContractBroken(self.broken[-1])
