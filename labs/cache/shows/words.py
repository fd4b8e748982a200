"""The eight words of a CDN, each for its documented reason."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import NamedTuple

from labctl.events import Event, Row
from labctl.fetch.exchange import Answer
from labctl.internet import Internet
from labctl.protocols.http1_fields import get
from labctl.protocols.url import parse_url
from labctl.sandbox.site_release import File, releases
from labctl.sandbox.web import Web
from labs.cache.claims import EXTENSION, ORIGIN_DOWN, REFRESHED_BEHIND, SET_COOKIE, WORDS
from labs.cache.network import Network, Timetable, web_of
from labs.cache.told import word_of
from labs.cache.visits import origin_status
from labs.cache.words import NOT_ASKED, hue, seconds
from labs.telling import command, measured, opening, result, table

HOST = "www.shop.test"
# The file with stale-while-revalidate=30 and stale-if-error=120 behind max-age=10, and one that is deployed anew.
STALE, OFFERS, STYLE, COOKIE, PRODUCTS = (
    "/stale.css",
    "/files/offers.css",
    "/style.css",
    "/cookie.css",
    "/api/products",
)
_PATIENCE_S = 2.0


class Spoken(NamedTuple):
    """One request: when, for what, what the CDN said, and why it said that."""

    at: float
    path: str
    answer: Answer | None
    why: str

    @property
    def word(self) -> str:
        return word_of(self.answer.fields) if self.answer is not None else ""

    @property
    def age(self) -> int | None:
        told = get(self.answer.fields, "Age") if self.answer is not None else None
        return int(told) if told is not None and told.isdigit() else None

    @property
    def origin(self) -> str:
        return origin_status(self.answer.fields) if self.answer is not None else NOT_ASKED


def show(internet: Internet) -> Iterator[Event]:
    yield opening("the words of a CDN", "cf-cache-status")
    yield from eight_words(internet)
    yield result("One word and Age tell who answered; which of them depends on what the origin said before.")
    yield command("by hand", "labctl shell -- curl -sI https://www.shop.test/style.css{,}")
    yield command("next", "labctl cache --show browser")


def eight_words(internet: Internet) -> Iterator[Event]:
    """The requests, their table, and the verdicts."""
    web = web_of(internet)
    at = releases(web)
    with Network(internet) as network:
        clock = Timetable(internet)
        if HOST in web.edges:
            # Visits before may have filled it.
            web.run(web.edges[HOST].purge_all)
        spoken: list[Spoken] = []

        def ask(when: float, path: str, why: str) -> Spoken:
            clock.until(when)
            asked = network.ask(parse_url(f"http://{HOST}{path}"))
            if not spoken:
                clock.count_from(asked)
            spoken.append(Spoken(when, path, asked.answer, why))
            return spoken[-1]

        at.deploy({"offers.css": File(b"/* offers 1 */\n", "max-age=60")})
        miss = ask(0.0, STYLE, "the first to ask")
        hit = ask(5.0, STYLE, "fresh for 60 s")
        network.ask(parse_url(f"http://{HOST}{STALE}"))
        network.ask(parse_url(f"http://{HOST}{OFFERS}"))
        seen = len(web.log)
        updating = ask(20.0, STALE, "refreshed behind")
        behind = _asked_behind(web, seen, STALE)
        after = ask(22.0, STALE, "fetched just now")
        at.deploy({"offers.css": File(b"/* offers 2 */\n", "max-age=60")})
        revalidated = ask(70.0, STYLE, "it is still right")
        expired = ask(71.0, OFFERS, "the file changed")
        at.down = True
        stale = ask(90.0, STALE, "the origin is down")
        at.down = False
        bypass = ask(91.0, COOKIE, "it sets a cookie")
        again = ask(92.0, COOKIE, "the next time, too")
        dynamic = ask(93.0, PRODUCTS, "no file extension")
        columns = ("when", "URL", "says", "Age", "origin", "because")
        shown = [s for s in spoken if s not in (after, again)]
        yield table("words", "Eight words", columns, [_row(each) for each in shown])
    for each in spoken:
        if each.age is not None and each is hit:
            yield measured("cache.words.age", each.age, f"The HIT was {each.age} s old.", "s")
    words = [each.word for each in shown]
    yield measured("cache.words.said", len(set(words)), f"The CDN said {len(set(words))} different words.")
    yield from _judged(miss, hit, updating, behind, after, stale, bypass, again, dynamic)
    assert revalidated is not expired


def _asked_behind(web: Web, seen: int, path: str) -> bool:
    """Whether the origin was asked after the answer; the edge is given a moment to do it."""
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        asked = any(each.target == path and each.site.startswith("origin.") for each in list(web.log)[seen:])
        if asked and not web.edges[HOST].running:
            return True
        if not web.edges[HOST].running and not asked:
            return False
        time.sleep(0.002)
    return False


# What the origin had to do with an answer for which it gave no status.
_UNSAID = {
    "HIT": "the origin was not asked",
    "UPDATING": "the origin was asked behind it",
    "STALE": "the origin gave no answer",
}


def _row(spoken: Spoken) -> Row:
    age = f"{spoken.age} s" if spoken.age is not None else NOT_ASKED
    old = f", {spoken.age} s old" if spoken.age is not None else ", without an Age"
    when = seconds(spoken.at)
    asked = f"the origin said {spoken.origin}" if spoken.origin != NOT_ASKED else _UNSAID.get(spoken.word, "")
    return Row(
        f"{when}: {spoken.path} is {spoken.word or 'silent'}{old}; {asked or 'the origin is silent'}: {spoken.why}.",
        (when, spoken.path, spoken.word, age, spoken.origin, spoken.why),
        hues=("", "", hue(spoken.word), hue(age), hue(spoken.origin), "mute"),
        bold=(2,),
        data={"age": spoken.age} if spoken.age is not None else {},
    )


def _judged(
    miss: Spoken,
    hit: Spoken,
    updating: Spoken,
    behind: bool,
    after: Spoken,
    stale: Spoken,
    bypass: Spoken,
    again: Spoken,
    dynamic: Spoken,
) -> Iterator[Event]:
    told = f"Age: {hit.age}" if hit.age is not None else "no Age"
    yield WORDS.judged(
        (miss.word, hit.word) == ("MISS", "HIT") and miss.age is None and hit.age is not None,
        f"First {miss.word} without an Age, 5 s later {hit.word} with {told}.",
    )
    yield EXTENSION.judged(
        dynamic.word == "DYNAMIC",
        f"{dynamic.path} says public, max-age=3600, and the CDN said {dynamic.word}.",
    )
    yield SET_COOKIE.judged(
        (bypass.word, again.word) == ("BYPASS", "BYPASS"),
        f"{bypass.path} was {bypass.word}, and {again.word} the next time.",
    )
    at_once = updating.word == "UPDATING" and behind and after.word == "HIT"
    yield REFRESHED_BEHIND.judged(
        at_once,
        f"The old copy came at once ({updating.word}, {updating.age} s old), and 2 s later a new one"
        f" ({after.word}, {after.age} s old) was there."
        if at_once
        else f"Whoever asked had to wait for the origin: {updating.word}.",
    )
    status = stale.answer.status if stale.answer is not None else 0
    yield ORIGIN_DOWN.judged(
        stale.word == "STALE" and status == 200,
        f"The origin was down, and the copy that had run out was answered: {stale.word}, {status}."
        if stale.word == "STALE"
        else f"The origin was down, and so was the answer: {status}.",
    )
