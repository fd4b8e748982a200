"""Byte ranges: what a Range asks for, what a 206 holds, and how two parts become one (RFC 9110 section 14)."""

from __future__ import annotations

import re
from typing import NamedTuple

from labctl.protocols.caching_model import CacheRequest, CacheResponse, Part, Stored

_CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18}|\*)", re.IGNORECASE)
_RANGE = re.compile(r"bytes[ \t]*=[ \t]*([0-9]{0,18})[ \t]*-[ \t]*([0-9]{0,18})", re.IGNORECASE)


class Span(NamedTuple):
    """Bytes of a representation: first and last position, both included."""

    first: int
    last: int


def content_range(response: CacheResponse) -> Part | None:
    """The part that a 206 says it holds; None for several parts, or for a Content-Range that cannot be."""
    match = _CONTENT_RANGE.fullmatch(response.get("content-range") or "")
    if match is None:
        return None
    first, last = int(match[1]), int(match[2])
    complete = None if match[3] == "*" else int(match[3])
    if last < first or (complete is not None and last >= complete):
        return None
    return Part(first, last, complete)


def asked_span(range_value: str, complete: int | None) -> Span | str | None:
    """The one span that a Range field asks for, within `complete` bytes (None: nobody knows how many).

    None when the field must be ignored or is beyond us (several ranges, another unit); "unsatisfiable" when it
    lies behind the end (RFC 9110 section 14.1.2).
    """
    match = _RANGE.fullmatch(range_value.strip(" \t"))
    if match is None or (not match[1] and not match[2]):
        return None
    if not match[1]:
        if complete is None:
            return None
        length = int(match[2])
        if length == 0 or complete == 0:
            return "unsatisfiable"
        return Span(max(0, complete - length), complete - 1)
    first = int(match[1])
    if match[2] and int(match[2]) < first:
        return None
    if complete is None:
        return Span(first, int(match[2])) if match[2] else None
    if first >= complete:
        return "unsatisfiable"
    return Span(first, min(int(match[2]), complete - 1) if match[2] else complete - 1)


def held(stored: Stored) -> Part:
    """Which bytes the stored body has."""
    if stored.part is not None:
        return stored.part
    return Part(0, stored.body_length - 1, stored.body_length)


def if_range_holds(request: CacheRequest, stored: Stored) -> bool:
    """Is the condition of If-Range true for the stored response (RFC 9110 section 13.1.5)? Absent counts as yes.

    Only a strong tag that is equal counts, or a Last-Modified that is the same to the letter.
    """
    value = request.get("if-range")
    if value is None:
        return True
    if value.startswith('"'):
        return stored.etag == value
    return not value.startswith("W/") and stored.named.get("last-modified") == value
