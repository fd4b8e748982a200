"""Which address to ask next for a zone, and what came of the ones that were asked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from labctl.protocols.dns_cache import Delegation
from labctl.protocols.dns_labels import ROOT, Labels, from_text, to_text, zone_text
from labctl.protocols.dns_result import AddressSource, Cut, Hint, Kind, Server

_LISTED = 6


@dataclass
class Servers:
    """The servers of one zone during one look-up, in the order they were named.

    `outcomes` are those that were asked in vain and how each failed; `without` the names without an
    address, each with a kebab-case code and half a sentence.
    """

    zone: Labels
    parent: Labels
    ns: tuple[Labels, ...]
    known: list[Server] = field(default_factory=list)
    outcomes: list[tuple[Server, Kind, str]] = field(default_factory=list)
    without: dict[Labels, tuple[str, str]] = field(default_factory=dict)
    looked_up: list[Labels] = field(default_factory=list)
    _asked: set[str] = field(default_factory=set)
    _fours: int = 0
    _retried: bool = False
    _addresses: set[str] = field(default_factory=set)

    def add(self, name: Labels, address: str, source: AddressSource) -> None:
        """One more address, unless it is known; IPv6 addresses go behind IPv4 ones."""
        if address in self._addresses:
            return
        self._addresses.add(address)
        server = Server(to_text(self.zone), to_text(name), address, source)
        if ":" in address:
            self.known.append(server)
        else:
            self.known.insert(self._fours, server)
            self._fours += 1

    def next_address(self, silent: set[str], *, patient: bool) -> Server | None:
        """The next address not asked yet. Those silent in this walk come last, or never if not patient."""
        fresh = [server for server in self.known if server.address not in self._asked]
        if silent:
            fresh.sort(key=lambda server: server.address in silent)
        for server in fresh:
            self._asked.add(server.address)
            if patient or server.address not in silent:
                return server
            self.failed(server, "silent", "was silent before")
        return self._once_more() if patient else None

    def _once_more(self) -> Server | None:
        """The only address again when it was silent: a datagram may be lost (RFC 1035 section 4.2.1)."""
        if self._retried or len(self.known) != 1 or len(self.ns) != 1 or len(self.outcomes) != 1:
            return None
        self._retried = True
        return self.known[0] if self.outcomes[0][1] == "silent" else None

    def next_name(self) -> Labels | None:
        """The next server known by name only, not looked up yet."""
        have = {server.name for server in self.known}
        for name in self.ns:
            if name not in self.without and name not in self.looked_up and to_text(name) not in have:
                return name
        return None

    def failed(self, server: Server, kind: Kind, why: str) -> None:
        """Note what came of asking a server."""
        self.outcomes.append((server, kind, why))

    @property
    def more(self) -> bool:
        """Whether there is another address, or a name to look one up for."""
        fresh = any(server.address not in self._asked for server in self.known)
        return fresh or self.next_name() is not None

    def cut(self) -> Cut:
        """What of this is worth knowing later."""
        return Cut(to_text(self.zone), tuple(self.known), tuple(map(to_text, self.ns)), to_text(self.parent))

    def failure(self) -> tuple[str, str]:
        """Code and sentence: why no server of this zone gave an answer."""
        code, why = self._failure()
        return code, why.rstrip(".") + "."

    def _failure(self) -> tuple[str, str]:
        zone = zone_text(self.zone)
        if not self.outcomes:
            for code, why in self.without.values():
                if code == "glueless-cycle":
                    return code, why
            reasons = _list([f"{to_text(name)} {why}" for name, (_, why) in self.without.items()])
            why = f": {reasons}" if reasons else ""
            return "no-address", f"No name server of {zone} has an address that could be asked{why}"
        told = [f"{server.name} ({server.address}) {why}" for server, _, why in self.outcomes]
        told += [
            f"{to_text(name)} {why}" for name, (code, why) in self.without.items() if code != "glueless-cycle"
        ]
        all_of_them = _list(told)
        kinds = {kind for _, kind, _ in self.outcomes}
        if kinds == {"silent"}:
            return "no-server-answers", f"No name server of {zone} answers: {all_of_them}"
        if kinds <= {"lame", "error"}:
            return "all-lame", f"No server that was named for {zone} serves it: {all_of_them}"
        return "no-server-answers", f"No name server of {zone} gives a usable answer: {all_of_them}"


def _list(reasons: list[str]) -> str:
    more = len(reasons) - _LISTED
    return "; ".join(reasons[:_LISTED]) + (f"; and {more} more" if more > 0 else "")


class AddressBook:
    """Addresses of name servers, and where each came from: hints, glue, looked up, or from an older cache."""

    def __init__(self, root_servers: Iterable[Hint], *, ipv6: bool) -> None:
        self.ipv6 = ipv6
        self._sources: dict[tuple[Labels, str], AddressSource] = {}
        self._resolved: dict[Labels, list[str]] = {}
        glue = []
        names = []
        for hint in root_servers:
            name = from_text(hint.name.lower())
            names.append(name)
            for address in hint.addresses:
                glue.append((name, address))
                self._sources[name, address] = "hint"
        self.root = Delegation(ROOT, ROOT, tuple(names), tuple(glue))

    def note_glue(self, delegation: Delegation) -> None:
        """A referral of this walk brought these addresses."""
        for name, address in delegation.glue:
            self._sources.setdefault((name, address), "glue")

    def note_resolved(self, name: Labels, addresses: Iterable[str], source: AddressSource) -> None:
        """Addresses of a server were looked up."""
        self._resolved[name] = list(addresses)
        for address in self._resolved[name]:
            self._sources.setdefault((name, address), source)

    def source(self, name: Labels, address: str) -> AddressSource:
        """Where an address came from; "cache" when it was known before this walk."""
        return self._sources.get((name, address), "cache")

    def servers(self, delegation: Delegation) -> Servers:
        """The servers of a zone, ready to be asked one after the other. IPv6 only if it is wanted."""
        servers = Servers(delegation.zone, delegation.parent, delegation.ns)
        pairs = list(delegation.glue)
        pairs += [(name, address) for name in delegation.ns for address in self._resolved.get(name, ())]
        for name, address in pairs:
            if self.ipv6 or ":" not in address:
                servers.add(name, address, self.source(name, address))
        return servers
