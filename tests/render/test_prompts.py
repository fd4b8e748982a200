"""Questions to a person: from a stream, and through a real terminal."""

from __future__ import annotations

import io
import os
import sys
import textwrap
from typing import IO

import pexpect
import pytest
from conftest import plan_of
from test_rich_renderer import check

from labctl.play import Choice, Feedback, Given, Question, Quit
from labctl.render.prompts import TerminalAsker, choose, number

CHOICES = (
    Choice("a", "one", "1    the resolver already knows"),
    Choice("b", "three", "3    root, then com, then example.com"),
    Choice("c", "thirteen", "13   every root server"),
)
QUESTION = Question(
    "dns.questions",
    "predict",
    "How many name servers will the resolver ask before it gets an address?",
    CHOICES,
    hints=("It knows the root servers.", "Read the name from the right."),
    prompt="Your prediction",
)


def asked(typed: str, question: Question = QUESTION, **flags: object) -> tuple[Given, str]:
    out = io.StringIO()
    asker = TerminalAsker(plan_of(80, **flags), io.StringIO(typed), out)  # type: ignore[arg-type]
    return asker.ask(question), out.getvalue()


@pytest.mark.parametrize(
    "typed",
    [
        "b",
        "B",
        " b ",
        "b.",
        "b)",
        "3",
        "3    root, then com, then example.com",
        "3 ROOT, then com, then example.com",
    ],
)
def test_a_letter_a_number_or_the_text_is_an_answer(typed: str) -> None:
    assert asked(typed + "\n")[0] == Given("answer", "three")


def test_skip_quit_and_the_end_of_input() -> None:
    assert asked("s\n")[0].action == "skip"
    assert asked("Quit\n")[0].action == "quit"
    assert asked("")[0].action == "quit"


def test_an_answer_that_is_none_asks_again_and_does_not_repeat_the_question() -> None:
    given, page = asked("x\n\nc\n")
    assert given.answer == "thirteen"
    assert page.count("How many name servers") == 1
    assert page.count("Your prediction") == 3
    assert "Type a b c, or ? hint, s skip, q quit." in page


def test_hints_come_one_by_one_and_are_counted() -> None:
    given, page = asked("?\n?\n?\nb\n")
    assert given == Given("answer", "three", hints=2)
    assert page.index("It knows the root servers.") < page.index("Read the name from the right.")
    assert "No more hints." in page


def test_enter_means_no_idea_only_where_it_may() -> None:

    assert asked("\n", QUESTION._replace(may_be_empty=True))[0].action == "no-idea"
    assert asked("\n")[0].action == "quit"


def test_confidence_is_asked_after_the_answer() -> None:

    question = QUESTION._replace(ask_confidence=True)
    assert asked("b\n3\n", question)[0].confidence == 3
    assert asked("b\nvery\nguess\n", question)[0].confidence == 1
    assert asked("b\n\n", question)[0].confidence == 0
    assert asked("b\nq\n", question)[0] == Given("quit")
    assert asked("b\n", question)[0] == Given("quit"), "the input ended before the question was over"


def test_a_question_may_want_a_number() -> None:
    question = Question("dns.ttl", "observe", "How many seconds are left?", unit="s")
    assert asked("300 s\n", question)[0].answer == "300"
    assert asked("many\n1,204\n", question)[0].answer == "1204"
    assert [number(text) for text in ("nan", "1e3", "-2.5", "", "٣")] == [None, "1e3", "-2.5", None, None]


def test_an_ambiguous_text_is_no_answer() -> None:
    same = (Choice("a", "x", "yes: a"), Choice("b", "y", "yes: b"))
    assert choose("yes", same) is None
    assert choose("yes: b", same) == same[1]


def test_the_questions_look_as_stored() -> None:
    out = io.StringIO()
    asker = TerminalAsker(plan_of(80), io.StringIO("?\nc\nb\n"), out)
    asker.ask(QUESTION)
    asker.tell(
        QUESTION,
        Feedback(
            "wrong",
            "All 13 say the same thing; one of them is enough, and none knows more than the next step.",
            CHOICES[1].text,
            "labctl dns www.shop.test",
        ),
    )
    asker.ask(QUESTION)
    asker.tell(QUESTION, Feedback("right", "Two referrals and an answer."))
    asker.tell(QUESTION, Feedback("skipped", "", CHOICES[1].text))
    asker.tell(QUESTION, Feedback("void", ""))
    check("questions-80.txt", out.getvalue())


def test_questions_are_ascii_and_without_margin_where_they_must_be() -> None:
    _, page = asked("b\n", ascii=True, accessible=True)
    assert page.isascii()
    assert "\nHow many" in page


def test_what_is_not_text_is_no_answer() -> None:
    stdin = io.TextIOWrapper(io.BytesIO(b"\xff\xfe\nb\n"), encoding="utf-8")
    given = TerminalAsker(plan_of(80), stdin, io.StringIO()).ask(QUESTION)
    assert given.action in ("answer", "quit")


@pytest.mark.parametrize("typed", ["\n", "\nq\n"])
def test_a_pause_waits_for_enter_and_ends_the_lesson_with_q_or_the_input(typed: str) -> None:
    out = io.StringIO()
    asker = TerminalAsker(plan_of(80), io.StringIO(typed), out)
    asker.pause()
    with pytest.raises(Quit):
        asker.pause()
    assert out.getvalue().count("Enter goes on") == 2


def test_ctrl_c_passes_through() -> None:
    class Interrupted(io.StringIO):
        def readline(self, size: int | None = -1, /) -> str:
            raise KeyboardInterrupt

    stdin: IO[str] = Interrupted()
    with pytest.raises(KeyboardInterrupt):
        TerminalAsker(plan_of(80), stdin, io.StringIO()).ask(QUESTION)


@pytest.mark.skipif(sys.platform == "win32", reason="a pseudo-terminal is a Unix thing")
def test_in_a_terminal_what_was_typed_too_early_is_thrown_away() -> None:
    program = textwrap.dedent(
        """
        import sys
        from labctl.play import Choice, Question
        from labctl.render.mode import Flags, look, resolve
        from labctl.render.prompts import TerminalAsker
        sys.stdout.write("type now ")
        sys.stdout.flush()
        # The terminal passes a line on when Enter is pressed: this one is there before the question.
        import select
        select.select([sys.stdin], [], [], 30)
        plan = resolve(Flags(), look(sys.stdin, sys.stdout, sys.stderr), {"TERM": "xterm"})
        asker = TerminalAsker(plan, sys.stdin, sys.stdout)
        choices = (Choice("a", "one", "first"), Choice("b", "two", "second"))
        given = asker.ask(Question("q.1", "recall", "Which?", choices))
        print("given", given.action, given.answer)
        """
    )
    child = pexpect.spawn(
        sys.executable,
        ["-c", program],
        encoding="utf-8",
        timeout=30,
        dimensions=(24, 80),
        env=dict(os.environ),
    )
    try:
        child.expect("type now ")
        child.sendline("a")
        child.expect("q quit")
        child.sendline("B")
        child.expect("given answer two")
        child.expect(pexpect.EOF)
    finally:
        child.close(force=True)
    assert child.exitstatus == 0
