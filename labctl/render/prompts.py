"""Questions to a person at a terminal: printed once, never redrawn, answered by a line (SCREENS.md)."""

from __future__ import annotations

import re
from typing import IO

from labctl.play import Choice, Feedback, Given, Question, Quit
from labctl.render.glyphs import ASCII, UNICODE
from labctl.render.line import Line, Piece, marked, wrap
from labctl.render.mode import Plan
from labctl.render.paper import Paper
from labctl.render.text import escape, pad
from labctl.render.waiting import hush

_SURE = {"1": 1, "guess": 1, "2": 2, "think": 2, "3": 3, "sure": 3}
_PROSE = 90


class TerminalAsker:
    """Asks on `stdout`, reads lines from `stdin`. End of input is quit; Ctrl-C raises KeyboardInterrupt."""

    def __init__(self, plan: Plan, stdin: IO[str], stdout: IO[str]) -> None:
        self._stdin = stdin
        self._ended = False
        self._ascii = plan.ascii
        self._glyphs = ASCII if plan.ascii else UNICODE
        self._width = min(_PROSE, (plan.width or 80) - 1)
        # The linear form has no margin.
        self._margin = "  " if plan.diagrams else ""
        self._paper = Paper(
            stdout,
            styled=plan.styled,
            color=plan.color,
            colours=plan.colours,
            theme=plan.theme,
            ascii=plan.ascii,
        )
        self._chosen: dict[str, str] = {}

    def ask(self, question: Question) -> Given:
        """Put the question; returns with an answer, a skip or a quit."""
        self._show(question)
        hints = 0
        flush_typed_ahead(self._stdin)
        while True:
            text = self._line(self._prompt(question))
            if text is None or _is(text, "q", "quit"):
                return Given("quit", hints=hints)
            if _is(text, "s", "skip"):
                return Given("skip", hints=hints)
            if _is(text, "?", "h", "hint"):
                if hints < len(question.hints):
                    self._say(marked(self._words(question.hints[hints])), "Hint: ")
                    hints += 1
                else:
                    self._say([("No more hints." if hints else "There is no hint for this one.", "mute")])
                continue
            if not text and question.may_be_empty:
                return Given("no-idea", hints=hints)
            answer = number(text, question.unit) if not question.choices else None
            choice = choose(text, question.choices)
            if choice is not None:
                self._chosen[question.id] = choice.key
                answer = choice.id
            if answer is not None:
                sure = self._confidence(question)
                return Given("quit", hints=hints) if sure is None else Given("answer", answer, sure, hints)
            self._say([(f"That is none of the answers. Type {self._keys(question)}.", "mute")])

    def tell(self, question: Question, feedback: Feedback) -> None:
        """Show the feedback: the word first, then the chosen option's answer, the right one, a command."""
        chosen = self._chosen.get(question.id, "")
        key = next((c.key for c in question.choices if feedback.right in (c.text, c.id, c.key)), "")
        mark, style, word = {
            "right": (self._glyphs.passed, "ok bold", f"{chosen} is right." if chosen else "Right."),
            "wrong": (self._glyphs.failed, "bad bold", f"{chosen}, not quite." if chosen else "Not quite."),
            "skipped": (self._glyphs.absent, "mute", "Skipped."),
            "void": (self._glyphs.absent, "mute", "This run does not show it: nobody is wrong."),
            "no-idea": (self._glyphs.absent, "mute", "No idea."),
        }[feedback.outcome]
        self._paper.put(Line())
        self._item(mark, style, [(word, style), (" ", ""), *marked(self._words(feedback.chosen))])
        see: list[Piece] = []
        if feedback.see:
            see = [("  ", ""), ("See it happen: ", ""), (self._words(feedback.see), "accent")]
        if feedback.right:
            right = f"{key} is right." if key else f"Right is: {self._words(feedback.right.rstrip('.'))}."
            self._item(self._glyphs.passed, "ok bold", [(right, "ok bold"), *see])
        elif see:
            self._item("", "", see[1:])

    def pause(self) -> None:
        """Wait for Enter. Raises Quit at `q` and at the end of input."""
        prompt = Line.of(("Enter", "bold"), (" goes on, q quit ", "mute"), (">", "accent bold"))
        text = self._line(prompt, gap=False)
        if text is None or _is(text, "q", "quit"):
            raise Quit

    # What is printed.

    def _show(self, question: Question) -> None:
        self._paper.put(Line())
        for paragraph in filter(None, question.stem.split("\n")):
            self._say(marked(self._words(paragraph)))
        if question.choices:
            self._paper.put(Line())
        widths = [len(choice.key) for choice in question.choices]
        for choice in question.choices:
            before = f"{self._margin}{self._margin}"
            first = [(before, ""), (self._words(pad(choice.key, max(widths))), "accent bold"), ("  ", "")]
            self._paper.put(*wrap(marked(self._words(choice.text)), self._width, first=first))
        if question.id:
            self._paper.put(Line())
            self._say([(self._words(question.id), "mute")])

    def _prompt(self, question: Question) -> Line:
        keys = self._keys(question)
        return Line.of(
            (self._words(question.prompt), "bold"), "  ", (keys, "mute"), " ", (">", "accent bold")
        )

    def _keys(self, question: Question) -> str:
        unit = f" of {question.unit}" if question.unit else ""
        keys = " ".join(choice.key for choice in question.choices) or f"a number{unit}"
        hint = "? hint, " if question.hints else ""
        none = "Enter no idea, " if question.may_be_empty else ""
        return f"{keys}, or {hint}{none}s skip, q quit"

    def _confidence(self, question: Question) -> int | None:
        """How sure the person is, 0 when that is not said, None to quit."""
        if not question.ask_confidence:
            return 0
        keys = "  1 guess, 2 think, 3 sure, Enter skips, q quit "
        prompt = Line.of(("How sure", "bold"), (keys, "mute"), (">", "accent bold"))
        while True:
            text = self._line(prompt)
            if text is None or _is(text, "q", "quit"):
                return None
            if not text or _is(text, "s", "skip"):
                return 0
            if text.casefold() in _SURE:
                return _SURE[text.casefold()]
            self._say([("Type 1, 2 or 3, or Enter alone.", "mute")])

    def _line(self, prompt: Line, *, gap: bool = True) -> str | None:
        """A line of input without its blanks, or None at the end of input. `gap`: an empty line before it."""
        if self._ended:
            return None
        hush()
        lines = wrap(prompt.pieces, self._width, first=self._margin)
        self._paper.put(*[Line()][: 1 if gap else 0], *lines[:-1])
        self._paper.write(lines[-1].add(" "))
        try:
            text = self._stdin.readline()
        except UnicodeDecodeError:
            return "\ufffd"  # not text: no answer
        if not text.endswith("\n"):
            # Nobody pressed Enter: the cursor still stands behind the prompt.
            self._paper.put(Line())
        if not text:
            self._ended = True
            return None
        return text.strip()

    def _say(self, pieces: list[Piece], label: str = "") -> None:
        first: list[Piece] = [(label, "bold")] if label else []
        self._paper.put(*wrap([*first, *pieces], self._width, first=self._margin))

    def _item(self, mark: str, style: str, pieces: list[Piece]) -> None:
        first = [(self._margin, ""), (pad(mark, 2), style)]
        self._paper.put(*wrap(pieces, self._width, first=first))

    def _words(self, text: str) -> str:
        return escape(text, ascii=self._ascii)


def choose(text: str, choices: tuple[Choice, ...]) -> Choice | None:
    """The choice that an answer means: its key (`b`, `b.`, `b)`), its text, or the first column of that."""
    wanted = _plain(text)
    for choice in choices:
        if wanted.rstrip(".)") == choice.key.casefold():
            return choice
    full = [c for c in choices if _plain(c.text) == wanted]
    # `3    root, then com` and `3: root, then com` are also answered by `3`.
    heads = [c for c in choices if wanted and _plain(re.split(r"\s{2,}|: ", c.text.strip())[0]) == wanted]
    for found in (full, heads):
        if len(found) == 1:
            return found[0]
    return None


def number(text: str, unit: str = "") -> str | None:
    """The number as it was typed, without its unit and thousands separators, or None when it is none."""
    typed = text.strip()
    if unit and typed.casefold().endswith(unit.casefold()):
        typed = typed[: -len(unit)].strip()
    typed = typed.replace(",", "").replace("_", "")
    return typed if re.fullmatch(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", typed, re.ASCII) else None


def flush_typed_ahead(stream: IO[str]) -> None:
    """Throw away what was typed before the question was there. Without a terminal nothing is thrown away."""
    try:
        if not stream.isatty():
            return
        descriptor = stream.fileno()
    except (OSError, ValueError):
        return
    try:
        import termios
    except ImportError:
        _flush_windows_console()
        return
    try:
        termios.tcflush(descriptor, termios.TCIFLUSH)
    except termios.error:
        return


def _flush_windows_console() -> None:
    import importlib

    # By name: this module exists on Windows only, and so do its types.
    console = importlib.import_module("msvcrt")
    while console.kbhit():
        console.getwch()


def _is(text: str, *words: str) -> bool:
    return text.casefold() in words


def _plain(text: str) -> str:
    return " ".join(text.replace("`", "").replace("**", "").split()).casefold().rstrip(".")
