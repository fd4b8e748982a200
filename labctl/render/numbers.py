"""Numbers as the screens write them (SCREENS.md, Layout)."""

from __future__ import annotations


def duration(ms: float) -> str:
    """`44.9 ms` under 100 ms, `142 ms` under 10 s, then `12.8 s`."""
    if ms >= 10_000:
        return f"{ms / 1000:,.1f} s"
    # 99.97 would round to "100.0 ms": the first form ends where rounding does.
    return f"{ms:,.0f} ms" if ms >= 99.95 else f"{ms:.1f} ms"


def gutter(ms: float) -> str:
    """The same under a column that is headed `ms`: no unit, and no change of unit."""
    return f"{ms:,.0f}" if ms >= 99.95 else f"{ms:.1f}"


def thousands(count: int) -> str:
    """`1,204`."""
    return f"{count:,}"


def left(seconds: int) -> str:
    """What is left of a TTL: `1d 23h 59m`, `23h 59m`, `2m 03s`, `9 s`."""
    days, rest = divmod(seconds, 86400)
    hours, rest = divmod(rest, 3600)
    minutes, rest = divmod(rest, 60)
    if days:
        return f"{days}d {hours:02d}h {minutes:02d}m"
    if hours:
        return f"{hours}h {minutes:02d}m"
    return f"{minutes}m {rest:02d}s" if minutes else f"{rest} s"


def size(bytes: int) -> str:
    """`512 B`, `1.2 kB`, `86.4 MB`: a kB is 1,000 B."""
    for unit, scale in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if bytes >= scale:
            return f"{bytes / scale:.1f} {unit}"
    return f"{bytes} B"


def share(fraction: float) -> str:
    """`62%`."""
    return f"{fraction:.0%}"
