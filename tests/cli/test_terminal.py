"""A person at a terminal, played through a pseudo-terminal."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

pexpect = pytest.importorskip("pexpect")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pexpect needs a pseudo-terminal")

PROMPT = r">(?:\x1b\[0m)? $"


class Terminal:
    """A run of labctl on a terminal of 80 columns."""

    def __init__(self, environment: dict[str, str], *words: str, **env: str) -> None:
        self._process = pexpect.spawn(
            sys.executable,
            ["-m", "labctl", *words],
            env={**environment, "TERM": "xterm-256color", "LABCTL_COLOR": "never", **env},
            dimensions=(50, 80),
            encoding="utf-8",
            timeout=30,
        )
        self.seen = ""

    def until_asked(self) -> str:
        """What is shown up to the next prompt."""
        self._process.expect(PROMPT)
        return self._take()

    def type(self, line: str) -> str:
        """Answer, and read on to the next prompt."""
        self._process.sendline(line)
        return self.until_asked()

    def press(self, key: str) -> None:
        """Press a control key."""
        self._process.sendcontrol(key)

    def last(self, line: str | None = None) -> int:
        """Answer, and read to the end. Returns the exit code."""
        if line is not None:
            self._process.sendline(line)
        self._process.expect(pexpect.EOF)
        self._take()
        self._process.close()
        return int(self._process.exitstatus)

    def _take(self) -> str:
        shown = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", self._process.before or "").replace("\r\n", "\n")
        self.seen += shown
        return shown


def kept(environment: dict[str, str]) -> list[dict[str, Any]]:
    log = Path(environment["LABCTL_HOME"]) / "data" / "progress.jsonl"
    return [json.loads(line) for line in log.read_text().splitlines()]


def test_the_whole_lesson_from_prediction_to_recall(environment: dict[str, str]) -> None:
    terminal = Terminal(environment, "echo")
    asked = terminal.until_asked()
    assert "PREDICT" in asked
    assert "How often does hello come back?" in asked
    assert "echo.times" in asked
    assert "OBSERVE" not in asked, "nothing is shown before the prediction"
    assert "Count." in terminal.type("?")
    assert "How sure" in terminal.type("twice")
    asked = terminal.type("2")
    assert "OBSERVE" in asked
    assert "Who was called?" in asked
    assert "EXPLAIN" not in asked, "nothing is explained before one has looked"
    wall = re.search(r"([abc])  the floor", asked)
    assert wall is not None
    asked = terminal.type(wall[1])
    assert "not quite" in asked
    assert "Look at the first line again." in asked
    assert "EXPLAIN" in asked
    assert 'You predicted "twice". It was "once".' in asked
    assert "You said hello, and it came back 1 times." in asked
    assert "QUIZ" in asked
    assert "Why does it come back?" in asked
    asked = terminal.type("the wall throws it back")
    assert "That is all an echo is." in asked
    assert terminal.last("1") == 0
    assert "prediction wrong" in terminal.seen
    assert "labctl echo --phase quiz" in terminal.seen
    lines = kept(environment)
    assert [(line.get("item"), line.get("outcome")) for line in lines] == [
        ("echo.times", "wrong"), ("echo.read", "wrong"), ("echo.why", "right"), ("echo.number", "right"),
        (None, None),
    ]  # fmt: skip
    assert lines[0]["hints"] == 1
    assert lines[0]["confidence"] == 2
    assert lines[-1]["kind"] == "lesson"


def test_ctrl_c_at_a_question_ends_with_130_and_keeps_the_answers(environment: dict[str, str]) -> None:
    terminal = Terminal(environment, "echo")
    terminal.until_asked()
    terminal.type("once")
    terminal.type("")
    terminal.press("c")
    assert terminal.last() == 130
    assert "Traceback" not in terminal.seen
    assert [line["item"] for line in kept(environment)] == ["echo.times"]


@pytest.mark.parametrize("key", ["q", "end of input"])
def test_quitting_ends_the_lesson(environment: dict[str, str], key: str) -> None:
    terminal = Terminal(environment, "echo")
    terminal.until_asked()
    if key == "q":
        assert terminal.last("q") == 0
    else:
        terminal.press("d")
        assert terminal.last() == 0
    assert "OBSERVE" not in terminal.seen
    assert "EXPLAIN" not in terminal.seen
    assert "echo left early" in terminal.seen
    assert "labctl echo" in terminal.seen.rpartition("again")[2]
    assert not (Path(environment["LABCTL_HOME"]) / "data" / "progress.jsonl").exists()


def test_what_was_answered_before_quitting_is_kept_and_the_lab_is_not_done(
    environment: dict[str, str],
) -> None:
    terminal = Terminal(environment, "echo")
    terminal.until_asked()
    terminal.type("once")
    terminal.type("")
    assert terminal.last("q") == 0
    assert [line["item"] for line in kept(environment)] == ["echo.times"]


def test_at_a_pace_of_steps_each_message_comes_with_its_enter(environment: dict[str, str]) -> None:
    terminal = Terminal(environment, "echo", "--times", "2", "--pace", "step", "--phase", "observe")
    assert "hello" not in terminal.until_asked().partition("OBSERVE")[2].partition("\n")[2]
    assert "hello" in terminal.type("").strip().splitlines()[-2], "the first message"
    assert terminal.last("q") == 0
    assert "EXPLAIN" not in terminal.seen


@pytest.mark.parametrize(
    ("phase", "shown"), [("predict", "You predicted"), ("explain", "it came back 1 times")]
)
def test_one_phase_shows_that_phase_and_no_run(environment: dict[str, str], phase: str, shown: str) -> None:
    terminal = Terminal(environment, "echo", "--phase", phase)
    if phase == "predict":
        terminal.until_asked()
        terminal.type("once")
    assert terminal.last("" if phase == "predict" else None) == 0
    assert shown in terminal.seen
    assert "OBSERVE" not in terminal.seen
    assert "of 4" not in terminal.seen


def test_nothing_is_asked_where_nobody_can_answer(environment: dict[str, str]) -> None:
    for words, env in ((["--no-input"], {}), ([], {"CI": "true"}), ([], {"LABCTL_NO_INPUT": "1"})):
        terminal = Terminal(environment, "echo", *words, **env)
        assert terminal.last() == 0
        assert "OBSERVE" in terminal.seen
        assert "PREDICT" not in terminal.seen


def test_the_quiz_alone_asks_all_recall_questions(environment: dict[str, str]) -> None:
    terminal = Terminal(environment, "echo", "--phase", "quiz")
    asked = terminal.until_asked()
    assert "Why does it come back?" in asked
    assert "hello was heard" not in asked, "the run behind the questions is not shown"
    assert "You call twice." in terminal.type("a")
    assert "How many echoes were there?" in terminal.type("s")
    assert terminal.last("1") == 0


def test_the_dns_lesson_can_be_quit_at_its_first_question_and_then_nothing_runs(
    environment: dict[str, str],
) -> None:
    terminal = Terminal(environment, "dns", "www.shop.test", LABCTL_ACCESSIBLE="1")
    terminal.until_asked()
    assert terminal.last("q") == 0
    assert "203.0.113.10" not in terminal.seen
    assert "dns left early." in terminal.seen
