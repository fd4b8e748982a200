"""Real TCP over the wire of a box: what is captured, lost, delayed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.usefixtures("needs_box")
Facts = Callable[..., dict[str, Any]]


def test_a_conversation_is_captured_whole_with_its_flags_numbers_and_checksums(measured: Facts) -> None:
    seen = measured("conversation")
    client, server = seen["addresses"]
    assert seen["ladder"] == [
        [client, "S", 0, 0],
        [server, "SA", 0, 0],
        [client, "A", 0, 1],
        [client, "PA", 4, 1],
        [server, "A", 0, 1],
        [server, "PA", 4, 1],
        [client, "A", 0, 5],
        [client, "FA", 0, 5],
        [server, "FA", 0, 5],
        [client, "A", 0, 6],
    ]
    assert all(seen["checksums"])
    assert seen["complete"]
    assert seen["mss"] == 1460
    assert seen["longest"] <= 1514


def test_time_stamps_are_in_order_and_a_round_trip_is_as_long_as_the_town_says(measured: Facts) -> None:
    at = measured("conversation")["at"]
    assert at == sorted(at)
    syn, syn_ack, ack = at[:3]
    # Stamped when the sender lets it go: half of the 14 ms each way, and never less but for a clock that is set.
    assert syn_ack - syn >= 6_900_000
    assert ack - syn >= 13_800_000


def test_a_lost_segment_is_repeated_exactly_once_after_selective_acknowledgements(measured: Facts) -> None:
    seen = measured("loss", action="drop")
    assert seen["received"] == 500
    assert seen["dropped"] == 1
    assert seen["repeated"] == 1
    assert seen["sack"]


def test_a_delayed_segment_is_overtaken_and_arrives(measured: Facts) -> None:
    seen = measured("loss", action="delay")
    assert seen["received"] == 500
    assert (seen["dropped"], seen["delayed"]) == (0, 1)
    assert seen["sack"]


def test_what_comes_after_a_black_hole_opened_does_not_arrive(measured: Facts) -> None:
    seen = measured("loss", action="blackhole")
    assert seen["received"] == 100
    assert seen["dropped"] >= 4


def test_a_syn_in_a_black_hole_is_repeated_as_often_as_the_clients_kernel_was_told(measured: Facts) -> None:
    seen = measured("silence")
    assert seen["ended"] == "TimeoutError"
    assert seen["syns"] == [True, True]
    assert seen["other side"] != "1"


def test_the_town_can_be_moved_away_and_its_connections_begin_with_as_many_segments_as_told(
    measured: Facts,
) -> None:
    seen = measured("distance")
    assert seen["first flight"] == 2 * 1448
    # The next ones wait for the acknowledgement of these.
    assert seen["gap_ms"] >= 59
    assert seen["black hole"] == "timeout"
