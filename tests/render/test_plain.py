"""The linear form: every sentence, whole."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from conftest import plan_of, rendered
from example_walk import exchanges, lesson, run_of
from test_rich_renderer import check

from labctl.events import Claim, Event, Row, Rows, Span, Step, Verdict
from labctl.render import make
from labctl.render.mode import Flags, Streams, resolve
from labctl.render.text import cells

PIPE = resolve(Flags(), Streams(False, False, False), {})
Show = Callable[..., str]


@pytest.mark.parametrize("width", [40, 60])
def test_the_linear_form_looks_as_stored(show: Show, width: int) -> None:
    page = show(width)
    assert max(cells(line) for line in page.splitlines()) < width
    check(f"plain-{width}.txt", page)


def test_the_piped_form_looks_as_stored() -> None:
    check("plain-pipe.txt", rendered(PIPE))


def test_nothing_is_lost_in_a_pipe() -> None:
    page = rendered(PIPE)
    for event in lesson():
        assert event.text in page
        if isinstance(event, Rows):
            assert all(row.text in page for row in event.rows)
        if isinstance(event, Verdict):
            assert event.sentence in page
            assert event.source in page


def test_a_pipe_has_no_escape_codes() -> None:
    assert "\x1b" not in rendered(PIPE)


def test_slow_messages_are_printed_as_they_come() -> None:
    out = io.StringIO()
    renderer = make(PIPE, out, command="dns x")
    for event in exchanges(slow=100)[:3]:
        renderer.show(event)
    assert "Messages:\n1. " in out.getvalue()
    assert "3. " in out.getvalue()


def test_headings_are_bold_on_a_narrow_terminal() -> None:
    page = rendered(plan_of(60, color="auto"))
    assert "\x1b[1mOBSERVE: The resolver walks the tree." in page


def test_a_table_that_lists_its_rows_itself_does_not_list_them_twice(show: Show) -> None:
    event = Rows("Two caches. 1. browser: miss. 2. stub: miss.", "caches", "C", (), ())
    from dataclasses import replace

    event = replace(event, rows=(Row("browser: miss.", ()), Row("stub: miss.", ())))
    page = rendered(PIPE, [event], run_of([event]))
    assert page.count("browser: miss.") == 1


def test_spans_and_quiet(show: Show) -> None:
    events: list[Event] = [Span("DNS took 44.9 ms.", "DNS", 0, 44.9), *lesson(refuted=True)]
    assert "DNS took 44.9 ms." in rendered(PIPE, events, run_of(events))
    quiet = show(60, events=events, run=run_of(events), quiet=True)
    assert "REFUTED" in quiet
    assert "DNS took" not in quiet
    assert "Result: www.example.com" in quiet
    assert not quiet.startswith("\n")


def test_the_marks_of_bold_and_code_are_not_printed() -> None:
    claim = Claim("x", "A `TTL` drains.", "RFC 1035, `dig`", broken_by="f")
    events: list[Event] = [Step("**Why** it `drains`."), claim.judged(True, "It is so: `x` stays as it is.")]
    page = rendered(PIPE, events, run_of(events))
    assert "\nWhy it drains.\n" in page
    assert "Held: A TTL drains. It is so: `x` stays as it is. (RFC 1035, dig)" in page


def tick(second: int) -> Rows:
    row = Row(f"{second} s: so much is left.", (f"{second} s", "a", "left"), share=0.5)
    return Rows("", "watch", "", ("at", "answer", "left"), (row,))


def test_rows_of_one_table_that_come_one_by_one_are_one_list(show: Show) -> None:
    events: list[Event] = [
        Step("Before."),
        tick(0),
        tick(50),
        tick(100),
        Step("After.", role="heading"),
        tick(150),
    ]
    page = rendered(PIPE, events, run_of(events))
    lines = ["Before.", "", *(f"{n}. {n * 50 - 50} s: so much is left." for n in (1, 2, 3)), "", "After."]
    assert "\n".join([*lines, "", "1. 150 s: so much is left."]) in page
    drawn = show(80, events=events, run=run_of(events)).splitlines()
    above = drawn.index("  Before.")
    assert drawn[above + 1] == ""
    assert [line.split()[0] for line in drawn[above + 2 : above + 5]] == ["0", "50", "100"]


@pytest.mark.parametrize("width", [60, 80])
def test_each_message_is_printed_when_it_comes_where_the_pace_is_not_the_run_s(width: int) -> None:
    out = io.StringIO()
    renderer = make(plan_of(width), out, command="dns x", at_once=True)
    shown = []
    for event in exchanges()[:4]:
        before = len(out.getvalue())
        renderer.show(event)
        shown.append(len(out.getvalue()) > before)
    assert shown == [True] * 4
