"""How the tcp lab says things. Pure functions from what was seen to words."""

from __future__ import annotations

from labctl.protocols.tcp_segments import Segment
from labs.words import ms


def moment(segment: Segment, at_ms: float) -> str:
    """`at 2.0 ms`; `by 2.0 ms` for what was only counted: it had crossed then, and nobody told how long before."""
    return f"{'by' if 'at_ns' in segment.unknown else 'at'} {ms(at_ms)}"


def seconds(value: float) -> str:
    """Milliseconds as seconds with one decimal: `3.1 s`."""
    return f"{value / 1000:.1f} s"


def options(segment: Segment) -> str:
    """The options of a SYN in words: `MSS 1460, SACK allowed, window scale 7, time stamps`."""
    said = []
    if segment.mss is not None:
        said.append(f"MSS {segment.mss}")
    if segment.sack_permitted:
        said.append("SACK allowed")
    if segment.window_scale is not None:
        said.append(f"window scale {segment.window_scale}")
    if segment.timestamps is not None:
        said.append("time stamps")
    return ", ".join(said) or "no options"
