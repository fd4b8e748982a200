"""All name servers of the town on one common port, each on an address 127.53.0.x of its own.

So that unmodified dig, delv, kdig, drill and unbound can be pointed at them. In the zones the addresses of
name servers are rewritten to where they are here, and their AAAA records left out, so that referrals lead on.
`dig +trace` does not work: it asks the system's resolver for the addresses of the servers.
"""

from __future__ import annotations

import errno
import socket
import threading
import time
from dataclasses import dataclass

from labctl import dns_transport
from labctl.errors import CannotRun
from labctl.internet import Reply, Via
from labctl.sandbox.faults import town_under
from labctl.sandbox.signing import root_anchor
from labctl.sandbox.town import Town, TownServer
from labctl.sandbox.town_files import STANDING_PORT, STANDING_RESOLVER
from labctl.sandbox.world import World

RESOLVER = STANDING_RESOLVER
ROOT_SERVER = "127.53.0.1"
DEFAULT_PORT = STANDING_PORT


@dataclass(frozen=True)
class StandingServer:
    """One name server: where it stands here, where it stands in the town, and what it serves."""

    address: str
    town_address: str
    name: str
    role: str
    zones: tuple[str, ...]


class Standalone:
    """The running servers. `port` is the common port. Close it, or use it as a context manager."""

    def __init__(self, town: Town, port: int, fault: str, latency: bool) -> None:
        self.fault = fault
        self._started = time.monotonic()
        self._closed = False
        self._lock = threading.Lock()
        places = places_of(town)
        self._places = {new: new for new in places.values()} | {
            address: places[server.addresses[0]] for server in town.servers for address in server.addresses
        }
        moved = moved_town(town, places)
        self.servers = tuple(
            StandingServer(
                server.addresses[0],
                next(old for old, new in places.items() if new == server.addresses[0]),
                server.name,
                server.role,
                tuple(zone.origin for zone in moved.zones if server.addresses[0] in zone.servers),
            )
            for server in moved.servers
        )
        self._world = World(moved, ask=self._ask, clock=self._clock, date=time.time, latency=latency)
        try:
            self.port = self._open(moved.servers, port)
        except BaseException:
            self.close()
            raise

    @property
    def resolver(self) -> str:
        """The address of the recursive resolver."""
        return RESOLVER

    @property
    def trust_anchor(self) -> str:
        """The DS record of the root, `. DS 12345 13 2 ABCD...`, as unbound's `trust-anchor:` takes it."""
        return root_anchor()

    @property
    def bind_trust_anchors(self) -> str:
        """The same as a `trust-anchors` statement, for `delv -a FILE` and named."""
        owner, _, tag, algorithm, kind, digest = self.trust_anchor.split()
        return f'trust-anchors {{ {owner} static-ds {tag} {algorithm} {kind} "{digest}"; }};\n'

    @property
    def crashes(self) -> tuple[BaseException, ...]:
        """Bugs of the servers that were met on the way; the asker got SERVFAIL. Tests look at it."""
        return tuple(self._world.sockets.crashes)

    @property
    def unbound_config(self) -> str:
        """Configuration lines with which unbound walks the town itself and validates.

        A stub for every zone: unbound knows no port in a referral.
        """
        return self._unbound_server + "".join(
            f'stub-zone:\n  name: "{zone}"\n'
            + "".join(f"  stub-addr: {s.address}@{self.port}\n" for s in self.servers if zone in s.zones)
            for zone in self.zones
        )

    @property
    def unbound_forward_config(self) -> str:
        """Configuration lines with which unbound asks the town's resolver and validates what it says."""
        return f'{self._unbound_server}forward-zone:\n  name: "."\n  forward-addr: {RESOLVER}@{self.port}\n'

    @property
    def _unbound_server(self) -> str:
        local = "".join(
            f'  local-zone: "{zone}" nodefault\n' for zone in self.zones if zone == "test." or "arpa" in zone
        )
        return f'server:\n  do-not-query-localhost: no\n  trust-anchor: "{self.trust_anchor}"\n{local}'

    @property
    def zones(self) -> tuple[str, ...]:
        """All zones of the town, as the servers have them."""
        return tuple(dict.fromkeys(zone for server in self.servers for zone in server.zones))

    @property
    def ways_to_ask(self) -> tuple[tuple[str, str], ...]:
        """(what it shows, the command) pairs; FILE is a file that holds `bind_trust_anchors`."""
        shop = next(s.address for s in self.servers if "shop.test." in s.zones)
        return (
            ("the resolver", f"dig @{RESOLVER} -p {self.port} www.shop.test"),
            ("a root server refers", f"dig @{ROOT_SERVER} -p {self.port} +norecurse www.shop.test"),
            ("the authority answers", f"dig @{shop} -p {self.port} +norecurse www.shop.test"),
            ("validated", f"delv @{RESOLVER} -p {self.port} -a FILE +root=. www.shop.test"),
        )

    def _ask(self, address: str, wire: bytes, *, via: Via, timeout: float) -> Reply:
        now = self._clock()
        place = self._places.get(address)
        if place is None or self._closed:
            return Reply(None, now, now, via, "unreachable", f"{address} is outside of the town")
        send = dns_transport.udp if via == "udp" else dns_transport.tcp
        return send((place, self.port), wire, timeout=timeout, clock=self._clock)

    def _clock(self) -> float:
        return time.monotonic() - self._started

    def _open(self, servers: tuple[TownServer, ...], port: int) -> int:
        """Bind everything. Port 0: the first server's port decides, and the others follow."""
        sockets = self._world.sockets
        for server in servers:
            service, latency = self._world.service(server), self._world.latency(server)
            for open_ in (sockets.open_udp, sockets.open_tcp):
                address = server.addresses[0]
                try:
                    port = open_((address, port), service, latency)
                except OSError as error:
                    raise _cannot_bind(address, port, error, servers) from error
        return port

    def close(self) -> None:
        """End all servers. Idempotent."""
        with self._lock:
            already, self._closed = self._closed, True
        if not already:
            self._world.close()

    def __enter__(self) -> Standalone:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def serve(port: int = DEFAULT_PORT, fault: str = "", *, latency: bool = True) -> Standalone:
    """Start the whole town; port 0 takes a free one. Raises UsageError `fault-unknown`.

    Raises CannotRun `port-in-use`, or `loopback-address-missing` where 127.53.0.x is not there by itself.
    """
    town = town_under(fault)
    attempts = 1 if port else 8
    for attempt in range(attempts):
        try:
            return Standalone(town, port or _free_port(), fault, latency)
        except CannotRun as error:
            if error.code != "port-in-use" or attempt == attempts - 1:
                raise
    raise AssertionError("unreachable")


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def places_of(town: Town) -> dict[str, str]:
    """Town address (IPv4) to loopback address, in the town's order; the resolver gets 127.53.0.53."""
    free = (f"127.53.0.{number}" for number in range(1, 255) if number != 53)
    return {
        server.addresses[0]: RESOLVER if server.addresses[0] == town.resolver_address else next(free)
        for server in town.servers
    }


def moved_town(town: Town, places: dict[str, str]) -> Town:
    """The town with its name servers at these places, in the zones too."""
    others = {address for server in town.servers for address in server.addresses} - places.keys()

    def moved(line: str) -> str | None:
        owner, ttl, _, kind, data = line.split(None, 4)
        if kind == "A" and data in places:
            return f"{owner} {ttl} IN A {places[data]}"
        return None if kind == "AAAA" and data in others else line

    return town._replace(
        zones=tuple(
            zone._replace(
                records=tuple(new for old in zone.records if (new := moved(old)) is not None),
                servers=tuple(places[address] for address in zone.servers),
            )
            for zone in town.zones
        ),
        servers=tuple(s._replace(addresses=(places[s.addresses[0]],)) for s in town.servers),
        resolver_address=places[town.resolver_address],
    )


def _cannot_bind(address: str, port: int, error: OSError, servers: tuple[TownServer, ...]) -> CannotRun:
    if error.errno == errno.EADDRNOTAVAIL:
        last = len(servers)
        return CannotRun(
            "loopback-address-missing",
            f"this machine has no address {address}, and every name server needs one of its own.",
            evidence=(("bind", f"{address}:{port}: {error.strerror}"),),
            fixes=(f"for i in $(seq 1 {max(last, 53)}); do sudo ifconfig lo0 alias 127.53.0.$i up; done",),
        )
    if error.errno == errno.EADDRINUSE:
        from labctl.ports import holder

        held_by = holder(port, address)
        return CannotRun(
            "port-in-use",
            f"Port {port} on {address} is taken, perhaps by another `labctl sandbox up`.",
            evidence=(
                ("bind", f"{address}:{port}: {error.strerror}"),
                *((("held by", held_by),) if held_by else ()),
            ),
            fixes=("labctl sandbox up --port 0", f"labctl port {port}   says who has it and why"),
        )
    if error.errno == errno.EACCES:
        return CannotRun(
            "port-not-allowed",
            f"an ordinary user may not take port {port} here.",
            evidence=(("bind", f"{address}:{port}: {error.strerror}"),),
            fixes=(f"labctl sandbox up --port {DEFAULT_PORT}",),
        )
    return CannotRun(
        "cannot-bind",
        f"Cannot take {address}:{port}.",
        evidence=(("bind", f"{error.strerror}"),),
    )
