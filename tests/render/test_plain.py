"""The linear form: every sentence, whole."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from conftest import plan_of, rendered
from example_walk import exchanges, lesson, run_of
from test_rich_renderer import check

from labctl.events import Event, Rows, Span, Verdict
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

    from labctl.events import Row

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
