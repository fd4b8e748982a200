"""Captured segments as a pcap file with nanosecond stamps (draft-ietf-opsawg-pcap).

tshark, tcpdump and Wireshark read it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

from labctl.protocols.tcp_segments import Segment

_NANOSECONDS = 0xA1B23C4D
_ETHERNET = 1
_SNAP_LENGTH = 262144


def pcap_bytes(segments: Iterable[Segment]) -> bytes:
    """The file. Segments without a frame were not captured and are left out; the rest is put in strict time order.

    Two frames never carry the same stamp: the later one in the given order is moved on by a nanosecond.
    """
    captured = sorted((s for s in segments if s.frame), key=lambda s: s.at_ns)
    parts = [struct.pack("!IHHiIII", _NANOSECONDS, 2, 4, 0, 0, _SNAP_LENGTH, _ETHERNET)]
    last = -1
    for segment in captured:
        last = max(segment.at_ns, last + 1)
        frame = segment.frame[:_SNAP_LENGTH]
        parts.append(struct.pack("!IIII", *divmod(last, 10**9), len(frame), len(segment.frame)) + frame)
    return b"".join(parts)
