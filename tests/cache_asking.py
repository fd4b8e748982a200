"""How the tables about caches ask: of the few lines around the core, and of the edge over sockets."""

from __future__ import annotations

from typing import NamedTuple

from labctl.protocols import caching
from labctl.protocols.http_dates import write_http_date

URL = "http://www.shop.test/style.css"
NOON = 1_800_000_000.0


class Seen(NamedTuple):
    """What the client got, and the fields that the origin was asked with (":method" too), None if it was not."""

    status: int
    fields: dict[str, str]
    body: bytes
    word: str
    asked: dict[str, str] | None
    because: caching.Because

    @property
    def from_cache(self) -> bool:
        return self.asked is None


class StandingClock:
    """A clock that stands still until a test moves it; `now` is seconds since 1970."""

    def __init__(self) -> None:
        self.now = NOON

    def date(self, offset: float = 0.0) -> str:
        return write_http_date(self.now + offset)

    def wait(self, seconds: float) -> None:
        self.now += seconds
