"""Where the time of a visit went: its phases in order, and what they add up to. Pure functions of what was measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from labctl.fetch.pauses import NO_PAUSE, Paused, paused

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

    `first_byte` is from Enter to the first byte of the last response, as far as one came. `way` is the part of `wait`
    that bytes were on the way there and back, one round trip for each leg that waited, 0 where none was measured;
    `cached` the rest of it where the answer came out of a cache on the way. `paused` is the part of `response` in
    which the sender sent nothing.
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
    way: float = 0.0
    cached: float = 0.0
    paused: Paused = NO_PAUSE

    @property
    def setting_up(self) -> float:
        """DNS, TCP and TLS of all legs: no page yet."""
        return self.dns + self.connect + self.tls

    @property
    def moving(self) -> float:
        """Bytes on their way: requests and responses, without the sender's pauses."""
        return max(0.0, self.request + self.response - self.paused.ms)

    @property
    def app(self) -> float:
        """What servers took that were no caches: before the first byte, and between bytes."""
        return max(0.0, self.wait - self.way - self.cached) + self.paused.ms


def spent(visit: Visit, rtt_ms: float | None = None) -> Spent:
    """What the visit's phases add up to. `total` is measured, not added up.

    `rtt_ms` is the round trip as far as an earlier visit has measured it: a leg over an open connection has none.
    """
    sums = dict.fromkeys(KINDS, 0.0)
    first_byte = visit.elapsed_ms
    way = cached = 0.0
    pauses: list[Paused] = []
    rtt = None
    known = [trip for leg in visit.legs if (trip := way_ms(leg)) is not None]
    trip = rtt_ms if rtt_ms is not None or not known else known[0]
    for leg in visit.legs:
        own = way_ms(leg)
        trip = trip if own is None else own
        rtt = round_trip_ms(leg) if round_trip_ms(leg) is not None else rtt
        for phase in phases(leg, visit.started_at):
            sums[phase.kind] += phase.ms
            if phase.kind in ("response", "cache"):
                first_byte = phase.start_ms
            if phase.kind == "wait" and not phase.failed:
                there_and_back = min(phase.ms, trip or 0.0)
                way += there_and_back
                cached += phase.ms - there_and_back if from_a_cache(leg) else 0.0
        pauses.append(paused(leg, trip))
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
        way,
        cached,
        Paused(sum(each.times for each in pauses), sum(each.ms for each in pauses)),
    )


def from_a_cache(leg: Leg) -> bool:
    """Whether a cache on the way says that it answered by itself. After a 304 the stored fields say nothing new."""
    from labctl.protocols.cache_vocabulary import verdict

    if leg.answer is None or leg.cache:
        return False
    told = verdict(leg.answer.fields)
    return told is not None and told.word in ("HIT", "STALE", "UPDATING")


def round_trip_ms(leg: Leg) -> float | None:
    """What the handshake of TCP took with the address that won: one round trip."""
    if leg.connected is None or leg.connected.socket is None:
        return None
    won = next((a for a in leg.connected.attempts if a.outcome == "won"), None)
    return (won.ended_at - won.started_at) * 1000 if won is not None else None


def way_ms(leg: Leg) -> float | None:
    """The round trip as far as the leg's handshakes tell it: a lost segment makes that of TCP alone far longer."""
    tcp, trips = round_trip_ms(leg), tls_round_trips(leg)
    if tcp is None or not trips or leg.secured is None:
        return tcp
    return min(tcp, (leg.secured.ended_at - leg.secured.started_at) * 1000 / trips)


def last_way_ms(visit: Visit) -> float | None:
    """`way_ms` of the last leg that has one: what a visit over the same connections has to expect."""
    return next((trip for leg in reversed(visit.legs) if (trip := way_ms(leg)) is not None), None)


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
