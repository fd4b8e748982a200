"""HTTP/1.1 over a stream: write the request, read interim responses, the head, the content, the trailers."""

from __future__ import annotations

from collections.abc import Callable

from labctl.fetch.exchange import MOST_INTERIM, NO_FRAMING, Answer, Limits, Request, Times, as_fields
from labctl.fetch.stream import Stream, StreamEnded
from labctl.protocols.http1 import (
    BodyReader,
    MessageError,
    ResponseHead,
    get,
    keeps_alive,
    list_items,
    read_response_head,
    response_framing,
    write_chunk,
    write_request_head,
)
from labctl.protocols.http1_body import LAST_CHUNK


class Asking:
    """The state of one exchange. `answer` may be called once."""

    def __init__(
        self, stream: Stream, request: Request, clock: Callable[[], float], limits: Limits, raw: bytes | None
    ) -> None:
        fields = as_fields(request)
        self._stream = stream
        self._request = request
        self._clock = clock
        self._limits = limits
        self._head = write_request_head(request.method, request.url.path, fields) if raw is None else raw
        self._content = _framed(request.body, chunked=get(fields, "Transfer-Encoding") is not None)
        if raw is not None:
            self._content = b""
        self._expects = "100-continue" in list_items(get(fields, "Expect") or "") and bool(self._content)
        self._closes = not keeps_alive("1.1", fields)
        self._received_before = stream.received
        self._buffer = bytearray()
        self._ended = False
        self._broken: StreamEnded | None = None
        self._interim: list[ResponseHead] = []
        self._final: ResponseHead | None = None
        self._framing = NO_FRAMING
        self._body = bytearray()
        self._reader: BodyReader | None = None
        self._request_raw = self._head
        self._body_sent = 0
        self._times = Times(clock())
        self._deadline = self._times.sent_at + limits.seconds

    def answer(self) -> Answer:
        """Send, and read until the end of the response, a failure, or a limit."""
        try:
            if self._expects:
                self._send(self._head)
                self._await_continue()
                if self._final is None:
                    self._send_content()
            else:
                self._send(self._head + self._content)
                self._request_raw += self._content
                self._body_sent = len(self._request.body) if self._broken is None else 0
            self._times = self._times._replace(sent_end=self._clock())
            while self._final is None:
                self._read_head()
            self._read_body()
        except MessageError as error:
            return self._made(_code(error), error.sentence)
        except StreamEnded as ended:
            return self._made(*self._ending(ended))
        return self._made("", "")

    def _send(self, data: bytes) -> None:
        """A peer that answers early may have closed: its answer is still read, so the error is only remembered."""
        try:
            self._stream.send(data, deadline=self._deadline)
        except StreamEnded as ended:
            if ended.failure not in ("closed", "reset"):
                raise
            self._broken = ended

    def _send_content(self) -> None:
        self._send(self._content)
        self._request_raw += self._content
        if self._broken is None:
            self._body_sent = len(self._request.body)

    def _await_continue(self) -> None:
        """Read until a response of any kind is there, or the patience of RFC 9110 section 10.1.1 is over."""
        whole, self._deadline = self._deadline, min(self._deadline, self._clock() + self._limits.continue_s)
        try:
            while self._final is None and not self._interim:
                self._read_head()
        except StreamEnded as ended:
            if ended.failure != "timeout" or self._clock() >= whole:
                raise
        finally:
            self._deadline = whole

    def _read_head(self) -> None:
        """One more head out of the buffer, or more bytes into it."""
        found = read_response_head(self._buffer, limit=self._limits.head)
        if found is None:
            self._fill()
            if self._ended:
                if self._buffer:
                    raise MessageError(
                        "half-head",
                        f"The connection closed after {len(self._buffer):,} bytes, in the middle of the head.",
                    )
                raise MessageError("no-answer", "The connection closed without an answer.")
            return
        head, end = found
        del self._buffer[:end]
        if head.status < 200 and head.status != 101:
            self._interim.append(head)
            if len(self._interim) > MOST_INTERIM:
                raise MessageError("garbage", f"More than {MOST_INTERIM} interim responses came.")
            return
        self._final = head
        self._times = self._times._replace(head_at=self._clock())
        self._framing = response_framing(self._request.method, head)

    def _fill(self) -> None:
        data = self._stream.receive(deadline=self._deadline)
        if data:
            if self._times.first_byte_at is None:
                self._times = self._times._replace(first_byte_at=self._clock())
            self._buffer += data
        else:
            self._ended = True

    def _read_body(self) -> None:
        reader = self._reader = BodyReader(self._framing)
        data = bytes(self._buffer)
        while True:
            content = reader.feed(data)
            self._body += content[: max(0, self._limits.body - len(self._body))]
            if reader.done:
                return
            if reader.received > self._limits.most:
                raise MessageError(
                    "too-big", f"The content is longer than {self._limits.most:,} bytes; no more was read."
                )
            data = self._stream.receive(deadline=self._deadline)
            if not data:
                reader.end_of_input()
                return

    def _ending(self, ended: StreamEnded) -> tuple[str, str]:
        ended = self._broken or ended
        where = "before an answer"
        if self._reader is not None:
            where = f"after {self._reader.received:,} bytes of content"
        elif self._buffer:
            where = f"after {len(self._buffer):,} bytes of the head"
        if ended.failure == "timeout":
            return "timeout", f"The {self._limits.seconds:g} s were over {where}."
        if ended.failure in ("closed", "tls"):
            return "closed-early", f"The connection ended {where}: {ended.detail}."
        return "reset", f"The connection was reset {where}."

    def _made(self, failure: str, detail: str) -> Answer:
        head, reader = self._final, self._reader
        complete = not failure and reader is not None and reader.done
        self._times = self._times._replace(end_at=self._clock())
        excess = reader.excess if reader is not None else b""
        return Answer(
            head.status if head else 0,
            head.reason if head else "",
            head.version if head else "",
            head.fields if head else (),
            bytes(self._body),
            reader.received if reader else 0,
            complete,
            reader.trailers if reader else (),
            tuple(self._interim),
            head.raw if head else bytes(self._buffer[: self._limits.head]),
            self._framing,
            self._request_raw,
            self._times,
            failure,
            detail,
            keep_alive=(
                complete
                and head is not None
                and head.status != 101
                and not excess
                and not self._closes
                and self._framing.kind != "close"
                and keeps_alive(head.version, head.fields)
                and self._body_sent == len(self._request.body)
            ),
            wire_received=self._stream.received - self._received_before,
            excess=excess[:4096],
            body_sent=self._body_sent,
        )


def _framed(body: bytes, *, chunked: bool) -> bytes:
    return write_chunk(body) + LAST_CHUNK if chunked else body


def _code(error: MessageError) -> str:
    return "too-big" if error.code == "head-too-big" else error.code
