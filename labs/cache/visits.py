"""Visits over time: a person's browser, the CDN behind it, the origin behind that; who answered each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from labctl.events import Hue, Row, Rows
from labctl.protocols.cache_status import read
from labctl.protocols.http1_fields import Fields, get
from labs.cache.browser import Load
from labs.cache.told import word_of
from labs.cache.words import NOT_ASKED, hue, seconds

COLUMNS = ("when", "who", "browser", "CDN", "origin", "answered by", "")


class Visited(NamedTuple):
    """One visit: when (seconds since the first), whose, and what came of it."""

    when: float
    who: str
    load: Load

    @property
    def fields(self) -> Fields:
        """What came over the network, for the page or behind it; () when nobody was asked."""
        asked = self.load.over or self.load.behind
        return asked.answer.fields if asked is not None and asked.answer is not None else ()

    @property
    def cdn(self) -> str:
        """The CDN's word, or that it was not asked."""
        return word_of(self.fields) or NOT_ASKED

    @property
    def origin(self) -> str:
        """The origin's status, as the CDN tells it, or that it was not asked; without a CDN what it said itself."""
        asked = self.load.over or self.load.behind
        if asked is not None and asked.answer is not None and self.cdn == NOT_ASKED:
            return str(asked.answer.status or NOT_ASKED)
        return origin_status(self.fields)

    @property
    def answered_by(self) -> str:
        """browser, CDN or origin: whose bytes the page got."""
        if not self.load.asked_network:
            return "browser"
        return "CDN" if self.cdn in ("HIT", "STALE", "UPDATING", "REVALIDATED") else "origin"

    @property
    def remark(self) -> str:
        """What is special about it."""
        old = seconds(int(self.load.age))
        if not self.load.asked_network:
            return f"{old} old, refreshing" if self.load.behind else f"{old} old"
        asked = self.load.over
        assert asked is not None
        if asked.answer is not None and asked.answer.status == 304:
            return "304: 0 bytes of body"
        if self.answered_by == "CDN":
            return f"{old} old"
        if self.load.status != 200:
            return str(self.load.status or "no answer")
        return (
            "copy is new"
            if self.load.kept or "stored" in (get(self.fields, "Cache-Status") or "")
            else "not kept"
        )


def origin_status(fields: Fields) -> str:
    """The status that the origin gave the cache before it (RFC 9211 fwd-status); `──` when it was not asked."""
    told = read(get(fields, "Cache-Status") or "")
    return str(told[0].forwarded_status) if told and told[0].forwarded_status is not None else NOT_ASKED


def visits_table(title: str, visits: Sequence[Visited]) -> Rows:
    """The table of the picture in SCREENS.md."""
    return Rows(f"{title}.", "visits", title, COLUMNS, tuple(map(_row, visits)), show_columns=True)


def _row(visit: Visited) -> Row:
    load = visit.load
    hues: tuple[Hue, ...] = ("", "", hue(load.word), hue(visit.cdn), hue(visit.origin), "", "mute")
    when = seconds(visit.when)
    asked = f"The CDN: {visit.cdn}." if visit.cdn != NOT_ASKED else "No CDN was asked."
    origin = f"The origin: {visit.origin}." if visit.origin != NOT_ASKED else "The origin was not asked."
    cells = (when, visit.who, load.word, visit.cdn, visit.origin, visit.answered_by, visit.remark)
    return Row(
        f"{when}, {visit.who}. The browser: {load.word}. {asked} {origin}"
        f" Answered by the {visit.answered_by}, {visit.remark}.",
        cells,
        hues=hues,
        bold=tuple(i for i in (2, 3, 5) if cells[i] != NOT_ASKED),
    )
