"""What a visit is made of: legs, each one request with all that was needed for it. Plain immutable values.

Seconds are those of the internet's clock, taken at the socket.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

from labctl.fetch.connecting import Connected
from labctl.fetch.names import Lookup
from labctl.protocols.http1_fields import Fields
from labctl.protocols.url import Url

if TYPE_CHECKING:
    from labctl.fetch.exchange import Answer, Request
    from labctl.fetch.secure import Secured

LegFailure = Literal["", "name", "connect", "tls", "http"]


class Looked(NamedTuple):
    """What a cache says to a request: an answer without asking anybody, or fields that make it conditional."""

    answer: Answer | None
    conditional: Fields = ()


class BrowserCache(Protocol):
    """A private cache in front of the visitor. Moments are POSIX seconds (the internet's date)."""

    def look(self, request: Request, now: float) -> Looked: ...

    def took(self, request: Request, answer: Answer, asked_at: float, now: float) -> Answer: ...

    def forget(self) -> None: ...


class Leg(NamedTuple):
    """One request and all that was needed for it. What was not needed is None.

    `reused`: over a connection that was open already. `reason`: why there is this leg ("" for the URL that was
    given, "301", "302", ...). `upgraded`: the URL said http, and HSTS made it https. `cache`: "hit" without asking,
    "validated" with a 304, "" else. `retried`: the connection kept open was closed by the peer meanwhile, so a new
    one was made. `sent_bytes` and `received_bytes` crossed the wire, TLS and all; `arrivals` are the
    moments at which bytes of the response came, and how many.
    """

    url: Url
    lookup: Lookup | None = None
    connected: Connected | None = None
    secured: Secured | None = None
    answer: Answer | None = None
    reused: bool = False
    reason: str = ""
    method: str = "GET"
    request: Request | None = None
    started_at: float = 0.0
    ended_at: float = 0.0
    upgraded: bool = False
    cache: Literal["", "hit", "validated"] = ""
    retried: bool = False
    sent_bytes: int = 0
    received_bytes: int = 0
    arrivals: tuple[tuple[float, int], ...] = ()
    changes: tuple[str, ...] = ()
    failure: LegFailure = ""
    detail: str = ""

    @property
    def http2(self) -> bool:
        """Whether it went over HTTP/2."""
        return self.answer is not None and self.answer.version == "2"


class Visit(NamedTuple):
    """All legs of one visit. `failure` is the last leg's, or "redirects": too many, or one to nowhere."""

    legs: tuple[Leg, ...]
    started_at: float
    ended_at: float
    failure: str = ""
    detail: str = ""

    @property
    def answer(self) -> Answer | None:
        """The last response."""
        return self.legs[-1].answer if self.legs else None

    @property
    def elapsed_ms(self) -> float:
        """Milliseconds from Enter to the last byte."""
        return (self.ended_at - self.started_at) * 1000

    @property
    def connections(self) -> int:
        """How many connections had to be made."""
        return sum(leg.connected is not None and leg.connected.socket is not None for leg in self.legs)
