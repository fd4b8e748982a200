"""HTTP/1.1 messages: heads from bytes and to bytes, strictly as RFC 9112 has them. The content is `http1_body`'s.

Strict means: what RFC 9112 lets a recipient tolerate is refused where two recipients could read it differently (a
lone LF, white space before a colon, a folded line in a request, both lengths). Differences from h11 are listed in
tests/protocols/test_http1_and_h11.py.
"""

from __future__ import annotations

from typing import NamedTuple

from labctl.protocols.http1_body import LAST_CHUNK, BodyReader, Framing, framing, write_chunk
from labctl.protocols.http1_fields import (
    IN_A_LINE,
    TOKEN,
    Fields,
    MessageError,
    by_name,
    get,
    get_all,
    list_items,
    parse_fields,
    read_fields,
    split_lines,
    unfold,
    without,
)
from labctl.protocols.http1_start_line import request_line, status_line

__all__ = [
    "LAST_CHUNK", "BodyReader", "Fields", "Framing", "MessageError", "RequestHead", "ResponseHead", "get", "get_all",
    "keeps_alive", "list_items", "read_request", "read_request_head", "read_response", "read_response_head",
    "request_framing", "response_framing", "without", "write_chunk", "write_request_head", "write_response_head",
]  # fmt: skip

# reg-name, IP-literal and port: what may stand in Host (RFC 9110 section 7.2). No "@", "/", "?", "#", space.
_HOST = TOKEN + b"(),;=[]:"
# Hosts that came before and were good; more than a few are not worth it.
_known_hosts: set[str | None] = set()
_MOST_HOSTS = 256
Buffer = bytes | bytearray


class RequestHead(NamedTuple):
    """`version` is "1.1" or "1.0"; `raw` are the bytes from the method to the empty line, both included."""

    method: str
    target: str
    version: str
    fields: Fields
    raw: bytes


class ResponseHead(NamedTuple):
    """`version` is "1.1" or "1.0", `reason` may be empty; `raw` as in RequestHead."""

    version: str
    status: int
    reason: str
    fields: Fields
    raw: bytes


def read_request_head(
    buffer: Buffer, start: int = 0, *, limit: int = 65536, host_needed: bool = True
) -> tuple[RequestHead, int] | None:
    """The head and where its content begins in `buffer`; None when more bytes are needed. Raises MessageError.

    Empty lines before it are skipped (RFC 9112 section 2.2). `limit` bounds the head in bytes.
    """
    found = read_request(buffer, start, limit=limit, host_needed=host_needed)
    return None if found is None else (found[0], found[2])


def read_request(
    buffer: Buffer, start: int = 0, *, limit: int = 65536, host_needed: bool = True
) -> tuple[RequestHead, dict[str, str], int] | None:
    """The same, and between the two the values of the fields by lower-case name."""
    while buffer.startswith(b"\r\n", start):
        start += 2
    end = buffer.find(b"\r\n\r\n", start, start + limit)
    if end < 0:
        _refuse_early(buffer, start, limit, 414)
        return None
    raw = bytes(buffer[start : end + 4])
    line, fields, named = _parts(raw, False)
    method, target, version = request_line(line)
    if host_needed and named.get("host") not in _known_hosts:
        _check_host(fields, version)
    return RequestHead(method, target, version, fields, raw), named, end + 4


def read_response_head(
    buffer: Buffer, start: int = 0, *, limit: int = 65536
) -> tuple[ResponseHead, int] | None:
    """The head and where its content begins; None when more bytes are needed. Raises MessageError.

    A folded field line is joined with one space (RFC 9112 section 5.2).
    """
    found = read_response(buffer, start, limit=limit)
    return None if found is None else (found[0], found[2])


def read_response(
    buffer: Buffer, start: int = 0, *, limit: int = 65536
) -> tuple[ResponseHead, dict[str, str], int] | None:
    """The same, and between the two the values of the fields by lower-case name."""
    end = buffer.find(b"\r\n\r\n", start, start + limit)
    if end < 0:
        beginning = bytes(buffer[start : start + 5])
        if beginning and not b"HTTP/".startswith(beginning):
            raise MessageError("garbage", f"This is not HTTP/1.1: it begins with {_shown(buffer, start)}.")
        _refuse_early(buffer, start, limit, 431)
        return None
    raw = bytes(buffer[start : end + 4])
    if not raw.startswith(b"HTTP/"):
        raise MessageError("garbage", f"This is not HTTP/1.1: it begins with {_shown(buffer, start)}.")
    line, fields, named = _parts(raw, True)
    version, status, reason = status_line(line)
    return ResponseHead(version, status, reason, fields, raw), named, end + 4


def _parts(raw: bytes, folds: bool) -> tuple[str, Fields, dict[str, str]]:
    """The first line of a head, its fields, and their values by name. `folds`: a folded line is joined."""
    lines = raw[:-4].split(b"\r\n")
    first = lines.pop(0)
    if not first.translate(None, IN_A_LINE):
        try:
            fields, named = read_fields(lines)
        except KeyError:
            pass
        else:
            return first.decode("latin-1"), fields, named
    text = split_lines(raw)
    fields = parse_fields(unfold(text[1:]) if folds else text[1:])
    return text[0], fields, by_name(fields)


def _refuse_early(buffer: Buffer, start: int, limit: int, status: int) -> None:
    """What can be refused although the end has not come: too long, a lone LF, bytes that begin no message."""
    size = len(buffer) - start
    if size <= 0:
        return
    if size >= limit:
        line_ended = buffer.find(b"\r\n", start, start + limit) >= 0
        raise MessageError(
            "head-too-big", f"The head is longer than {limit:,} bytes.", 431 if line_ended else status
        )
    if buffer[start] not in TOKEN and buffer[start] != 0x0D:
        raise MessageError("garbage", f"This is not HTTP/1.1: it begins with {_shown(buffer, start)}.")
    if buffer.count(b"\n", start) != buffer.count(b"\r\n", start):
        raise MessageError("bare-line-end", "A line ends with a lone LF; RFC 9112 wants CRLF.")


def _shown(buffer: Buffer, start: int) -> str:
    return repr(bytes(buffer[start : start + 12]))[1:]


def _check_host(fields: Fields, version: str) -> None:
    hosts = get_all(fields, "Host")
    if len(hosts) > 1:
        raise MessageError("host-twice", "The request names two hosts.")
    if not hosts:
        if version == "1.0":
            return
        raise MessageError("host-missing", "An HTTP/1.1 request names its host; this one does not.")
    if not hosts[0].isascii() or hosts[0].encode("ascii").translate(None, _HOST):
        raise MessageError("bad-host", f"{hosts[0][:40]!r} is no host.")
    if len(_known_hosts) < _MOST_HOSTS and len(hosts[0]) < 256:
        _known_hosts.add(hosts[0])


def request_framing(head: RequestHead) -> Framing:
    """Where the request ends: "none" without either length (RFC 9112 section 6.3). Raises MessageError."""
    found = framing(head.fields, head.version, response=False)
    return Framing("none") if found.kind == "close" else found


def response_framing(request_method: str, head: ResponseHead) -> Framing:
    """Where the response to a request with this method ends. Raises MessageError."""
    status = head.status
    if request_method == "HEAD" or status < 200 or status in (204, 304):
        return Framing("none")
    if request_method == "CONNECT" and status < 300:
        return Framing("none")
    return framing(head.fields, head.version, response=True)


def keeps_alive(version: str, fields: Fields) -> bool:
    """Whether the connection stays open after this message, by its head alone (RFC 9112 section 9.3)."""
    options = list_items(get(fields, "Connection") or "")
    return "close" not in options and (version != "1.0" or "keep-alive" in options)


def write_request_head(method: str, target: str, fields: Fields, version: str = "1.1") -> bytes:
    """The bytes of a head, the empty line included. Raises MessageError for what would be another message."""
    return _written(f"{method} {target} HTTP/{version}\r\n", fields)


def write_response_head(status: int, reason: str, fields: Fields, version: str = "1.1") -> bytes:
    """The bytes of a head, the empty line included. Raises MessageError for what would be another message."""
    return _written(f"HTTP/{version} {status} {reason}\r\n", fields)


def _written(line: str, fields: Fields) -> bytes:
    lines = [f"{name}: {value}\r\n" for name, value in fields]
    try:
        raw = f"{line}{''.join(lines)}\r\n".encode("latin-1")
    except UnicodeEncodeError:
        raise MessageError("bad-field", "A field contains a character that is not Latin-1.") from None
    expected = len(fields) + 2
    if raw.count(b"\n") != expected or raw.count(b"\r") != expected or b"\0" in raw:
        raise MessageError("bad-field", "A field or the start line contains CR, LF or NUL.")
    return raw
