"""Asks the servers of a zone for one RRset, one server after another, without touching a socket.

`Asking.ask` is a generator: it yields the questions to send and is sent what came back. Over UDP first, over
TCP when the reply is cut off; on silence, garbage or an error the next server is asked.
"""

from __future__ import annotations

import random as random_module
from collections.abc import Callable, Generator, Iterable
from typing import Literal, TypeVar

from labctl.protocols import dns_message, dns_wire
from labctl.protocols.dns_import import dns
from labctl.protocols.dns_labels import to_text
from labctl.protocols.dns_result import Heard, Kind, Question, Server, Why

T = TypeVar("T")
# What came back: bytes or None, and for None the failure ("timeout").
Answered = tuple[bytes | None, str]
Steps = Generator[Question, Answered, T]

SERVERS_PER_ZONE = 4
UDP_TIMEOUT, TCP_TIMEOUT = 2.0, 4.0


class Asking:
    """Numbers the questions, keeps the budget, and knows what was heard last."""

    def __init__(self, budget: int, random: random_module.Random | None) -> None:
        self.budget = budget
        self.number = 0
        self.heard: list[Heard] = []
        self.unhelpful: set[str] = set()  # addresses that did not answer, or not usefully: asked last
        self._random = random or random_module.SystemRandom()

    @property
    def spent(self) -> bool:
        """Whether the budget of questions is used up."""
        return self.number >= self.budget

    def ask(
        self,
        servers: Iterable[Server],
        name: dns.name.Name,
        rdtype: int,
        serves: Callable[[dns_wire.Reply], bool],
    ) -> Steps[dns_wire.Reply | None]:
        """The first reply that `serves`; else the first one that could be read; None when there was none."""
        second_best: dns_wire.Reply | None = None
        why: Why = "walk"
        in_order = sorted(
            servers, key=lambda server: (server.address in self.unhelpful, ":" in server.address)
        )
        for server in in_order[:SERVERS_PER_ZONE]:
            reply = yield from self._ask_one(server, name, rdtype, why)
            if reply is not None and serves(reply):
                return reply
            second_best = second_best or reply
            why = "next-server"
        return second_best

    def _ask_one(
        self, server: Server, name: dns.name.Name, rdtype: int, why: Why
    ) -> Steps[dns_wire.Reply | None]:
        via: Literal["udp", "tcp"] = "udp"
        while not self.spent:
            question = self._question(server, name, rdtype, via, why)
            wire, failure = yield question
            heard, reply = hear(question, wire, failure)
            self.heard.append(heard)
            if heard.kind != "truncated":
                if reply is None:
                    self.unhelpful.add(server.address)
                return reply
            if via == "tcp":
                return None
            via, why = "tcp", "tcp"
        return None

    def _question(
        self, server: Server, name: dns.name.Name, rdtype: int, via: Literal["udp", "tcp"], why: Why
    ) -> Question:
        self.number += 1
        labels = tuple(label.lower() for label in name.labels[:-1])
        text, kind = to_text(labels), dns_wire.type_text(rdtype)
        wire = dns_message.query(labels, rdtype, self._random.getrandbits(16), do=True, cd=True)
        timeout = UDP_TIMEOUT if via == "udp" else TCP_TIMEOUT
        return Question(self.number, text, kind, server, via, wire, why, 0, timeout)


def hear(question: Question, wire: bytes | None, failure: str) -> tuple[Heard, dns_wire.Reply | None]:
    """Read one reply; the second value is None when the next server, or TCP, is to be asked instead."""
    asked = f"{question.name} {question.type}"
    who = f"{question.server.name} ({question.server.address})"
    if wire is None:
        return Heard(
            question, "silent", f"{who} did not answer for {asked}: {failure}.", failure=failure
        ), None
    reply = dns_wire.parse(wire)
    if isinstance(reply, dns_wire.Garbage):
        text = f"{who} answered {len(wire)} bytes for {asked} that are no DNS message: {reply.reason}."
        return Heard(question, "garbage", text, size=len(wire)), None
    kind, text, good = _judge(question, reply, who, asked)
    heard = Heard(
        question,
        kind,
        text,
        rcode=dns_message.rcode_text(reply.rcode),
        aa=reply.aa,
        ra=reply.ra,
        tc=reply.tc,
        ad=reply.ad,
        size=len(wire),
        wire=wire,
    )
    return heard, reply if good else None


def _judge(question: Question, reply: dns_wire.Reply, who: str, asked: str) -> tuple[Kind, str, bool]:
    rcode = dns_message.rcode_text(reply.rcode)
    sent = question.wire
    end = sent.index(b"\0", 12) + 5 if b"\0" in sent[12:] else len(sent)
    same_question = [spelt.lower() for spelt in reply.question] == [sent[12:end].lower()]
    if not reply.is_reply or sent[:2] != reply.wire[:2] or not same_question:
        return "mismatch", f"{who} sent a reply that does not belong to the question for {asked}.", False
    if reply.tc:
        return (
            "truncated",
            f"{who} cut its reply for {asked} short after {len(reply.wire)} bytes (TC).",
            False,
        )
    if rcode not in {"NOERROR", "NXDOMAIN"}:
        return "error", f"{who} answered {rcode} for {asked}.", False
    wanted = dns_wire.type_number(question.type)
    count = sum(1 for rr in reply.answer if rr.rdtype == wanted)
    size = f"{len(reply.wire)} bytes"
    if count:
        records = "record" if count == 1 else "records"
        return "answer", f"{who} gave {count} {question.type} {records} of {question.name} ({size}).", True
    if rcode == "NXDOMAIN":
        return "nxdomain", f"{who} said that {question.name} does not exist ({size}).", True
    return "nodata", f"{who} said that {question.name} has no {question.type} ({size}).", True
