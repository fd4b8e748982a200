"""A message as bytes and as meaning: one row for each line of it."""

from __future__ import annotations

from collections.abc import Iterator

from labctl.events import Event, Row
from labctl.fetch.exchange import Answer, Request
from labctl.protocols.content_coding import Decoded, decoded
from labctl.protocols.http1 import get
from labctl.protocols.http_fields import Bearer, meaning
from labctl.protocols.http_statuses import METHODS, method_meaning, status_meaning
from labs.http.telling import message
from labs.http.words import brief, http_bytes, shortened, size
from labs.telling import note
from labs.words import count

# How much of a line of content is shown.
FIRST = 60
# Lines of a head that failed which are shown.
_FAILED = 12


def request_table(request: Request, answer: Answer) -> Iterator[Event]:
    """The request as it was written. For HTTP/1.1."""
    head = answer.request_raw.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
    bearer = Bearer(request.method, 0, request.url.scheme)
    rows = [_start(head[0], *_method(request.method))]
    rows += [_field(line, bearer) for line in head[1:]]
    rows.append(_empty("no content follows" if not request.body else "the content follows"))
    if request.body:
        part = answer.body_sent < len(request.body)
        sent = "sent"
        if part:
            # How much of it the kernel took before it gave up is not known.
            sent = "not all of it sent" if answer.failure else f"{answer.body_sent:,} of its bytes were sent"
        rows.append(_content(len(request.body), request.body, f"The content, {sent}."))
    total = len(answer.request_raw)
    yield message(
        "request", "What was sent", rows, note=f"{size(total)}; at the left, the bytes of each line"
    )


def _method(method: str) -> tuple[str, str]:
    found = method_meaning(method)
    if not found.source or method not in METHODS:
        return found.sentence, found.source or "RFC 9110 section 9"
    twice = "safe" if found.safe else "may be repeated" if found.idempotent else "not to be repeated"
    return f"{method}, {twice}: {found.sentence}", found.source


def response_table(request: Request, answer: Answer) -> Iterator[Event]:
    """Interim responses, the final one, its content and its trailers. For HTTP/1.1."""
    for interim in answer.interim:
        said = status_meaning(interim.status)
        bearer = Bearer(request.method, interim.status, request.url.scheme)
        rows = [_start(interim.raw.partition(b"\r\n")[0].decode("latin-1"), said.sentence, said.source)]
        rows += [_field(f"{name}: {value}", bearer) for name, value in interim.fields]
        yield message("interim", "What came before it", rows, note="interim, the answer follows")
    head = answer.raw_head.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
    if not answer.status:
        yield from partial(answer)
        return
    said = status_meaning(answer.status)
    bearer = Bearer(request.method, answer.status, request.url.scheme)
    rows = [_start(head[0], said.sentence, said.source)]
    rows += [_field(line, bearer) for line in head[1:]]
    rows.append(_empty(how_it_ends(answer)))
    if answer.body_bytes:
        rows.append(content_row(answer))
    rows += [_field(f"{name}: {value}", bearer, "trailer  ") for name, value in answer.trailers]
    yield message("response", "What came back", rows, note=size(http_bytes(answer)))


def partial(answer: Answer) -> Iterator[Event]:
    """What had come when it failed."""
    if answer.raw_head:
        lines = answer.raw_head[:2000].decode("latin-1").split("\r\n")
        # The last one may have been cut off: it has no end of its own.
        sizes = [len(line) + 2 for line in lines[:-1]] + [len(lines[-1])]
        rows = [
            Row(f"{line}: {size(length)}.", (f"{length:,}", line, "", ""), hues=("mute",))
            for line, length in list(zip(lines, sizes, strict=True))[:_FAILED]
            if length
        ]
        yield message("response", "What came of it", rows, note=f"{size(answer.wire_received)} in all")
    else:
        yield note("Not one byte of a response came.")


def _start(line: str, said: str, source: str) -> Row:
    return Row(
        text=f"{line}: {said} ({source}) {len(line) + 2} bytes.",
        cells=(f"{len(line) + 2:,}", line, said, brief(source)),
        hues=("mute", "accent", ""),
        bold=(1,),
    )


def _field(line: str, bearer: Bearer, before: str = "") -> Row:
    length = len(line) + 2
    line = _legible(line)
    name, _, value = line.partition(":")
    found = meaning(name.strip(), value.strip(), bearer)
    if name.strip().lower() == "server-timing" and (told := _timing(value)):
        found = found._replace(sentence=told)
    source = f" ({found.source})" if found.source else ""
    whole = line if value.strip() else f"{name}, without a value"
    return Row(
        text=f"{before}{whole}: {found.sentence}{source} {length} bytes.",
        cells=(f"{length:,}", f"{before}{line}", found.sentence, _beside(found.source)),
        hues=("mute",),
    )


def _timing(value: str) -> str:
    """Server-Timing read out loud, or "" when nothing of it can be read."""
    from labctl.protocols.server_timing import read

    said = []
    for metric in read((("Server-Timing", value),)):
        described = f" ({metric.description})" if metric.description else ""
        took = f", {metric.ms:,g} ms" if metric.ms is not None else ""
        said.append(f"{metric.name}{described}{took}")
    return f"Where the server spent its time: {'; '.join(said)}." if said else ""


def _legible(line: str) -> str:
    """Latin-1 is what RFC 9110 leaves of old times; where the bytes are UTF-8, that is what was meant."""
    try:
        return line.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return line


def _beside(source: str) -> str:
    """The document, as the right edge has room for it."""
    return brief(source.partition(";")[0]) if source.startswith(("RFC", "W3C", "WHATWG", "WICG")) else ""


def _empty(said: str) -> Row:
    return Row(
        text=f"An empty line ends the head: {said}. 2 bytes.",
        cells=("2", "", f"An empty line: {said}.", "RFC 9112 2.1"),
        hues=("mute",),
    )


def how_it_ends(answer: Answer) -> str:
    """Where the content ends, as the head says."""
    kind, length = answer.framing
    if kind == "length":
        return f"{count(length, 'byte')} of content {'follows' if length == 1 else 'follow'}"
    if kind == "chunked":
        return "chunks follow, until one of size 0"
    if kind == "close":
        return "content follows until the connection closes"
    if answer.failure in ("two-lengths", "bad-length", "bad-coding", "coding-unknown"):
        return "where the content ends cannot be told"
    return "another protocol follows" if answer.status == 101 else "no content follows"


def content_row(answer: Answer) -> Row:
    """The content, out of its coding, as far as it is text."""
    coding = get(answer.fields, "Content-Encoding")
    plain = decoded(answer.body, coding) if coding else Decoded(answer.body)
    said = "The content"
    if coding and not plain.failure:
        more = "more than " if plain.cut else ""
        said = f"The content, {coding}: {more}{count(len(plain.data), 'byte')} when it is undone"
    elif coding:
        said = f"The content; {plain.failure}"
    if not answer.complete:
        said += ", and it is not complete"
    return _content(answer.body_bytes, plain.data, f"{said}.")


def _content(length: int, data: bytes, said: str) -> Row:
    text = data[:400].decode("utf-8", "replace")
    readable = (
        bool(data) and not any(ord(c) < 32 and c not in "\r\n\t" for c in text) and "\ufffd" not in text[:-1]
    )
    first = (
        next((line.strip() for line in text.splitlines() if line.strip()), "")
        if readable
        else data[:16].hex(" ")
    )
    return Row(
        text=f"{said} {size(length)}. It begins with {shortened(first, FIRST)!r}.",
        cells=(f"{length:,}", shortened(first, FIRST), said, ""),
        hues=("mute", "ok"),
    )
