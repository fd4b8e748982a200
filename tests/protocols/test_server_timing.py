"""Server-Timing: names, durations and descriptions, read within bounds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from labctl.protocols.server_timing import Metric, read


def test_metrics_have_a_name_and_perhaps_a_duration_and_a_description() -> None:
    said = 'miss, db;dur=53, app;dur=47.2;desc="Rails, all; of \\"it\\""'
    assert read((("Server-Timing", said), ("server-timing", "cache;desc=hit ; dur=0"))) == (
        Metric("miss", None),
        Metric("db", 53.0),
        Metric("app", 47.2, 'Rails, all; of "it"'),
        Metric("cache", 0.0, "hit"),
    )


def test_without_the_field_there_is_nothing() -> None:
    assert read((("Server", "x"),)) == ()
    assert read((("Server-Timing", " ,, ;dur=5, a b;dur=1"),)) == ()


def test_the_first_of_a_parameter_counts_and_its_name_has_no_case() -> None:
    assert read((("Server-Timing", "db;DUR=1;dur=2"),)) == (Metric("db", 1.0),)


def test_a_duration_that_is_none_is_left_out() -> None:
    for said in ("fast", "-1", "nan", "1e9", "inf", "99999999999", "", "0x10", "1_0"):
        assert read((("Server-Timing", f"db;dur={said}"),)) == (Metric("db", None),)


def test_what_a_server_may_say_is_bounded() -> None:
    many = read((("Server-Timing", ",".join(f"{'n' * 90}{n};desc={'d' * 90}" for n in range(1000))),))
    assert len(many) == 20
    assert all(len(metric.name) == 40 and len(metric.description) == 60 for metric in many)
    assert read((("Server-Timing", '"' * 100_000),)) == ()


@given(st.lists(st.text(max_size=200), max_size=5))
def test_whatever_the_field_holds_it_is_read_without_a_complaint(lines: list[str]) -> None:
    for metric in read(tuple(("Server-Timing", line) for line in lines)):
        assert metric.name
        assert metric.ms is None or 0 <= metric.ms <= 86_400_000
