"""A demonstration between the town's sites, its footer, and what comes after it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from itertools import pairwise

from labctl.events import Event, Exchange, Rows, Step
from labctl.internet import Internet
from labs.http.peer import Desk
from labs.telling import command, note

COUNTED = "The milliseconds of a ladder count from its first message."
# What shows the same with the system's own tools.
_BY_HAND = {
    "framing": ("labctl shell -- curl -v --raw http://origin.shop.test/chunked", "--raw: with the chunks' sizes"),
    "retry": ("labctl shell -- curl -s http://raw.shop.test/dies/a http://raw.shop.test/dies/a", "the second says it"),
    "redirects": ("labctl shell -- curl -sLv -d a=1 'http://origin.shop.test/redirect/303?to=/'", "-L follows"),
    "keep-alive": ("labctl shell -- curl -v https://api.shop.test/ https://api.shop.test/", "Re-using existing"),
    "two-writes": ("strace -r -e trace=network PROGRAM", "40 ms before recvfrom"),
    "multiplexing": ("labctl shell -- curl -Zs --http2 'https://api.shop.test/wait/[100-103]'", "-Z: side by side"),
    "cookies": ("labctl shell -- curl -v -c jar -b jar 'https://api.shop.test/cookies/set?a=1'", "cat jar"),
    "negotiation": ("labctl shell -- curl -sI --compressed https://cdn.shop.test/style.css", ""),
    "interim": ("labctl shell -- curl -v -H 'Expect: 100-continue' -d a=1 http://api.shop.test/", ""),
    "alt-svc": ("labctl shell -- dig +short HTTPS shop.test", "alpn=h3"),
    "broken": ("labctl shell -- curl -v http://raw.shop.test/bad-chunk", ""),
    "byhand": ("printf 'GET / HTTP/1.1\\r\\nHost: example.com\\r\\n\\r\\n' | nc example.com 80", ""),
}  # fmt: skip
# From one demonstration to the next; the last leads to the first.
_ORDER = (
    *("framing", "retry", "redirects", "keep-alive", "two-writes", "multiplexing"),
    *("cookies", "negotiation", "interim", "alt-svc", "broken", "byhand"),
)
_NEXT = dict(pairwise([*_ORDER, _ORDER[0]]))


def demonstrate(internet: Internet, show: str) -> Iterator[Event]:
    """Its events. A site of the town that cannot be reached is a bug, and raises."""
    module = import_module(f"labs.http.shows.{show.replace('-', '_')}")
    yield from _from_its_first_message(module.show(Desk(internet)))
    line, remark = _BY_HAND[show]
    yield command("by hand", line, remark)
    yield command("next", f"labctl http --show {_NEXT[show]}")


def _from_its_first_message(events: Iterator[Event]) -> Iterator[Event]:
    """The same, with the moments of each ladder counted from its own beginning: what came before was warming up.

    A heading or a table ends a ladder. After the first one a note says how they are counted.
    """
    begun: float | None = None
    told = False
    for event in events:
        if isinstance(event, Exchange):
            begun = event.at_ms if begun is None else begun
            event = replace(event, at_ms=event.at_ms - begun)
        elif isinstance(event, Rows) or (isinstance(event, Step) and event.role in ("phase", "heading")):
            if begun is not None and not told:
                yield note(COUNTED)
                told = True
            begun = None
        yield event
    if begun is not None and not told:
        yield note(COUNTED)
