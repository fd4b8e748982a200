"""What one reply was found to mean."""

from __future__ import annotations

from dataclasses import dataclass, field

from labctl.protocols.dns_alias import AliasStep
from labctl.protocols.dns_labels import Labels
from labctl.protocols.dns_result import Kind
from labctl.protocols.dns_wire import RR


@dataclass
class Reading:
    """One reply, judged. `why` says what is wrong with it when `kind` is "lame" or "error", as half a
    sentence.

    `steps` are the aliases followed, `final` the name they lead to, `records` that name's records of the
    asked type. `proof` is what of the authority section belongs to the answer: SOA, NSEC, NSEC3 and their
    signatures.
    """

    kind: Kind
    final: Labels
    why: str = ""
    steps: list[AliasStep] = field(default_factory=list)
    records: list[RR] = field(default_factory=list)
    signatures: list[RR] = field(default_factory=list)
    proof: list[RR] = field(default_factory=list)
    soa: RR | None = None
    negative_ttl: int | None = None
    zone: Labels = ()
    ns: list[Labels] = field(default_factory=list)
    glue: list[tuple[Labels, str]] = field(default_factory=list)
    ttl: int = 0
    loop: bool = False
    overflow: bool = False
    scrubbed: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def lame(reading: Reading, why: str) -> None:
    """This server does not serve the zone, and why (RFC 1912 section 2.8, RFC 8499)."""
    reading.kind, reading.why = "lame", why
