"""QNAME minimisation: show each server only as much of the name as it needs (RFC 9156)."""

from __future__ import annotations

from labctl.protocols.dns_labels import Labels

MAX_MINIMISE_COUNT = 10  # RFC 9156 section 2.3: probes for one name
MINIMISE_ONE_LAB = 4  # of these, so many add a single label


class Minimised:
    """How much of one name has been shown so far. Probes ask for type A, which hides the real type too."""

    def __init__(self, name: Labels, on: bool) -> None:
        self.name = name
        self.on = on
        self._wanted = on
        self._shown = 0
        self._probes = 0

    def next_name(self, zone: Labels) -> Labels:
        """What to ask a server of `zone`: the zone's name and some labels more, at last the whole name."""
        known = max(len(zone), self._shown)
        left = len(self.name) - known
        if not self.on or self._probes >= MAX_MINIMISE_COUNT or left <= 1:
            return self.name
        more = 1
        if self._probes >= MINIMISE_ONE_LAB:
            more = -(-left // (MAX_MINIMISE_COUNT - self._probes))
        return self.name[len(self.name) - min(known + more, len(self.name)) :]

    def start_over(self, name: Labels) -> Minimised:
        """For the name that an alias leads to."""
        return Minimised(name, self._wanted)

    def asked(self) -> None:
        """A probe went out."""
        self._probes += 1

    def shown(self, name: Labels) -> None:
        """A server answered for this much of the name without referring further down."""
        self._shown = max(self._shown, len(name))
