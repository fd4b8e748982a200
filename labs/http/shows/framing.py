"""Where a message ends: a length, chunks, or the close; and both lengths at once."""

from __future__ import annotations

from collections.abc import Iterator

from labctl.events import Event, Row
from labctl.fetch.exchange import Answer
from labctl.protocols.http1 import get
from labs.http.claims import FRAMING
from labs.http.peer import Desk, Peer
from labs.http.words import shortened, size, status_line
from labs.telling import about, heading, measured, opening, result, table
from labs.words import count

ORIGIN, API, RAW = "http://origin.shop.test/", "http://api.shop.test/", "http://raw.shop.test/"
# By Content-Length this is one request; by its chunks it ends early, and another one follows.
HIDDEN = b"GET /admin HTTP/1.1\r\nHost: api.shop.test\r\n\r\n"
TRICK = b"0\r\n\r\n" + HIDDEN
BOTH = (
    b"POST /echo HTTP/1.1\r\nHost: api.shop.test\r\nContent-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n"
    % len(TRICK)
) + TRICK


def show(desk: Desk) -> Iterator[Event]:
    yield opening("where a message ends", "three ways, and one trick")
    with desk.reach(ORIGIN) as peer:
        length = peer.ask("/size/24")
        chunks = peer.ask("/chunked")
        wire = _after_head(peer, chunks)
    with desk.reach(ORIGIN) as peer:
        close = peer.ask("/chunked", raw=b"GET /chunked HTTP/1.0\r\nHost: origin.shop.test\r\n\r\n")
    rows = [
        _row(
            "Content-Length",
            length,
            f"Content-Length: {get(length.fields, 'Content-Length')}",
            "so many bytes",
        ),
        _row("chunked", chunks, "Transfer-Encoding: chunked", "a chunk of size 0"),
        _row(
            "the close", close, f"Connection: {get(close.fields, 'Connection')}", "the close (HTTP/1.0 asked)"
        ),
    ]
    yield table("framing", "Three ways", ("way", "the head says", "content", "it ends with"), rows)
    yield from _chunks(wire)
    yield heading("Both lengths at once", "what one server calls the rest, another calls the next request")
    before = desk.web.counters.total(), len(desk.web.log)
    with desk.reach(API) as peer:
        both = peer.ask(raw=BOTH)
    seen = [each for each in list(desk.web.log)[before[1] :] if each.site == "api.shop.test"]
    with desk.reach(RAW + "two-lengths") as peer:
        answered = peer.ask()
    yield from _trick(both, answered, len(seen))
    whole = all(a.complete and not a.failure for a in (length, chunks, close))
    kinds = (length.framing.kind, chunks.framing.kind, close.framing.kind) == ("length", "chunked", "close")
    refused = both.status == 400 and answered.failure == "two-lengths"
    yield FRAMING.judged(
        whole and kinds and refused,
        f"{size(length.body_bytes)}, {size(chunks.body_bytes)} and {size(close.body_bytes)} came whole. "
        f"A request with both lengths got {status_line(both)}, and was {count(len(seen), 'request')} to the "
        f"application; a response with both was {'refused' if answered.failure else 'read'}.",
    )
    if refused:
        yield result("Refuse what two readers could read in two ways.")


def _row(way: str, answer: Answer, head: str, end: str) -> Row:
    return Row(
        text=f"{way}: the head says {head}, {size(answer.body_bytes)} came, it ends with {end}.",
        cells=(way, head, size(answer.body_bytes), end),
        hues=("", "accent", "", "mute"),
    )


def _after_head(peer: Peer, answer: Answer) -> bytes:
    """What stood on the wire behind the head of the last response."""
    wire = b"".join(chunk.data for chunk in peer.stream.tap if not chunk.sent)
    return wire.rpartition(answer.raw_head)[2]


def _chunks(wire: bytes) -> Iterator[Event]:
    rows, at = [], 0
    while (end := wire.find(b"\r\n", at)) >= 0:
        number = int(wire[at:end].split(b";")[0] or b"0", 16)
        data = wire[end + 2 : end + 2 + number].decode("latin-1").strip()
        written = wire[at:end].decode("latin-1")
        said = shortened(data, 40) if number else "the end; trailers could follow"
        rows.append(
            Row(
                text=f"{written} in hexadecimal is {number:,}: {said}.",
                cells=(written, f"{number:,}", said),
                hues=("accent", "", "" if number else "mute"),
            )
        )
        if not number:
            break
        at = end + 2 + number + 2
    yield table(
        "chunks", "The chunks on the wire", ("size", "in bytes", "data"), rows, note="sizes are hexadecimal"
    )


def _trick(both: Answer, answered: Answer, seen: int) -> Iterator[Event]:
    reached = f"{count(seen, 'request')} for the application"
    believed = "we do not guess" if answered.failure else "we believed it"
    rows = [
        _what("request", f"Content-Length: {len(TRICK)}, chunked", status_line(both), reached),
        _what("response", "Content-Length: 5, chunked", answered.failure or status_line(answered), believed),
    ]
    yield table("both", "", ("", "sent", "", ""), rows, named=False)
    yield measured("http.smuggled", seen, f"Out of the request with both lengths came {reached}.")
    yield about("smuggling", f"The content of that request is itself a request: {HIDDEN[:19].decode()}.")


def _what(side: str, sent: str, came: str, said: str) -> Row:
    return Row(
        text=f"A {side} with {sent}: {came}, {said}.",
        cells=(side, sent, came, said),
        hues=("", "accent", "warn", "mute"),
    )
