"""What the town's resolver remembers, and how a question is followed through it.

The walker's cache, with the manners that a fault can turn.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import dns.rrset
from dns.name import Name
from dns.rcode import Rcode
from dns.rdatatype import RdataType
from dns.rrset import RRset

from labctl.protocols.dns_cache import Cache
from labctl.sandbox.town import ResolverManners

_ALIASES = 12


@dataclass
class Found:
    """What the memory says to a question. `complete` False: the walk has to go on from there."""

    answer: list[RRset] = field(default_factory=list)
    authority: list[RRset] = field(default_factory=list)
    rcode: Rcode = Rcode.NOERROR
    complete: bool = False


class Memory(Cache):
    """The cache, with the manners that a fault can turn."""

    def __init__(self, clock: Callable[[], float], manners: ResolverManners) -> None:
        super().__init__(clock)
        self._manners = manners

    def _left(self, ttl: int, learnt: float) -> int:
        left = super()._left(ttl, learnt)
        return ttl if left > 0 and not self._manners.counts_down else left

    def drop_denials(self) -> None:
        """Forget every "no"."""
        self._kept = {key: kept for key, kept in self._kept.items() if not kept.no}

    def follow(self, name: Name, wanted: RdataType, *, signed: bool) -> Found:
        """Everything remembered of a question along the aliases (RFC 1034 5.3.3).

        `signed`: what was learnt without its signatures does not count.
        """
        found = Found()
        for _ in range(_ALIASES + 1):
            cached = self.lookup(name.to_text(), RdataType.to_text(wanted), signed=signed)
            if cached is not None:
                found.answer += cached.rrsets
                found.authority += cached.authority
                found.rcode = Rcode[cached.rcode]
                found.complete = True
                break
            alias = self.lookup_alias(name.to_text(), signed=signed)
            if alias is None or wanted == RdataType.CNAME:
                break
            found.answer += alias.rrsets
            found.authority += alias.authority
            record = next(r for r in alias.rrsets if r.rdtype in (RdataType.CNAME, RdataType.DNAME))
            target = record[0].target
            if record.rdtype == RdataType.DNAME:
                target = name.relativize(record.name).concatenate(target)
                found.answer.append(dns.rrset.from_text(name, record.ttl, "IN", "CNAME", target.to_text()))
            name = target
        return found
