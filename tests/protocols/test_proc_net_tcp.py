"""/proc/net/tcp as text: what the columns mean, and what happens to lines that are none."""

from __future__ import annotations

import sys
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labctl.protocols.proc_net_tcp import read_sockets

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
LISTENING = (
    "   0: 0100007F:1388 00000000:0000 0A 00000000:00000003 00:00000000 00000000  1000        0 4711 1 0\n"
)
WAITING = "   1: 0100007F:1388 0200007F:A0C2 06 00000000:00000000 03:000010CC 00000000     0        0 0 3 0\n"
IPV6 = (
    "   0: 00000000000000000000000001000000:0050 B80D0120000000000000000080000000:C001 01 "
    "00000010:00000000 01:00000014 00000002  1000        0 99 1 0\n"
)


def test_a_listener_says_who_waits_and_whose_it_is() -> None:
    (line,) = read_sockets(HEAD + LISTENING, byteorder="little")
    assert (line.local, line.local_port, line.state) == ("127.0.0.1", 5000, "LISTEN")
    assert (line.uid, line.inode, line.receive_queue) == (1000, 4711, 3)
    assert line.owned
    assert (line.timer, line.timer_seconds) == ("", 0.0)


def test_time_wait_has_a_clock_and_no_owner() -> None:
    (line,) = read_sockets(HEAD + WAITING, byteorder="little")
    assert (line.state, line.remote, line.remote_port) == ("TIME-WAIT", "127.0.0.2", 41154)
    assert line.timer == "time-wait"
    assert line.timer_seconds == 43.0
    assert not line.owned


def test_clock_ticks_are_those_of_the_machine() -> None:
    (line,) = read_sockets(HEAD + WAITING, ticks_per_second=1000, byteorder="little")
    assert line.timer_seconds == 4.3


def test_an_ipv6_address_is_four_words_in_the_machine_s_order() -> None:
    (line,) = read_sockets(HEAD + IPV6, byteorder="little")
    assert (line.family, line.local, line.remote) == ("ipv6", "::1", "2001:db8::80")
    assert (line.timer, line.retransmits) == ("retransmission", 2)
    assert line.send_queue == 16


def test_a_big_endian_machine_writes_addresses_as_they_are_read() -> None:
    (line,) = read_sockets(HEAD + LISTENING.replace("0100007F", "7F000001"), byteorder="big")
    assert line.local == "127.0.0.1"


def test_a_mapped_address_shows_its_ipv4_part() -> None:
    mapped = "0000000000000000FFFF00000100007F"
    (line,) = read_sockets(
        HEAD + IPV6.replace("00000000000000000000000001000000", mapped), byteorder="little"
    )
    assert line.local == "::ffff:127.0.0.1"


@pytest.mark.parametrize(
    "line",
    ["", "nonsense", LISTENING.replace(" 0A ", " 7F "), LISTENING.replace("0100007F", "XX"), LISTENING[:60]],
)
def test_a_line_that_cannot_be_read_is_left_out(line: str) -> None:
    assert len(read_sockets(HEAD + line + "\n" + WAITING, byteorder="little")) == 1


@given(st.text(max_size=300), st.sampled_from(["tcp", "udp"]))
def test_no_text_makes_the_reader_raise(text: str, transport: Literal["tcp", "udp"]) -> None:
    assert isinstance(read_sockets(HEAD + text, transport), list)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc is Linux's")
def test_this_machine_s_own_table_is_read_without_a_line_lost() -> None:
    with open("/proc/thread-self/net/tcp") as file:
        text = file.read()
    assert len(read_sockets(text)) == len(text.splitlines()) - 1


@pytest.mark.parametrize("address", ["0100007F", "0" * 24 + "01000000"], ids=["IPv4", "IPv6"])
@pytest.mark.parametrize("number", [0, 1_234_567])
def test_the_lines_of_one_port_are_those_whose_own_port_it_is(address: str, number: int) -> None:
    rest = "01 00000000:00000000 00:00000000 00000000     0        0 77 1 0\n"
    lines = [
        f"{number:4d}: {address}:{here} {address}:{there} {rest}"
        for here, there in (("1388", "A0C2"), ("A0C2", "1388"), ("1388", "1388"))
    ]
    text = HEAD + "".join(lines)
    found = read_sockets(text, local_port=0x1388)
    assert found == [each for each in read_sockets(text) if each.local_port == 0x1388]
    assert [each.remote_port for each in found] == [0xA0C2, 0x1388]
