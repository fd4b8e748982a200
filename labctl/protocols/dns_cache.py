"""What a resolver remembers: answers, "no" answers, and whom to ask for a zone (RFC 1034 section 5.3.3, RFC
2308).

TTLs count down on the clock that is handed in, and asking does not renew them. What is learnt again while
it is still held does not renew it either, unless it changed: a parent cannot be kept out by a child that
keeps its own delegation alive ("ghost domains", RFC 2181 section 5.4.1). Not locked: one thread at a time.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from labctl.protocols.dns_labels import Labels, from_text, to_text
from labctl.protocols.dns_meaning import Reading
from labctl.protocols.dns_records import covers, data_text, rrsets
from labctl.protocols.dns_remembered import Cached, CacheEntry, Delegation, Kept
from labctl.protocols.dns_types import ANY, CNAME, DNAME, NSEC, NSEC3, SOA, type_number, type_text
from labctl.protocols.dns_wire import MAX_TTL, RR

MAX_NEGATIVE_TTL = 10_800  # three hours: RFC 2308 section 5 found one to three to work well


__all__ = ["Cache", "CacheEntry", "Cached", "Delegation", "Kept"]


class Cache:
    """Memory of one resolver. `clock` gives seconds; `max_ttl` and `max_negative_ttl` cap what is
    believed.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        *,
        max_ttl: int = MAX_TTL,
        max_negative_ttl: int = MAX_NEGATIVE_TTL,
    ) -> None:
        self._clock = clock
        self._max_ttl = max_ttl
        self._max_negative_ttl = max_negative_ttl
        self._kept: dict[tuple[Labels, int], Kept] = {}
        self._zones: dict[Labels, tuple[Delegation, int, float]] = {}

    # What a walk looks up.

    def find(self, name: Labels, rdtype: int, *, signed: bool = False) -> Kept | None:
        """The records of a name and type, or the "no" that is known of them; `signed` only with
        signatures.
        """
        kept = self._live((name, rdtype), signed)
        above = len(name)
        while kept is None and above >= 0:  # no such name: nothing exists below it either (RFC 8020)
            kept = self._live((name[len(name) - above :], 0), signed)
            above -= 1
        return kept

    def find_alias(self, name: Labels, *, signed: bool = False) -> Kept | None:
        """The CNAME at a name, or the DNAME at one above it."""
        kept = self._live((name, CNAME), signed)
        if kept is not None and not kept.no:
            return kept
        for up in range(1, len(name) + 1):
            kept = self._live((name[up:], DNAME), signed)
            if kept is not None and not kept.no:
                return kept
        return None

    def closest(self, name: Labels, *, above: bool = False) -> Delegation | None:
        """The deepest zone at or above a name (`above`: strictly above it) whose servers are known."""
        for up in range(1 if above else 0, len(name) + 1):
            if (known := self.delegation(name[up:])) is not None:
                return known
        return None

    def delegation(self, zone: Labels) -> Delegation | None:
        """The servers of exactly this zone."""
        held = self._zones.get(zone)
        return held[0] if held is not None and self._left(held[1], held[2]) > 0 else None

    def ttl_left(self, kept: Kept) -> int:
        """Seconds that an entry may still be used, rounded up; 0 when its time is over."""
        return self._left(kept.ttl, kept.learnt)

    # What a walk learns.

    def learn(self, reading: Reading, name: Labels, rdtype: int, *, zone: Labels, signed: bool) -> None:
        """Take over what one reply of a server of `zone` said about a name and type."""
        if reading.kind == "referral":
            self.learn_delegation(
                Delegation(reading.zone, zone, tuple(reading.ns), tuple(reading.glue)), reading.ttl
            )
            return
        if reading.kind not in {"answer", "alias", "nodata", "nxdomain"}:
            return
        for step in reading.steps:
            record = step.record
            self._keep(record.owner, record.rdtype, [record], reading, signed)
        if reading.records and rdtype != ANY:
            self._keep(reading.final, rdtype, reading.records, reading, signed)
        if reading.kind in {"nodata", "nxdomain"} and reading.negative_ttl is not None:
            ttl = min(reading.negative_ttl, self._max_negative_ttl)
            kept_type = 0 if reading.kind == "nxdomain" else rdtype
            self._put(
                Kept(
                    reading.final,
                    kept_type,
                    ttl,
                    self._clock(),
                    reading.kind,
                    [],
                    [],
                    reading.proof,
                    reading.soa,
                    signed,
                )
            )

    def learn_delegation(self, delegation: Delegation, ttl: int) -> None:
        """Remember whom to ask for a zone, `ttl` seconds long."""
        if self.delegation(delegation.zone) != delegation:
            self._zones.pop(delegation.zone, None)
            self._zones[delegation.zone] = (delegation, min(ttl, self._max_ttl), self._clock())

    # What others read out of it.

    def lookup(self, name: str, type: str, *, signed: bool = False) -> Cached | None:
        """What is remembered of a name and type, aliases not followed. Raises ValueError for text that
        is neither.
        """
        labels, rdtype = from_text(name), type_number(type)
        kept = self.find(labels, rdtype, signed=signed)
        return self._cached(kept, name, type) if kept is not None else None

    def lookup_alias(self, name: str, *, signed: bool = False) -> Cached | None:
        """The CNAME of a name, or the DNAME above it, when remembered."""
        kept = self.find_alias(from_text(name), signed=signed)
        return self._cached(kept, to_text(kept.name), type_text(kept.rdtype)) if kept is not None else None

    def entries(self) -> list[CacheEntry]:
        """Everything that is still held, in the order learnt."""
        found: list[tuple[float, CacheEntry]] = []
        for delegation, ttl, learnt in list(self._zones.values()):
            left = self._left(ttl, learnt)
            if left > 0:
                servers = ", ".join(map(to_text, delegation.ns))
                found.append((learnt, CacheEntry(to_text(delegation.zone), "NS", ttl, left, servers, False)))
        for kept in list(self._kept.values()):
            left = self.ttl_left(kept)
            if left > 0:
                text = {"nodata": "no record of this type", "nxdomain": "no such name"}.get(kept.no)
                mnemonic = type_text(kept.rdtype) if kept.rdtype else "NXDOMAIN"
                text = text or ", ".join(data_text(rr) for rr in kept.records)
                entry = CacheEntry(to_text(kept.name), mnemonic, kept.ttl, left, text, bool(kept.no))
                found.append((kept.learnt, entry))
        found.sort(key=lambda pair: pair[0])
        return [entry for _, entry in found]

    def _live(self, key: tuple[Labels, int], signed: bool) -> Kept | None:
        kept = self._kept.get(key)
        if kept is None or (signed and not kept.signed) or self.ttl_left(kept) <= 0:
            return None
        return kept

    def _left(self, ttl: int, learnt: float) -> int:
        return min(ttl, math.ceil(ttl - (self._clock() - learnt)))

    def _keep(self, owner: Labels, rdtype: int, records: list[RR], reading: Reading, signed: bool) -> None:
        covering = [rr for rr in reading.signatures if rr.owner == owner and covers(rr) == rdtype]
        ttl = min((rr.ttl for rr in records), default=0)
        proof = [rr for rr in reading.proof if rr.rdtype in {NSEC, NSEC3} or covers(rr) in {NSEC, NSEC3}]
        self._put(
            Kept(
                owner,
                rdtype,
                min(ttl, self._max_ttl),
                self._clock(),
                "",
                records,
                covering,
                proof if reading.kind == "answer" else [],
                None,
                signed,
            )
        )

    def _put(self, kept: Kept) -> None:
        key = (kept.name, kept.rdtype)
        held = self._live(key, kept.signed)
        if held is None or _data(held) != _data(kept):
            self._kept.pop(key, None)
            self._kept[key] = kept

    def _cached(self, kept: Kept, name: str, type: str) -> Cached:
        left = self.ttl_left(kept)
        return Cached(
            name=name,
            type=type,
            rcode="NXDOMAIN" if kept.no == "nxdomain" else "NOERROR",
            negative=bool(kept.no),
            ttl_left=left,
            rrsets=rrsets([*kept.records, *kept.signatures], left),
            authority=rrsets(kept.proof, left),
        )


def _data(kept: Kept) -> tuple[str, list[str]]:
    return kept.no, sorted(data_text(rr) for rr in kept.records if rr.rdtype != SOA)
