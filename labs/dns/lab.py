"""How a name becomes an address: the caches, the walk from the root, the answer and how long it keeps."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

from labctl.errors import CannotRun, UsageError
from labctl.events import Event, Measure, Step
from labctl.internet import Endpoint, Internet, Via
from labctl.lab import Lab, Place
from labs.dns.claims import CLAIMS

if TYPE_CHECKING:
    from labctl.protocols.dns_cache import Cache
    from labs.dns.walking import Walked

DEFAULT_NAME = "www.shop.test."
STANDARD_PORTS: dict[Via, int] = {"udp": 53, "tcp": 53, "tls": 853, "https": 443}
# Names outside `test.` that only the town has.
TOWN_NAMES = ("resolver.example.net", "shop-hosting.example.net")


def place(arguments: Mapping[str, Any]) -> Place:
    """Where the target lives: the town, the real internet, or both (DESIGN.md section 6).

    A server to ask decides: its address is in one of them only. Raises UsageError for what cannot be meant.
    """
    from labctl.protocols import dns_target

    asked = dns_target.target(str(arguments.get("name") or DEFAULT_NAME))
    for text in arguments.get("server") or []:
        server = dns_target.server_address(text, via=str(arguments.get("via") or "udp"))
        return dns_target.place(server.host, TOWN_NAMES)
    return dns_target.place(asked.address or asked.name, TOWN_NAMES)


def run(
    internet: Internet,
    name: Annotated[str, "The name to look up; an address means its reverse name."] = DEFAULT_NAME,
    *,
    type: Annotated[
        list[str] | None, "Record type: A, AAAA, MX, TXT, ...; several at once. [default: A]"
    ] = None,
    server: Annotated[
        list[str] | None, "Ask this server (ADDRESS[:PORT]) instead of walking; several with --compare."
    ] = None,
    via: Annotated[Via, "How to speak with --server."] = "udp",
    dnssec: Annotated[bool, "Ask for signatures and check the chain from the root's key."] = False,
    qmin: Annotated[bool, "Show each server no more of the name than it needs (RFC 9156)."] = False,
    compare: Annotated[bool, "All servers of the zone side by side, or all that --server names."] = False,
    watch: Annotated[bool, "Watch the TTL drain in a resolver's cache, and what happens at 0."] = False,
) -> Iterator[Event]:
    """The lab's events. Raises UsageError for a name or a type that cannot be asked for."""
    from labctl.protocols.dns_target import target

    asked = target(name)
    types = _types(type or []) or (asked.type or "A",)
    servers = [_server(internet, s, via) for s in server or []]
    if via != "udp" and not servers:
        raise UsageError(
            "option-needs-server",
            f"--via {via} needs a server to speak to: a walk asks name servers by UDP, and TCP when told to",
            fixes=(f"labctl dns {asked.name} --server 192.0.2.53 --via {via}",),
        )
    yield from _about_the_name(asked.name, asked.display, asked.address)
    if compare and len(servers) > 1:
        from labs.dns import compare as side_by_side

        yield Step(text="Resolvers side by side.", role="phase", phase="OBSERVE", title="who says what")
        for each in types:
            yield from side_by_side.resolvers(internet, servers, asked.name, each)
    elif watch:
        from labs.dns.watch import drain

        yield from drain(internet, servers[0] if servers else None, asked.name, types[0])
    elif servers:
        from labs.dns.one_server import ask_one

        yield from ask_one(internet, servers[0], via, asked.name, types, dnssec=dnssec)
    else:
        yield from _walks(internet, asked.name, types, dnssec=dnssec, qmin=qmin, compare=compare)
    yield from _by_hand(internet, asked.name, types, servers, via, dnssec)


def _types(typed: list[str]) -> tuple[str, ...]:
    """`--type A --type MX` and `--type A,MX` mean the same. Raises UsageError for an unknown type."""
    from labctl.protocols.dns_names import parse_type

    return tuple(dict.fromkeys(parse_type(t) for each in typed for t in each.split(",") if t.strip()))


def _server(internet: Internet, text: str, via: str) -> Endpoint:
    """The server to ask; a name is looked up from the root first, like any other."""
    from labctl.protocols.dns_target import server_address

    server = server_address(text, via=via)
    address = server.address
    if not address:
        from labs.dns.compare import quietly
        from labs.dns.walking import walk

        found = quietly(walk(internet, server.name + ".", "A")).result
        if not found.records:
            raise CannotRun(
                "server-not-found",
                f"the server {server.name} has no address that could be found",
                evidence=(("looked up", found.why or found.text),),
            )
        address = found.records[0].text
    return Endpoint(address, server.port, server.name)


def _about_the_name(name: str, display: str, address: str) -> Iterator[Event]:
    from labctl.protocols.dns_names import special_name

    if address:
        yield Step(text=f"{address} is an address: its name is looked up as {name} PTR.", role="note")
    if display.rstrip(".") != name.rstrip("."):
        yield Step(text=f"{display} goes over the wire as {name}", role="note")
    if (special := special_name(name)) is not None:
        yield Step(text=special, role="warning")


def _walks(
    internet: Internet, name: str, types: tuple[str, ...], *, dnssec: bool, qmin: bool, compare: bool
) -> Generator[Event, None, None]:
    from labctl.protocols.dns_cache import Cache
    from labs.dns import caches, judging, records, resolver
    from labs.dns.walking import PATIENCE_MS, headlined, summary, walk

    cached = list(caches.closest_first(internet, name, types[0]))
    cache = Cache(internet.clock)
    walks: list[Walked] = []

    def opening(headline: str) -> Generator[Event, None, None]:
        yield Step(
            text=f"OBSERVE: the resolver walks the tree. {headline}".rstrip(),
            role="phase",
            phase="OBSERVE",
            title="the resolver walks the tree",
            summary=headline.rstrip("."),
        )
        yield from cached

    for kind in types:
        asked = reverse_of(walks, name) if kind == "PTR" else name
        if walks:
            yield Step(text=f"The walk for {kind} of {asked}", role="heading", title=f"{kind} of {asked}")
        events = walk(internet, asked, kind, cache=cache, qmin=qmin, dnssec=dnssec)
        walked = yield from events if walks else headlined(internet, events, opening)
        walks.append(walked)
        if len(walks) > 1 or walked.elapsed_ms > PATIENCE_MS:
            yield Step(text=f"The walk took {summary(walked)}.", role="note")
    first = walks[0]
    said = yield from resolver.ask_again(internet, first, name, types[0])
    if len(types) > 1 or first.result.chain or len(first.result.records) > 1:
        for walked in walks:
            if walked.result.records or walked.result.chain:
                yield records.records(walked.result)
    yield records.remembered(cache)
    yield from records.facts(first)
    yield from records.whose_address(internet, first)
    yield from judging.the_walk(internet, first, qmin)
    yield from resolver.authority(first, said)
    for walked in walks:
        yield from records.shape(walked)
    yield from records.across_types(walks)
    for walked in walks:
        if walked.result.type == "PTR" and walked.result.name != name:
            yield from records.way_back(first.result, walked.result)
    if dnssec:
        from labs.dns.security import check

        for walked in walks:
            yield from check(internet, walked)
    if compare:
        from labs.dns.compare import servers_of_the_zone

        yield from servers_of_the_zone(internet, first)
    again = yield from _again(internet, cache, name, types[0], qmin)
    for walked in walks:
        yield records.conclusion(walked.result, again if walked is first else "")


def reverse_of(walks: list[Walked], name: str) -> str:
    """What PTR means together with A or AAAA: the reverse name of the address that was just found."""
    from labctl.protocols.dns_names import reverse_name

    found = (r.text for walked in walks for r in walked.result.records if r.type in ("A", "AAAA"))
    address = next(found, "")
    return reverse_name(address) if address else name


def _again(internet: Internet, cache: Cache, name: str, type: str, qmin: bool) -> Generator[Event, None, str]:
    """The same question once more, with what the walk has learnt; returns the sentence of what it cost."""
    from labs.dns.compare import quietly
    from labs.dns.walking import walk
    from labs.dns.words import ms, plural

    again = quietly(walk(internet, name, type, cache=cache, qmin=qmin))
    count = again.result.questions
    yield Measure(f"Asked again now, it takes {count} questions.", "dns.again.questions", count)
    took = round(again.elapsed_ms, 1)
    yield Measure(f"Asked again now, it takes {ms(took)}.", "dns.again.elapsed", took, "ms")
    return f"Ask again now: {plural(count, 'question')}, {ms(took)}."


def _by_hand(
    internet: Internet, name: str, types: tuple[str, ...], servers: list[Endpoint], via: Via, dnssec: bool
) -> Iterator[Event]:
    shown = name.rstrip(".") or "."
    kinds = " ".join(f"{shown} {kind}" for kind in types)
    flags = "+dnssec " if dnssec else ""
    if servers:
        port = f" -p {servers[0].port}" if servers[0].port != STANDARD_PORTS[via] else ""
        how = {"udp": "", "tcp": "+tcp ", "tls": "+tls ", "https": "+https "}[via]
        line = f"dig @{servers[0].name or servers[0].address}{port} {how}{flags}{kinds}"
    else:
        line = f"dig +trace {flags}{shown} {types[0]}"
    yield Step(text=f"By hand: {line}", role="command", label="by hand", title=line)
    if internet.kind == "sandbox" and not servers:
        yield Step(
            text="Sandbox: labctl sandbox up",
            role="command",
            label="sandbox",
            title="labctl sandbox up",
        )


LAB = Lab(
    "dns",
    "How a name becomes an address",
    CLAIMS,
    run,
    __package__,
    examples=("dns www.shop.test", "dns example.com --type MX --type TXT", "dns www.shop.test --dnssec"),
    place=place,
)
