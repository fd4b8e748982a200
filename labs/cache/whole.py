"""A whole answer in the sandbox: who may keep it, then visits over time, then the words of the CDN."""

from __future__ import annotations

from collections.abc import Iterator
from shlex import quote

from labctl.errors import CannotRun
from labctl.events import Event
from labctl.fetch.exchange import Answer
from labctl.internet import Internet
from labctl.protocols.caching import CacheRequest, CacheResponse, Explained
from labctl.protocols.http1_fields import get
from labctl.protocols.url import Url
from labs.cache.browser import ACCEPTS, Asked, Browser
from labs.cache.header import in_short, unread
from labs.cache.network import Network, Timetable, habits_of, web_of
from labs.cache.seen import judged
from labs.cache.shows.words import eight_words
from labs.cache.telling import about, command, measured, note, opening, result
from labs.cache.told import told_table
from labs.cache.verdict import fields_row, measures, shared_rules, verdict, verdict_table, why_and_what
from labs.cache.visits import Visited, visits_table
from labs.cache.words import listed

# Without a lifetime of their own, visits are placed as if it were this long.
_USUAL_S = 60.0


def whole(internet: Internet, url: Url, cdn: str, *, usual: bool) -> Iterator[Event]:
    """`usual`: no URL was named; the words of the CDN are shown as well. Raises CannotRun name-not-found."""
    yield opening("who may keep this response?", "RFC 9111")
    with Network(internet) as network:
        clock = Timetable(internet)
        habits = habits_of(internet)
        ana, ben = (Browser(network.ask, internet.date, habits) for _ in range(2))
        first = ana.load(url)
        if first.over is None or first.over.answer is None or not first.over.answer.status:
            yield from no_answer(internet, url, first.over)
            return
        clock.count_from(first.over)
        answer = first.over.answer
        request = CacheRequest("GET", url.text, ACCEPTS)
        response = response_of(answer)
        rules = shared_rules(cdn, answer.fields)
        # Whole seconds, as Date and Age have them.
        now = float(int(first.over.came_at))
        browser, shared = verdict(request, response, now, rules)
        yield fields_row(answer.fields, answer.status)
        yield verdict_table(browser, shared)
        yield from measures(browser, shared)
        yield from why_and_what(request, response, now, browser, shared)
        yield from about_the_answer(answer, browser, shared)
        visits = [Visited(0.0, "Ana", first)]
        for when, who, person in zip(
            moments(browser, shared), ["Ana", "Ben", "Ana", "Ana"], (ana, ben, ana, ana), strict=True
        ):
            clock.until(when)
            visits.append(Visited(when, who, person.load(url)))
            _settle(internet)
        yield visits_table("Five visits", visits)
        for name in ("browser", "CDN", "origin"):
            number = sum(1 for visit in visits if visit.answered_by == name)
            yield measured(
                f"cache.visits.{name.lower()}", number, f"The {name} answered {number} of 5 visits."
            )
    if usual:
        yield from eight_words(internet)
    else:
        yield from told_table(answer.fields)
        yield from judged(visits, browser)
    yield result(in_short(browser, shared), "ok" if browser.may_store.yes or shared.may_store.yes else "warn")
    # {,}: curl asks twice, in one sandbox; each `labctl shell` is a new one, with an empty CDN.
    twice = f"{url.text}{{,}}" if quote(url.text) == url.text else quote(url.text)
    broken = f" --break {internet.fault}" if internet.fault else ""
    remark = "twice: MISS, then HIT" if usual and not broken else ""
    yield command("by hand", f"labctl shell{broken} -- curl -sI {twice}", remark)
    yield command("next", "labctl cache --show browser" if usual else "labctl cache")


def response_of(answer: Answer) -> CacheResponse:
    """The answer as a cache sees it. One that we ourselves did not read to its end was not cut short by its sender."""
    cut = answer.failure not in ("", "too-big")
    return CacheResponse(answer.status, answer.fields, answer.body_bytes, answer.reason, complete=not cut)


def about_the_answer(answer: Answer, browser: Explained, shared: Explained) -> Iterator[Event]:
    """What a cache takes no notice of, what makes copies of their own, and where a redirect leads."""
    if answer.failure:
        yield note(f"About the response itself: {answer.detail}")
    for words in unread(answer.fields):
        yield note(words)
    varies = shared.varies_by or browser.varies_by
    if varies and "*" not in varies:
        yield about(
            "vary", f"there is a copy of its own for each {listed([name.title() for name in varies])}."
        )
    location = get(answer.fields, "Location")
    if 300 <= answer.status < 400 and location:
        yield note(
            f"This is a redirect to {location} and is kept as one; what is there has an answer of its own."
        )


def moments(browser: Explained, shared: Explained) -> tuple[float, float, float, float]:
    """When the later four visits are: soon, soon by somebody else, when the browser's copy is old, when all are.

    Seconds after the first one, and never two at the same moment.
    """
    fresh = browser.fresh_s or _USUAL_S
    soon = 5.0 if fresh >= 15 else 1.0
    other = soon + (4.0 if fresh >= 15 else 1.0)
    old = max(other + 1, fresh + min(15.0, browser.stale_s / 2 if browser.stale_s else 15.0))
    latest = max(fresh + browser.stale_s, (shared.fresh_s or _USUAL_S) + shared.stale_s)
    gone = max(old + 10.0, _round(latest + min(100.0, max(20.0, latest / 6))))
    return soon, other, float(int(old)), float(int(gone))


def _round(value: float) -> float:
    return float(-(-value // 10) * 10) if value >= 100 else value


def _settle(internet: Internet) -> None:
    """Let the edges finish what they ask behind an answer, so that the next visit meets it."""
    import time

    deadline = time.monotonic() + 2.0
    edges = web_of(internet).edges.values()
    while any(edge.running for edge in edges) and time.monotonic() < deadline:
        time.sleep(0.002)


def no_answer(internet: Internet, url: Url, asked: Asked | None) -> Iterator[Event]:
    """What the peer did instead is evidence; raises CannotRun when there is nobody (DESIGN.md section 9)."""
    said = asked.detail if asked is not None and asked.detail else "Nothing came."
    if asked is not None and asked.failure == "name":
        raise CannotRun(
            "name-not-found",
            f"{url.host} has no address that could be found",
            evidence=(("asked", f"GET {url.text}"), ("got", said)),
            fixes=(f"labctl dns {url.host}",),
        )
    yield result(f"{said} So there is no response that somebody could keep.", "bad")
    yield command("why", f"labctl url {quote(url.text)}")
    shell = "labctl shell -- " if internet.kind == "sandbox" else ""
    yield command("by hand", f"{shell}curl -sI {quote(url.text)}")
