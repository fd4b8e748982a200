"""Where the time of a visit went: its phases in order, and what they add up to. Pure functions of what was measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from labctl.fetch.legs import Leg, Visit

Kind = Literal["cache", "dns", "connect", "tls", "request", "wait", "response"]
KINDS: tuple[Kind, ...] = ("cache", "dns", "connect", "tls", "request", "wait", "response")
SETTING_UP: tuple[Kind, ...] = ("dns", "connect", "tls")
MOVING: tuple[Kind, ...] = ("request", "response")


class Phase(NamedTuple):
    """One phase of one leg, in milliseconds since Enter; `failed` when it is where the leg ended."""

    kind: Kind
    start_ms: float
    end_ms: float
    failed: bool = False

    @property
    def ms(self) -> float:
        return self.end_ms - self.start_ms


def phases(leg: Leg, since: float) -> list[Phase]:
    """The phases of a leg, in order; `since` is the moment of Enter. What was not needed is not there.

    `wait` runs from the request's last byte to the response's first: one round trip, and what the server did.
    """

    def at(moment: float) -> float:
        return (moment - since) * 1000

    found: list[Phase] = []
    if leg.cache == "hit":
        return [Phase("cache", at(leg.started_at), at(leg.ended_at))]
    if leg.lookup is not None and leg.lookup.source not in ("literal", "memory"):
        failed = leg.failure == "name"
        found.append(Phase("dns", at(leg.lookup.started_at), at(leg.lookup.ended_at), failed))
    if leg.connected is not None:
        times = leg.connected.started_at, leg.connected.connected_at
        found.append(Phase("connect", at(times[0]), at(times[1]), leg.failure == "connect"))
    if leg.secured is not None:
        times = leg.secured.started_at, leg.secured.ended_at
        found.append(Phase("tls", at(times[0]), at(times[1]), leg.failure == "tls"))
    if leg.answer is None:
        return found
    sent, sent_end, first, _, end = leg.answer.times
    failed = leg.failure == "http"
    last = sent if end is None else end
    written = sent_end if sent_end is not None else last
    found.append(Phase("request", at(sent), at(written), failed and sent_end is None))
    if sent_end is not None:
        # A peer may answer before it has the whole request: then there is no wait.
        heard = max(written, first) if first is not None else last
        found.append(Phase("wait", at(written), at(heard), failed and first is None))
        if first is not None:
            found.append(Phase("response", at(heard), at(max(heard, last)), failed))
    return found


class Spent(NamedTuple):
    """Milliseconds of a whole visit by kind, and all of it. `rtt_ms` is the time of the last TCP handshake, if any.

    `first_byte` is from Enter to the first byte of the last response, as far as one came.
    """

    dns: float
    connect: float
    tls: float
    request: float
    wait: float
    response: float
    total: float
    rtt_ms: float | None = None
    first_byte: float = 0.0

    @property
    def setting_up(self) -> float:
        """DNS, TCP and TLS of all legs: no page yet."""
        return self.dns + self.connect + self.tls

    @property
    def moving(self) -> float:
        """Bytes on their way: requests and responses."""
        return self.request + self.response


def spent(visit: Visit) -> Spent:
    """What the visit's phases add up to. `total` is measured, not added up."""
    sums = dict.fromkeys(KINDS, 0.0)
    rtt = None
    first_byte = visit.elapsed_ms
    for leg in visit.legs:
        for phase in phases(leg, visit.started_at):
            sums[phase.kind] += phase.ms
            if phase.kind in ("response", "cache"):
                first_byte = phase.start_ms
        rtt = round_trip_ms(leg) if round_trip_ms(leg) is not None else rtt
    return Spent(
        sums["dns"],
        sums["connect"],
        sums["tls"],
        sums["request"],
        sums["wait"],
        sums["response"],
        visit.elapsed_ms,
        rtt,
        first_byte,
    )


def round_trip_ms(leg: Leg) -> float | None:
    """What the handshake of TCP took with the address that won: one round trip."""
    if leg.connected is None or leg.connected.socket is None:
        return None
    won = next((a for a in leg.connected.attempts if a.outcome == "won"), None)
    return (won.ended_at - won.started_at) * 1000 if won is not None else None


def tls_round_trips(leg: Leg) -> int | None:
    """How often the handshake of TLS had to wait for the peer, counted on the wire."""
    if leg.secured is None or leg.secured.stream is None:
        return None
    waits, speaking = 0, False
    for chunk in leg.secured.stream.tap:
        if chunk.at > leg.secured.ended_at:
            break
        if chunk.sent:
            speaking = True
        elif speaking:
            waits, speaking = waits + 1, False
    return waits
