"""One look-up under way: the asked name, or the address of a name server on the way to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from labctl.protocols.dns_alias import AliasStep
from labctl.protocols.dns_labels import Labels, to_text
from labctl.protocols.dns_minimise import Minimised
from labctl.protocols.dns_records import record
from labctl.protocols.dns_result import Question, Record, Server, Status, Why
from labctl.protocols.dns_servers import Servers


class Again(NamedTuple):
    """The next question goes to this server, once more and otherwise."""

    server: Server
    why: Why
    via: Literal["udp", "tcp"] = "udp"
    mismatched: bool = False


class Sent(NamedTuple):
    """A question on its way, with what is needed to judge the reply."""

    question: Question
    name: Labels
    rdtype: int
    edns: bool
    probe: bool
    mismatched: bool


class Outcome(NamedTuple):
    """How a look-up ended. `code` and `why` when it failed."""

    status: Status
    records: tuple[Record, ...] = ()
    zone: str = ""
    soa: Record | None = None
    negative_ttl: int | None = None
    code: str = ""
    why: str = ""


@dataclass
class Lookup:
    """A name and type, where their aliases have led, and the servers being asked.

    `next_why` is what the next question is asked for; `asked` counts questions of this look-up.
    """

    name: Labels
    rdtype: int
    depth: int
    minimised: Minimised
    servers: Servers | None = None
    chain: list[Record] = field(default_factory=list)
    visited: list[Labels] = field(default_factory=list)
    again: Again | None = None
    next_why: Why = "walk"
    asked: int = 0

    def take(self, steps: list[AliasStep], limit: int, ttl: int | None = None) -> Outcome | None:
        """Go on to where aliases lead. The outcome, when they go round in a circle or on for too long."""
        for step in steps:
            if not self.visited:
                self.visited.append(step.owner)
            self.chain.append(record(step.record, ttl))
            if self.chain[-1].type == "DNAME":
                # The CNAME that a DNAME stands for has the DNAME's TTL (RFC 6672 section 3.1).
                self.chain.append(
                    Record(to_text(step.owner), "CNAME", self.chain[-1].ttl, to_text(step.target))
                )
            circle = step.target in self.visited
            self.visited.append(step.target)
            if circle:
                way = " -> ".join(map(to_text, self.visited[self.visited.index(step.target) :]))
                return Outcome("failed", code="alias-loop", why=f"The aliases go round in a circle: {way}")
            if len(self.visited) - 1 > limit:
                why = (
                    f"The chain of aliases has more than {limit} steps; it had got to {to_text(step.target)}"
                )
                return Outcome("failed", code="alias-too-long", why=why)
        if steps:
            self.name = steps[-1].target
            self.servers = None
            self.again = None
            self.minimised = self.minimised.start_over(self.name)
            self.next_why = "alias"
        return None
