"""How a changed file gets a new URL, and what a rolling deploy makes of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from labctl.events import Event, Hue, Row
from labctl.internet import Internet
from labctl.protocols.url import parse_url
from labctl.sandbox.site_release import File, releases
from labs.cache.browser import Browser, Load
from labs.cache.claims import HASHED_NAME, QUERY_STRING
from labs.cache.network import Network, Timetable, habits_of, web_of
from labs.cache.told import word_of
from labs.cache.words import NOT_ASKED
from labs.telling import about, command, measured, note, opening, result, table

WWW = "http://www.shop.test/files/"
YEAR = "public, max-age=31536000"
OLD_STYLE, NEW_STYLE = b"/* release 1 */ h1 { color: black }\n", b"/* release 2 */ h1 { color: teal }\n"
RELEASE_1 = {
    "style.css": File(OLD_STYLE, YEAR),
    "style.11aa22.css": File(OLD_STYLE, f"{YEAR}, immutable"),
    "theme.css": File(OLD_STYLE, "no-cache"),
}
RELEASE_2 = {
    "style.css": File(NEW_STYLE, YEAR),
    "style.33bb44.css": File(NEW_STYLE, f"{YEAR}, immutable"),
    "theme.css": File(NEW_STYLE, "no-cache"),
}


class Way(NamedTuple):
    """How the page names the file, in release 1 and in release 2."""

    title: str
    before: str
    after: str


WAYS = (
    Way("the same name", "style.css", "style.css"),
    Way("a query string", "style.css?v=1", "style.css?v=2"),
    Way("a hashed name", "style.11aa22.css", "style.33bb44.css"),
    Way("no-cache", "theme.css", "theme.css"),
)


class Seen(NamedTuple):
    """What one load showed: the browser's word, the CDN's, and which release's bytes (0: none)."""

    browser: str
    cdn: str
    release: int


def show(internet: Internet) -> Iterator[Event]:
    with Network(internet) as network:
        yield opening("a new style, four names for it", "a rolling deploy")
        at = releases(web_of(internet))
        clock = Timetable(internet)
        at.deploy(RELEASE_1)
        browser = Browser(network.ask, internet.date, habits_of(internet))
        # Before: this browser and the CDN have release 1.
        for way in WAYS:
            browser.load(parse_url(WWW + way.before))
        clock.until(3600.0)
        # The deploy has reached server two, and the balancer sends this visitor to server one.
        at.deploy(RELEASE_2, "two")
        at.turn = "one"
        during = {way.title: seen(browser.load(parse_url(WWW + way.after))) for way in WAYS}
        clock.until(3660.0)
        at.deploy(RELEASE_2)
        # Somebody who was never here before, when all is done.
        stranger = Browser(network.ask, internet.date, habits_of(internet))
        after = {way.title: seen(browser.load(parse_url(WWW + way.after))) for way in WAYS}
        new = {way.title: seen(stranger.load(parse_url(WWW + way.after))) for way in WAYS}
        rows = [_row(way, during[way.title], after[way.title], new[way.title]) for way in WAYS]
        columns = ("the page says", "during it", "after it", "a newcomer")
        yield table("busting.ways", "Which bytes are shown, and who gave them", columns, rows)
        yield note(
            "During and after: somebody who was here before. (own): their browser's copy. Else the CDN's word."
        )
        yield from _judged(during, after, new)
        yield about("?v=2", "the URL is new, and what is kept under it is whatever came first.")
        yield about("a hash", "is made of the content: a server that does not have it can only say 404.")
        yield about(
            "no-cache", "costs a question each time, and is right at once: for pages, and while developing."
        )
        good = new["a hashed name"].release == 2
        yield result(
            "Name files by their content and keep them for a year; let the page itself be asked for each time."
            if good
            else "Here not even the hashed name was safe.",
            "ok" if good else "bad",
        )
        yield command("by hand", "labctl shell -- curl -sI 'https://www.shop.test/style.css?v=2{,}'")
        yield command("next", "labctl cache --show deploy")


def seen(load: Load) -> Seen:
    """A load in three words."""
    asked = load.over or load.behind
    cdn = word_of(asked.answer.fields) if asked is not None and asked.answer is not None else NOT_ASKED
    release = next((n for n in (1, 2) if b"release %d" % n in load.body), 0)
    return Seen(load.word, cdn or NOT_ASKED, release)


def _cell(what: Seen) -> tuple[str, Hue]:
    whose = "(own)" if what.cdn == NOT_ASKED else what.cdn
    hue: Hue = "ok" if what.release == 2 else "bad" if what.release else "warn"
    return f"{f'release {what.release}' if what.release else '404'} {whose}", hue


def _row(way: Way, during: Seen, after: Seen, new: Seen) -> Row:
    (one, one_hue), (two, two_hue), (three, three_hue) = map(_cell, (during, after, new))
    return Row(
        f"{way.title}, {way.after}: who was here before gets {one} during the deploy and {two} a minute after it;"
        f" who comes for the first time then gets {three}.",
        (f"{way.after} ({way.title})" if way.title == "no-cache" else way.after, one, two, three),
        hues=("", one_hue, two_hue, three_hue),
        bold=(0,),
    )


def _judged(during: dict[str, Seen], after: dict[str, Seen], new: dict[str, Seen]) -> Iterator[Event]:
    query, hashed = new["a query string"], new["a hashed name"]
    yield measured(
        "cache.busting.query",
        query.release,
        f"Under style.css?v=2 a new visitor gets release {query.release}.",
    )
    yield QUERY_STRING.judged(
        query.release == 1 and query.cdn == "HIT",
        "Long after the deploy style.css?v=2 is still answered with release 1, by the CDN, for a year."
        if query.release == 1
        else f"style.css?v=2 was answered with release {query.release}: no old server was left to ask.",
    )
    old = 1 in (during["a hashed name"].release, after["a hashed name"].release, hashed.release)
    yield measured(
        "cache.busting.hashed",
        hashed.release,
        f"Under the hashed name a new visitor gets release {hashed.release}.",
    )
    yield HASHED_NAME.judged(
        not old and hashed.release == 2,
        "The old server said 404 to style.33bb44.css, nothing was kept, and then release 2 came."
        if not old
        else "The old server answered style.33bb44.css with release 1, and that was kept for a year.",
    )
