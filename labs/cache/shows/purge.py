"""A mistake was served with a long max-age: what a changed header and a purge reach, and what they do not."""

from __future__ import annotations

from collections.abc import Iterator

from labctl.events import Event, Row
from labctl.internet import Internet
from labctl.protocols.url import parse_url
from labctl.sandbox.site_release import File, releases
from labs.cache.browser import Browser, Load
from labs.cache.claims import PURGE, TOO_LATE
from labs.cache.network import Network, Timetable, habits_of, web_of
from labs.cache.visits import Visited
from labs.cache.words import NOT_ASKED, hue, seconds
from labs.telling import about, command, measured, note, opening, result, table

HOST = "www.shop.test"
FILE = "promo.css"
URL = f"http://{HOST}/files/{FILE}"
PAGE = f"http://{HOST}/files/promo.html"
WRONG, RIGHT = b"/* release 1: the price is wrong */\n", b"/* release 2: the price is right */\n"
DAY = 86_400.0


def show(internet: Internet) -> Iterator[Event]:
    with Network(internet) as network:
        yield opening("after the mistake", "max-age=86400 is out there")
        web = web_of(internet)
        at, habits = releases(web), habits_of(internet)
        clock = Timetable(internet)
        ana, ben, cem = (Browser(network.ask, internet.date, habits) for _ in range(3))
        visits: list[tuple[str, Visited]] = []

        def visit(what: str, when: float, who: str, browser: Browser) -> Load:
            clock.until(when)
            browser.load(parse_url(PAGE))
            load = browser.load(parse_url(URL))
            visits.append((what, Visited(when, who, load)))
            return load

        page = File(b"<!doctype html><link rel=stylesheet href=promo.css>\n", "no-cache")
        at.deploy({FILE: File(WRONG, "max-age=86400"), "promo.html": page})
        visit("", 0.0, "Ana", ana)
        at.deploy({FILE: File(RIGHT, "no-cache")})
        too_late = visit("the header is no-cache now", 60.0, "Ana", ana)
        visit("", 65.0, "Ben", ben)
        web.run(lambda: web.edges[HOST].purge(URL))
        purged = visit("the CDN was purged", 120.0, "Ana", ana)
        fresh = visit("", 125.0, "Cem", cem)
        at_last = visit("a day has passed", DAY + 60.0, "Ana", ana)
        columns = ("when", "what happened", "who", "browser", "CDN", "sees")
        yield table("purge.visits", "Six visits", columns, [_row(what, each) for what, each in visits])
        yield note(f"Nobody changed the URL. {NOT_ASKED} was not asked.")
        yield from _judged(too_late, purged, visits[4][1], fresh)
        yield measured("cache.purge.until", DAY, "Ana's copy is used for 86,400 s.", "s")
        yield about("way out", "a new URL in the page, which is not kept: promo.2.css, or a hashed name.")
        yield about(
            "also", 'Clear-Site-Data: "cache" on a page that is asked for; or a hard reload (Ctrl+Shift+R).'
        )
        right = b"release 2" in at_last.body
        yield result(
            "Only a new URL reaches everybody: the copies under the old one belong to their browsers.",
            "warn" if right else "bad",
        )
        yield command("by hand", 'curl -X POST .../zones/ZONE/purge_cache --data \'{"files":["URL"]}\'')
        yield command("next", "labctl cache --show words")


def _row(what: str, visit: Visited) -> Row:
    load = visit.load
    release = (
        "release 2" if b"release 2" in load.body else "release 1" if b"release 1" in load.body else "nothing"
    )
    when = seconds(visit.when)
    happened = f" Before it: {what}." if what else ""
    return Row(
        f"{when}, {visit.who}: the browser {load.word}, the CDN {visit.cdn}, sees {release}.{happened}",
        (when, what, visit.who, load.word, visit.cdn, release),
        hues=("", "mute", "", hue(load.word), hue(visit.cdn), "ok" if release == "release 2" else "bad"),
        bold=(3, 4, 5) if visit.cdn != NOT_ASKED else (3, 5),
    )


def _judged(too_late: Load, purged: Load, stranger: Visited, fresh: Load) -> Iterator[Event]:
    kept = not too_late.asked_network and b"release 1" in too_late.body
    yield TOO_LATE.judged(
        kept,
        "A minute after the header was changed Ana's browser asked nobody and showed release 1."
        if kept
        else "Ana's browser had no copy any more: it asked, and got the new header with the new file.",
    )
    emptied = stranger.cdn in ("MISS", "BYPASS") and b"release 2" in fresh.body
    stays = not purged.asked_network and b"release 1" in purged.body
    yield PURGE.judged(
        emptied and stays,
        f"After the purge the CDN had to ask ({stranger.cdn}) and Cem got release 2; Ana asked nobody and kept 1."
        if stays
        else "After the purge Ana's browser asked, too: it kept nothing of its own.",
    )
