"""Who may keep this response, for how long, and why: one column of the verdict table for each cache.

What is said here is what `decide` does: `tests/protocols/test_caching_explaining.py` compares them at every age.
"""

from __future__ import annotations

from typing import NamedTuple

from labctl.protocols.caching_directives import delta_seconds
from labctl.protocols.caching_freshness import initial_age
from labctl.protocols.caching_keys import names_that_count
from labctl.protocols.caching_model import Because, CacheRequest, CacheResponse, CacheRules, Stored
from labctl.protocols.caching_storing import may_store, store
from labctl.protocols.caching_validators import conditions_for

_PARTS = (("year", 31_536_000), ("day", 86_400), ("hour", 3_600), ("minute", 60))


class Cell(NamedTuple):
    """One answer: a few words, and why. `yes` colours it: True good, False bad, None neither."""

    text: str
    because: Because
    yes: bool | None = None


class Explained(NamedTuple):
    """One cache's view of a response. Seconds count from now; they are 0 when nothing is kept.

    fresh_s   how long it is answered out of the store without asking.
    stale_s   how long after that it is still answered so, while it is refreshed behind the answer.
    """

    rules: CacheRules
    may_store: Cell
    fresh_for: Cell
    then_stale: Cell
    after_that: Cell
    fresh_s: float
    stale_s: float
    # The request fields that make variants of their own (Vary), lower case.
    varies_by: tuple[str, ...] = ()

    @property
    def rows(self) -> tuple[tuple[str, Cell], ...]:
        """The four questions with their answers, in the order of the screen."""
        return (
            ("may store it", self.may_store),
            ("fresh for", self.fresh_for),
            ("then stale, but", self.then_stale),
            ("after that", self.after_that),
        )


def explain(rules: CacheRules, request: CacheRequest, response: CacheResponse, now: float) -> Explained:
    """What a cache with these rules does with `response`, which it got at `now` as the answer to `request`."""
    allowed = may_store(rules, request, response)
    if not allowed.yes:
        return _not_kept(rules, allowed.because)
    stored = store(rules, request, response, now, now, allowed.because)
    lasts = stored.lifetime
    age = initial_age(response, now, now)
    left = max(0.0, lasts.seconds - age) if lasts.always_validate is None else 0.0
    until_stale_ends = lasts.seconds + lasts.revalidate_window - age
    stale_s = 0.0
    if lasts.never_stale is None and lasts.always_validate is None and lasts.revalidate_window:
        stale_s = max(0.0, until_stale_ends - left)
    return Explained(
        rules,
        Cell("yes", allowed.because, True),
        _fresh_for(stored, response, left, age),
        _then_stale(stored, stale_s),
        _after_that(stored, left),
        left,
        stale_s,
        names_that_count(rules, response.get("vary")),
    )


def _not_kept(rules: CacheRules, because: Because) -> Explained:
    nothing = Because("nothing is kept", because.rule, because.directive)
    return Explained(
        rules,
        Cell("no", because, False),
        Cell("0 s", nothing, False),
        Cell("nothing", nothing),
        Cell("ask the origin each time", nothing, False),
        0.0,
        0.0,
    )


def _fresh_for(stored: Stored, response: CacheResponse, left: float, age: float) -> Cell:
    lasts = stored.lifetime
    if lasts.always_validate is not None:
        return Cell("0 s", lasts.always_validate, False)
    because = lasts.because
    # "Age: 0" beside it says something else: a second passed since Date.
    by_date = ", by its Date" if age > (delta_seconds(response.get("age")) or 0) else ""
    if age >= 1.0 and lasts.seconds > 0.0:
        because = because._replace(words=f"{because.words}, and it is {age:.0f} s old already{by_date}")
    return Cell(duration(left), because, left > 0.0)


def _then_stale(stored: Stored, stale_s: float) -> Cell:
    lasts = stored.lifetime
    if stale_s:
        because = Because(
            f"stale-while-revalidate={lasts.revalidate_window:.0f}",
            "RFC 5861 section 3",
            "stale-while-revalidate",
        )
        return Cell(f"{duration(stale_s)} more, refresh behind", because, True)
    if lasts.never_stale is not None:
        words = lasts.never_stale.words
        if lasts.revalidate_window and lasts.never_stale.directive != "no-cache":
            words = f"{lasts.never_stale.directive} overrules stale-while-revalidate"
        return Cell("not a second more", lasts.never_stale._replace(words=words))
    if lasts.error_window:
        because = Because(f"stale-if-error={lasts.error_window:.0f}", "RFC 5861 section 4", "stale-if-error")
        return Cell(f"{duration(lasts.error_window)} if the origin fails", because)
    return Cell("not without asking", Because("nothing allows stale answers", "RFC 9111 section 4.2.4"))


def _after_that(stored: Stored, left: float) -> Cell:
    conditions = conditions_for(stored)
    rule = "RFC 9111 section 4.3.1"
    if stored.etag is not None:
        return Cell(f"ask, If-None-Match {stored.etag}", Because("an etag to compare", rule, "etag"), True)
    if conditions:
        return Cell(
            "ask, If-Modified-Since", Because("a Last-Modified to compare", rule, "last-modified"), True
        )
    return Cell("fetch it all again", Because("no etag and no Last-Modified to compare", rule), False)


def duration(seconds: float) -> str:
    """ "60 s", from an hour on with the round figure too: "86400 s (1 day)"."""
    text = f"{seconds:.0f} s"
    if seconds < 3_600:
        return text
    for name, size in _PARTS:
        count = seconds / size
        if count >= 1:
            about = f"{count:.0f}" if abs(count - round(count)) < 0.05 else f"{count:.1f}"
            return f"{text} ({about} {name}{'' if about == '1' else 's'})"
    return text
