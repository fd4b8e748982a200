import socket
import struct
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labctl.kernel_view.tcp_info import decode_darwin, decode_linux, tcp_info

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="struct tcp_info of Linux")


def linux_bytes(length=248):
    raw = bytearray(280)
    raw[0:8] = bytes([1, 0, 2, 0, 0, 7, 0x7A, 0])
    struct.pack_into("@4I", raw, 8, 204_000, 40_000, 1448, 536)
    struct.pack_into("@2I", raw, 24, 3, 4)
    struct.pack_into("@2I", raw, 68, 21_500, 4_000)
    struct.pack_into("@2I", raw, 76, 7, 10)
    struct.pack_into("@I", raw, 100, 5)
    struct.pack_into("@2Q", raw, 120, 79, 513)
    struct.pack_into("@6I", raw, 136, 8, 9, 0, 10, 1, 2)
    struct.pack_into("@2Q", raw, 200, 500, 90)
    struct.pack_into("@2I", raw, 216, 1, 0)
    struct.pack_into("@3I", raw, 224, 6, 65536, 131072)
    return bytes(raw[:length])


@pytest.mark.skipif(sys.byteorder != "little", reason="the bit fields are written for little-endian machines")
def test_every_field_stands_where_the_kernel_puts_it():
    info = decode_linux(linux_bytes())
    assert (info.state, info.timestamps, info.sack, info.window_scaling) == ("ESTABLISHED", True, True, True)
    assert (info.send_scale, info.receive_scale) == (10, 7)
    assert (info.rto_ms, info.rtt_ms, info.rtt_variation_ms) == (204.0, 21.5, 4.0)
    assert (info.send_mss, info.unacked, info.sacked, info.cwnd_segments) == (1448, 3, 4, 10)
    assert (info.unanswered, info.total_retransmits) == (2, 5)
    assert (info.bytes_acked, info.bytes_received) == (79, 513)
    assert (info.segments_out, info.segments_in, info.unsent_bytes) == (8, 9, 0)
    assert (info.data_segments_in, info.data_segments_out) == (1, 2)
    assert (info.bytes_sent, info.bytes_retransmitted) == (500, 90)
    assert (info.duplicates_reported, info.out_of_order) == (1, 6)
    assert (info.send_window, info.receive_window) == (65536, 131072)


def test_an_older_kernel_tells_less():
    info = decode_linux(linux_bytes(104))
    assert info.rtt_ms == 21.5
    assert info.bytes_acked is None
    assert info.receive_window is None
    assert decode_linux(linux_bytes(100)) is None


def darwin_bytes():
    return struct.pack(
        "=4B13I7Q",
        4,
        6,
        7,
        0,
        7,
        0,
        230,
        1448,
        65535,
        14480,
        131072,
        0,
        131712,
        9,
        12,
        4,
        0,
        8,
        590,
        0,
        9,
        513,
        0,
        2,
    )


def test_the_struct_of_macos_has_112_bytes_and_its_own_numbers_for_states():
    assert len(darwin_bytes()) == 0x70
    info = decode_darwin(darwin_bytes())
    assert (info.state, info.timestamps, info.sack, info.window_scaling) == ("ESTABLISHED", True, True, True)
    assert (info.send_scale, info.receive_scale, info.send_mss) == (6, 7, 1448)
    assert (info.rto_ms, info.rtt_ms, info.rtt_variation_ms) == (230.0, 12.0, 4.0)
    assert (info.cwnd_bytes, info.cwnd_segments) == (14480, None)
    assert (info.segments_out, info.segments_in, info.total_retransmits) == (8, 9, 2)
    assert (info.bytes_sent, info.bytes_received) == (590, 513)
    assert (info.send_window, info.receive_window) == (131072, 131712)
    assert decode_darwin(darwin_bytes()[:-1]) is None


@given(st.binary(max_size=300))
def test_any_bytes_are_decoded_or_refused(raw):
    for decode in (decode_linux, decode_darwin):
        info = decode(raw)
        assert info is None or info.state


@linux
def test_a_real_connection_counts_its_segments():
    with socket.create_server(("127.0.0.1", 0)) as server:
        with socket.create_connection(server.getsockname()) as client:
            accepted, _ = server.accept()
            with accepted:
                client.sendall(b"x" * 78)
                accepted.recv(100)
                info = tcp_info(client)
                assert (info.state, info.bytes_sent, info.bytes_acked) == ("ESTABLISHED", 78, 79)
                # SYN, ACK, data.
                assert (info.segments_out, info.data_segments_out) == (3, 1)
        assert tcp_info(server).state == "LISTEN"
    assert tcp_info(server) is None
    assert tcp_info(server, "win32") is None
