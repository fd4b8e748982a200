"""A message as bytes and as meaning: one row for each line of it."""

from __future__ import annotations

from collections.abc import Iterator

from labctl.events import Event, Hue, Row
from labctl.fetch.exchange import Answer, Request
from labctl.protocols.content_coding import Decoded, decoded
from labctl.protocols.http1 import get
from labctl.protocols.http_fields import meaning
from labctl.protocols.http_statuses import method_meaning, status_meaning
from labs.http.telling import note, table
from labs.http.words import brief, count, http_bytes, shortened, size

COLUMNS = ("bytes", "line", "what it says")
# Lines of content that are shown.
_SHOWN = 4


def request_table(request: Request, answer: Answer) -> Iterator[Event]:
    """The request as it was written. For HTTP/1.1."""
    head = answer.request_raw.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
    rows = [_start(head[0], _method(request.method), "RFC 9112 section 3")]
    rows += [_field(line) for line in head[1:]]
    rows.append(_empty("no content follows" if not request.body else "then the content"))
    if request.body:
        sent = (
            f"{answer.body_sent:,} of its bytes were sent" if answer.body_sent < len(request.body) else "sent"
        )
        rows.append(_content(len(request.body), request.body, f"The content, {sent}."))
    total = len(answer.request_raw)
    yield table("request", "What was sent", COLUMNS, rows, note=f"{size(total)}, text")


def _method(method: str) -> str:
    found = method_meaning(method)
    if not found.source:
        return found.sentence
    twice = "safe" if found.safe else "may be repeated" if found.idempotent else "not to be repeated"
    return f"{method}, {twice}: {found.sentence}"


def response_table(answer: Answer) -> Iterator[Event]:
    """Interim responses, the final one, its content and its trailers. For HTTP/1.1."""
    for interim in answer.interim:
        said = status_meaning(interim.status)
        rows = [_start(interim.raw.partition(b"\r\n")[0].decode("latin-1"), said.sentence, said.source)]
        rows += [_field(f"{name}: {value}") for name, value in interim.fields]
        yield table("interim", "What came before it", COLUMNS, rows, note="interim, the answer follows")
    head = answer.raw_head.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
    if not answer.status:
        yield from partial(answer)
        return
    said = status_meaning(answer.status)
    rows = [_start(head[0], said.sentence, said.source)]
    rows += [_field(line) for line in head[1:]]
    rows.append(_empty(how_it_ends(answer)))
    if answer.body_bytes:
        rows.append(content_row(answer))
    rows += [_field(f"{name}: {value}", "trailer: ") for name, value in answer.trailers]
    yield table("response", "What came back", COLUMNS, rows, note=size(http_bytes(answer)))


def partial(answer: Answer) -> Iterator[Event]:
    """What had come when it failed."""
    if answer.raw_head:
        lines = answer.raw_head[:2000].decode("latin-1").split("\r\n")
        rows = [
            Row(
                f"{line}: {len(line.encode('latin-1')) + 2} bytes.",
                (f"{len(line) + 2:,}", shortened(line), ""),
            )
            for line in lines[:12]
        ]
        yield table("response", "What came of it", COLUMNS, rows, note=f"{size(answer.wire_received)} in all")
    else:
        yield note("Not one byte of a response came.")


def _start(line: str, said: str, source: str) -> Row:
    return Row(
        text=f"{line}: {said} ({source}) {len(line) + 2} bytes.",
        cells=(f"{len(line) + 2:,}", shortened(line), f"{said} ({brief(source)})"),
        hues=("mute", "accent"),
        bold=(1,),
    )


def _field(line: str, before: str = "") -> Row:
    name, _, value = line.partition(":")
    found = meaning(name.strip(), value.strip())
    source = f" ({found.source})" if found.source else ""
    in_cell = f" ({brief(found.source)})" if found.source.startswith(("RFC", "W3C", "WHATWG")) else ""
    hue: Hue = "" if found.source else "mute"
    return Row(
        text=f"{before}{line}: {found.sentence}{source} {len(line) + 2} bytes.",
        cells=(f"{len(line) + 2:,}", shortened(f"{before}{line}"), f"{found.sentence}{in_cell}"),
        hues=("mute", "", hue),
    )


def _empty(said: str) -> Row:
    return Row(
        text=f"An empty line ends the head: {said}. 2 bytes.",
        cells=("2", "", f"An empty line ends the head: {said}. (RFC 9112 2.1)"),
        hues=("mute",),
    )


def how_it_ends(answer: Answer) -> str:
    """Where the content ends, as the head says."""
    kind, length = answer.framing
    if kind == "length":
        return f"{length:,} bytes of content follow"
    if kind == "chunked":
        return "chunks follow, until one of size 0"
    if kind == "close":
        return "content follows until the connection closes"
    return "no content follows"


def content_row(answer: Answer) -> Row:
    """The content, out of its coding, as far as it is text."""
    coding = get(answer.fields, "Content-Encoding")
    plain = decoded(answer.body, coding) if coding else Decoded(answer.body)
    said = "The content"
    if coding and not plain.failure:
        said = f"The content, {coding}: {count(len(plain.data), 'byte')} when it is undone"
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
        text=f"{said} {size(length)}. It begins with {shortened(first, 60)!r}.",
        cells=(f"{length:,}", shortened(first), said),
        hues=("mute", "ok"),
    )
