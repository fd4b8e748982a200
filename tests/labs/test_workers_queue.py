"""The pure parts of the workers lab: plans, the computed queue, and the board that makes spans of what is told."""

from __future__ import annotations

import heapq

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labctl.events import Span, Verdict
from labs.workers.board import Board
from labs.workers.claims import GIL
from labs.workers.happening import Told, Work, at_once
from labs.workers.plan import MOST_REQUESTS, Plan, evenly, label_of, seeded
from labs.workers.queueing import GRACE_MS, Job, agrees, enough, makespan_ms, serve
from labs.workers.shows import formula, gil
from labs.workers.shows.formula import Rate
from labs.workers.shows.gil import Ran
from labs.workers.told import one_at_a_time, other_workers
from labs.workers.waiting import QUEUE
from labs.workers.watching import Watched
from labs.workers.whole import most_s

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
        assert serve(jobs, wanted).longest_ms <= GRACE_MS
        assert wanted == 1 or serve(jobs, wanted - 1).longest_ms > GRACE_MS


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
        Told(40, "end", 101, id=2),
    )
    (queue,) = [span for span in found if span.track == QUEUE]
    assert (queue.start_ms, queue.end_ms, queue.amount) == (10, 30, 1)
    assert tuple(board.worst) == (1, 10)
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
        Told(2700, "end", 103, id=1),
    )
    done = {(span.role, span.track): span for span in found if span.state == "done"}
    assert done["stuck", "worker 2"].end_ms == 2510
    assert done["killed", "worker 2"].label == "timeout: SIGABRT, then pid 103"
    assert (done["respawn", "worker 2"].start_ms, done["respawn", "worker 2"].end_ms) == (2510, 2530)
    assert done["request", "worker 2"].under == "pid 103"
    assert not board.unsettled


def test_a_worker_that_is_being_ended_has_its_request_until_it_is_gone() -> None:
    board, found = play(
        Told(0, "begin", 102, "a", 1),
        Told(2500, "timeout", 102),
        Told(2505, "end", 102, id=1, raised="SystemExit"),
        Told(2600, "gone", 102, how="exit status 1"),
        Told(2630, "booted", 103),
    )
    (work,) = board.works
    assert (work.end_ms, work.cut, work.stuck, work.raised) == (2600, True, True, "")
    assert [span.end_ms for span in found if span.role == "stuck" and span.state == "done"] == [2600]


def test_an_exception_in_a_view_is_not_the_end_of_its_worker() -> None:
    board, found = play(Told(0, "begin", 101, "a", 1), Told(3, "end", 101, id=1, raised="ValueError"))
    (work,) = board.works
    assert (work.cut, work.raised) == (False, "ValueError")
    (bar,) = [span for span in found if span.role == "request" and span.state == "done"]
    assert "the view raised ValueError" in bar.text
    assert not board.unsettled


def test_more_is_awaited_of_a_request_whose_client_is_done() -> None:
    board, unsettled = Board((101,), 1, "sync", 2), []
    for told in (
        Told(0, "sent", label="a"),
        Told(1, "begin", 101, "a", 1),
        Told(2, "done", label="a"),
        Told(3, "gone", 101, how="SIGSEGV"),
        Told(9, "booted", 102),
    ):
        list(board.feed(told))
        unsettled.append(board.unsettled)
    assert unsettled == [False, False, True, True, False]
    assert [work.how for work in board.works] == ["SIGSEGV"]


def test_what_nobody_saw_the_end_of_is_not_said_to_be_done() -> None:
    board = Board((101,), 1, "sync", 2)
    list(board.feed(Told(1, "begin", 101, "a", 1)))
    (bar,) = [span for span in board.end(500) if span.role == "request"]
    assert "when we stopped looking" in bar.text


def test_what_is_over_its_timeout_is_shown_as_stuck_while_it_lasts_and_once() -> None:
    board = Board((101,), 1, "sync", 2)
    list(board.feed(Told(10, "begin", 101, "a", 1)))
    assert list(board.overdue(2010)) == []
    (bar,) = board.overdue(2011)
    assert (bar.state, bar.role, bar.start_ms, bar.label) == ("open", "stuck", 10, "a")
    assert list(board.overdue(2500)) == []


@pytest.mark.parametrize(
    ("looked_ms", "alive", "label"),
    [
        (9.0, False, "kill -9, and nobody in its place"),
        (9.0, True, "kill -9, and we stopped looking"),
        (3005.0, True, "kill -9, nobody ready 3,000 ms later"),
    ],
)
def test_nobody_in_its_place_is_said_only_when_nobody_can_come(
    looked_ms: float, alive: bool, label: str
) -> None:
    board = Board((101, 102), 1, "sync", 2)
    list(board.feed(Told(5, "gone", 101, how="kill -9")))
    assert board.unsettled
    (killed,) = board.end(8.0, looked_ms=looked_ms, alive=alive)
    assert killed.label == label


@pytest.mark.parametrize(
    ("kind", "end_ms", "role"),
    [("sync", 2002.0, "request"), ("sync", 3900.0, "stuck"), ("gthread", 3900.0, "request")],
)
def test_what_ended_by_itself_in_time_was_not_stuck(kind: str, end_ms: float, role: str) -> None:
    board = Board((101,), 1, kind, 2)
    list(board.feed(Told(1, "begin", 101, "a", 1)))
    assert list(board.overdue(2002.0)) == [] or kind == "sync"
    (bar,) = board.feed(Told(end_ms, "end", 101, id=1))
    assert bar.role == role
    assert "longer than --timeout 2" in bar.text


# What is advised.


def own_plan(timeout_s: int = 30, kind: str = "sync") -> Plan:
    paths = ("/", "/slow")
    return Plan(1, kind, 1, timeout_s, evenly(3, paths), "mine:app", paths)


def test_paths_are_asked_for_in_turn() -> None:
    assert [each.target for each in evenly(5, ("/", "/", "/slow"))] == ["/", "/", "/slow", "/", "/"]


@pytest.mark.parametrize(("timeout_s", "advised"), [(2, 30), (30, 60), (60, 0)])
def test_where_a_worker_was_ended_nothing_is_computed_and_a_longer_timeout_is_named(
    timeout_s: int, advised: int
) -> None:
    cut = Work("a", 1, 0, 0.0, 0.0, 2500.0, stuck=True, cut=True)
    other = other_workers(own_plan(timeout_s), [cut, Work("b", 2, 0, 2600.0, 0.0, 2700.0)])
    assert other.said.startswith("nothing is computed")
    assert (other.wanted, other.timeout_s) == (0, advised)


def test_a_run_of_an_own_application_has_an_end_after_its_timeout() -> None:
    assert [most_s(own_plan(timeout_s)) for timeout_s in (1, 30, 60)] == [60, 60, 65]


def test_what_had_not_ended_gives_no_advice() -> None:
    other = other_workers(own_plan(), [Work("a", 1, 0, 0.0, 0.0, 60_000.0, stuck=True, unended=True)])
    assert "1 request had not ended" in other.said
    assert (other.wanted, other.timeout_s) == (0, 0)


def test_what_the_picture_shows_to_be_false_is_not_promised() -> None:
    other = other_workers(own_plan(), [Work("a", 1, 0, 90.0, 0.0, 100.0)])
    assert other.said.startswith("nothing is computed")


def test_the_computed_number_names_the_wait_that_it_leaves() -> None:
    works = [Work("a", 1, 0, 0.0, 0.0, 500.0), Work("b", 1, 0, 500.0, 0.0, 1000.0)]
    assert other_workers(own_plan(), works).said == (
        "computed: with --workers 2 the longest wait is under 50 ms"
    )


def test_a_server_that_names_no_request_takes_the_oldest() -> None:
    board, _ = play(Told(0, "sent", label="a"), Told(1, "sent", label="b"), Told(9, "begin", 101, "", 1))
    assert board.works[0].label == "a"


def test_threads_of_a_worker_have_rows_of_their_own() -> None:
    _, found = play(
        Told(0, "sent", label="a"),
        Told(1, "begin", 101, "a", 1),
        Told(2, "sent", label="b"),
        Told(3, "begin", 101, "b", 2),
        Told(8, "end", 101, id=1),
        Told(9, "end", 101, id=2),
        threads=2,
    )
    assert {span.track for span in found if span.role == "request"} == {
        "worker 1 thread 1",
        "worker 1 thread 2",
    }


def test_those_that_only_touch_are_not_at_once() -> None:
    works = [Work("a", 1, 0, 0, 0, 10), Work("b", 1, 0, 10, 0, 20), Work("c", 2, 0, 15, 0)]
    assert at_once(works) == 2
    assert at_once(works[:2]) == 1
    assert at_once([]) == 0


# Who waits for whom.


def seen(board: Board) -> Watched:
    return Watched((), tuple(board.works), board, 100.0)


def plan(workers: int, kind: str, threads: int) -> Plan:
    return Plan(workers, kind, threads, 2, seeded(4, 1, 20))


def test_behind_a_busy_gthread_worker_one_waits_although_another_is_idle() -> None:
    board = Board((101, 102), 1, "gthread", 2)
    for told in (
        Told(0, "sent", label="a"),
        Told(1, "begin", 101, "a", 1),
        Told(2, "sent", label="b"),
        Told(300, "end", 101, id=1),
        Told(301, "begin", 101, "b", 2),
        Told(400, "end", 101, id=2),
    ):
        list(board.feed(told))
    verdict = one_at_a_time(plan(2, "gthread", 1), seen(board))
    assert isinstance(verdict, Verdict)
    assert verdict.outcome == "HELD"
    assert "while another one had a free thread" in verdict.text


def test_with_a_free_worker_all_the_while_nothing_is_judged() -> None:
    board = Board((101, 102), 1, "sync", 2)
    for told in (
        Told(0, "sent", label="a"),
        Told(1, "begin", 101, "a", 1),
        Told(2, "sent", label="b"),
        Told(80, "begin", 102, "b", 1),
    ):
        list(board.feed(told))
    verdict = one_at_a_time(plan(2, "sync", 1), seen(board))
    assert isinstance(verdict, Verdict)
    assert verdict.outcome == "NOT_SEEN"


def test_two_in_the_hands_of_one_thread_refute_it() -> None:
    board = Board((101,), 1, "sync", 2)
    for told in (Told(1, "begin", 101, "a", 1), Told(2, "begin", 101, "b", 2)):
        list(board.feed(told))
    verdict = one_at_a_time(plan(1, "sync", 1), seen(board))
    assert isinstance(verdict, Verdict)
    assert verdict.outcome == "REFUTED"


# A machine that is too busy to tell.


@pytest.mark.parametrize(
    ("blocked_ms", "together", "outcome"),
    [
        (150.0, 0.9, "HELD"),
        (150.0, 0.2, "HELD"),
        (5.0, 0.9, "REFUTED"),
        (5.0, 0.2, "NOT_SEEN"),
        (70.0, 0.9, "NOT_SEEN"),
    ],
)
def test_two_that_never_met_prove_nothing_about_a_lock(
    blocked_ms: float, together: float, outcome: str
) -> None:
    loops = Ran("2 threads", "a loop", 400.0, together, 160.0, 10.0, blocked_ms)
    verdict = gil._verdict(GIL, loops, "a loop", loops.kept >= 0.5)
    assert isinstance(verdict, Verdict)
    assert verdict.outcome == outcome


@pytest.mark.parametrize(
    ("waiting_most", "core_ms", "for_core", "loop_rate", "outcome"),
    [
        (5, 30.0, 0.6, 60.0, "HELD"),
        (5, 30.0, None, 60.0, "HELD"),
        (5, 30.0, 0.6, 160.0, "REFUTED"),
        (5, 0.2, 0.0, 160.0, "REFUTED"),
        (2, 30.0, 0.6, 60.0, "NOT_SEEN"),
        (5, 30.0, 0.1, 20.0, "NOT_SEEN"),
    ],
)
def test_the_formula_is_judged_by_workers_that_were_at_it_together(
    waiting_most: int, core_ms: float, for_core: float | None, loop_rate: float, outcome: str
) -> None:
    rates = [Rate(5, 100.0, waiting_most, loop_rate, core_ms, for_core)]
    verdict = formula._judged(rates, 2)
    assert isinstance(verdict, Verdict)
    assert verdict.outcome == outcome


TOLD = st.builds(
    Told,
    st.floats(0, 1e4),
    st.sampled_from(["sent", "begin", "end", "timeout", "gone", "booted", "done"]),
    st.sampled_from([0, 101, 102, 103, 104]),
    st.sampled_from(["", "a", "b", "c"]),
    st.integers(0, 3),
    st.sampled_from(["", "ValueError"]),
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
