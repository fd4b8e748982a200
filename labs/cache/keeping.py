"""What both pages about a whole answer say of it: who may keep it and why, or that there is none."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from shlex import quote

from labctl.errors import CannotRun
from labctl.events import Event
from labctl.fetch.exchange import Answer
from labctl.internet import Internet
from labctl.protocols.caching import CacheRequest, CacheResponse, Explained
from labctl.protocols.http1_fields import get
from labctl.protocols.url import Url
from labs.cache.browser import ACCEPTS, Asked
from labs.cache.header import unread
from labs.cache.verdict import fields_row, measures, shared_rules, verdict, verdict_table, why_and_what
from labs.telling import about, command, note, result
from labs.words import listed


def who_may_keep(
    answer: Answer, came_at: float, url: Url, cdn: str
) -> Generator[Event, None, tuple[Explained, Explained]]:
    """The fields, the verdict on them, and why; returns the browser's view and the CDN's. `came_at`: seconds."""
    request = CacheRequest("GET", url.text, ACCEPTS)
    response = response_of(answer)
    # Whole seconds, as Date and Age have them.
    now = float(int(came_at))
    browser, shared = verdict(request, response, now, shared_rules(cdn, answer.fields))
    yield fields_row(answer.fields, answer.status)
    yield verdict_table(browser, shared)
    yield from measures(browser, shared)
    yield from why_and_what(request, response, now, browser, shared)
    yield from about_the_answer(answer, browser, shared)
    return browser, shared


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
