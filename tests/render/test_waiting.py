"""The seconds that tick while an answer is awaited."""

from __future__ import annotations

import io
import threading

from conftest import plan_of
from example_walk import arrow, lesson

from labctl.render.mode import Flags, Streams, resolve
from labctl.render.waiting import Waiting, hush

QUESTION = arrow(0, "resolver", "TLD  com.", "A?", "question", "asks")
ANSWER = arrow(9, "TLD  com.", "resolver", "A", "answer", "answers")


class Watched(io.StringIO):
    """A stream that says when it was written to."""

    def __init__(self) -> None:
        super().__init__()
        self.written = threading.Event()

    def write(self, text: str, /) -> int:
        count = super().write(text)
        self.written.set()
        return count


def running() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name == "waiting"]


def test_a_long_wait_is_counted_and_erased() -> None:
    stderr = Watched()
    waiting = Waiting(plan_of(80), stderr, clock=iter([0.0, *[1.3] * 10_000]).__next__, after=0, every=0.001)
    waiting.since(QUESTION)
    assert stderr.written.wait(30)
    waiting.over()
    assert "► waiting for TLD com.  1.3 s" in stderr.getvalue()
    assert stderr.getvalue().endswith("\r\x1b[K")
    assert not running()


def test_a_quick_answer_shows_nothing() -> None:
    stderr = io.StringIO()
    waiting = Waiting(plan_of(80), stderr, after=60)
    waiting.since(QUESTION)
    waiting.over()
    assert stderr.getvalue() == ""
    assert not running()


def test_only_a_question_is_waited_for() -> None:
    waiting = Waiting(plan_of(80), io.StringIO(), after=60)
    for event in [ANSWER, lesson()[0]]:
        waiting.since(event)
        assert not running()


def test_nothing_ticks_where_a_line_cannot_be_repainted() -> None:
    for plan in (plan_of(80, {"TERM": "dumb"}), resolve(Flags(), Streams(False, False, False), {})):
        waiting = Waiting(plan, io.StringIO(), after=0)
        waiting.since(QUESTION)
        assert not running()


def test_an_error_can_silence_whoever_counts() -> None:
    waiting = Waiting(plan_of(80), io.StringIO(), after=60)
    waiting.since(QUESTION)
    hush()
    assert not running()
    hush()


def test_a_stderr_that_goes_away_stops_the_counting() -> None:
    stderr = io.StringIO()
    stderr.close()
    waiting = Waiting(plan_of(80), stderr, after=0)
    waiting.since(QUESTION)
    waiting.over()
    assert not running()


def test_the_line_fits_the_screen() -> None:
    waiting = Waiting(plan_of(40, ascii=True), io.StringIO())
    assert len(waiting.line("a-very-long-lane-name." * 4, 12.3)) <= 39
