"""What an edge does differently under a fault of the cache lab: an edge with other rules, or one that reads amiss."""

from __future__ import annotations

from dataclasses import replace

from labctl.protocols import caching
from labctl.protocols.http1 import Fields, without
from labctl.sandbox.edge_profile import Profile


def with_habits(profile: Profile, habits: frozenset[str]) -> Profile:
    """The profile, changed where a habit of `cache_faults.py` says so."""
    if "edge-hides-age" in habits:
        profile.hidden = profile.hidden | {"age"}
    if "edge-keeps-everything" in habits:
        # A rule "cache everything": the URL does not matter, what the origin says does.
        profile.rules = caching.RFC9111_SHARED
    if "edge-never-stale" in habits:
        profile.rules = replace(profile.rules, stale_when_disconnected=False)
    readings = tuple(habit for habit in _READINGS if habit in habits)
    if readings:
        profile.as_read = lambda fields: _read(fields, readings)  # type: ignore[method-assign]
    return profile


_READINGS = ("edge-removes-cookies", "edge-ignores-vary", "edge-refreshes-first", "edge-never-stale")


def _read(fields: Fields, readings: tuple[str, ...]) -> Fields:
    for habit in readings:
        if habit == "edge-removes-cookies":
            fields = without(fields, "Set-Cookie")
        elif habit == "edge-ignores-vary":
            fields = without(fields, "Vary")
        elif habit == "edge-refreshes-first":
            fields = _without_directive(fields, "stale-while-revalidate")
        else:
            fields = _without_directive(fields, "stale-if-error")
    return fields


def _without_directive(fields: Fields, directive: str) -> Fields:
    return tuple(
        (name, ", ".join(part for part in value.split(", ") if not part.lower().startswith(directive)))
        if name.lower() == "cache-control"
        else (name, value)
        for name, value in fields
    )
