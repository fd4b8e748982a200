"""The lesson with diagrams, against stored pages (snapshots/; `LABCTL_SNAPSHOTS=write` writes them)."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import plan_of, rendered
from example_walk import caches, lesson, run_of

from labctl.errors import CannotRun
from labctl.events import Rows, Step
from labctl.play import Answered
from labctl.render.text import cells

SNAPSHOTS = Path(__file__).parent / "snapshots"
Show = Callable[..., str]


def check(name: str, text: str) -> None:
    """Compare with the stored page."""
    path = SNAPSHOTS / name
    if os.environ.get("LABCTL_SNAPSHOTS") == "write":
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("width", [72, 80, 120])
def test_the_page_looks_as_stored(show: Show, width: int) -> None:
    check(f"rich-{width}.txt", show(width))


def test_the_page_in_ascii_looks_as_stored(show: Show) -> None:
    page = show(80, ascii=True)
    assert page.isascii()
    check("rich-80-ascii.txt", page)


def test_the_page_in_colour_looks_as_stored() -> None:
    check("rich-80-dark.ansi", rendered(plan_of(80, color="auto", theme="dark")))


def test_without_colour_there_is_bold_and_reverse_and_nothing_else() -> None:
    page = rendered(plan_of(80, {"TERM": "xterm-256color", "NO_COLOR": "1"}, color="auto"))
    codes = {part.partition("m")[0] for part in page.split("\x1b[")[1:]}
    assert codes == {"0", "1", "2", "1;7"}


def test_a_broken_sandbox_and_a_refuted_claim_are_loud(show: Show) -> None:
    events = lesson(refuted=True)
    check("rich-80-broken.txt", show(80, events=events, run=run_of(events, fault="root-knows-it-all")))


def test_no_line_is_wider_than_the_screen(show: Show) -> None:
    for width in (72, 80, 100, 110, 120):
        assert max(cells(line) for line in show(width).splitlines()) <= width - 1


def test_quiet_shows_the_result_and_what_is_refuted(show: Show) -> None:
    assert (
        show(80, quiet=True) == "  ✓ www.example.com is 203.0.113.10.  Ask again now: 0 questions, 0.2 ms\n"
    )
    events = lesson(refuted=True)
    loud = show(80, events=events, run=run_of(events), quiet=True)
    assert "✗ A root server does not know" in loud
    assert "resolver that has answered" not in loud


def test_verbose_gives_every_reason_and_every_measure(show: Show) -> None:
    page = show(80, verbose=True)
    assert "The resolver had it with 299 s left, and asked nobody." in page
    assert "The walk took 3 questions." in page
    assert "299 s left" not in show(80)


def test_notices_stand_under_the_header_before_anything_else(show: Show) -> None:
    notice = "No internet could be reached from here: this is the sandbox, not the real example.com."
    lines = show(80, run=run_of(lesson(), notices=[notice])).splitlines()
    assert lines[2].startswith("  ! No internet could be reached")
    assert notice == " ".join(line[4:] for line in lines[2:4])


def test_the_live_internet_is_named_in_capitals(show: Show) -> None:
    assert "LIVE internet  seed 7" in show(80, run=run_of(lesson(), internet="live"))


def test_a_command_line_that_is_too_long_gets_lines_of_its_own(show: Show) -> None:
    run = run_of(lesson(), command="labctl dns " + "a" * 60 + " --type A --type AAAA")
    lines = show(80, run=run).splitlines()
    assert lines[2].strip() == "sandbox internet  seed 7"
    assert max(map(cells, lines)) <= 79


def test_an_interrupted_and_a_stopped_run_say_so(show: Show) -> None:
    assert "Interrupted: what was seen so far" in show(80, run=run_of(lesson(), interrupted=True))
    error = CannotRun("no-network", "there is no network")
    assert "Stopped: there is no network." in show(80, run=run_of(lesson(), error=error))


def test_the_footer_counts_questions_too(show: Show) -> None:
    answered = [
        Answered("dns.1", 1, "predict", "b", "b", "right"),
        Answered("dns.2", 1, "recall", "a", "b", "wrong"),
        Answered("dns.3", 1, "recall", "b", "b", "right"),
        Answered("dns.4", 1, "recall", "", "b", "skipped"),
    ]
    assert "prediction right   quiz 1 of 3" in show(80, run=run_of(lesson(), answered=answered))


def test_a_footer_that_is_too_long_goes_on_after_a_backslash(show: Show) -> None:
    command = "labctl workers shop:app --path /slow --workers 3 --timeout 30 --python .venv/bin/python"
    step = Step("Again.", role="command", label="see it", title=command)
    shown = show(80, events=[step], run=run_of([step]))
    lines = shown[shown.index("  see it") :].splitlines()
    assert max(map(cells, lines)) <= 79
    assert "".join(lines).replace("\\", "").split() == ["see", "it", *command.split()]


def test_steps_of_every_role_have_their_look(show: Show) -> None:
    events = [
        Step("EXPLAIN: what happened.", role="phase", phase="EXPLAIN", title="what happened"),
        Step("The first did **not** know. " * 8),
        Step("A short remark."),
        Step("Another one, with `dig` in it."),
        Step("Signatures", role="heading", title="The signatures", summary="from the root down"),
        Step("One link.", hue="ok"),
        Step("This name is special.", role="warning"),
        Step("It does not exist.", role="result", hue="warn"),
        Step("It could not be resolved.", role="result", hue="bad"),
        Step("Nobody is wrong.", role="result", hue="mute"),
    ]
    check("rich-80-steps.txt", show(80, events=events, run=run_of(events)))


def test_a_table_after_a_heading_has_its_own_gap(show: Show) -> None:
    assert "\n\n  Closest cache first\n" in show(80, events=[Step("H", role="heading"), caches()])


def test_an_empty_run_is_a_header_and_a_footer(show: Show) -> None:
    assert "nothing was judged" in show(80, events=[])


def test_a_hue_that_nobody_knows_does_no_harm() -> None:
    odd = Rows("t", "t", "T", ("a",), ())
    events = [Step("x", hue="pink"), odd]  # type: ignore[arg-type]
    assert "x" in rendered(plan_of(80, color="always"), events, run_of(events))
