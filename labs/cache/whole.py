"""A whole answer in the sandbox: who may keep it, then visits over time, then the words of the CDN."""

from __future__ import annotations

from collections.abc import Iterator
from shlex import quote

from labctl.events import Event
from labctl.internet import Internet
from labctl.protocols.caching import CacheRequest, Explained
from labctl.protocols.url import Url
from labs.cache.browser import ACCEPTS, Browser
from labs.cache.file_names import next_line
from labs.cache.header import in_short
from labs.cache.keeping import no_answer, response_of, who_may_keep
from labs.cache.network import Network, Timetable, habits_of, web_of
from labs.cache.seen import judged
from labs.cache.shows.words import eight_words
from labs.cache.told import told_table
from labs.cache.visits import Visited, visits_table
from labs.telling import command, measured, opening, result

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
        browser, shared = yield from who_may_keep(answer, first.over.came_at, url, cdn)
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
    usual_next = "labctl cache --show browser" if usual else "labctl cache"
    request = CacheRequest("GET", url.text, ACCEPTS)
    yield command("next", next_line(request, response_of(answer), browser, usual_next))


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
