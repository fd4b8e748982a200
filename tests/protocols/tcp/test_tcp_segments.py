"""Frames read and written: every byte string is either a segment or has a reason."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labctl.protocols.tcp_options import mss, nop, sack, sack_permitted, timestamps, window_scale
from labctl.protocols.tcp_segments import FLAGS, NotTcp, Segment, checksum_remainder, read_frame, read_packet
from labctl.protocols.tcp_writing import internet_checksum, write_frame, write_packet

numbers = st.integers(0, 2**32 - 1)
ports = st.integers(0, 65535)
v4 = st.ip_addresses(v=4).map(str)
v6 = st.ip_addresses(v=6).map(str)
options = st.lists(
    st.one_of(
        st.builds(mss, ports),
        st.builds(window_scale, st.integers(0, 255)),
        st.builds(sack_permitted),
        st.builds(timestamps, numbers, numbers),
        st.builds(nop),
        st.lists(st.tuples(numbers, numbers), min_size=1, max_size=2).map(lambda blocks: sack(*blocks)),
    ),
    max_size=3,
).filter(lambda found: sum(len(o.raw) for o in found) <= 40)


@given(
    addresses=st.one_of(st.tuples(v4, v4), st.tuples(v6, v6)),
    source_port=ports,
    target_port=ports,
    seq=numbers,
    ack=numbers,
    flags=st.sets(st.sampled_from(FLAGS)),
    window=ports,
    payload=st.binary(max_size=40),
    found=options,
)
def test_what_is_written_is_read_back_with_a_good_checksum(
    addresses, source_port, target_port, seq, ack, flags, window, payload, found
):
    letters = "".join(f for f in FLAGS if f in flags)
    packet = write_packet(
        (addresses[0], source_port),
        (addresses[1], target_port),
        seq=seq,
        ack=ack,
        flags=letters,
        window=window,
        payload=payload,
        options=found,
    )
    segment = read_frame(write_frame(packet), 7)
    assert isinstance(segment, Segment)
    assert (segment.source, segment.source_port) == (addresses[0], source_port)
    assert (segment.target, segment.target_port) == (addresses[1], target_port)
    assert (segment.seq, segment.ack, segment.flags, segment.window) == (seq, ack, letters, window)
    assert segment.payload == payload
    assert [o for o in segment.options if o.name != "eol"] == found
    assert segment.checksum_ok is True
    assert segment.ip_checksum_ok is (None if ":" in addresses[0] else True)
    assert segment.at_ns == 7


@given(st.binary(max_size=120))
def test_any_bytes_are_a_segment_or_have_a_reason(raw):
    for read in (read_frame(raw, 0), read_packet(raw, 0)):
        assert isinstance(read, Segment) or read.reason


PACKET = write_packet(
    ("10.0.0.1", 1), ("10.0.0.2", 2), seq=5, ack=6, flags="PA", payload=b"hello", options=[timestamps(1, 2)]
)
FRAMES = [
    write_frame(PACKET),
    write_frame(write_packet(("2001:db8::1", 1), ("2001:db8::2", 2), seq=5, flags="S", options=[mss(1460)])),
]


@given(
    frame=st.sampled_from(FRAMES),
    flips=st.lists(st.tuples(st.integers(0, 85), st.integers(1, 255)), max_size=6),
    cut=st.integers(0, 90),
)
def test_a_damaged_frame_never_raises(frame, flips, cut):
    damaged = bytearray(frame)
    for at, change in flips:
        if at < len(damaged):
            damaged[at] ^= change
    read = read_frame(bytes(damaged[:cut]), 0)
    assert isinstance(read, Segment | NotTcp)


@given(at=st.integers(14 + 20, len(FRAMES[0]) - 1), change=st.integers(1, 255))
def test_a_changed_byte_of_the_segment_is_a_bad_checksum(at, change):
    damaged = bytearray(FRAMES[0])
    damaged[at] ^= change
    read = read_frame(bytes(damaged), 0)
    # The data offset may then say that there is no whole header.
    assert isinstance(read, NotTcp) or read.checksum_ok is False


def test_the_pseudo_header_is_part_of_the_checksum():
    damaged = bytearray(FRAMES[0])
    # Both addresses' last bytes change such that the IP header's own checksum stays good.
    damaged[14 + 15] += 1
    damaged[14 + 11] -= 1
    read = read_frame(bytes(damaged), 0)
    assert read.ip_checksum_ok is True
    assert read.checksum_ok is False


def test_a_checksum_that_the_capture_calls_not_computed_is_neither_good_nor_bad():
    assert read_frame(FRAMES[0], 0, checksum_ready=False).checksum_ok is None


def test_ethernet_padding_is_no_payload():
    packet = write_packet(("10.0.0.1", 1), ("10.0.0.2", 2), seq=5, ack=6)
    read = read_frame(write_frame(packet) + bytes(6), 0)
    assert (read.length, read.checksum_ok) == (0, True)


def test_a_vlan_tag_is_stepped_over():
    frame = FRAMES[0][:12] + b"\x81\x00\x00\x07" + FRAMES[0][12:]
    assert read_frame(frame, 0).payload == b"hello"


def test_ipv6_extension_headers_are_stepped_over():
    packet = write_packet(("2001:db8::1", 1), ("2001:db8::2", 2), seq=5, payload=b"abc")
    hop = bytes([6, 0, 1, 4, 0, 0, 0, 0])
    longer = (
        packet[:4] + (len(packet) - 40 + 8).to_bytes(2, "big") + b"\x00" + packet[7:40] + hop + packet[40:]
    )
    read = read_frame(write_frame(longer), 0)
    assert (read.payload, read.checksum_ok) == (b"abc", True)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda p: b"", "too short for an Ethernet header"),
        (lambda p: p[:12] + b"\x08\x06" + p[14:], "neither IPv4 nor IPv6"),
        (lambda p: p[:14] + b"\x55" + p[15:], "no IPv4 header"),
        (lambda p: p[:23] + b"\x11" + p[24:], "protocol 17: not TCP"),
        (lambda p: p[:20] + b"\x20\x00" + p[22:], "a fragment, at byte 0"),
        (lambda p: p[:20] + b"\x00\x02" + p[22:], "a fragment, at byte 16"),
        (lambda p: p[:-3], "of which"),
        (lambda p: p[:46] + b"\x10" + p[47:], "a TCP header of 4 bytes"),
        (lambda p: p[:46] + b"\xf0" + p[47:], "a TCP header of 60 bytes"),
    ],
)
def test_what_is_no_segment_says_why(change, words):
    read = read_frame(change(FRAMES[0]), 0)
    assert isinstance(read, NotTcp)
    assert words in read.reason


def test_a_zero_sum_is_written_as_a_zero_checksum():
    data = b"\xff\xff\x00\x00"
    assert checksum_remainder(data) == 0
    assert internet_checksum(data) == 0


def test_syn_and_fin_use_a_number_each():
    packet = write_packet(("10.0.0.1", 1), ("10.0.0.2", 2), seq=2**32 - 1, flags="FS", payload=b"ab")
    read = read_packet(packet, 0)
    assert (read.span, read.end) == (4, 3)
    assert read.flag_words == "FIN SYN"
