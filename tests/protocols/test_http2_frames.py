"""Frames cut out of bytes, against what the h2 library wrote."""

from __future__ import annotations

import h2.config
import h2.connection
from hypothesis import given
from hypothesis import strategies as st

from labctl.protocols.http2_frames import KEPT, FrameReader, error_name, settings_of


def _written() -> bytes:
    connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True))
    connection.initiate_connection()
    connection.send_headers(
        1, [(":method", "POST"), (":scheme", "https"), (":authority", "a"), (":path", "/")]
    )
    connection.send_data(1, b"x" * 1000, end_stream=True)
    connection.close_connection(error_code=2)
    return connection.data_to_send()


@given(st.integers(1, 50))
def test_the_same_frames_come_out_however_the_bytes_are_cut(step: int) -> None:
    wire, reader = _written(), FrameReader(sent=True)
    frames = [f for n in range(0, len(wire), step) for f in reader.feed(wire[n : n + step], n / 1000)]
    assert [f.type for f in frames] == ["SETTINGS", "HEADERS", "DATA", "GOAWAY"]
    assert sum(f.wire_bytes for f in frames) + 24 == len(wire)
    assert frames[1].flags == ("END_HEADERS",)
    assert frames[2].flags == ("END_STREAM",)
    assert frames[2].length == 1000
    assert len(frames[2].payload) == KEPT
    assert ("ENABLE_PUSH", 1) in settings_of(frames[0])


def test_an_unknown_type_and_error_have_their_numbers_for_names() -> None:
    frame = FrameReader(sent=False).feed(b"\0\0\x02\xfe\0\0\0\0\x03ab", 0.0)[0]
    assert (frame.type, frame.stream_id, frame.payload) == ("type 254", 3, b"ab")
    assert error_name(8) == "CANCEL"
    assert error_name(99) == "error 99"


@given(st.binary(max_size=200), st.integers(1, 20))
def test_any_bytes_are_cut_without_an_error(data: bytes, step: int) -> None:
    reader, whole = FrameReader(sent=False), FrameReader(sent=False)
    found = [frame for n in range(0, len(data), step) for frame in reader.feed(data[n : n + step], 0.0)]
    assert found == list(whole.feed(data, 0.0)), "how the bytes came makes no difference"
