"""How a name becomes an address: the caches, the walk from the root, the answer and how long it keeps."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from labctl.errors import CannotRun, UsageError
from labctl.events import Event, Step
from labctl.internet import Endpoint, Internet, Via
from labctl.lab import Lab, Place
from labs.dns.claims import CLAIMS, ITERATIVE, REFERRAL

if TYPE_CHECKING:
    from labctl.protocols.dns_target import ServerAddress, Target

DEFAULT_NAME = "www.shop.test."
# For completion, the usual ones; any other type can be asked for too.
RECORD_TYPES = (
    *("A", "AAAA", "CAA", "CNAME", "DNAME", "DNSKEY", "DS", "HTTPS", "MX", "NAPTR", "NS", "NSEC", "NSEC3"),
    *("NSEC3PARAM", "PTR", "RRSIG", "SOA", "SRV", "SSHFP", "SVCB", "TLSA", "TXT"),
)
STANDARD_PORTS: dict[Via, int] = {"udp": 53, "tcp": 53, "tls": 853, "https": 443}


def place(arguments: Mapping[str, Any]) -> Place:
    """Where the target lives: the town, the real internet, or both (DESIGN.md section 6).

    A server to ask decides: its address is in one of them only. Raises UsageError for what cannot be meant.
    """
    from labctl.protocols import dns_target
    from labctl.protocols.nearness import TOWN_NAMES, is_near

    asked = dns_target.target(str(arguments.get("name") or DEFAULT_NAME))
    _types(arguments.get("type") or [])
    for text in arguments.get("server") or []:
        server = dns_target.server_address(text, via=str(arguments.get("via") or "udp"))
        return "local" if is_near(server.address) else dns_target.place(server.host, TOWN_NAMES)
    return dns_target.place(asked.address or asked.name, TOWN_NAMES)


def run(
    internet: Internet,
    name: Annotated[str, "The name to look up; an address means its reverse name."] = DEFAULT_NAME,
    *,
    type: Annotated[
        list[str] | None, "Record type: A, AAAA, MX, TXT, ...; several at once. [default: A]", RECORD_TYPES
    ] = None,
    server: Annotated[
        list[str] | None, "Ask this server (ADDRESS[:PORT]) instead of walking; several with --compare."
    ] = None,
    via: Annotated[Via, "How to speak with --server (in the sandbox, 192.0.2.53 speaks all four)."] = "udp",
    dnssec: Annotated[bool, "Ask for signatures and check the chain from the root's key."] = False,
    qmin: Annotated[bool, "Show each server no more of the name than it needs (RFC 9156)."] = False,
    compare: Annotated[bool, "All servers of the zone side by side, or all that --server names."] = False,
    watch: Annotated[bool, "Watch the TTL drain in a resolver's cache, and what happens at 0."] = False,
) -> Iterator[Event]:
    """The lab's events. Raises UsageError, at once, for a name, a type or options that cannot be meant."""
    from labctl.protocols.dns_names import special_name
    from labctl.protocols.dns_target import server_address, target

    asked = target(name)
    types = _types(type or []) or (asked.type or "A",)
    servers = [server_address(text, via=via) for text in server or []]
    _sensible(asked.name, types, servers, via, qmin=qmin, compare=compare, watch=watch, dnssec=dnssec)

    def events() -> Iterator[Event]:
        yield from _about_the_name(asked)
        if not servers and (special := special_name(asked.name)) is not None:
            yield from _not_asked(asked, special)
            return
        asking = [_endpoint(internet, each) for each in servers]
        if len(asking) > 1:
            from labs.dns.compare import resolvers

            yield Step(text="OBSERVE: who says what.", role="phase", phase="OBSERVE", title="who says what")
            for each in types:
                yield from resolvers(internet, asking, asked.name, each)
        elif watch:
            from labs.dns.watch import drain

            yield from drain(internet, asking[0] if asking else None, asked.name, types[0])
        elif asking:
            from labs.dns.one_server import ask_one

            yield from ask_one(internet, asking[0], via, asked.name, types, dnssec=dnssec)
        else:
            from labs.dns.whole_walk import whole_walk

            yield from whole_walk(internet, asked.name, types, dnssec=dnssec, qmin=qmin, compare=compare)
        yield from _by_hand(internet, asked.name, types, asking, via, dnssec)

    return events()


def _sensible(
    name: str,
    types: Sequence[str],
    servers: Sequence[ServerAddress],
    via: Via,
    *,
    qmin: bool,
    compare: bool,
    watch: bool,
    dnssec: bool,
) -> None:
    """Raises UsageError for options of which one would be silently ignored."""
    line = f"labctl dns {name.rstrip('.') or '.'}"
    if via != "udp" and not servers:
        raise UsageError(
            "option-needs-server",
            f"--via {via} needs a server to speak to: a walk asks name servers by UDP, and by TCP when told to",
            fixes=(f"{line} --server 192.0.2.53 --via {via}",),
        )
    if via in ("tcp", "tls", "https") and len(servers) > 1:
        raise UsageError("options-contradict", f"several servers are compared over UDP, not over {via}")
    for given, option, other in (
        (servers and qmin, "--qmin", "--server: what a server sees of a name is the walk's matter"),
        (len(servers) == 1 and compare, "--compare", "one --server: name two, or none for all of the zone's"),
        (watch and len(servers) > 1, "--watch", "several servers"),
        (watch and compare, "--watch", "--compare"),
        (watch and dnssec, "--watch", "--dnssec"),
        (watch and qmin, "--watch", "--qmin"),
        (servers and dnssec, "--dnssec", "--server: the chain is checked along a walk"),
        (watch and len(types) > 1, "--watch", "several types"),
        (watch and via != "udp", "--watch", f"--via {via}"),
    ):
        if given:
            raise UsageError(
                "options-contradict", f"{option} makes no sense together with {other}", fixes=(line,)
            )


def _types(typed: list[str]) -> tuple[str, ...]:
    """`--type A --type MX` and `--type A,MX` mean the same. Raises UsageError for an unknown type."""
    from labctl.protocols.dns_names import parse_type

    return tuple(dict.fromkeys(parse_type(t) for each in typed for t in each.split(",")))


def _endpoint(internet: Internet, server: ServerAddress) -> Endpoint:
    """Where to ask; a name is looked up from the root first, like any other."""
    address = server.address
    if not address:
        from labs.dns.compare import quietly
        from labs.dns.walking import walk

        found = quietly(walk(internet, f"{server.name}.", "A")).result
        if not found.records:
            raise CannotRun(
                "server-not-found",
                f"the server {server.name} has no address that could be found",
                evidence=(("looked up", found.why or found.text),),
            )
        address = found.records[0].text
    return Endpoint(address, server.port, server.name)


def _about_the_name(target: Target) -> Iterator[Event]:
    if target.address:
        yield Step(
            text=f"{target.address} is an address: its name is looked up as {target.name} PTR.", role="note"
        )
    if target.display.rstrip(".") != target.name.rstrip("."):
        yield Step(text=f"{target.display} goes over the wire as {target.name}", role="note")


def _not_asked(target: Target, special: str) -> Iterator[Event]:
    """A name that no name server is to be asked about: its rule is the lesson (RFC 6761)."""
    yield Step(text="OBSERVE: a special name.", role="phase", phase="OBSERVE", title="a special name")
    yield Step(text=special, role="warning")
    for claim in (REFERRAL, ITERATIVE):
        yield claim.not_seen(f"{target.display} is a special name: nobody was asked.")


def _by_hand(
    internet: Internet, name: str, types: tuple[str, ...], servers: list[Endpoint], via: Via, dnssec: bool
) -> Iterator[Event]:
    shown = name.rstrip(".") or "."
    kinds = " ".join(f"{shown} {kind}" for kind in types)
    flags = "+dnssec " if dnssec else ""
    if internet.kind == "sandbox":
        from labctl.sandbox.town_files import STANDING_PORT, STANDING_RESOLVER

        broken = f" --break {internet.fault}" if internet.fault else ""
        if sys.platform == "linux":
            line = f"labctl shell{broken} -- dig +trace {flags}{shown} {types[0]}"
            yield Step(
                text=f"By hand, inside the sandbox: {line}", role="command", label="by hand", title=line
            )
        # Without namespaces, other tools reach the sandbox when its servers stand on loopback addresses.
        up = f"labctl sandbox up{broken}"
        yield Step(
            text=f"Or, in one terminal: {up}"
            if sys.platform == "linux"
            else f"By hand, in one terminal: {up}",
            role="command",
            label="or" if sys.platform == "linux" else "by hand",
            title=up,
        )
        line = f"dig @{STANDING_RESOLVER} -p {STANDING_PORT} {flags}{kinds}"
        yield Step(text=f"And then, in another: {line}", role="command", label="and then", title=line)
        return
    if servers:
        port = f" -p {servers[0].port}" if servers[0].port != STANDARD_PORTS[via] else ""
        how = {"udp": "", "tcp": "+tcp ", "tls": "+tls ", "https": "+https "}[via]
        line = f"dig @{servers[0].name or servers[0].address}{port} {how}{flags}{kinds}"
    else:
        line = f"dig +trace {flags}{shown} {types[0]}"
    yield Step(text=f"By hand: {line}", role="command", label="by hand", title=line)


LAB = Lab(
    "dns",
    "How a name becomes an address",
    CLAIMS,
    run,
    __package__,
    examples=("dns www.shop.test", "dns example.com --type MX --type TXT", "dns www.shop.test --dnssec"),
    place=place,
)
