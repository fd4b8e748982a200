"""The smallest request that works, typed byte by byte, and what each omission costs."""

from __future__ import annotations

from collections.abc import Iterator

from labctl.events import Event, Row
from labs.http.again import both_lengths
from labs.http.page import framing_seen
from labs.http.peer import Desk
from labs.http.words import size, status_line
from labs.telling import about, opening, result, table

SITE = "http://www.example.com/"
TYPED = (
    ("GET / HTTP/1.1\r\nHost: www.example.com\r\n\r\n", "enough"),
    ("GET / HTTP/1.0\r\n\r\n", "1.0 needs no Host"),
    ("GET / HTTP/1.1\r\n\r\n", "1.1 needs Host"),
    ("GET /\r\n\r\n", "no version: 0.9"),
    ("get / HTTP/1.1\r\nHost: www.example.com\r\n\r\n", "get is not GET"),
    ("GET / HTTP/1.1\nHost: www.example.com\n\n", "LF without CR"),
    ("GET / HTTP/1.1\r\nHost : www.example.com\r\n\r\n", "space before colon"),
    ("GET / HTTP/3.0\r\nHost: www.example.com\r\n\r\n", "another version"),
)


def show(desk: Desk) -> Iterator[Event]:
    yield opening("HTTP by hand", "text, CRLF, an empty line")
    rows = []
    first = None
    for typed, said in TYPED:
        with desk.reach(SITE) as peer:
            answer = peer.ask(raw=typed.encode())
        first = first or answer
        shown = (
            typed.replace("\r\n", "\\r\\n").replace("\n", "\\n")
            if "\r" not in typed
            else typed.replace("\r\n", "\\r\\n")
        )
        rows.append(
            Row(
                text=f"{shown} is answered by {status_line(answer)}: {said}.",
                cells=(shown, str(answer.status or answer.failure), said),
                hues=("accent", "ok" if answer.status == 200 else "warn", "mute"),
            )
        )
    yield table("typed", "Typed, and answered", ("request", "status", ""), rows)
    yield about("CRLF", "two bytes, 0d 0a, end each line; printf writes \\r\\n.")
    yield about("Host", "which site of the address, since one address has many.")
    assert first is not None
    yield both_lengths(desk, framing_seen(first)[1])
    yield result(f"{size(len(TYPED[0][0]))} are a whole request.")
