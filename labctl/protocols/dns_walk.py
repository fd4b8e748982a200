"""The walk from the root to an answer, as a state machine that does no input or output of its own.

Three calls make a resolver out of any transport: `Walk()`, `next_question()`, `hear()`.

>>> from labctl.protocols.dns_walk import Walk
>>> from labctl.internet import NameServer
>>> walk = Walk("www.shop.test.", "A", [NameServer("a.root-servers.net.", ("198.41.0.4",))], clock=clock)
>>> while question := walk.next_question():
...     reply = ask(question.server.address, question.wire, question.via)  # bytes, or None when none came
...     print(walk.hear(reply).kind)
referral
referral
answer
>>> walk.result.records[0].text
'203.0.113.10'

`ask` sends one DNS message to port 53 of the address, by UDP or TCP, and waits up to `question.timeout`
seconds; over TCP the two length octets are its business. `clock` gives seconds, for what is remembered.
Nothing that a server sends raises; `walk.result.text` is always a sentence.
"""

from __future__ import annotations

import random as _random
from collections.abc import Callable, Iterable

from labctl.protocols.dns_cache import Cache
from labctl.protocols.dns_descent import Descent
from labctl.protocols.dns_hearing import heard_of, judge
from labctl.protocols.dns_labels import ROOT, to_text
from labctl.protocols.dns_lookup import Again, Lookup, Sent
from labctl.protocols.dns_message import query
from labctl.protocols.dns_result import Budget, Heard, Hint, Question, Result, Server, Why
from labctl.protocols.dns_servers import AddressBook
from labctl.protocols.dns_types import A, type_text

UDP_TIMEOUT = 2.0
TCP_TIMEOUT = 4.0


class Walk:
    """One name and type, from what is known (at least the root servers) to an answer, a "no", or a reason.

    `name` is presentation text, `type` a mnemonic; ValueError when they are not. `cache` is read and
    filled; without one a walk remembers for itself. `dnssec` asks for signatures (DO). `first`: ask just
    this server, with the whole question and RD as given, and end with what it says.
    """

    def __init__(
        self,
        name: str,
        type: str,
        root_servers: Iterable[Hint],
        *,
        clock: Callable[[], float],
        cache: Cache | None = None,
        qmin: bool = False,
        dnssec: bool = False,
        budget: Budget | None = None,
        random: _random.Random | None = None,
        ipv6: bool = False,
        recursion_desired: bool = False,
        first: Server | None = None,
    ) -> None:
        self._dnssec, self._rd, self._first = dnssec, recursion_desired, first
        self._budget = budget or Budget()
        self._random = random or _random.Random()
        self._plain: set[str] = set()
        self._asked = 0
        self._sent: Sent | None = None
        self._result: Result | None = None
        self._descent = Descent(
            name,
            type,
            cache=cache if cache is not None and first is None else Cache(clock),
            book=AddressBook(root_servers, ipv6=ipv6),
            budget=self._budget,
            qmin=qmin and first is None,
            signed=dnssec,
            first=first,
        )

    @property
    def result(self) -> Result:
        """How it ended. RuntimeError while it has not."""
        if self._result is None:
            raise RuntimeError("the walk has not ended: next_question() has not returned None yet")
        return self._result

    def next_question(self) -> Question | None:
        """What to send next; None when it is over and `result` is set. The same again until `hear` was
        called.
        """
        if self._sent is None and self._result is None:
            step = self._descent.next_step()
            if step is not None and self._asked >= self._budget.questions:
                self._descent.give_up(
                    "budget", f"The budget of {self._budget.questions} questions is used up."
                )
                step = None
            if step is None:
                self._result = self._descent.result(self._asked)
            else:
                self._sent = self._ask(*step)
        return self._sent.question if self._sent is not None else None

    def hear(self, wire: bytes | None, *, failure: str = "timeout") -> Heard:
        """Take the reply to the question that is out: its bytes, or None with how it failed
        ("timeout", "refused").
        """
        if self._sent is None:
            raise RuntimeError("hear() takes the reply to next_question(), and nothing was asked")
        sent, self._sent = self._sent, None
        judged = judge(sent, wire, failure, anyone=self._first is not None)
        if judged.kind == "error" and judged.edns_may_be_the_trouble and sent.edns:
            self._plain.add(sent.question.server.address)
            self._descent.once_more(Again(sent.question.server, "plain", sent.question.via))
            then = ", so it is asked again without EDNS"
        elif judged.reading is None or judged.kind in {"lame", "error", "garbage"}:
            then = self._descent.refuse(sent, judged)
        else:
            then = self._descent.accept(sent, judged.reading)
        return heard_of(sent, judged, wire, then)

    def _ask(self, lookup: Lookup, again: Again) -> Sent:
        server = again.server
        name = lookup.minimised.next_name(lookup.servers.zone if lookup.servers is not None else ROOT)
        probe = name != lookup.name
        rdtype = A if probe else lookup.rdtype
        why: Why = again.why
        if why == "walk" and probe:
            why = "minimised"
        elif lookup.depth and why in {"walk", "alias"}:
            why = "ns-address"
        if probe:
            lookup.minimised.asked()
        edns = server.address not in self._plain
        wire = query(
            name, rdtype, self._random.getrandbits(16), rd=self._rd, do=self._dnssec and edns, edns=edns
        )
        self._asked += 1
        lookup.asked += 1
        question = Question(
            number=self._asked,
            name=to_text(name),
            type=type_text(rdtype),
            server=server,
            via=again.via,
            wire=wire,
            why=why,
            depth=lookup.depth,
            timeout=UDP_TIMEOUT if again.via == "udp" else TCP_TIMEOUT,
        )
        return Sent(question, name, rdtype, edns, probe, again.mismatched)
