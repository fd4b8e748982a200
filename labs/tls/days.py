"""`--days N`: the chain has to verify and to be good for N more days, else the run fails.

Days are counted by their dates (UTC): what ends tomorrow has 1 day left, what ends later today has 0.
"""

from __future__ import annotations

from collections.abc import Iterator

from labctl.events import Event, Measure
from labs.telling import result
from labs.tls.certificates import Chain, day, days_between
from labs.words import count

CHECK = "tls.days.missing"


def unverified(wanted: int, why: str) -> Measure:
    """The check of a server whose certificates did not verify, or were never seen. `why` is a sentence."""
    return _check(f"Check days: --days {wanted} wants a chain that verifies. {why}", None)


def checked(wanted: int, chain: Chain, now: float) -> Iterator[Event]:
    """The check of a chain that verified: its first certificate to end decides. `now` is POSIX seconds."""
    ending = [c for c in chain.path if c.readable]
    if not ending or len(ending) < len(chain.path):
        why = "A certificate of the chain cannot be read here."
        yield unverified(wanted, why)
        yield result(why, "bad")
        return
    first = min(ending, key=lambda c: c.until)
    left = days_between(now, first.until.timestamp())
    missing = max(0, wanted - left)
    whose = "the server's certificate" if first == chain.path[0] else f"{first.name} in its chain"
    said = (
        f"{whose} is good until {day(first.until)}, for {count(left, 'more day')}; --days asks for {wanted}"
    )
    yield _check(f"Check days: {said}: {count(missing, 'day')} missing.", missing)
    if missing:
        yield result(f"Too few days: {said}.", "bad")
    else:
        yield result(f"Long enough: {said}.")


def _check(text: str, missing: int | None) -> Measure:
    return Measure(text, CHECK, missing, "days", at_most=0)
