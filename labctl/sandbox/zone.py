"""A zone ready for questions: records by name, delegations, empty non-terminals, the denial chain.

The lines of the zone file are sorted by owner and type at once; their data is read when a question first
needs it, because most questions need two or three lines of a hundred.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from functools import cached_property

import dns.name
import dns.rdata
from dns.name import Name
from dns.rdataclass import RdataClass
from dns.rdatatype import RdataType
from dns.rrset import RRset, from_rdata_list

from labctl.sandbox.town import ZoneFile

NS, SOA, CNAME, DNAME = RdataType.NS, RdataType.SOA, RdataType.CNAME, RdataType.DNAME


class Zone:
    """The records of one zone file. Names are absolute. Knows nothing of signatures."""

    def __init__(self, file: ZoneFile) -> None:
        self.file = file
        self.origin: Name = dns.name.from_text(file.origin)
        # Owner, type, and the (TTL, data) texts of the records.
        self.nodes: dict[Name, dict[RdataType, list[tuple[str, str]]]] = {}
        self._read: dict[tuple[Name, RdataType], RRset] = {}
        names: dict[str, Name] = {}
        for line in file.records:
            owner, ttl, _, kind, data = line.split(None, 4)
            name = names.get(owner) or names.setdefault(owner, dns.name.from_text(owner))
            node = self.nodes.setdefault(name, {})
            node.setdefault(RdataType[kind], []).append((ttl, data))
        self.cuts = {name for name, node in self.nodes.items() if NS in node and name != self.origin}
        # Names that own nothing but have something below them exist all the same (RFC 8020, RFC 4592 2.2.2).
        self.empty: set[Name] = set()
        for name in self.nodes:
            for above in self._ancestors(name):
                if above in self.nodes or above in self.empty:
                    break
                self.empty.add(above)

    def _ancestors(self, name: Name) -> Iterator[Name]:
        """The names between `name` and the apex, closest first, the apex included."""
        while name != self.origin:
            name = name.parent()
            yield name

    def cut_of(self, name: Name) -> Name | None:
        """The topmost delegation at or above this name, or None when the name is ours."""
        above = [n for n in (name, *self._ancestors(name)) if n in self.cuts]
        return above[-1] if above else None

    def exists(self, name: Name) -> bool:
        """Whether the name owns records or has names below it."""
        return name in self.nodes or name in self.empty

    def closest_encloser(self, name: Name) -> Name:
        """The deepest ancestor of `name` that exists (RFC 4592 section 3.3.1)."""
        return next(n for n in self._ancestors(name) if self.exists(n))

    def dname_above(self, name: Name) -> Name | None:
        """The owner of a DNAME that redirects this name, or None."""
        return next((n for n in self._ancestors(name) if DNAME in self.nodes.get(n, {})), None)

    def rrset(self, name: Name, type: RdataType) -> RRset | None:
        """The records of this owner and type; do not change them."""
        known = self._read.get((name, type))
        if known is not None:
            return known
        lines = self.nodes.get(name, {}).get(type)
        if lines is None:
            return None
        records = [dns.rdata.from_text(RdataClass.IN, type, data, relativize=False) for _, data in lines]
        rrset = self._read[name, type] = from_rdata_list(name, int(lines[0][0]), records)
        return rrset

    def types(self, name: Name) -> set[RdataType]:
        """Which types this owner has; of a delegation only NS is spoken for, not the glue."""
        return {NS} if name in self.cuts else set(self.nodes.get(name, ()))

    @cached_property
    def negative_ttl(self) -> int:
        """Seconds that a "no" may be remembered: min(SOA TTL, SOA minimum) (RFC 2308 section 5)."""
        soa = self.rrset(self.origin, SOA)
        assert soa is not None
        return min(soa.ttl, int(soa[0].minimum))

    @cached_property
    def _chain(self) -> list[Name]:
        """Owners of the denial chain in canonical order: what is ours, and the delegations, but no glue."""
        return sorted(name for name in self.nodes if self.cut_of(name) in (None, name))

    def denial_owner(self, name: Name) -> Name:
        """The owner of the NSEC that matches or covers this name: the last one not after it."""
        return self._chain[bisect_right(self._chain, name) - 1]

    def next_in_chain(self, name: Name) -> Name:
        """The owner after this one; the last one points back at the apex (RFC 4034 section 4.1.1)."""
        place = bisect_right(self._chain, name)
        return self._chain[place] if place < len(self._chain) else self.origin
