"""DNSSEC for a finished walk: is the answer secure, insecure, bogus or indeterminate, and which link broke?

Sans-IO, and the same three calls as the walk itself:

    chain = Chain(walk.result, final_heard, anchors, now=internet.date())
    while (question := chain.next_question()) is not None:
        reply = ...                      # send question.wire to question.server.address by question.via
        chain.hear(reply.wire, failure=reply.failure)
    chain.verdict.state, chain.verdict.text

`final_heard` are the replies that the result was made from (all that the walk heard will do); the walk should
have asked with `dnssec=True`. "secure" is said only when every signature from a trust anchor down to the very
records given out, and every denial, was verified (RFC 4033 section 5, RFC 4035 section 5).
"""

from __future__ import annotations

import random as random_module
from collections.abc import Iterable, Sequence

from labctl.protocols.dns_result import Heard, Question, Result
from labctl.protocols.dnssec_answer import Answer
from labctl.protocols.dnssec_ask import Asking, Steps
from labctl.protocols.dnssec_link import Link, Security, State
from labctl.protocols.dnssec_zones import Zones

__all__ = ["Chain", "Link", "Security"]

QUESTIONS = 60


class Chain:
    """Asks for DS and DNSKEY along the cuts of a result and judges it. `now` is POSIX seconds.

    `anchors` are DS records of the root's keys (`. DS 20326 8 2 E06D...`): any one that matches will do.
    """

    def __init__(
        self,
        result: Result,
        final_heard: Iterable[Heard],
        anchors: Sequence[str],
        *,
        now: float,
        random: random_module.Random | None = None,
        budget: int = QUESTIONS,
    ) -> None:
        self.result = result
        self._asking = Asking(budget, random)
        self._zones = Zones(result.cuts, anchors, self._asking, now)
        self._answer = Answer(result, final_heard, self._zones)
        self._state: State | None = None
        self._question: Question | None = None
        self._steps: Steps[State] = self._answer.state()
        self._go_on(None)

    def next_question(self) -> Question | None:
        """The question to send now; None when the verdict stands."""
        return self._question

    def hear(self, wire: bytes | None, *, failure: str = "timeout") -> Heard:
        """Take what came back for that question: bytes, or None with how it failed."""
        if self._question is None:
            raise ValueError("nothing was asked")
        before = len(self._asking.heard)
        self._go_on((wire, failure))
        return self._asking.heard[before]

    @property
    def links(self) -> tuple[Link, ...]:
        """The links looked at so far."""
        return tuple(self._zones.links)

    @property
    def verdict(self) -> Security:
        """The verdict; indeterminate as long as there are questions left to ask."""
        asked = f"{self.result.name} {self.result.type}"
        broken = next((link for link in self.links if not link.ok), None)
        if self._state is None:
            return Security("indeterminate", self.links, None, f"{asked} is not judged yet.")
        if self._state == "secure":
            text = f"{asked} is secure: {self._said()} with keys that the root's trust anchor vouches for."
            return Security("secure", self.links, None, text)
        if self._state == "insecure":
            why = next((link.text for link in self.links if link.code), "a zone on the way is not signed.")
            return Security("insecure", self.links, None, f"{asked} is insecure: {why}")
        why = broken.text if broken is not None else "no link of the chain could be looked at."
        word = "bogus" if self._state == "bogus" else "indeterminate"
        return Security(self._state, self.links, broken, f"{asked} is {word}: {why}")

    def _said(self) -> str:
        said = {"answer": "it is signed", "nodata": "it is proven that there is none,"}
        return said.get(self.result.status, "it is proven that the name does not exist,")

    def _go_on(self, answered: tuple[bytes | None, str] | None) -> None:
        try:
            self._question = next(self._steps) if answered is None else self._steps.send(answered)
        except StopIteration as finished:
            self._question = None
            self._state = finished.value
