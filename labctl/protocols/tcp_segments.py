"""Frames read as TCP segments (RFC 9293 section 3.1): Ethernet, IPv4 or IPv6, TCP.

`read_frame` never raises: a frame that is no whole TCP segment comes back as `NotTcp` with the reason.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from labctl.events import Evidence
from labctl.protocols.tcp_options import Option, read_options

# Bit i of the flags octet is letter i: FIN, SYN, RST, PSH, ACK, URG, ECE, CWR.
FLAGS = "FSRPAUEC"
FLAG_WORDS = {"F": "FIN", "S": "SYN", "R": "RST", "P": "PSH", "A": "ACK", "U": "URG", "E": "ECE", "C": "CWR"}

_FLAGS_OF = tuple("".join(f for i, f in enumerate(FLAGS) if octet >> i & 1) for octet in range(256))
_TCP = 6
_VLAN_TAGS = (0x8100, 0x88A8)
# IPv6 extension headers that say their own length in units of eight bytes (RFC 8200 section 4).
_EXTENSIONS = {0: "hop-by-hop options", 43: "routing", 60: "destination options"}


@dataclass(frozen=True, slots=True)
class NotTcp:
    """A frame that is no whole TCP segment, and why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Segment:
    """One TCP segment as it passed one point.

    `at_ns` is the kernel's stamp, CLOCK_REALTIME nanoseconds. `seq` and `ack` are absolute; `window` as it stands in
    the header, unscaled. `flags` are letters in the order FSRPAUEC: "SA" is SYN and ACK. `checksum_ok` covers the TCP
    checksum with its pseudo header, `ip_checksum_ok` the IPv4 header; None is "not computed" or "there is none".
    `frame` is empty when nothing was captured. `unknown` names the fields that nobody told us (evidence other than
    "captured"); their values are place holders. `stated_length` is the payload's length where the bytes are not known.
    """

    at_ns: int
    source: str
    source_port: int
    target: str
    target_port: int
    seq: int
    ack: int
    flags: str
    window: int
    payload: bytes = b""
    options: tuple[Option, ...] = ()
    ttl: int = 0
    ip_id: int = 0
    checksum_ok: bool | None = None
    evidence: Evidence = "captured"
    frame: bytes = b""
    dropped: bool = False
    delayed_ms: float = 0.0
    ip_checksum_ok: bool | None = None
    checksum: int = 0
    urgent: int = 0
    unknown: tuple[str, ...] = ()
    stated_length: int | None = None

    @property
    def length(self) -> int:
        """Bytes of payload."""
        return len(self.payload) if self.stated_length is None else self.stated_length

    @property
    def span(self) -> int:
        """How many sequence numbers it uses up: its bytes, one for SYN, one for FIN (RFC 9293 section 3.4)."""
        return self.length + ("S" in self.flags) + ("F" in self.flags)

    @property
    def end(self) -> int:
        """The sequence number that follows it, modulo 2**32."""
        return (self.seq + self.span) & 0xFFFFFFFF

    @property
    def flag_words(self) -> str:
        """`SYN ACK`, `PSH ACK`, ..."""
        return " ".join(FLAG_WORDS[f] for f in self.flags)

    @property
    def mss(self) -> int | None:
        """The MSS option in bytes, or None."""
        found = self._option("mss")
        return found.values[0] if found else None

    @property
    def window_scale(self) -> int | None:
        """The shift of the window scale option, or None."""
        found = self._option("window_scale")
        return found.values[0] if found else None

    @property
    def sack_permitted(self) -> bool:
        """Whether it says that selective acknowledgements are read."""
        return self._option("sack_permitted") is not None

    @property
    def sack(self) -> tuple[tuple[int, int], ...]:
        """Ranges held beyond the acknowledgement, absolute, the most recent first."""
        found = self._option("sack")
        return found.blocks if found else ()

    @property
    def timestamps(self) -> tuple[int, int] | None:
        """(value, echo), or None."""
        found = self._option("timestamps")
        return (found.values[0], found.values[1]) if found else None

    def _option(self, name: str) -> Option | None:
        return next((o for o in self.options if o.name == name), None)


def checksum_remainder(data: bytes) -> int:
    """The sum of the 16-bit words of `data` modulo 65535 (RFC 1071): 0 over data with a good checksum in it."""
    if len(data) % 2:
        data += b"\0"
    return int.from_bytes(data, "big") % 0xFFFF


def read_frame(
    frame: bytes, at_ns: int, *, checksum_ready: bool = True, evidence: Evidence = "captured"
) -> Segment | NotTcp:
    """The segment in an Ethernet frame. `checksum_ready` False: the capture says that nobody has computed it yet."""
    if len(frame) < 14:
        return NotTcp(f"{len(frame)} bytes: too short for an Ethernet header of 14")
    at = 12
    ethertype = int.from_bytes(frame[at : at + 2], "big")
    while ethertype in _VLAN_TAGS and len(frame) >= at + 6:
        at += 4
        ethertype = int.from_bytes(frame[at : at + 2], "big")
    if ethertype not in (0x0800, 0x86DD):
        return NotTcp(f"ethertype {ethertype:#06x}: neither IPv4 nor IPv6")
    return _read_packet(
        frame[at + 2 :], at_ns, frame, checksum_ready, evidence, 4 if ethertype == 0x0800 else 6
    )


def read_packet(
    packet: bytes, at_ns: int, *, checksum_ready: bool = True, evidence: Evidence = "captured"
) -> Segment | NotTcp:
    """The segment in an IP packet without a link layer, as TCP_SAVED_SYN and raw sockets hand it out."""
    version = packet[0] >> 4 if packet else 0
    if version not in (4, 6):
        return NotTcp(f"IP version {version}" if packet else "no bytes")
    return _read_packet(packet, at_ns, b"", checksum_ready, evidence, version)


@dataclass(frozen=True, slots=True)
class _Network:
    """What the IP header said: pseudo header's addresses, and the bytes above it."""

    source: bytes
    target: bytes
    ttl: int
    ip_id: int
    header_ok: bool | None
    upper: bytes


def _read_packet(
    packet: bytes, at_ns: int, frame: bytes, ready: bool, evidence: Evidence, version: int
) -> Segment | NotTcp:
    network = _read_ipv4(packet) if version == 4 else _read_ipv6(packet)
    if isinstance(network, NotTcp):
        return network
    upper = network.upper
    if len(upper) < 20:
        return NotTcp(f"{len(upper)} bytes: too short for a TCP header of 20")
    source_port, target_port, seq, ack, offset, flags, window, checksum, urgent = struct.unpack_from(
        "!HHIIBBHHH", upper
    )
    header = (offset >> 4) * 4
    if not 20 <= header <= len(upper):
        return NotTcp(f"a TCP header of {header} bytes in {len(upper)}")
    pseudo = network.source + network.target + struct.pack("!II", len(upper), _TCP)
    good = checksum_remainder(pseudo + upper) == 0 if ready else None
    return Segment(
        at_ns=at_ns,
        source=_address(network.source),
        source_port=source_port,
        target=_address(network.target),
        target_port=target_port,
        seq=seq,
        ack=ack,
        flags=_FLAGS_OF[flags],
        window=window,
        payload=upper[header:],
        options=read_options(upper[20:header]),
        ttl=network.ttl,
        ip_id=network.ip_id,
        checksum_ok=good,
        evidence=evidence,
        frame=frame,
        ip_checksum_ok=network.header_ok,
        checksum=checksum,
        urgent=urgent,
    )


def _read_ipv4(packet: bytes) -> _Network | NotTcp:
    if len(packet) < 20:
        return NotTcp(f"{len(packet)} bytes: too short for an IPv4 header of 20")
    first, _, total, ip_id, fragment, ttl, protocol, _ = struct.unpack_from("!BBHHHBBH", packet)
    header = (first & 15) * 4
    if first >> 4 != 4 or not 20 <= header <= len(packet):
        return NotTcp(f"version {first >> 4}, header of {header} bytes: no IPv4 header")
    # 0: larger than 65535 before segmentation (the kernel's own "big TCP"); the frame is all there is to go by.
    total = total or len(packet)
    if total < header or total > len(packet):
        return NotTcp(f"an IPv4 packet of {total} bytes, of which {len(packet)} are here")
    if protocol != _TCP:
        return NotTcp(f"protocol {protocol}: not TCP")
    if fragment & 0x3FFF:
        return NotTcp(f"a fragment, at byte {(fragment & 0x1FFF) * 8}")
    ok = checksum_remainder(packet[:header]) == 0
    return _Network(packet[12:16], packet[16:20], ttl, ip_id, ok, packet[header:total])


def _read_ipv6(packet: bytes) -> _Network | NotTcp:
    if len(packet) < 40 or packet[0] >> 4 != 6:
        return NotTcp(f"{len(packet)} bytes: no IPv6 header of 40")
    payload, following, hops = struct.unpack_from("!HBB", packet, 4)
    end = 40 + payload if payload else len(packet)
    if end > len(packet):
        return NotTcp(f"an IPv6 packet of {end} bytes, of which {len(packet)} are here")
    at = 40
    while following in _EXTENSIONS and at + 2 <= end:
        following, at = packet[at], at + 8 + packet[at + 1] * 8
    if following == 44:
        return NotTcp("a fragment of an IPv6 packet")
    if following != _TCP:
        return NotTcp(f"next header {following}: not TCP")
    if at > end:
        return NotTcp("an IPv6 extension header that is longer than its packet")
    return _Network(packet[8:24], packet[24:40], hops, 0, None, packet[at:end])


def _address(raw: bytes) -> str:
    if len(raw) == 4:
        return f"{raw[0]}.{raw[1]}.{raw[2]}.{raw[3]}"
    import ipaddress

    return str(ipaddress.IPv6Address(raw))
