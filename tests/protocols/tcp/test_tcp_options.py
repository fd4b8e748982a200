import pytest
from hypothesis import given
from hypothesis import strategies as st

from labctl.protocols.tcp_options import (
    mss,
    nop,
    read_options,
    sack,
    sack_permitted,
    timestamps,
    window_scale,
)

# Linux on an Ethernet: mss, sackOK, timestamps, nop, window scale.
SYN = bytes.fromhex("020405b40402080a0001e2400000000001030307")


def test_the_options_of_a_syn_are_read_in_order():
    assert [o.text for o in read_options(SYN)] == [
        "mss 1460",
        "sackOK",
        "TS val 123456 ecr 0",
        "nop",
        "wscale 7",
    ]
    assert b"".join(o.raw for o in read_options(SYN)) == SYN


def test_written_options_are_the_same_bytes():
    assert (
        b"".join(o.raw for o in (mss(1460), sack_permitted(), timestamps(123456, 0), nop(), window_scale(7)))
        == SYN
    )


def test_sack_blocks_are_pairs_of_edges():
    (found,) = read_options(sack((10, 20), (2**32 - 1, 5)).raw)
    assert found.blocks == ((10, 20), (2**32 - 1, 5))
    assert found.text == "sack 10-20 4294967295-5"


@pytest.mark.parametrize(
    "raw",
    [
        b"\x02",
        b"\x02\x00\x05\xb4",
        b"\x02\x01",
        b"\x02\x04\x05",
        b"\x02\x03\x05",
        b"\x05\x09" + bytes(7),
        b"\x08\x02",
    ],
)
def test_what_cannot_be_an_option_is_kept_as_malformed(raw):
    found = read_options(raw)
    assert found[-1].name == "malformed"
    assert b"".join(o.raw for o in found) == raw


def test_an_unknown_kind_is_named_by_its_number():
    (found,) = read_options(b"\xfd\x04\x01\x02")
    assert (found.name, found.text, found.kind) == ("unknown", "kind 253", 253)


def test_nothing_is_read_after_the_end_of_the_list():
    found = read_options(b"\x00\x02\x04\x05\xb4")
    assert [o.name for o in found] == ["eol"]


@given(st.binary(max_size=40))
def test_the_bytes_of_all_options_are_the_bytes_that_were_read(raw):
    found = read_options(raw)
    assert b"".join(o.raw for o in found) == raw
    assert all(o.text for o in found)
