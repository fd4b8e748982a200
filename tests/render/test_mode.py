"""The table of situations in SCREENS.md."""

from __future__ import annotations

import io

import pytest

from labctl.render.mode import Flags, Plan, Streams, look, resolve

TERMINAL = Streams(True, True, True, "utf-8", 100)
PIPE = Streams(True, False, True)
CI = Streams(False, False, False)


def plan(flags: Flags | None = None, streams: Streams = TERMINAL, **env: str) -> Plan:
    return resolve(flags or Flags(), streams, {"TERM": "xterm-256color", **env})


def test_a_person_at_a_terminal_gets_everything() -> None:
    p = plan()
    assert (p.format, p.color, p.prompt, p.live, p.progress, p.diagrams) == (
        "rich",
        True,
        True,
        True,
        "bar",
        True,
    )


def test_a_pipe_gets_unwrapped_sentences_without_questions() -> None:
    p = plan(streams=PIPE)
    assert (p.format, p.color, p.styled, p.prompt, p.live, p.width) == (
        "plain",
        False,
        False,
        False,
        False,
        None,
    )
    assert p.err_color
    assert p.progress == "bar"


def test_ci_gets_lines_and_no_questions() -> None:
    p = plan(streams=CI, CI="true")
    assert (p.format, p.prompt, p.progress, p.live) == ("plain", False, "lines", False)


def test_ci_with_a_terminal_is_still_not_a_person() -> None:
    p = plan(CI="true")
    assert not p.prompt
    assert not p.live
    assert p.progress == "lines"


@pytest.mark.parametrize(
    ("env", "color"),
    [
        ({}, True),
        ({"NO_COLOR": "1"}, False),
        ({"NO_COLOR": ""}, True),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
        ({"TERM": "dumb"}, False),
        ({"CLICOLOR": "0"}, False),
        ({"LABCTL_COLOR": "never", "FORCE_COLOR": "1"}, False),
    ],
)
def test_colour_on_a_terminal(env: dict[str, str], color: bool) -> None:
    assert plan(**env).color is color


@pytest.mark.parametrize(
    ("env", "color"),
    [
        ({}, False),
        ({"FORCE_COLOR": "1"}, True),
        ({"CLICOLOR_FORCE": "1"}, True),
        ({"CLICOLOR_FORCE": "0"}, False),
    ],
)
def test_colour_in_a_pipe(env: dict[str, str], color: bool) -> None:
    assert plan(streams=PIPE, **env).color is color


def test_a_flag_beats_the_environment() -> None:
    assert plan(Flags(color="always"), PIPE, NO_COLOR="1").color
    assert plan(Flags(format="json"), LABCTL_FORMAT="plain").format == "json"
    assert plan(Flags(ascii=False), LABCTL_ASCII="1").ascii is False


def test_no_color_keeps_bold_but_color_never_keeps_nothing() -> None:
    assert plan(NO_COLOR="1").styled
    assert not plan(Flags(color="never")).styled


def test_json_is_never_coloured_and_never_asks() -> None:
    p = plan(Flags(format="json"), FORCE_COLOR="1")
    assert (p.prompt, p.color, p.live, p.styled) == (False, False, False, False)


def test_json_without_a_terminal_on_stderr_shows_no_progress() -> None:
    assert plan(Flags(format="json"), CI).progress == "off"
    assert plan(Flags(format="json"), PIPE).progress == "bar"


def test_accessible_changes_the_form_not_the_colour() -> None:
    p = plan(ACCESSIBLE="1")
    assert (p.format, p.live, p.progress, p.prompt, p.color) == ("plain", False, "lines", True, True)
    assert plan(ACCESSIBLE="0").format == "rich"


def test_a_dumb_terminal_gets_plain_ascii_and_may_be_asked() -> None:
    p = plan(TERM="dumb")
    assert (p.format, p.ascii, p.styled, p.progress, p.prompt) == ("plain", True, False, "lines", True)


@pytest.mark.parametrize(
    ("encoding", "ascii"), [("cp1252", True), ("ascii", True), ("UTF-8", False), ("utf_8", False)]
)
def test_ascii_follows_the_encoding_of_stdout(encoding: str, ascii: bool) -> None:
    assert plan(streams=Streams(True, True, True, encoding)).ascii is ascii


def test_the_linux_console_gets_ascii() -> None:
    assert plan(TERM="linux").ascii


def test_a_narrow_terminal_gets_sentences_and_the_reason() -> None:
    p = plan(streams=Streams(True, True, True, "utf-8", 60))
    assert not p.diagrams
    assert p.width == 60
    assert "60 columns" in p.why[0]


def test_a_very_wide_terminal_is_used_up_to_120_columns() -> None:
    assert plan(streams=Streams(True, True, True, "utf-8", 300)).width == 120


def test_a_width_that_is_no_number_is_ignored() -> None:
    assert plan(LABCTL_WIDTH="many", COLUMNS="0").width == 100
    assert plan(LABCTL_WIDTH="90").width == 90


def test_no_input_asks_nothing() -> None:
    assert not plan(Flags(no_input=True)).prompt
    assert not plan(LABCTL_NO_INPUT="1").prompt


def test_few_colours_get_the_theme_for_sixteen() -> None:
    assert resolve(Flags(), TERMINAL, {"TERM": "xterm"}).theme == "16"
    assert plan(COLORFGBG="15;0").theme == "dark"
    assert plan(FORCE_COLOR="3").colours == "truecolor"


def test_looking_at_closed_or_missing_streams_does_not_fail() -> None:
    closed = io.StringIO()
    closed.close()
    assert look(closed, io.StringIO(), closed).stdin_tty is False
