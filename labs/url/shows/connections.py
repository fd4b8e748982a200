"""Ten requests, three ways: each over a new connection, all over one, all out of the cache."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from labctl.events import Event, Hue, Measure, Row, Rows, Step
from labctl.fetch.browser_cache import PrivateCache
from labctl.fetch.legs import Visit
from labctl.internet import Internet
from labctl.protocols.url import parse_url
from labs.url.asking import FIELDS
from labs.url.claims import TEN_REQUESTS
from labs.url.conditions import visitor, wake
from labs.url.words import ms, size
from labs.words import count

TIMES = 10
URL = parse_url("https://origin.shop.test/style.css")


class Ten(NamedTuple):
    """What ten visits cost together."""

    connections: int
    received: int
    elapsed_ms: float


def show(internet: Internet) -> Iterator[Event]:
    """Count connections, bytes and time."""
    wake(internet, URL)
    closed = _ten(internet, keep=False)
    kept = _ten(internet, keep=True)
    cached = _ten(internet, keep=True, cached=True)
    title = f"{TIMES} requests for {URL.path}, three ways"
    summary = f"{closed.connections}, {kept.connections}, {cached.connections} connections"
    yield Step(
        text=f"OBSERVE: {title}. {summary}.",
        role="phase",
        phase="OBSERVE",
        title=title,
        summary=summary,
    )
    ways: tuple[tuple[str, Ten, Hue], ...] = (
        ("each closed", closed, "bad"),
        ("kept open", kept, "warn"),
        ("a fresh copy", cached, "ok"),
    )
    yield Rows(
        text="Ten requests, three ways.",
        id="ten",
        title="What ten requests cost",
        columns=("how", "connections", "received", "together", "each"),
        rows=tuple(
            Row(
                text=(
                    f"{how[0].upper()}{how[1:]}: {count(ten.connections, 'connection')}, "
                    f"{size(ten.received)} received, {ms(ten.elapsed_ms)} together, {ms(ten.elapsed_ms / TIMES)} each."
                ),
                cells=(
                    how,
                    str(ten.connections),
                    size(ten.received),
                    ms(ten.elapsed_ms),
                    ms(ten.elapsed_ms / TIMES),
                ),
                hues=("", hue, "", "", ""),
            )
            for how, ten, hue in ways
        ),
        show_columns=True,
        note="the first visit of each is left out where it had to fill the memory",
    )
    for name, ten in (("closed", closed), ("kept", kept), ("cached", cached)):
        yield Measure(
            f"{TIMES} requests, {name}: {count(ten.connections, 'connection')}.",
            f"url.ten.{name}",
            ten.connections,
        )
    yield TEN_REQUESTS.judged(
        closed.connections == TIMES and kept.connections == 1 and cached.connections == 0,
        f"{TIMES} requests made {closed.connections}, {kept.connections} and {cached.connections} connections.",
    )
    line = f"labctl shell -- curl -sv {URL} {URL}"
    yield Step(text=f"By hand: {line}", role="command", label="by hand", title=line)


def _ten(internet: Internet, *, keep: bool, cached: bool = False) -> Ten:
    """Ten visits by one client; one that has a cache has been there once before."""
    cache = PrivateCache() if cached else None
    with visitor(internet, http2=False, keep=keep, cache=cache) as client:
        if cached:
            client.visit(URL, fields=FIELDS)
            client.pool.close()
        visits: list[Visit] = [client.visit(URL, fields=FIELDS) for _ in range(TIMES)]
    return Ten(
        sum(visit.connections for visit in visits),
        sum(leg.received_bytes for visit in visits for leg in visit.legs),
        sum(visit.elapsed_ms for visit in visits),
    )
