"""The habits that a fault switches on."""

from __future__ import annotations

from labctl.internet import Internet


def habits_of(internet: Internet) -> frozenset[str]:
    """None without a fault."""
    if not internet.fault:
        return frozenset()
    from labctl.sandbox.faults import town_under

    return town_under(internet.fault).web
