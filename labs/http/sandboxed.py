"""A demonstration between the town's sites, its footer, and what comes after it."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from itertools import pairwise

from labctl.events import Event
from labctl.internet import Internet
from labs.http.peer import Desk
from labs.http.telling import command

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
    yield from module.show(Desk(internet))
    line, remark = _BY_HAND[show]
    yield command("by hand", line, remark)
    yield command("next", f"labctl http --show {_NEXT[show]}")
