"""A zone ready for questions: its records by name, its delegations, its empty non-terminals, its denials."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator

import dns.name
import dns.rdatatype
import dns.zone
from dns.name import Name
from dns.rdataset import Rdataset
from dns.rdatatype import RdataType
from dns.rrset import RRset, from_rdata_list

from labctl.sandbox.town import ZoneFile

NS, SOA, CNAME, DNAME = RdataType.NS, RdataType.SOA, RdataType.CNAME, RdataType.DNAME


class Zone:
    """The records of one zone file. Names are absolute. Knows nothing of signatures."""

    def __init__(self, file: ZoneFile) -> None:
        self.file = file
        parsed = dns.zone.from_text("\n".join(file.records), origin=file.origin, relativize=False)
        self.origin: Name = parsed.origin if parsed.origin is not None else dns.name.root
        self.nodes: dict[Name, dict[RdataType, Rdataset]] = {
            name: {rdataset.rdtype: rdataset for rdataset in node} for name, node in parsed.nodes.items()
        }
        self.cuts = {name for name, node in self.nodes.items() if NS in node and name != self.origin}
        # Names that own nothing but have something below them exist all the same (RFC 8020, RFC 4592 2.2.2).
        self.empty: set[Name] = set()
        for name in self.nodes:
            for above in self._ancestors(name):
                if above not in self.nodes:
                    self.empty.add(above)
        # Owner names of the denial chain, in canonical order: what is ours, and the delegations, no glue.
        self._chain = sorted(name for name in self.nodes if self.cut_of(name) in (None, name))

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
        """The records of this owner and type, as an RRset of their own."""
        rdataset = self.nodes.get(name, {}).get(type)
        if rdataset is None:
            return None
        return from_rdata_list(name, rdataset.ttl, list(rdataset))

    def types(self, name: Name) -> set[RdataType]:
        """Which types this owner has; the denial bitmap of a delegation leaves out glue."""
        return {NS} if name in self.cuts else set(self.nodes.get(name, ()))

    def negative_ttl(self) -> int:
        """Seconds that a "no" may be remembered: min(SOA TTL, SOA minimum) (RFC 2308 section 5)."""
        soa = self.nodes[self.origin][SOA]
        minimum: int = soa[0].minimum
        return min(soa.ttl, minimum)

    def denial_owner(self, name: Name) -> Name:
        """The owner of the NSEC that matches or covers this name: the last one not after it."""
        return self._chain[bisect_right(self._chain, name) - 1]

    def next_in_chain(self, name: Name) -> Name:
        """The owner after this one; the last one points back at the apex (RFC 4034 section 4.1.1)."""
        place = bisect_right(self._chain, name)
        return self._chain[place] if place < len(self._chain) else self.origin
