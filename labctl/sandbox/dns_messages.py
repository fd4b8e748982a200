"""Questions read from bytes, answers made into bytes: what all servers of the town do alike. No sockets."""

from __future__ import annotations

import dns.exception
import dns.message
from dns.message import Message, QueryMessage
from dns.rcode import Rcode

# What fits into one datagram on nearly every path (RFC 9715).
PAYLOAD = 1232
# The EDNS flag DO: the asker wants signatures (RFC 3225).
DO = 0x8000
# The EDNS flag CO: the asker understands compact denials (RFC 9824 section 4).
COMPACT_OK = 0x4000


def read_question(wire: bytes) -> QueryMessage | bytes | None:
    """The question in these bytes; or the answer that refuses them (FORMERR, NOTIMP); None: say nothing."""
    if len(wire) < 12 or wire[2] & 0x80:
        return None
    header = wire[:2] + bytes([0x80 | wire[2] & 0x79])
    if wire[2] & 0x78:
        return header + bytes([Rcode.NOTIMP]) + bytes(8)
    malformed = header + bytes([Rcode.FORMERR]) + bytes(8)
    if wire[4:6] != b"\x00\x01":
        return malformed
    try:
        question = dns.message.from_wire(wire, ignore_trailing=True)
    except (dns.exception.DNSException, ValueError):
        return malformed
    return question if isinstance(question, QueryMessage) and question.question else malformed


def to_bytes(reply: Message, question: QueryMessage, *, cut: bool) -> bytes:
    """The answer's bytes; `cut` to what fits into the asker's datagram, with TC when something is missing."""
    limit = 65_535
    if cut:
        limit = max(512, min(question.payload, PAYLOAD)) if question.edns >= 0 else 512
    if question.ednsflags & DO and reply.edns >= 0:
        reply.ednsflags |= DO  # it is copied into the answer (RFC 3225 section 3)
    # Sets keep their order, so that the same seed walks the same way.
    return reply.to_wire(max_size=limit, prefer_truncation=True, want_shuffle=False)


def bad_version(reply: Message) -> Message:
    """The answer to an EDNS version that nobody knows yet: BADVERS, with ours (RFC 6891 section 6.1.3)."""
    reply.use_edns(0, payload=PAYLOAD)
    reply.set_rcode(Rcode.BADVERS)
    return reply
