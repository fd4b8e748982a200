"""Who asks over the real web of an internet, and a clock that is set to whole seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from labctl.errors import CannotRun
from labctl.fetch.exchange import USUAL
from labctl.fetch.visit import Visitor
from labctl.internet import Internet
from labctl.protocols.http1_fields import Fields
from labctl.protocols.url import Url
from labs.cache.browser import ACCEPTS, Asked

if TYPE_CHECKING:
    from labctl.sandbox.web import Web

# How much later each moment is, in seconds, and at most.
_LATER_S, _AT_MOST_S = 0.04, 0.9


class Network:
    """One client without a cache of its own; its connections stay open. A context manager.

    `most` bounds the bytes of content that are read of one answer.
    """

    def __init__(self, internet: Internet, *, most: int | None = None) -> None:
        self._internet = internet
        limits = None
        if most is not None:
            limits = USUAL._replace(most=most, seconds=internet.timeout or USUAL.seconds)
        self._visitor = Visitor(internet, hsts=False, limits=limits)
        self.requests = 0

    def ask(self, url: Url, method: str = "GET", fields: Fields = ACCEPTS) -> Asked:
        """One request; redirects are answers like others. Never raises for what a peer does."""
        began_at = self._internet.date()
        self.requests += 1
        visit = self._visitor.visit(url, method, fields, follow=0)
        came_at, answer = self._internet.date(), visit.answer
        asked_at = began_at
        if answer is not None and answer.times.sent_at:
            # Names and handshakes are no part of the response's age (RFC 9111 section 4.2.3).
            asked_at = max(began_at, came_at - (self._internet.clock() - answer.times.sent_at))
        return Asked(
            answer, asked_at, came_at, visit.detail or (answer.detail if answer else ""), visit.failure
        )

    def __enter__(self) -> Network:
        return self

    def __exit__(self, *_: object) -> None:
        self._visitor.close()


class Timetable:
    """Moments counted from a beginning on a whole second of the town's date.

    Each moment is a little later in its second than the one before, so that ages are the differences of the moments
    that are shown: a copy of 5 s is 15 s old at 20 s, whatever a request took.
    """

    def __init__(self, internet: Internet) -> None:
        self._internet = internet
        internet.pass_time(1.0 - internet.date() % 1.0)
        self.begun_at = internet.date()
        self._later = 0.0

    def count_from(self, asked: Asked) -> None:
        """Begin now that this response is there: however long it was under way, that is 0 s."""
        self.begun_at = asked.came_at

    def until(self, seconds: float) -> None:
        """Let time pass until so many seconds after the beginning."""
        self._later = min(self._later + _LATER_S, _AT_MOST_S)
        left = self.begun_at + seconds + self._later - self._internet.date()
        if left > 0:
            self._internet.pass_time(left)


def web_of(internet: Internet) -> Web:
    """The sandbox's web. Raises CannotRun on an internet that has none that can be looked into."""
    web: Any = getattr(internet, "web", None)
    if web is None:
        raise CannotRun("needs-sandbox", "this demonstration plays in the sandbox", fixes=("labctl cache",))
    found: Web = web()
    return found


def habits_of(internet: Internet) -> frozenset[str]:
    """The habits that a fault switches on; none without one."""
    if not internet.fault:
        return frozenset()
    from labctl.sandbox.faults import town_under

    return town_under(internet.fault).web
