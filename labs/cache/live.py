"""A whole answer on the real internet, gently: two requests, and a third that asks whether it has changed."""

from __future__ import annotations

from collections.abc import Iterator
from shlex import quote

from labctl.events import Event, Row
from labctl.fetch.exchange import Answer
from labctl.internet import Internet
from labctl.protocols.caching import CacheRequest
from labctl.protocols.http1_fields import Fields, get
from labctl.protocols.url import Url
from labs.cache.advice import compares_nothing, told_otherwise
from labs.cache.browser import ACCEPTS
from labs.cache.claims import WORDS
from labs.cache.file_names import next_line
from labs.cache.header import in_short
from labs.cache.keeping import no_answer, response_of, who_may_keep
from labs.cache.network import Network
from labs.cache.told import told_table, word_of
from labs.cache.words import NOT_ASKED, hue
from labs.telling import command, measured, note, opening, result, table

# Bytes that are read of one answer at most: its head is what counts here.
MOST = 2_000_000


def ask_gently(internet: Internet, url: Url, cdn: str) -> Iterator[Event]:
    """Three GETs at most. Raises CannotRun when the name has no address."""
    yield opening("who may keep this response?", "RFC 9111")
    with Network(internet, most=MOST) as network:
        first = network.ask(url)
        if first.answer is None or not first.answer.status:
            yield from no_answer(internet, url, first)
            return
        answer = first.answer
        browser, shared = yield from who_may_keep(answer, first.came_at, url, cdn)
        asked = [("first", answer), ("second", network.ask(url).answer)]
        conditions = _conditions(answer)
        if conditions:
            asked.append(("has it changed?", network.ask(url, "GET", (*ACCEPTS, *conditions)).answer))
        rows = [_row(what, each) for what, each in asked]
        notes = (
            told_otherwise(tuple(word_of(a.fields) for _, a in asked[:2] if a is not None), shared),
            compares_nothing(response_of(answer), *(response_of(a) for _, a in asked[2:] if a is not None)),
        )
        yield table("live.asked", "What came back", ("request", "status", "CDN", "Age", "body"), rows)
        for words in filter(None, notes):
            yield note(words)
        yield from told_table(asked[1][1].fields if asked[1][1] is not None else answer.fields)
        yield measured("cache.live.requests", network.requests, f"{network.requests} requests were sent.")
        yield from _judged(asked)
    short = in_short(browser, shared)
    if notes[0]:
        short = f"By this header {short[:1].lower()}{short[1:-1]}; the CDN did otherwise."
    yield result(short, "ok" if browser.may_store.yes or shared.may_store.yes else "warn")
    yield command("by hand", f"curl -sI {quote(url.text)} | grep -i -e cache -e ^age")
    request = CacheRequest("GET", url.text, ACCEPTS)
    yield command("next", next_line(request, response_of(answer), browser))


def _conditions(answer: Answer) -> Fields:
    tag, modified = get(answer.fields, "ETag"), get(answer.fields, "Last-Modified")
    if tag:
        return (("If-None-Match", tag),)
    return (("If-Modified-Since", modified),) if modified else ()


def _row(what: str, answer: Answer | None) -> Row:
    if answer is None or not answer.status:
        return Row(f"{what}: no answer.", (what, NOT_ASKED, "", "", ""))
    word, age = word_of(answer.fields), get(answer.fields, "Age")
    size = f"{answer.body_bytes:,} B"
    said = f"the CDN says {word}" if word else "no cache says anything"
    old = f", Age {age}" if age is not None else ""
    return Row(
        f"{what}: {answer.status}, {said}{old}, {size} of body.",
        (what, str(answer.status), word or NOT_ASKED, age if age is not None else NOT_ASKED, size),
        hues=("", "alt" if answer.status == 304 else "", hue(word or NOT_ASKED), "", "mute"),
        bold=(1, 2),
    )


def _judged(asked: list[tuple[str, Answer | None]]) -> Iterator[Event]:
    """The real CDN's words: only where it spoke of a HIT and of a MISS is there something to judge."""
    told = [(word_of(a.fields), get(a.fields, "Age")) for _, a in asked if a is not None]
    hits = [age for word, age in told if word == "HIT"]
    if not hits:
        yield WORDS.not_seen("No cache on the way answered out of its store in these requests.")
        return
    without = [age for age in hits if age is None]
    yield WORDS.judged(
        not without, "HIT came without an Age." if without else f"HIT came with Age: {hits[-1]}."
    )
