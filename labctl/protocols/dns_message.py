"""DNS messages: build a question, read any reply, and the words for what a reply carries besides records."""

from __future__ import annotations

import struct

from labctl.protocols.dns_import import dns
from labctl.protocols.dns_labels import Labels, from_text, to_wire
from labctl.protocols.dns_types import type_number
from labctl.protocols.dns_wire import RR, Garbage

__all__ = ["PAYLOAD", "Garbage", "build_query", "edns_notes", "query", "rcode_text", "read"]

PAYLOAD = 1232  # octets of UDP that pass everywhere unfragmented (RFC 9715, DNS flag day 2020)
_IN = 1
_EDE, _NSID = 15, 3

_RCODES = {
    0: "NOERROR",
    1: "FORMERR",
    2: "SERVFAIL",
    3: "NXDOMAIN",
    4: "NOTIMP",
    5: "REFUSED",
    6: "YXDOMAIN",
    7: "YXRRSET",
    8: "NXRRSET",
    9: "NOTAUTH",
    10: "NOTZONE",
    16: "BADVERS",
    23: "BADCOOKIE",
}

# RFC 8914 section 4 and the IANA registry of Extended DNS Errors.
_EXTENDED_ERRORS = {
    0: "other error",
    1: "unsupported DNSKEY algorithm",
    2: "unsupported DS digest type",
    3: "stale answer",
    4: "forged answer",
    5: "DNSSEC indeterminate",
    6: "DNSSEC bogus",
    7: "signature expired",
    8: "signature not yet valid",
    9: "DNSKEY missing",
    10: "RRSIGs missing",
    11: "no zone key bit set",
    12: "NSEC missing",
    13: "cached error",
    14: "not ready",
    15: "blocked",
    16: "censored",
    17: "filtered",
    18: "prohibited",
    19: "stale NXDOMAIN answer",
    20: "not authoritative",
    21: "not supported",
    22: "no reachable authority",
    23: "network error",
    24: "invalid data",
    25: "signature expired before valid",
    26: "too early",
    27: "unsupported NSEC3 iterations value",
    28: "unable to conform to policy",
    29: "synthesized",
    30: "invalid query type",
}


def rcode_text(rcode: int) -> str:
    """The mnemonic of a response code, RCODE17 when it has none."""
    return _RCODES.get(rcode) or f"RCODE{rcode}"


def query(
    name: Labels,
    rdtype: int,
    ident: int,
    *,
    rd: bool = False,
    do: bool = False,
    cd: bool = False,
    edns: bool = True,
    nsid: bool = False,
) -> bytes:
    """A question of class IN as bytes, with EDNS offering 1232 octets unless told otherwise (RFC 6891)."""
    flags = (0x0100 if rd else 0) | (0x0010 if cd else 0)
    wire = struct.pack("!HHHHHH", ident, flags, 1, 0, 0, 1 if edns else 0)
    wire += to_wire(name) + struct.pack("!HH", rdtype, _IN)
    if edns:
        options = struct.pack("!HH", _NSID, 0) if nsid else b""
        wire += struct.pack("!BHHIH", 0, 41, PAYLOAD, 0x8000 if do else 0, len(options)) + options
    return wire


def build_query(
    name: str,
    type: str,
    ident: int,
    *,
    rd: bool = False,
    do: bool = False,
    cd: bool = False,
    edns: bool = True,
    nsid: bool = False,
) -> bytes:
    """`query` for a name and a type as text. Raises ValueError for text that is neither."""
    return query(from_text(name), type_number(type), ident, rd=rd, do=do, cd=cd, edns=edns, nsid=nsid)


def read(wire: bytes) -> dns.message.Message | Garbage:
    """A reply as dnspython reads it, records that it cannot read left out. Never raises, whatever the
    bytes.
    """
    try:
        return dns.message.from_wire(wire, ignore_trailing=True, continue_on_error=True)
    except (
        Exception
    ) as error:  # ValueError, IndexError, struct.error and more come through: bytes are evidence
        return Garbage(str(error) or type(error).__name__)


def edns_notes(opt: RR) -> list[str]:
    """What the options of an OPT record say to a person: extended errors (RFC 8914), NSID (RFC 5001)."""
    notes = []
    at = opt.start
    while at + 4 <= opt.end:
        code, length = struct.unpack_from("!HH", opt.wire, at)
        data = opt.wire[at + 4 : at + 4 + length]
        at += 4 + length
        if at > opt.end:
            notes.append("An EDNS option runs over the end of its record.")
        elif code == _EDE and length >= 2:
            number = int.from_bytes(data[:2])
            said = data[2:].rstrip(b"\0").decode("utf-8", "replace")
            name = _EXTENDED_ERRORS.get(number, "an unassigned code")
            notes.append(f"Extended error {number}, {name}" + (f": {said}" if said else "") + " (RFC 8914).")
        elif code == _NSID and length:
            text = data.decode("ascii", "replace") if data.isascii() else data.hex()
            notes.append(f"The server names itself {text} (NSID, RFC 5001).")
    return notes
