"""The bytes that a TCP connection carried, put together from its segments by sequence number (RFC 9293 section 3.4)."""

from __future__ import annotations

from collections.abc import Sequence

from labctl.protocols.tcp_segments import Segment

_HALF = 1 << 31


def stream_chunks(
    segments: Sequence[Segment], client_port: int
) -> tuple[list[tuple[int, bool, bytes]], bool]:
    """(at_ns, sent by the client, bytes) in the order in which they became readable, and whether nothing is missing.

    A byte counts once, however often it crossed; what comes early waits for what it follows. What the wire
    swallowed did not arrive.
    """
    chunks: list[tuple[int, bool, bytes]] = []
    following: dict[bool, int] = {}
    waiting: dict[bool, list[tuple[int, bytes]]] = {True: [], False: []}
    for segment in segments:
        if segment.dropped or client_port not in (segment.source_port, segment.target_port):
            continue
        sent = segment.source_port == client_port
        if "S" in segment.flags:
            following[sent] = (segment.seq + 1) & 0xFFFFFFFF
            continue
        if not segment.payload:
            continue
        # Without the SYN the first segment that was seen begins the stream.
        at = following.setdefault(sent, segment.seq)
        waiting[sent].append((segment.seq, segment.payload))
        fresh, at = _joined(waiting[sent], at)
        following[sent] = at
        if fresh:
            chunks.append((segment.at_ns, sent, fresh))
    return chunks, not any(waiting.values())


def _joined(waiting: list[tuple[int, bytes]], at: int) -> tuple[bytes, int]:
    """Take from `waiting` what can be read from `at` on."""
    out = b""
    again = True
    while again:
        again = False
        for i, (seq, payload) in enumerate(waiting):
            known = (at - seq) & 0xFFFFFFFF
            if known < _HALF:
                new = payload[known:]
                out += new
                at = (at + len(new)) & 0xFFFFFFFF
                del waiting[i]
                again = True
                break
    return out, at
