"""What happens to a frame on the wire, decided from rules: no socket, no clock."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from labctl.network import Direction, Rule
from labctl.protocols.tcp_segments import Segment


class Judgement(NamedTuple):
    """`drop`: the wire swallows it; else it is held back for `delay_ms` beyond its distance."""

    drop: bool = False
    delay_ms: float = 0.0


PASS = Judgement()


class Script:
    """Rules and how often each has matched. Every rule sees every segment, so that each counts for itself."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._rules = tuple(rules)
        self._matched = [0] * len(self._rules)
        # What a rule of a lab raised; the wire goes on without it and the lab is told.
        self.complaints: list[Exception] = []

    def judge(self, segment: Segment, direction: Direction) -> Judgement:
        """What becomes of this segment. Delays add up, and a rule that drops wins."""
        drop, delay = False, 0.0
        for index, rule in enumerate(self._rules):
            if rule.direction not in ("both", direction) or not self._matches(rule, segment):
                continue
            self._matched[index] += 1
            count = self._matched[index]
            if rule.nth not in (0, count) and not (rule.action == "blackhole" and count > rule.nth):
                continue
            if rule.action == "delay":
                delay += rule.delay_ms
            else:
                drop = True
        return Judgement(drop, 0.0 if drop else delay)

    def _matches(self, rule: Rule, segment: Segment) -> bool:
        try:
            return bool(rule.match(segment))
        except Exception as error:
            self.complaints.append(error)
            return False
