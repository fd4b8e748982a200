"""One server asked, over the transport of choice: no walk, what it says is what is shown."""

from __future__ import annotations

from collections.abc import Generator

from labctl.events import Event, Measure, Step
from labctl.internet import Endpoint, Internet, Via
from labctl.protocols.dns_result import Server
from labs.dns import records
from labs.dns.claims import AUTHORITY
from labs.dns.walking import summary, walk

SPOKEN: dict[Via, str] = {"udp": "UDP", "tcp": "TCP", "tls": "DNS over TLS", "https": "DNS over HTTPS"}


def ask_one(
    internet: Internet, endpoint: Endpoint, via: Via, name: str, types: tuple[str, ...], *, dnssec: bool
) -> Generator[Event, None, None]:
    """Ask `endpoint` for each type, recursion desired, and show what came back."""
    yield Step(
        text=f"OBSERVE: {endpoint} is asked over {SPOKEN[via]}.",
        role="phase",
        phase="OBSERVE",
        title=f"{endpoint} is asked over {SPOKEN[via]}",
    )
    walks = []
    for kind in types:
        first = Server("", endpoint.name or endpoint.address, endpoint.address, "given")
        walked = yield from walk(
            internet, name, kind, first=first, endpoint=endpoint, via=via, dnssec=dnssec, role="as a client"
        )
        walks.append(walked)
        yield Step(text=f"It took {summary(walked)}.", role="note")
    for walked in walks:
        if walked.result.records or walked.result.chain:
            yield records.records(walked.result)
    yield from records.answer(walks[0].result)
    yield from records.whose_address(internet, walks[0])
    last = walks[0].heard[-1] if walks[0].heard else None
    if last is not None and last.kind not in ("silent", "garbage", "mismatch"):
        role = (
            "a recursive resolver (RA)"
            if last.ra
            else "an authoritative server (AA)"
            if last.aa
            else "a server"
        )
        yield Measure(f"{endpoint} speaks as {role}.", "dns.server.role", role)
        yield AUTHORITY.judged(
            not (last.aa and last.ra),
            f"{endpoint} says it speaks with authority (AA) and looks further for others (RA), both at once."
            if last.aa and last.ra
            else f"{endpoint} {'offers recursion (RA)' if last.ra else 'offers no recursion'}"
            f" and {'speaks with authority (AA)' if last.aa else 'claims no authority'}.",
        )
    for walked in walks:
        yield from records.shape(walked)
    yield from records.across_types(walks)
    for walked in walks:
        yield records.conclusion(walked.result)
