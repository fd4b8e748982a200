"""Content of a site and what HTTP does with it: validators, conditions, ranges, compression (RFC 9110)."""

from __future__ import annotations

import functools
import gzip
import hashlib
import re
from email.utils import formatdate, parsedate_to_datetime

from labctl.protocols import http1
from labctl.protocols.http1 import Fields
from labctl.sandbox.site import SiteAnswer, SiteRequest

_RANGE = re.compile(r"bytes=([0-9, \t-]+)\Z")
_ONE = re.compile(r"(\d*)-(\d*)\Z")
_MOST_RANGES = 10
BOUNDARY = "labctl-part"


def content(
    request: SiteRequest,
    kind: str,
    data: bytes,
    *more: tuple[str, str],
    modified: float = 0.0,
    tagged: bool = True,
    compressed: bool = False,
    ranges: bool = True,
) -> SiteAnswer:
    """200 with this content, or 304, 206 or 416 as the request's conditions and ranges want it; 405 for a method
    that is neither GET nor HEAD.

    `modified` is POSIX seconds, 0 for no Last-Modified; `tagged` gives an ETag made of the content; `compressed` gives
    gzip to those who accept it, and a Vary that says so.
    """
    if request.method not in ("GET", "HEAD"):
        return SiteAnswer(405, (("Allow", "GET, HEAD"),))
    tag = _tag(data) if tagged else ""
    fields: Fields = (("Content-Type", kind), *more)
    if compressed:
        fields += (("Vary", "Accept-Encoding"),)
        if _accepts_gzip(request.fields):
            # Another representation has another strong validator (section 8.8.3.3).
            data, tag = _gzipped(data), f'{tag[:-1]}-gzip"' if tag else ""
            fields += (("Content-Encoding", "gzip"),)
    if modified:
        fields += (("Last-Modified", formatdate(modified, usegmt=True)),)
    if tag:
        fields += (("ETag", tag),)
    if not_modified(request.fields, tag, modified):
        kept = {"cache-control", "content-location", "date", "etag", "expires", "vary", "last-modified"}
        return SiteAnswer(304, tuple(pair for pair in fields if pair[0].lower() in kept))
    if ranges:
        fields += (("Accept-Ranges", "bytes"),)
        if request.method == "GET" and (part := _part(request.fields, data, tag, modified, kind)):
            status, extra, data = part
            kept_fields = http1.without(fields, "Content-Type") if extra[0][0] == "Content-Type" else fields
            return SiteAnswer(status, kept_fields + extra, data)
    return SiteAnswer(200, fields, data)


def not_modified(fields: Fields, tag: str, modified: float) -> bool:
    """Whether the client's copy is still right (section 13.2.2). If-None-Match is asked first, and alone."""
    wanted = http1.get(fields, "If-None-Match")
    if wanted is not None:
        tags = {item.strip().removeprefix("W/") for item in wanted.split(",")}
        return bool(tag) and ("*" in tags or tag.removeprefix("W/") in tags)
    since = _date(http1.get(fields, "If-Modified-Since"))
    return bool(modified) and since is not None and int(modified) <= since


def _part(
    fields: Fields, data: bytes, tag: str, modified: float, kind: str
) -> tuple[int, Fields, bytes] | None:
    """Status, further fields and content for a Range that is to be honoured (section 14.2); None: all of it."""
    wanted = _RANGE.match(http1.get(fields, "Range") or "")
    if wanted is None or not _same(http1.get(fields, "If-Range"), tag, modified):
        return None
    size, spans = len(data), []
    for item in wanted[1].split(","):
        one = _ONE.match(item.strip(" \t"))
        if one is None or one[0] == "-":
            return None
        first, last = one.groups()
        if not first:
            begin, end = max(size - int(last), 0), size
        else:
            begin, end = int(first), min(int(last) + 1 if last else size, size)
            if last and int(last) < int(first):
                return None
        if begin < end:
            spans.append((begin, end))
    if not spans:
        return 416, (("Content-Range", f"bytes */{size}"),), b""
    if len(spans) > _MOST_RANGES:
        return None
    if len(spans) == 1:
        begin, end = spans[0]
        return 206, (("Content-Range", f"bytes {begin}-{end - 1}/{size}"),), data[begin:end]
    parts = b"".join(
        f"--{BOUNDARY}\r\nContent-Type: {kind}\r\nContent-Range: bytes {b}-{e - 1}/{size}\r\n\r\n".encode()
        + data[b:e]
        + b"\r\n"
        for b, e in spans
    )
    multipart = ("Content-Type", f"multipart/byteranges; boundary={BOUNDARY}")
    return 206, (multipart,), parts + f"--{BOUNDARY}--\r\n".encode()


def _same(if_range: str | None, tag: str, modified: float) -> bool:
    """Whether a range may be given for what If-Range names; strong comparison only (section 13.1.5)."""
    if if_range is None:
        return True
    if if_range.startswith(('"', "W/")):
        return bool(tag) and if_range == tag and not tag.startswith("W/")
    return bool(modified) and _date(if_range) == int(modified)


def _date(value: str | None) -> float | None:
    if value is None:
        return None
    try:
        return parsedate_to_datetime(value).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None


def _accepts_gzip(fields: Fields) -> bool:
    for item in (http1.get(fields, "Accept-Encoding") or "").lower().split(","):
        coding, _, weight = item.replace(" ", "").partition(";q=")
        if coding in ("gzip", "x-gzip"):
            return weight.strip("0.") != "" or not weight
    return False


@functools.lru_cache(maxsize=64)
def _gzipped(data: bytes) -> bytes:
    return gzip.compress(data, 6, mtime=0)


@functools.lru_cache(maxsize=256)
def _tag(data: bytes) -> str:
    return f'"{hashlib.sha256(data).hexdigest()[:6]}"'
