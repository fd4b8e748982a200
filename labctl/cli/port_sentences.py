"""What `labctl port` says in the linear form, and the words that both forms share: one fact a line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from labctl.cli.page import Page
from labctl.cli.port_document import by_hand
from labctl.ports import words
from labctl.render.text import escape

if TYPE_CHECKING:
    from labctl.ports import Held, Look, Trial
    from labctl.ports.situations import Matrix

NOT_TOLD = "this system does not tell its sockets to us: the commands below ask it by hand"


class Sentences:
    """The linear form: every fact is a sentence on a line of its own."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.command = "labctl port"

    def port(self, found: Look) -> None:
        """One port."""
        self._head(f"labctl port {found.port}. This machine.")
        self.say(found.reason.text)
        self._blank(f"Sockets with port {found.port}, {len(found.held)}:")
        for number, each in enumerate(found.held, 1):
            self.say(f"{number}. {socket_words(each)}")
        if not found.held:
            self.say("none" if found.tables else NOT_TOLD)
        for sentence in towards(found):
            self.say(sentence)
        self._blank("What bind() says now:")
        for trial in found.trials:
            self.say(f"{words.place(trial.host, found.port)} {with_option(trial.option)}: {verdict(trial)}.")
        self._blank("What to do:")
        for fix in found.reason.fixes:
            self.say(f"- {fix.text}")
        if not found.reason.fixes:
            self.say("- nothing: bind() works")

    def listeners(self, listening: Sequence[Held]) -> None:
        """Who serves."""
        from labctl.ports import readable

        self._head("labctl port. This machine.")
        self._blank(f"Sockets that wait for others, {len(listening)}:")
        if not readable():
            self.say(NOT_TOLD)
        for number, each in enumerate(listening, 1):
            self.say(f"{number}. {socket_words(each)}")

    def matrix(self, matrix: Matrix) -> None:
        """Every cell."""
        from labctl.ports.rule import RULE, SITUATIONS

        self._blank(f"The matrix, made just now: {summary(matrix)}")
        titles = {each.id: each.title for each in SITUATIONS}
        for cell in matrix.cells:
            said = "bind() works" if cell.works else f"{cell.call}() fails, {cell.number} {cell.error}"
            odd = "" if cell.as_rule else ", not as on Linux"
            old, new = (option or "nothing" for option in (cell.old, cell.new))
            self.say(f"{titles[cell.situation]}; the old socket set {old}, the new one {new}: {said}{odd}.")
        for name, text in matrix.not_made:
            self.say(f"{name} could not be made: {text}.")
        self._blank("The rule:")
        for sentence in RULE:
            self.say(sentence)
        for sentence in exceptions(matrix):
            self.say(sentence)

    def footer(self, found: Look | None) -> None:
        """The commands that show the same by hand, and the next one."""
        self.page.say()
        for command in by_hand(found.port if found else None):
            self.say(f"By hand: {command}")
        if found is not None:
            self.say("Next: labctl port --matrix")

    def say(self, sentence: str) -> None:
        text = escape(sentence)
        if self.page.plan.width is None:
            self.page.say(text)
        else:
            self.page.prose(text, indent="")

    def _head(self, text: str) -> None:
        self.say(text)
        self.page.say()

    def _blank(self, text: str) -> None:
        if self.page.lines and self.page.lines[-1]:
            self.page.say()
        self.say(text)


def local(each: Held) -> str:
    return words.place(each.line.local, each.line.local_port)


def socket_words(each: Held) -> str:
    line = each.line
    parts = [
        line.transport.upper(),
        line.state if line.transport == "tcp" or line.remote_port else "open",
        local(each),
    ]
    if line.remote_port:
        parts.append(f"with {words.place(line.remote, line.remote_port)}")
    text = " ".join(parts)
    if line.timer == "time-wait":
        text += f", {line.timer_seconds:.0f} s left"
    return f"{text}: {each.owner}."


def towards(found: Look) -> list[str]:
    if not found.towards:
        return []
    total = sum(number for _, number in found.towards)
    listed = ", ".join(f"{number} {state}" for state, number in found.towards)
    verb = "goes" if total == 1 else "go"
    return [
        f"{words.count(total, 'connection')} of this machine {verb} to a port {found.port} ({listed}): "
        "that is the other end, and takes no port here."
    ]


def with_option(option: str) -> str:
    return f"with {option}" if option else "without an option"


def verdict(trial: Trial) -> str:
    if trial.works:
        return "bind() works"
    return f"{trial.number} {trial.error}, {words.meaning(trial.error) or trial.text}"


def words_of(found: Look, error: str) -> str:
    return next(t.text for t in found.trials if t.error == error)


def summary(matrix: Matrix) -> str:
    from labctl.render.numbers import duration

    return f"{matrix.as_rule} of {len(matrix.cells)} as the rule says, {duration(matrix.seconds * 1000)}"


def exceptions(matrix: Matrix) -> list[str]:
    calls = {cell.call for cell in matrix.cells if not cell.works}
    first = "It was always bind() that failed, never listen()." if calls == {"bind"} else ""
    if not matrix.elsewhere:
        return [first] if first else []
    told = "; ".join(f"{each.text} ({each.number} {each.error})" for each in matrix.elsewhere)
    number = {1: "one exception", 2: "two exceptions"}[len(matrix.elsewhere)]
    return [f"{first} There {'is' if len(matrix.elsewhere) == 1 else 'are'} {number}: {told}.".strip()]
