"""The answer that a cache makes out of what it has stored: whole, 304, a range, or a head (RFC 9111 section 4)."""

from __future__ import annotations

from labctl.protocols.caching_model import Because, CacheRequest, Reply, Stored
from labctl.protocols.caching_ranges import asked_span, held, if_range_holds
from labctl.protocols.caching_validators import not_modified
from labctl.protocols.http1_fields import Fields

# Fields that describe a body, which a 304 does not have (RFC 9110 section 15.4.5).
_OF_THE_BODY = frozenset(
    {"content-length", "content-type", "content-encoding", "content-language", "content-range"}
)
_LENGTH = frozenset({"content-length"})
_OF_A_RANGE = frozenset({"content-length", "content-range"})
_WHOLE = Because("the stored response", "RFC 9111 section 4")


def reply_from(stored: Stored, request: CacheRequest, now: float, *, with_age: bool = True) -> Reply:
    """Status, fields and bytes for `request` out of `stored`, which fits it. `with_age`: send Age (section 5.1).

    The client's If-None-Match, If-Modified-Since and Range are answered here (section 4.3.2, RFC 9110 section
    14). For HEAD `start` and `stop` are equal, Content-Length says what GET would bring.
    """
    age = now - stored.born_at
    extra: Fields = (("Age", str(int(age) if age > 0 else 0)),) if with_age else ()
    if not_modified(request, stored):
        because = Because("the client holds it already", "RFC 9111 section 4.3.2", "if-none-match")
        return Reply(304, "Not Modified", _without(stored.fields, _OF_THE_BODY) + extra, 0, 0, because)
    head = request.method == "HEAD"
    value = request.get("range")
    if not head and value is not None and stored.status in (200, 206):
        reply = _range(stored, request, value, extra)
        if reply is not None:
            return reply
    if stored.part is not None:
        return _slice(
            stored, 0, stored.body_length, extra, Because("the stored part", "RFC 9111 section 3.4")
        )
    fields = stored.fields
    if stored.status not in (204, 304):
        fields = (*_without(fields, _LENGTH), ("Content-Length", str(stored.body_length)))
    return Reply(stored.status, stored.reason, fields + extra, 0, 0 if head else stored.body_length, _WHOLE)


def _range(stored: Stored, request: CacheRequest, value: str, extra: Fields) -> Reply | None:
    if not if_range_holds(request, stored):
        return None
    if stored.part is not None and value == stored.range_asked:
        because = Because("the same range is stored", "RFC 9111 section 3.4")
        return _slice(stored, 0, stored.body_length, extra, because)
    part = held(stored)
    span = asked_span(value, part.complete_length)
    rule = "RFC 9110 section 14.2"
    if span is None:
        return None
    if isinstance(span, str):
        fields = (
            *_without(stored.fields, _OF_THE_BODY),
            ("Content-Range", f"bytes */{part.complete_length}"),
            ("Content-Length", "0"),
        )
        because = Because("the range lies behind the end", rule, "range")
        return Reply(416, "Range Not Satisfiable", fields + extra, 0, 0, because)
    start = max(0, span.first - part.first)
    stop = min(stored.body_length, span.last - part.first + 1)
    if stop <= start:
        return None
    return _slice(stored, start, stop, extra, Because("a range of the stored bytes", rule, "range"))


def _slice(stored: Stored, start: int, stop: int, extra: Fields, because: Because) -> Reply:
    part = held(stored)
    complete = "*" if part.complete_length is None else str(part.complete_length)
    fields = (
        *_without(stored.fields, _OF_A_RANGE),
        ("Content-Range", f"bytes {part.first + start}-{part.first + stop - 1}/{complete}"),
        ("Content-Length", str(stop - start)),
    )
    return Reply(206, "Partial Content", fields + extra, start, stop, because)


def _without(fields: Fields, names: frozenset[str]) -> Fields:
    return tuple(pair for pair in fields if pair[0].lower() not in names)
