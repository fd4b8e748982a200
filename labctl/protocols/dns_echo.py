"""Is this message an answer to the question that was sent? (RFC 5452 section 9, RFC 1035 section 7.3)"""

from __future__ import annotations

from labctl.protocols.dns_message import rcode_text
from labctl.protocols.dns_wire import Reply

# Servers that could not read the question, or would not, may leave it out of their reply.
_MAY_OMIT = {1, 2, 4, 5, 16}


def mismatch(reply: Reply, sent: bytes) -> str:
    """Why a reply does not belong to the message sent, as half a sentence; "" when it does."""
    if not reply.is_reply:
        return "sent a question back instead of a reply"
    ident = int.from_bytes(sent[:2])
    if reply.id != ident:
        return f"answered with id {reply.id} where {ident} was asked"
    if reply.opcode:
        return f"answered with opcode {reply.opcode} instead of QUERY"
    if not reply.question:
        return "" if reply.rcode in _MAY_OMIT else "left the question out of its reply"
    echoed, asked = reply.question[0], sent[12 : 12 + len(reply.question[0])]
    if len(reply.question) > 1 or echoed[-4:] != asked[-4:] or echoed[:-4].lower() != asked[:-4].lower():
        return "answered another question than was asked"
    return ""


def echo_notes(reply: Reply, sent: bytes) -> list[str]:
    """Oddities of a reply that does belong to the message sent."""
    notes = []
    if not reply.question:
        notes.append(f"The {rcode_text(reply.rcode)} reply leaves the question out.")
    elif reply.question[0] != sent[12 : 12 + len(reply.question[0])]:
        notes.append("The reply echoes the name in mangled case: it is the same name, spelt otherwise.")
    if reply.surplus:
        notes.append(f"{reply.surplus} octets follow the end of the message.")
    if reply.edns is not None and reply.edns.raw_ttl >> 16 & 0xFF:
        notes.append(f"The reply speaks EDNS version {reply.edns.raw_ttl >> 16 & 0xFF}.")
    for rr in (*reply.answer, *reply.authority):
        if rr.raw_ttl >= 0x80000000:
            notes.append(
                f"A TTL of {rr.raw_ttl} has its top bit set: taken as {rr.ttl} s (RFC 8767 section 4)."
            )
            break
    return notes
