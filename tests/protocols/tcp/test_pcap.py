import struct
from dataclasses import replace

from labctl.protocols.pcap import pcap_bytes
from labctl.protocols.tcp_segments import read_frame
from labctl.protocols.tcp_writing import write_frame, write_packet

FRAME = write_frame(write_packet(("10.0.0.1", 1), ("10.0.0.2", 2), seq=5))


def stamps(raw):
    at, found = 24, []
    while at < len(raw):
        seconds, nanoseconds, kept, length = struct.unpack_from("!IIII", raw, at)
        assert kept == length
        found.append(seconds * 10**9 + nanoseconds)
        at += 16 + kept
    return found


def test_stamps_are_in_strict_order_whatever_the_input(line):
    segment = read_frame(FRAME, 0)
    times = [3_000_000_005, 1, 1, 1, 2, 3_000_000_005]
    raw = pcap_bytes(replace(segment, at_ns=t) for t in times)
    assert raw[:4] == bytes.fromhex("a1b23c4d")
    assert stamps(raw) == [1, 2, 3, 4, 3_000_000_005, 3_000_000_006]


def test_what_was_not_captured_is_left_out(line):
    inferred = line.client("S", 0)
    assert stamps(pcap_bytes([inferred, read_frame(FRAME, 9)])) == [9]
