"""Where a walk stands: the look-ups under way, and what each judged reply leads to (RFC 1034 section 5.3.3).

The look-up for the asked name is at the bottom of a stack; above it are look-ups of addresses of name
servers that are known by name only.
"""

from __future__ import annotations

from labctl.protocols.dns_alias import follow
from labctl.protocols.dns_cache import Cache, Delegation
from labctl.protocols.dns_ending import address_failure, cycle_text, denied, remembered, result_of
from labctl.protocols.dns_hearing import Judged
from labctl.protocols.dns_labels import ROOT, Labels, from_text, to_text
from labctl.protocols.dns_lookup import Again, Lookup, Outcome, Sent
from labctl.protocols.dns_meaning import Reading
from labctl.protocols.dns_minimise import Minimised
from labctl.protocols.dns_records import record
from labctl.protocols.dns_result import Budget, Result, Server
from labctl.protocols.dns_servers import AddressBook, Servers
from labctl.protocols.dns_types import AAAA, CNAME, DNAME, DS, A, type_number
from labctl.protocols.dns_words import server_text

# How a server that was named by the user failed.
_CODES = {"silent": "server-silent", "error": "server-error"}


class Descent:
    """The state of one walk: sans wire format, sans ids."""

    def __init__(
        self,
        name: str,
        type: str,
        *,
        cache: Cache,
        book: AddressBook,
        budget: Budget,
        qmin: bool,
        signed: bool,
        first: Server | None,
    ) -> None:
        self._asked = (name, type)
        self._cache, self._book, self._budget = cache, book, budget
        self._qmin, self._signed, self._first = qmin, signed, first
        self._passed: dict[Labels, Servers] = {}
        self._silent: set[str] = set()
        self._opened = 0
        self._outcome: Outcome | None = None
        labels = from_text(name)
        self._main = Lookup(labels, type_number(type), 0, Minimised(labels, qmin))
        self._stack = [self._main]

    def next_step(self) -> tuple[Lookup, Again] | None:
        """Which look-up asks which server next; None when all has ended."""
        while self._outcome is None:
            lookup = self._stack[-1]
            if lookup.servers is None:
                self._begin(lookup)
            elif (again := lookup.again) is not None:
                lookup.again = None
                return lookup, again
            elif server := lookup.servers.next_address(self._silent, patient=lookup.depth == 0):
                why, lookup.next_why = lookup.next_why, "walk"
                return lookup, Again(server, why)
            else:
                self._look_up_server(lookup, lookup.servers)
        return None

    def result(self, questions: int) -> Result:
        """How it ended; only when `next_step` gave None."""
        outcome = self._outcome or Outcome("failed", code="unfinished", why="The walk was not finished.")
        cuts = (servers.cut() for servers in self._passed.values())
        return result_of(self._main, outcome, *self._asked, questions, cuts)

    def give_up(self, code: str, why: str) -> None:
        """End everything."""
        self._outcome = Outcome("failed", code=code, why=why)

    def once_more(self, again: Again) -> None:
        """The look-up that was asked for asks the same server again, in another way."""
        self._stack[-1].again = again

    def accept(self, sent: Sent, reading: Reading) -> str:
        """Go on from a usable reply. What follows from it, as half a sentence."""
        lookup, zone = self._stack[-1], from_text(sent.question.server.zone)
        if self._first is None:
            self._cache.learn(reading, sent.name, sent.rdtype, zone=zone, signed=self._signed)
        if reading.kind == "referral":
            return self._refer(lookup, sent, reading)
        if sent.probe and reading.kind != "nxdomain":
            lookup.minimised.shown(sent.name)
            lookup.again = Again(sent.question.server, "walk")
            if any(step.record.rdtype == DNAME for step in reading.steps):
                lookup.minimised.on = False
            return ", so more of the name is asked"
        if sent.probe:
            self._end(lookup, denied(reading, zone))
            return ", so nothing below it exists either (RFC 8020)"
        if outcome := lookup.take(reading.steps, self._budget.aliases):
            self._end(lookup, outcome)
            return ", which leads in a circle" if reading.loop else ", and there the walk ends"
        if reading.kind == "answer":
            records = tuple(map(record, reading.records))
            self._end(lookup, Outcome("answer", records, to_text(zone)))
        elif reading.kind != "alias":
            self._end(lookup, denied(reading, zone))
        elif reading.overflow:
            why = f"A DNAME makes {to_text(lookup.name)} longer than 255 octets (RFC 6672 section 2.2)."
            self._end(lookup, Outcome("failed", zone=to_text(zone), code="dname-overflow", why=why))
        elif self._first is not None:
            self._end(lookup, Outcome("answer", tuple(lookup.chain[-1:]), to_text(zone)))
        else:
            return ", so that name is looked up"
        return ""

    def refuse(self, sent: Sent, judged: Judged) -> str:
        """Go on from a reply that is of no use, or from none. What follows, as half a sentence."""
        lookup, server = self._stack[-1], sent.question.server
        if judged.kind == "truncated":
            lookup.again = Again(server, "tcp", "tcp")
            return ", so it is asked again over TCP"
        if judged.kind == "mismatch" and not sent.mismatched:
            lookup.again = Again(server, sent.question.why, sent.question.via, mismatched=True)
            return ", so the question is asked once more"
        if judged.kind == "silent":
            self._silent.add(server.address)
        if sent.probe:
            lookup.minimised.on = False
            lookup.again = Again(server, "walk", sent.question.via)
            return ", so it is asked for the full name (RFC 9156 section 3)"
        if lookup.servers is None:
            return ""
        lookup.servers.failed(server, judged.kind, judged.why)
        lookup.next_why = "next-server"
        if self._first is not None:
            return ""
        more = lookup.servers.more
        return (
            ", so another server of the zone is asked"
            if more
            else ", and no other server of the zone is left"
        )

    def _begin(self, lookup: Lookup) -> None:
        if self._first is not None:
            zone = from_text(self._first.zone)
            lookup.servers = Servers(zone, zone, (), [self._first])
            return
        while True:
            kept = self._cache.find(lookup.name, lookup.rdtype, signed=self._signed)
            if kept is not None:
                self._end(lookup, remembered(kept, self._cache.ttl_left(kept)))
                return
            kept = (
                None if lookup.rdtype == CNAME else self._cache.find_alias(lookup.name, signed=self._signed)
            )
            steps = follow(lookup.name, 0, kept.records, ROOT).steps if kept is not None else []
            if not steps or kept is None:
                break
            if outcome := lookup.take(steps[:1], self._budget.aliases, self._cache.ttl_left(kept)):
                self._end(lookup, outcome)
                return
        above = lookup.rdtype == DS and bool(lookup.name)  # the parent has the DS (RFC 4035 section 3.1.4.1)
        known = self._cache.closest(lookup.name, above=above) or self._book.root
        if lookup.depth == 0 and known.zone != ROOT:
            if ROOT not in self._passed:
                self._passed[ROOT] = self._book.servers(self._book.root)
            for labels in range(1, len(known.zone)):
                between = self._cache.delegation(known.zone[len(known.zone) - labels :])
                if between is not None:
                    self._passed.setdefault(between.zone, self._book.servers(between))
        self._open(lookup, known)

    def _open(self, lookup: Lookup, delegation: Delegation) -> None:
        lookup.servers = self._book.servers(delegation)
        if lookup.depth == 0:
            self._passed[delegation.zone] = lookup.servers

    def _refer(self, lookup: Lookup, sent: Sent, reading: Reading) -> str:
        if self._first is not None:
            zone = to_text(reading.zone)
            why = f"{sent.question.server.address} does not know, and refers to the servers of {zone}"
            self._end(lookup, Outcome("failed", zone=sent.question.server.zone, code="referral", why=why))
            return ""
        parent = from_text(sent.question.server.zone)
        delegation = Delegation(reading.zone, parent, tuple(reading.ns), tuple(reading.glue))
        self._book.note_glue(delegation)
        self._open(lookup, delegation)
        return ""

    def _look_up_server(self, lookup: Lookup, servers: Servers) -> None:
        """No address is left to ask: look one up, of a server that is known by name only."""
        name = servers.next_name()
        if name is None or self._first is not None:
            self._exhausted(lookup, servers)
        elif len(servers.looked_up) >= self._budget.ns_per_referral:
            limit = self._budget.ns_per_referral
            servers.without[name] = (
                "ns-limit",
                f"and others were not looked up: {limit} are enough",
            )
            self._exhausted(lookup, servers)
        elif lookup.depth >= self._budget.depth:
            why = f"is not looked up: that would be a look-up {self._budget.depth + 1} deep"
            servers.without[name] = ("too-deep", why)
        elif servers.zone == ROOT:
            servers.without[name] = ("no-address", "has no address that can be used here")
        elif any(
            other.servers is not None and other.servers.zone == servers.zone for other in self._stack[:-1]
        ):
            servers.without[name] = ("glueless-cycle", cycle_text(self._stack, servers.zone))
        elif self._opened >= self._budget.questions:
            self.give_up(
                "budget", f"More than {self._opened} addresses of name servers would have to be looked up."
            )
        else:
            self._opened += 1
            servers.looked_up.append(name)
            self._stack.append(Lookup(name, A, lookup.depth + 1, Minimised(name, self._qmin)))

    def _exhausted(self, lookup: Lookup, servers: Servers) -> None:
        code, why = servers.failure()
        if self._first is not None:
            _, kind, reason = servers.outcomes[-1]
            code = _CODES.get(kind, "server-unusable")
            why = f"{server_text(self._first)} {reason}".rstrip(".") + "."
        self._end(lookup, Outcome("failed", zone=to_text(servers.zone), code=code, why=why))

    def _end(self, lookup: Lookup, outcome: Outcome) -> None:
        """A look-up has ended: the walk with it, or it hands a server's addresses to the one below."""
        if lookup.depth == 0:
            self._outcome = outcome
            return
        self._stack.pop()
        below = self._stack[-1]
        name = lookup.visited[0] if lookup.visited else lookup.name
        addresses = [rr.text for rr in outcome.records if rr.type in {"A", "AAAA"}]
        if below.servers is None:
            return
        if addresses:
            self._book.note_resolved(name, addresses, "resolved" if lookup.asked else "cache")
            for address in addresses:
                below.servers.add(name, address, self._book.source(name, address))
        elif self._book.ipv6 and lookup.rdtype == A and outcome.status == "nodata":
            self._stack.append(Lookup(name, AAAA, lookup.depth, Minimised(name, self._qmin)))
        else:
            below.servers.without[name] = address_failure(outcome, 4 if lookup.rdtype == A else 6)
