from hypothesis import given
from hypothesis import strategies as st

from labctl.protocols.tcp_numbers import Coverage, distance


def test_distance_goes_the_short_way_round():
    assert distance(3, 2**32 - 2) == 5
    assert distance(2**32 - 2, 3) == -5
    assert distance(7, 7) == 0


def test_a_hole_is_where_the_contiguous_part_ends():
    seen = Coverage(2**32 - 1)
    seen.add(2**32 - 1, 1)
    seen.add(10, 5)
    assert (seen.contiguous, seen.highest) == (1, 16)
    seen.add(0, 10)
    assert (seen.contiguous, seen.ranges) == (16, [(0, 16)])


@given(
    origin=st.integers(0, 2**32 - 1),
    pieces=st.lists(st.tuples(st.integers(0, 60), st.integers(0, 20)), max_size=12),
)
def test_coverage_agrees_with_a_set_of_numbers(origin, pieces):
    seen, plain = Coverage(origin), set()
    for start, span in pieces:
        fresh = set(range(start, start + span)) - plain
        assert seen.add((origin + start) % 2**32, span) == len(fresh)
        plain |= fresh
        assert sum(right - left for left, right in seen.ranges) == len(plain)
        assert seen.ranges == sorted(seen.ranges)
    missing = 0
    while missing in plain:
        missing += 1
    assert seen.contiguous == missing


@given(origin=st.integers(0, 2**32 - 1), steps=st.lists(st.integers(1, 2**30), max_size=20))
def test_relative_numbers_do_not_wrap(origin, steps):
    seen, at = Coverage(origin), 0
    for step in steps:
        assert seen.relative((origin + at) % 2**32) == at
        seen.add((origin + at) % 2**32, step)
        at += step
