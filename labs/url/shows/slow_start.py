"""Four sizes over a long distance: how many round trips each response takes, and why (slow start)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from labctl.errors import CannotRun
from labctl.events import Event, Measure, Row, Rows, Step
from labctl.fetch.legs import Leg
from labctl.fetch.phases import round_trip_ms
from labctl.internet import Internet
from labctl.protocols.url import parse_url
from labs.url.asking import FIELDS
from labs.url.claims import SLOW_START
from labs.url.conditions import visitor, wake
from labs.url.journey import raise_if_unreachable
from labs.url.words import ms, size
from labs.words import count

SIZES = (10_000, 14_000, 15_000, 100_000)
# With this many flights each, more or less, a connection that begins with ten segments gets there.
EXPECTED = (1, 1, 2, 3)
RTT_MS = 100.0


class Came(NamedTuple):
    """One response: its flights (bytes that came together), and how long it took."""

    size: int
    flights: tuple[int, ...]
    elapsed_ms: float


def show(internet: Internet, rtt: int | None) -> Iterator[Event]:
    """Fetch each size over a new connection and count what comes together."""
    network = internet.network
    away = RTT_MS if rtt is None else rtt
    urls = [parse_url(f"http://origin.shop.test/size/{each}") for each in SIZES]
    wake(internet, *urls[:1])
    try:
        if network is None:
            raise CannotRun("needs-box", "there is no distance here that could be changed")
        network.move_away(away)
    except CannotRun as error:
        yield Step(text="OBSERVE: slow start.", role="phase", phase="OBSERVE", title="slow start")
        yield SLOW_START.not_seen(f"{error.headline}, and without a distance all comes at once.")
        return
    came: list[Came] = []
    with visitor(internet, keep=False) as client:
        for url, each in zip(urls, SIZES, strict=True):
            visit = client.visit(url, fields=FIELDS)
            raise_if_unreachable(visit)
            came.append(_came(each, visit.legs[-1], away))
    title = f"how many round trips a response takes, {away:g} ms away"
    yield Step(text=f"OBSERVE: {title}.", role="phase", phase="OBSERVE", title=title, summary="RFC 6928")
    most = max(len(one.flights) for one in came)
    yield Rows(
        text="Responses of four sizes, each over a new connection.",
        id="flights",
        title="What came together",
        columns=("size", "round trips", "took", "bytes that came in each"),
        rows=tuple(
            Row(
                text=(
                    f"{size(one.size)}: {count(len(one.flights), 'flight')}, {ms(one.elapsed_ms)}; "
                    f"they had {', '.join(size(flight) for flight in one.flights)}."
                ),
                cells=(
                    size(one.size),
                    str(len(one.flights)),
                    ms(one.elapsed_ms),
                    "  ".join(size(flight) for flight in one.flights),
                ),
                hues=("", "warn" if len(one.flights) == most else "ok", "", "mute"),
            )
            for one in came
        ),
        show_columns=True,
        note=f"each flight waits {away:g} ms for the acknowledgements of the one before",
    )
    for one in came:
        yield Measure(
            f"A response of {size(one.size)} came in {count(len(one.flights), 'flight')}.",
            f"url.flights.{one.size}",
            len(one.flights),
        )
    first = came[-1].flights[0]
    yield Measure(f"The first flight had {first:,} bytes.", "url.first_flight", first, "bytes")
    trips = [len(one.flights) for one in came]
    held = trips[:3] == list(EXPECTED[:3]) and EXPECTED[3] <= trips[3] <= EXPECTED[3] + 1
    yield SLOW_START.judged(
        held,
        f"10, 14, 15 and 100 kB took {trips[0]}, {trips[1]}, {trips[2]} and {trips[3]} flights; "
        f"the first flight had {size(first)}.",
    )
    line = "labctl shell -- curl -so /dev/null -w '%{time_starttransfer} %{time_total}\\n' " + urls[-1].text
    yield Step(text=f"By hand: {line}", role="command", label="by hand", title=line)


def _came(each: int, leg: Leg, away_ms: float) -> Came:
    """Bytes that arrived less than half a round trip apart belong together."""
    assert leg.answer is not None
    trip = max(away_ms, round_trip_ms(leg) or 0.0) / 1000
    flights: list[int] = []
    last = None
    for at, length in leg.arrivals:
        if last is None or at - last > trip / 2:
            flights.append(0)
        flights[-1] += length
        last = at
    end = leg.answer.times.end_at or 0.0
    return Came(each, tuple(flights), (end - leg.answer.times.sent_at) * 1000)
