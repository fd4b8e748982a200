"""What a visit says about the claims: judged from what was measured, whatever the sandbox was told to do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from labctl.events import Verdict
from labctl.fetch.connecting import HEAD_START
from labctl.fetch.legs import Leg, Visit
from labctl.fetch.phases import Kind, Phase, phases, round_trip_ms, tls_round_trips
from labs.url.claims import BEFORE_DNS, HAPPY_EYEBALLS, REDIRECTS, ROUND_TRIPS
from labs.url.words import listed, ms
from labs.words import count

# A round trip that is shorter than this cannot be told from the machine's own work. Milliseconds.
TELLABLE_MS = 40.0
# A wait for another address that is longer than this is a time-out and no head start. Milliseconds.
_TIME_OUT_MS = 1000.0


def before_dns(first: Visit, second: Visit) -> Iterator[Verdict]:
    """Whether the second visit could leave out what was remembered."""
    if first.failure or second.failure:
        return
    steps = [phase.kind for leg in second.legs for phase in phases(leg, second.started_at)]
    made = count(second.connections, "new connection")
    asked = sum(leg.lookup.questions for leg in second.legs if leg.lookup is not None)
    numbers = (
        f"{count(asked, 'question')} to the DNS, {made}, {count(steps.count('tls'), 'handshake')} of TLS"
    )
    said = f"The second visit needed {numbers}; the first made {count(first.connections, 'connection')}."
    closed = [leg.url.origin for leg in first.legs if leg.answer is not None and not leg.answer.keep_alive]
    closed += [leg.url.origin for leg in second.legs if leg.retried]
    if second.connections and closed:
        where = listed(list(dict.fromkeys(closed)))
        yield BEFORE_DNS.not_seen(f"{where} closed the connection after the first visit. {said}")
        return
    known = {leg.url.origin for leg in first.legs}
    new = [leg.url.origin for leg in second.legs if leg.url.origin not in known]
    if new:
        yield BEFORE_DNS.not_seen(
            f"The second visit was sent to {listed(new)}, where the first had not been. {said}"
        )
        return
    yield BEFORE_DNS.judged(not second.connections and not asked, said)


def round_trips(visit: Visit, rtt_ms: float | None, *, live: bool = False) -> Iterator[Verdict]:
    """How many round trips stood before the first byte; `rtt_ms` is the town's distance where it is known.

    What a handshake of TLS waited for is counted on the wire: a server that takes its time makes no round trip.
    On the `live` internet a segment may be lost, or a server ask for another key: that refutes nothing.
    """
    leg = next(
        (leg for leg in visit.legs if leg.secured is not None and leg.secured.stream is not None), None
    )
    if leg is None or leg.secured is None or leg.connected is None or visit.failure:
        return
    found = {phase.kind: phase for phase in phases(leg, visit.started_at)}
    if "wait" not in found:
        return
    trip = rtt_ms or _shortest(leg, found)
    if trip is None or trip < TELLABLE_MS:
        return
    if leg.secured.version != "1.3":
        yield ROUND_TRIPS.not_seen(f"The server speaks TLS {leg.secured.version}, and this is about 1.3.")
        return
    handshake = tls_round_trips(leg) or 0
    after = found["wait"].end_ms - (found["dns"].end_ms if "dns" in found else 0.0)
    said = (
        f"A round trip takes {ms(trip)}. TCP took {ms(found['connect'].ms)}, TLS {ms(found['tls'].ms)} "
        f"({count(handshake, 'round trip')}), the first byte came {ms(after)} after the name was known."
    )
    # One that lost a segment waited a second; a busy machine does not.
    tcp = (round_trip_ms(leg) or found["connect"].ms) / trip
    trips = tcp + handshake + 1
    if found["tls"].ms > (handshake + 1) * trip:
        said += " The server took its time with the handshake."
    if trips < 3.6:
        yield ROUND_TRIPS.judged(True, said)
    elif trips < 3.9:
        yield ROUND_TRIPS.not_seen(f"{said} The machine was too busy to tell.")
    elif live:
        why = "The server asked for another key." if handshake > 1 else "A segment was lost, or was late."
        yield ROUND_TRIPS.not_seen(f"{said} {why}")
    else:
        yield ROUND_TRIPS.judged(False, f"{said} That is more than three round trips.")


def _shortest(leg: Leg, found: Mapping[Kind, Phase]) -> float | None:
    """The round trip as far as it can be told from outside: no phase with one in it was shorter."""
    tcp = round_trip_ms(leg)
    trips = tls_round_trips(leg)
    if tcp is None or not trips:
        return None
    return min(tcp, found["tls"].ms / trips, found["wait"].ms)


def redirects(visit: Visit) -> Iterator[Verdict]:
    """Whether each leg to another origin paid for a connection of its own."""
    seen: set[str] = set()
    names: set[str] = set()
    later: list[Leg] = []
    spared: list[str] = []
    for leg in visit.legs:
        if seen and leg.url.origin not in seen and not leg.cache:
            later.append(leg)
            if leg.url.host not in names and leg.lookup is not None and leg.lookup.source == "memory":
                spared.append(leg.url.host)
        seen.add(leg.url.origin)
        names.add(leg.url.host)
    if not later or visit.failure in ("name", "connect"):
        return
    free = [leg for leg in later if leg.reused]
    paid = [leg for leg in later if leg.connected is not None and not leg.reused]
    cost = sum(
        phase.ms
        for leg in paid
        for phase in phases(leg, visit.started_at)
        if phase.kind in ("dns", "connect", "tls")
    )
    hosts = listed([leg.url.origin for leg in paid])
    if free:
        where = listed([leg.url.origin for leg in free])
        yield REDIRECTS.judged(
            False, f"The connection that was open already served {where} too: nothing was paid again for it."
        )
    else:
        yield REDIRECTS.judged(
            len(paid) == len(later) and not spared,
            f"{hosts} cost {ms(cost)} more for DNS, TCP and TLS, of {ms(visit.elapsed_ms)} in all.",
        )


def happy_eyeballs(visit: Visit) -> Iterator[Verdict]:
    """What an address that never answers cost."""
    for leg in visit.legs:
        connected = leg.connected
        if connected is None or connected.socket is None or len(connected.attempts) < 2:
            continue
        first, second = connected.attempts[0], connected.attempts[1]
        waited = (second.started_at - first.started_at) * 1000
        if first.outcome == "won" or ":" not in first.address:
            continue
        if first.outcome in ("refused", "unreachable", "reset"):
            yield HAPPY_EYEBALLS.not_seen(
                f"{first.address} failed at once ({first.outcome}), so nobody had to wait for it."
            )
            return
        said = (
            f"{first.address} did not answer; {second.address} was tried {ms(waited)} later and "
            f"{'won' if second.outcome == 'won' else 'lost'}, {ms(connected.elapsed_ms)} after the first try."
        )
        held = waited < _TIME_OUT_MS and waited >= HEAD_START * 1000 * 0.9
        yield HAPPY_EYEBALLS.judged(held, said)
        return
