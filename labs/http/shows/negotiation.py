"""One URL, two encodings, one cache between: with Vary and without."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from urllib.parse import quote

from labctl.events import Event, Row
from labctl.fetch.exchange import Answer
from labctl.protocols.http1 import Fields, get
from labs.http.claims import NEGOTIATION
from labs.http.peer import Desk
from labs.http.words import size
from labs.telling import about, measured, opening, result, table

EDGE = "https://cdn.shop.test"
PATH = "/style.css"
_TEXT = b"h1 { color: teal }\n" * 20
# An origin that compresses for everybody and says nothing about it.
_PACKED = quote(gzip.compress(_TEXT, mtime=0))
CARELESS = f"/cache?cc=max-age%3D60&Content-Type=text%2Fcss&Content-Encoding=gzip&body={_PACKED}"
VISITORS: tuple[tuple[str, Fields], ...] = (
    ("Ana", (("Accept-Encoding", "gzip"),)),
    ("Ben", (("Accept-Encoding", "identity"),)),
    ("Cem", (("Accept-Encoding", "gzip"),)),
)


def show(desk: Desk) -> Iterator[Event]:
    yield opening("one URL, two encodings, one cache", "cdn.shop.test, a shared cache")
    with desk.reach(EDGE) as peer:
        answers = [peer.ask(PATH, fields=fields) for _, fields in VISITORS]
        careless = [peer.ask(CARELESS, fields=fields) for _, fields in VISITORS[:2]]
    columns = ("who", "accepts", "got", "bytes", "the cache")
    vary = get(answers[0].fields, "Vary")
    yield table("vary", f"{PATH}", columns, _rows(answers), note=f"Vary: {vary}" if vary else "no Vary")
    yield table("no-vary", "Another resource", columns, _rows(careless), note="gzip for everybody, no Vary")
    plain, packed = answers[1], answers[0]
    third = _word(get(answers[2].fields, "Cache-Status") or "")
    readable = _readable(plain, VISITORS[1][1])
    if not readable:
        yield about("Ben", f"He said that he reads no gzip, and got {get(plain.fields, 'Content-Encoding')}.")
    elif not _readable(careless[1], VISITORS[1][1]):
        yield about(
            "Ben", "Of the resource without Vary he got gzip that he cannot read: the copy made for Ana."
        )
    yield measured("http.gzip.bytes", packed.body_bytes, f"With gzip it has {size(packed.body_bytes)}.", "B")
    yield measured("http.plain.bytes", plain.body_bytes, f"Ben got {size(plain.body_bytes)}.", "B")
    if packed.failure or plain.failure or get(packed.fields, "Content-Encoding") != "gzip":
        yield NEGOTIATION.not_seen(
            f"The first answer was not compressed. {packed.detail or plain.detail}".rstrip()
        )
        return
    yield NEGOTIATION.judged(
        readable
        and plain.body_bytes > packed.body_bytes
        and third == "hit"
        and answers[2].body == packed.body,
        f"Ana got {size(packed.body_bytes)} of gzip; Ben, who reads none, got {size(plain.body_bytes)}, "
        f"{get(plain.fields, 'Content-Encoding') or 'as it is'}; for Cem, who reads it too, the cache: {third}.",
    )
    if readable:
        yield result(
            f"One URL, two copies: {size(packed.body_bytes)} and {size(plain.body_bytes)}, kept apart by Vary."
        )


def _readable(answer: Answer, fields: Fields) -> bool:
    coding = get(answer.fields, "Content-Encoding")
    return coding is None or coding in (get(fields, "Accept-Encoding") or "")


def _rows(answers: list[Answer]) -> list[Row]:
    rows = []
    for (who, fields), answer in zip(VISITORS, answers, strict=False):
        accepts = get(fields, "Accept-Encoding") or ""
        got = get(answer.fields, "Content-Encoding") or "as it is"
        cache = _word(get(answer.fields, "Cache-Status") or "")
        fine = _readable(answer, fields)
        rows.append(
            Row(
                text=f"{who} accepts {accepts} and got {got}, {size(answer.body_bytes)}; the cache: {cache}.",
                cells=(who, accepts, got, size(answer.body_bytes), cache),
                hues=("", "mute", "ok" if fine else "bad", "", "mute"),
            )
        )
    return rows


def _word(value: str) -> str:
    """RFC 9211 in a few words: `hit`, `forwarded: vary-miss`."""
    parts = [part.strip() for part in value.split(";")[1:]]
    if any(part == "hit" for part in parts):
        return "hit"
    reason = next((part.partition("=")[2] for part in parts if part.startswith("fwd=")), "")
    return f"asked the origin: {reason}" if reason else "says nothing"
