"""What a browser does on its own: which use of a URL reaches the network, by what the response said."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from labctl.events import Event, Hue, Row
from labctl.internet import Internet
from labctl.protocols.http1_fields import get
from labctl.protocols.url import Url, parse_url
from labs.cache.browser import Browser, Load
from labs.cache.claims import AGE, HEURISTIC, IMMUTABLE, NO_CACHE, NO_STORE
from labs.cache.network import Network, Timetable, habits_of
from labs.cache.words import NOT_ASKED, seconds
from labs.telling import about, command, measured, note, opening, result, table
from labs.words import count

ORIGIN = "http://origin.shop.test"
TAGGED = "&ETag=%221%22"
CDN_URL = "http://cdn.shop.test/style.css"
# Seconds since somebody else asked the CDN.
FIRST, SOON, LATER, RELOAD = 40.0, 45.0, 65.0, 70.0
MOMENTS = ("first", f"{SOON - FIRST:.0f} s later", f"{LATER - FIRST:.0f} s later", "reload")


class Line(NamedTuple):
    """What the response says, and where it is asked for."""

    said: str
    url: Url


LINES = {
    "plain": Line("max-age=60", parse_url(f"{ORIGIN}/cache?cc=max-age%3D60{TAGGED}")),
    "aged": Line("max-age=60, 40 s old", parse_url(CDN_URL)),
    "immutable": Line(
        "max-age=60, immutable", parse_url(f"{ORIGIN}/cache?cc=max-age%3D60,+immutable{TAGGED}")
    ),
    "no-cache": Line("no-cache", parse_url(f"{ORIGIN}/cache?cc=no-cache{TAGGED}")),
    "no-store": Line("no-store", parse_url(f"{ORIGIN}/cache?cc=no-store{TAGGED}")),
    "guessed": Line("none, 10 days old", parse_url(f"{ORIGIN}/heuristic.txt")),
}


def show(internet: Internet) -> Iterator[Event]:
    with Network(internet) as network:
        yield opening("one browser, four moments", "what reaches the network")
        clock = Timetable(internet)
        clock.count_from(network.ask(parse_url(CDN_URL)))
        browser = Browser(network.ask, internet.date, habits_of(internet))
        loads: dict[str, list[Load]] = {name: [] for name in LINES}
        for moment in (FIRST, SOON, LATER, RELOAD):
            clock.until(moment)
            for name, line in LINES.items():
                loads[name].append(browser.load(line.url, reload=moment == RELOAD))
        rows = [_row(line.said, loads[name]) for name, line in LINES.items()]
        yield table(
            "browser.moments", "The status that came over the network", ("Cache-Control", *MOMENTS, ""), rows
        )
        yield note(f"{NOT_ASKED} nobody was asked. 304: asked, and the copy was still right.")
        yield from _judged(loads)
        yield about(
            "reload", "as Firefox and Safari do it. Chromium reloads the page only, and keeps its files."
        )
        asked = sum(1 for each in loads.values() for load in each if load.asked_network)
        total = sum(map(len, loads.values()))
        yield measured("cache.browser.asked", asked, f"Of {total} uses {asked} reached the network.")
        yield result(f"Of {total} uses {asked} reached the network.")
        yield command(
            "by hand", "chromium: F12, Network, column Size", "(disk cache), (memory cache), or bytes"
        )
        yield command("next", "labctl cache --show busting")


def statuses(loads: list[Load]) -> list[int]:
    """The statuses that came over the network; 0 where nobody was asked."""
    return [
        load.over.answer.status if load.over is not None and load.over.answer is not None else 0
        for load in loads
    ]


def _row(said: str, loads: list[Load]) -> Row:
    seen = statuses(loads)
    cells = [str(status) if status else NOT_ASKED for status in seen]
    hues: list[Hue] = ["ok" if not status else "alt" if status == 304 else "bad" for status in seen]
    asked = sum(1 for status in seen if status)
    told = ", ".join(
        f"{moment} {status or 'not asked'}" for moment, status in zip(MOMENTS, seen, strict=True)
    )
    return Row(
        f"{said}: {told}; {count(asked, 'request')}.",
        (said, *cells, count(asked, "request")),
        hues=("", *hues, "mute"),
        bold=(1, 2, 3, 4),
    )


def _judged(loads: dict[str, list[Load]]) -> Iterator[Event]:
    yield from _age(loads["aged"])
    told = statuses(loads["no-cache"])
    said = ", ".join(str(status) if status else "not asked" for status in told)
    kept = told[0] == 200 and all(status == 304 for status in told[1:])
    yield NO_CACHE.judged(kept, f"no-cache, four uses: {said}.")
    told = statuses(loads["no-store"])
    said = ", ".join(str(status) if status else "not asked" for status in told)
    yield NO_STORE.judged(all(status == 200 for status in told), f"no-store, four uses: {said}.")
    plain, immutable = loads["plain"][-1].asked_network, loads["immutable"][-1].asked_network
    yield IMMUTABLE.judged(
        plain and not immutable,
        f"On the reload max-age=60 was {'asked about' if plain else 'not asked about'},"
        f" and with immutable it was {'asked about too' if immutable else 'not'}.",
    )
    guess = loads["guessed"][1]
    stored = get(guess.fields, "Last-Modified") or "nothing"
    if guess.asked_network:
        yield HEURISTIC.judged(False, "Without Cache-Control the browser asked again after 5 s.")
    else:
        yield measured("cache.browser.guessed", 1.0, "A tenth of the 10 days is 1 day.", "day")
        yield HEURISTIC.judged(True, f"Last-Modified was {stored}: fresh for a day, and nobody was asked.")


def _age(loads: list[Load]) -> Iterator[Event]:
    first, later = loads[0], loads[2]
    arrived = first.over.answer if first.over is not None else None
    told = get(arrived.fields, "Age") if arrived is not None else None
    if told is None:
        yield AGE.not_seen("The CDN did not say how old its copy is.")
        return
    yield measured("cache.browser.age", int(told), f"The copy was {told} s old when it arrived.", "s")
    held = LATER - FIRST
    yield AGE.judged(
        later.asked_network,
        f"It arrived {seconds(float(told))} old; {seconds(held)} later it had run out, and the browser asked."
        if later.asked_network
        else f"It arrived {seconds(float(told))} old, was used {seconds(held)} later without a question,"
        f" and was {seconds(float(told) + held)} old then; the browser took it for {seconds(round(later.age))} old.",
    )
