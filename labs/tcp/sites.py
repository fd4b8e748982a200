"""Which addresses of the town are sites: there a plain web server answers, as at the shop's."""

from __future__ import annotations

from labctl.sandbox.town import Town


def sites(town: Town) -> frozenset[str]:
    """The addresses of each zone's own name and of its `www`, IPv4 and IPv6."""
    found = set()
    for zone in town.zones:
        names = (zone.origin, f"www.{zone.origin}")
        for line in zone.records:
            name, _, _, kind, *rest = line.split()
            if name in names and kind in ("A", "AAAA"):
                found.add(rest[0])
    return frozenset(found)
