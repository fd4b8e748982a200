"""TCP segments written as IP packets, checksums included: for a handshake by hand, and for tests."""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterable

from labctl.protocols.tcp_options import Option, write_options
from labctl.protocols.tcp_segments import FLAGS, checksum_remainder


def internet_checksum(data: bytes) -> int:
    """The complement of the one's complement sum (RFC 1071) of `data`, in which the checksum itself is 0."""
    # Data that is not all zero never sums to 0, so a remainder of 0 is the sum 0xFFFF, with the complement 0.
    return (0xFFFF - checksum_remainder(data)) % 0xFFFF


def write_packet(
    source: tuple[str, int],
    target: tuple[str, int],
    *,
    seq: int,
    ack: int = 0,
    flags: str = "A",
    window: int = 64240,
    payload: bytes = b"",
    options: Iterable[Option] = (),
    ttl: int = 64,
    ip_id: int = 0,
    urgent: int = 0,
) -> bytes:
    """An IPv4 or IPv6 packet with one TCP segment. `seq` and `ack` are taken modulo 2**32."""
    sender, receiver = ipaddress.ip_address(source[0]), ipaddress.ip_address(target[0])
    option_bytes = write_options(options)
    header = struct.pack(
        "!HHIIBBHHH",
        source[1],
        target[1],
        seq & 0xFFFFFFFF,
        ack & 0xFFFFFFFF,
        (20 + len(option_bytes)) // 4 << 4,
        sum(1 << FLAGS.index(f) for f in flags),
        window,
        0,
        urgent,
    )
    segment = header + option_bytes + payload
    pseudo = sender.packed + receiver.packed + struct.pack("!II", len(segment), 6)
    segment = segment[:16] + struct.pack("!H", internet_checksum(pseudo + segment)) + segment[18:]
    if sender.version == 6:
        return struct.pack("!IHBB", 6 << 28, len(segment), 6, ttl) + sender.packed + receiver.packed + segment
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(segment), ip_id, 0x4000, ttl, 6, 0)
    ip += sender.packed + receiver.packed
    return ip[:10] + struct.pack("!H", internet_checksum(ip)) + ip[12:] + segment


def write_frame(packet: bytes, *, source: bytes = bytes(6), target: bytes = bytes(6)) -> bytes:
    """The packet in an Ethernet frame; the addresses are those of a loopback unless given."""
    return target + source + (b"\x86\xdd" if packet[0] >> 4 == 6 else b"\x08\x00") + packet
