"""One request over HTTP/2 while its stream is open: what was sent, what has come, and the answer made of it."""

from __future__ import annotations

from typing import Any

from labctl.fetch.exchange import MOST_INTERIM, NO_FRAMING, Answer, Request, Times
from labctl.protocols.http1 import Fields, Framing, ResponseHead


class Asked:
    """One stream of the connection while it is open."""

    def __init__(self, request: Request, at: float) -> None:
        self.request = request
        self.times = Times(at)
        self.unsent = request.body
        self.final: ResponseHead | None = None
        self.interim: list[ResponseHead] = []
        self.body = bytearray()
        self.body_bytes = 0
        self.trailers: Fields = ()
        self.failure = self.detail = ""
        self.wire_received = 0
        self.request_raw = b""
        self.ended = False
        self.waits_until: float | None = None

    def end(self, now: float, failure: str = "", detail: str = "") -> None:
        """Nothing more comes on this stream."""
        if failure:
            self.failure, self.detail = failure, detail
        self.ended = True
        self.times = self.times._replace(end_at=now)

    def heads(self, pairs: Any, now: float, *, interim: bool) -> None:
        """A response's decoded fields."""
        if self.ended:
            return
        head = _head(pairs)
        if self.times.first_byte_at is None:
            self.times = self.times._replace(first_byte_at=now)
        if interim:
            self.interim.append(head)
            if len(self.interim) > MOST_INTERIM:
                self.end(now, "garbage", f"More than {MOST_INTERIM} interim responses came.")
        else:
            self.final = head
            self.times = self.times._replace(head_at=now)

    def content(self, data: bytes, keep: int) -> None:
        """Content of the response, of which `keep` bytes are kept in all."""
        self.body_bytes += len(data)
        self.body += data[: max(0, keep - len(self.body))]

    def answer(self, now: float, *, keep_alive: bool) -> Answer:
        """What became of it."""
        head = self.final
        return Answer(
            head.status if head else 0,
            "",
            "2" if head else "",
            head.fields if head else (),
            bytes(self.body),
            self.body_bytes,
            self.ended and not self.failure,
            self.trailers,
            tuple(self.interim),
            head.raw if head else b"",
            Framing("close") if head else NO_FRAMING,
            self.request_raw,
            self.times if self.times.end_at is not None else self.times._replace(end_at=now),
            self.failure,
            self.detail,
            keep_alive=keep_alive,
            wire_received=self.wire_received,
            body_sent=len(self.request.body) - len(self.unsent),
        )


def unsent(request: Request, at: float) -> Asked:
    each = Asked(request, at)
    each.failure, each.detail = "no-answer", "The connection had ended before this request could be sent."
    return each


def fields_of(pairs: Any) -> Fields:
    return tuple((bytes(n).decode("latin-1"), bytes(v).decode("latin-1")) for n, v in pairs or ())


def _head(pairs: Any) -> ResponseHead:
    """A response head out of decoded fields; `raw` is the list as text, one a line: HTTP/2 has no text on the wire."""
    fields = fields_of(pairs)
    status = next((int(v) for n, v in fields if n == ":status" and v.isdigit()), 0)
    raw = "".join(f"{name}: {value}\n" for name, value in fields).encode("latin-1")
    return ResponseHead("2", status, "", tuple(p for p in fields if not p[0].startswith(":")), raw)
