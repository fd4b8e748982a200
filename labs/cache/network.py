"""Who asks over the real web of an internet, and a clock that is set to whole seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from labctl.errors import CannotRun
from labctl.fetch.visit import Visitor
from labctl.internet import Internet
from labctl.protocols.http1_fields import Fields
from labctl.protocols.url import Url
from labs.cache.browser import ACCEPTS, Asked

if TYPE_CHECKING:
    from labctl.sandbox.web import Web

# Every moment of a timetable is this much after a whole second, so that no age falls between two numbers.
_AFTER_S = 0.01


class Network:
    """One client without a cache of its own; its connections stay open. A context manager."""

    def __init__(self, internet: Internet) -> None:
        self._internet = internet
        self._visitor = Visitor(internet, hsts=False)
        self.requests = 0

    def ask(self, url: Url, method: str = "GET", fields: Fields = ACCEPTS) -> Asked:
        """One request; redirects are answers like others. Never raises for what a peer does."""
        asked_at = self._internet.date()
        self.requests += 1
        visit = self._visitor.visit(url, method, fields, follow=0)
        answer = visit.answer
        return Asked(
            answer, asked_at, self._internet.date(), visit.detail or (answer.detail if answer else "")
        )

    def __enter__(self) -> Network:
        return self

    def __exit__(self, *_: object) -> None:
        self._visitor.close()


class Timetable:
    """Moments counted from a beginning on a whole second of the town's date."""

    def __init__(self, internet: Internet) -> None:
        self._internet = internet
        internet.pass_time(1.0 - internet.date() % 1.0 + _AFTER_S)
        self.begun_at = internet.date()

    def until(self, seconds: float) -> None:
        """Let time pass until so many seconds after the beginning."""
        left = self.begun_at + seconds - self._internet.date()
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
