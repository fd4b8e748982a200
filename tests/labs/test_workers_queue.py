"""The pure parts of the workers lab: plans, the computed queue, and the board that makes spans of what is told."""

from __future__ import annotations

import heapq

from hypothesis import given
from hypothesis import strategies as st

from labctl.events import Span
from labs.workers.board import Board, Told
from labs.workers.plan import MOST_REQUESTS, label_of, seeded
from labs.workers.queueing import Job, agrees, enough, makespan_ms, serve
from labs.workers.waiting import QUEUE

JOBS = st.lists(st.builds(Job, st.floats(0, 1e4), st.floats(0, 1e3)), max_size=30)


# Plans.


def test_the_same_seed_is_the_same_run() -> None:
    assert seeded(12, 7, 2) == seeded(12, 7, 2)
    assert seeded(12, 7, 2) != seeded(12, 8, 2)


@given(st.integers(1, MOST_REQUESTS), st.integers(), st.integers(1, 60))
def test_letters_are_in_the_order_of_moments_and_one_hangs_at_most(
    count: int, seed: int, timeout_s: int
) -> None:
    plan = seeded(count, seed, timeout_s)
    assert [each.after_ms for each in plan] == sorted(each.after_ms for each in plan)
    assert len({each.label for each in plan}) == count
    hanging = [each for each in plan if each.hangs]
    assert len(hanging) == (1 if count > 1 and timeout_s <= 10 else 0)
    # The master looks once a second, and everybody may be late.
    assert all(each.ms >= (timeout_s + 2) * 1000 for each in hanging)


def test_letters_go_on_after_z() -> None:
    assert [label_of(n) for n in (0, 25, 26, 27, 51, 52)] == ["a", "z", "aa", "ab", "az", "ba"]


# The computed queue.


@given(JOBS)
def test_one_worker_does_one_after_the_other(jobs: list[Job]) -> None:
    free, waits = 0.0, []
    for job in sorted(jobs):
        begins = max(free, job.came_ms)
        waits.append(begins - job.came_ms)
        free = begins + job.holds_ms
    assert sorted(serve(jobs, 1).waits_ms) == sorted(waits)


@given(JOBS, st.integers(1, 8))
def test_nobody_waits_while_a_worker_is_free(jobs: list[Job], workers: int) -> None:
    ends: list[float] = []
    for job, waited in sorted(zip(jobs, serve(jobs, workers).waits_ms, strict=True)):
        begins = job.came_ms + waited
        while ends and ends[0] <= begins + 1e-6:
            heapq.heappop(ends)
        assert len(ends) < workers
        heapq.heappush(ends, begins + job.holds_ms)


@given(JOBS)
def test_the_number_that_is_enough_leaves_no_queue_and_one_less_does(jobs: list[Job]) -> None:
    wanted = enough(jobs)
    if wanted is not None:
        assert serve(jobs, wanted).longest_ms <= 20
        assert wanted == 1 or serve(jobs, wanted - 1).longest_ms > 20


def test_equal_requests_take_whole_rounds() -> None:
    assert [makespan_ms(20, n, 50) for n in (1, 2, 4, 5, 6)] == [1000, 500, 250, 200, 200]
    burst = [Job(0.0, 50.0)] * 20
    assert all(serve(burst, n).last_ms == makespan_ms(20, n, 50) for n in range(1, 9))


def test_waits_that_are_far_from_the_computed_ones_do_not_agree() -> None:
    computed = serve([Job(0.0, 1000.0)] * 3, 1)
    assert agrees(computed, [0.0, 1000.0, 2000.0])
    assert not agrees(computed, [0.0, 1000.0, 9000.0])


# The board.


def play(*told: Told, threads: int = 1, timeout_s: int = 2) -> tuple[Board, list[Span]]:
    board = Board((101, 102), threads, "sync", timeout_s)
    found = [span for each in told for span in board.feed(each)]
    found += board.end(max([each.at_ms for each in told], default=0.0))
    return board, found


def test_a_request_waits_until_somebody_begins_it() -> None:
    board, found = play(
        Told(0, "sent", label="a"),
        Told(0.5, "begin", 101, "a", 1),
        Told(10, "sent", label="b"),
        Told(30, "begin", 101, "b", 2),
        Told(40, "end", 101, id=2, status=200),
    )
    (queue,) = [span for span in found if span.track == QUEUE]
    assert (queue.start_ms, queue.end_ms, queue.amount) == (10, 30, 1)
    assert board.worst == (1, 10)
    assert [work.queued_ms for work in board.works] == [0.5, 20]


def test_on_its_way_to_a_free_worker_is_no_queue() -> None:
    board, found = play(Told(0, "sent", label="a"), Told(2, "begin", 101, "a", 1))
    assert board.worst == (0, 0.0)
    assert not [span for span in found if span.track == QUEUE]


def test_a_worker_that_dies_has_a_mark_a_successor_and_the_same_row() -> None:
    board, found = play(
        Told(0, "sent", label="a"),
        Told(1, "begin", 102, "a", 1),
        Told(2500, "timeout", 102),
        Told(2510, "gone", 102),
        Told(2530, "booted", 103),
        Told(2600, "sent", label="b"),
        Told(2601, "begin", 103, "b", 1),
        Told(2700, "end", 103, id=1, status=200),
    )
    done = {(span.role, span.track): span for span in found if span.state == "done"}
    assert done["stuck", "worker 2"].end_ms == 2510
    assert done["killed", "worker 2"].label == "timeout: SIGABRT, then pid 103"
    assert (done["respawn", "worker 2"].start_ms, done["respawn", "worker 2"].end_ms) == (2510, 2530)
    assert done["request", "worker 2"].under == "pid 103"
    assert not board.unsettled


def test_nobody_in_its_place_is_said() -> None:
    board, found = play(Told(5, "gone", 101, signal="kill -9"))
    (killed,) = [span for span in found if span.role == "killed"]
    assert killed.label == "kill -9, and nobody in its place"
    assert board.unsettled


def test_a_server_that_names_no_request_takes_the_oldest() -> None:
    board, _ = play(Told(0, "sent", label="a"), Told(1, "sent", label="b"), Told(9, "begin", 101, "", 1))
    assert board.works[0].label == "a"


def test_threads_of_a_worker_have_rows_of_their_own() -> None:
    _, found = play(
        Told(0, "sent", label="a"),
        Told(1, "begin", 101, "a", 1),
        Told(2, "sent", label="b"),
        Told(3, "begin", 101, "b", 2),
        Told(8, "end", 101, id=1, status=200),
        Told(9, "end", 101, id=2, status=200),
        threads=2,
    )
    assert {span.track for span in found if span.role == "request"} == {
        "worker 1 thread 1",
        "worker 1 thread 2",
    }


TOLD = st.builds(
    Told,
    st.floats(0, 1e4),
    st.sampled_from(["sent", "begin", "end", "timeout", "gone", "booted", "done"]),
    st.sampled_from([0, 101, 102, 103, 104]),
    st.sampled_from(["", "a", "b", "c"]),
    st.integers(0, 3),
    st.sampled_from([0, 200, 500]),
    st.sampled_from(["", "kill -9"]),
)


@given(st.lists(TOLD, max_size=40), st.integers(1, 3))
def test_whatever_is_told_the_spans_are_intervals_and_the_queue_is_never_negative(
    told: list[Told], threads: int
) -> None:
    board, found = play(*sorted(told), threads=threads)
    for span in found:
        assert 0 <= span.start_ms <= span.end_ms
        assert span.text.endswith(".")
        assert span.picture == "timeline"
        assert span.state == "done" or span.start_ms <= span.end_ms
        assert span.amount is None or span.amount >= 1
    assert sum(board.most_at_once().values()) <= len(board.works)
