"""Numbers as SCREENS.md writes them."""

from __future__ import annotations

import pytest

from labctl.render import numbers


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (0, "0.0 ms"), (44.91, "44.9 ms"), (99.94, "99.9 ms"), (99.97, "100 ms"), (142, "142 ms"),
        (9_999, "9,999 ms"), (10_000, "10.0 s"), (12_800, "12.8 s"),
    ],
)  # fmt: skip
def test_durations_change_their_unit_once(ms: float, text: str) -> None:
    assert numbers.duration(ms) == text


def test_the_gutter_keeps_its_unit() -> None:
    assert [numbers.gutter(v) for v in (1.3, 99.97, 12_800)] == ["1.3", "100", "12,800"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(172_799, "1d 23h 59m"), (86_399, "23h 59m"), (123, "2m 03s"), (9, "9 s"), (0, "0 s")],
)
def test_what_is_left_of_a_ttl(seconds: int, text: str) -> None:
    assert numbers.left(seconds) == text


def test_sizes_counts_and_shares() -> None:
    assert [numbers.size(v) for v in (512, 1_234, 86_400_000, 2 * 10**9)] == [
        "512 B",
        "1.2 kB",
        "86.4 MB",
        "2.0 GB",
    ]
    assert numbers.thousands(1204) == "1,204"
    assert numbers.share(0.62) == "62%"
