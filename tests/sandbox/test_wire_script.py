"""What a script decides, without a wire."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labctl.network import Rule
from labctl.protocols.tcp_segments import Segment
from labctl.sandbox.wire_script import PASS, Judgement, Script


def segment(flags: str = "A", payload: bytes = b"") -> Segment:
    return Segment(0, "10.53.0.2", 40001, "203.0.113.10", 80, 1, 1, flags, 100, payload)


def has_data(segment: Segment) -> bool:
    return segment.length > 0


def test_only_the_nth_match_is_dropped() -> None:
    script = Script([Rule(has_data, "drop", nth=2)])
    data, empty = segment(payload=b"x"), segment()
    judged = [script.judge(s, "to-server").drop for s in (empty, data, empty, data, data)]
    assert judged == [False, False, False, True, False]


def test_a_rule_sees_only_its_direction() -> None:
    script = Script([Rule(has_data, "drop", "to-client")])
    assert script.judge(segment(payload=b"x"), "to-server") is not None
    assert not script.judge(segment(payload=b"x"), "to-server").drop
    assert script.judge(segment(payload=b"x"), "to-client").drop


def test_a_black_hole_swallows_from_the_nth_match_on() -> None:
    script = Script([Rule(has_data, "blackhole", nth=2)])
    assert [script.judge(segment(payload=b"x"), "to-server").drop for _ in range(4)] == [
        False,
        True,
        True,
        True,
    ]


def test_nth_0_means_every_match() -> None:
    script = Script([Rule(has_data, "drop", nth=0)])
    assert [script.judge(segment(payload=b"x"), "to-client").drop for _ in range(3)] == [True] * 3


def test_delays_add_up_and_a_drop_wins_over_them() -> None:
    delays = [Rule(has_data, "delay", nth=0, delay_ms=5), Rule(has_data, "delay", nth=1, delay_ms=10)]
    assert Script(delays).judge(segment(payload=b"x"), "to-server") == Judgement(delay_ms=15)
    with_drop = Script([*delays, Rule(has_data, "drop", nth=1)])
    assert with_drop.judge(segment(payload=b"x"), "to-server") == Judgement(drop=True)


def test_each_rule_counts_for_itself() -> None:
    script = Script([Rule(has_data, "drop", nth=1), Rule(has_data, "drop", nth=3)])
    assert [script.judge(segment(payload=b"x"), "both").drop for _ in range(4)] == [True, False, True, False]


def test_a_rule_that_raises_lets_the_segment_pass_and_is_told() -> None:
    def broken(segment: Segment) -> bool:
        raise LookupError("no such field")

    script = Script([Rule(broken)])
    assert script.judge(segment(), "to-server") == PASS
    assert [str(error) for error in script.complaints] == ["no such field"]


@given(st.lists(st.booleans(), max_size=30), st.integers(1, 30))
def test_one_drop_rule_drops_exactly_one_or_none(data: list[bool], nth: int) -> None:
    script = Script([Rule(has_data, "drop", nth=nth)])
    dropped = [script.judge(segment(payload=b"x" if d else b""), "to-server").drop for d in data]
    assert sum(dropped) == (sum(data) >= nth)
    if any(dropped):
        assert sum(data[: dropped.index(True) + 1]) == nth


@pytest.mark.parametrize("action", ["drop", "delay", "blackhole"])
def test_what_does_not_match_passes_untouched(action: str) -> None:
    script = Script([Rule(has_data, action, nth=0, delay_ms=9)])  # type: ignore[arg-type]
    assert script.judge(segment("S"), "to-server") == PASS
