"""How labs of every topic say amounts and lists. Pure functions from what was seen to words."""

from __future__ import annotations

from collections.abc import Sequence


def ms(value: float) -> str:
    """Milliseconds as the screens print them: `44.9 ms`, `142 ms`, `12.8 s`."""
    if value >= 9_995:
        return f"{value / 1000:,.1f} s"
    if 0 <= value < 0.05:
        # A loopback's round trip.
        return "under 0.1 ms"
    return f"{value:,.0f} ms" if value >= 99.95 else f"{value:.1f} ms"


def count(number: int, one: str, many: str = "") -> str:
    """`1 segment`, `3 segments`, `3 queries`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def listed(values: Sequence[str], empty: str = "none") -> str:
    """`a`, `a and b`, `a, b and c`; `empty` for nothing."""
    if len(values) < 2:
        return values[0] if values else empty
    return f"{', '.join(values[:-1])} and {values[-1]}"
