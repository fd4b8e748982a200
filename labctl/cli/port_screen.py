"""What `labctl port` shows on a terminal: aligned columns under bold headings, with glyphs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from labctl.cli.page import Page
from labctl.cli.port_document import by_hand
from labctl.cli.port_sentences import (
    NOT_TOLD,
    Sentences,
    exceptions,
    local,
    summary,
    towards,
    words_of,
)
from labctl.ports import words
from labctl.render.text import cut, escape, pad

if TYPE_CHECKING:
    from labctl.ports import Held, Look
    from labctl.ports.situations import Matrix

# Longer lists are cut, and say so.
_ROWS = 12
_OPTIONS = {"": "without", "SO_REUSEADDR": "SO_REUSEADDR", "SO_REUSEPORT": "SO_REUSEPORT"}


def show(found: Look | None, listening: Sequence[Held] | None, matrix: Matrix | None) -> None:
    """Print it on stdout."""
    page = Page()
    screen = _Screen(page) if page.plan.diagrams else Sentences(page)
    if found is not None:
        screen.port(found)
    if listening is not None:
        screen.listeners(listening)
    if matrix is not None:
        screen.matrix(matrix)
    screen.footer(found)
    page.show()


class _Screen(Sentences):
    """Aligned columns under bold headings, with glyphs."""

    def __init__(self, page: Page) -> None:
        super().__init__(page)
        # Tables may be wider than prose.
        self.width = min(page.plan.width or 80, 117)

    def port(self, found: Look) -> None:
        """One port."""
        reason, state = found.reason, found.reason.state
        self._title(f"labctl port {found.port}")
        self._rule(f"port {found.port} is {state.replace('-', ' ')}", words.count(len(found.held), "socket"))
        self.page.heading("Who has it")
        if not found.held:
            self._mute("no socket of this machine" if found.tables else NOT_TOLD)
        for each in self._cut(found.held):
            self._socket(each)
        self._more(found.held)
        for sentence in towards(found):
            self.page.prose(escape(sentence), "mute", indent="    ")
        self._trials(found)
        self.page.say()
        mark, hue = {
            "free": (self.page.glyphs.passed, "ok"), "not-allowed": (self.page.glyphs.failed, "bad"),
        }.get(state, (self.page.glyphs.failed, "bad"))  # fmt: skip
        self._marked(mark, hue, reason.text)
        if reason.fixes:
            self.page.say()
        for index, fix in enumerate(reason.fixes):
            label = self.page.paint(("fix" if index == 0 else "or").ljust(9), "accent bold")
            if fix.command:
                self.page.say(f"  {label} {self.page.paint(escape(fix.text), 'accent')}")
                continue
            inner = Page()
            inner.prose(escape(fix.text), indent=" " * 12)
            first, *more = inner.lines
            self.page.say(f"  {label} {first.lstrip()}")
            for line in more:
                self.page.say(line)

    def listeners(self, listening: Sequence[Held]) -> None:
        """Who serves."""
        from labctl.ports import readable

        self._title("labctl port")
        tcp = sum(each.line.transport == "tcp" for each in listening)
        self._rule("who listens here", f"{tcp} TCP, {len(listening) - tcp} UDP")
        self.page.say()
        if not readable():
            self._mute(NOT_TOLD)
        elif not listening:
            self._mute("nobody")
        widest = max((len(local(each)) for each in listening), default=0)
        for each in self._cut(listening):
            line = each.line
            hue = "" if any(p.mine for p in each.processes) else "mute"
            head = f"    {self._transport(line.transport)}  {local(each).ljust(widest)}   "
            self.page.say(head + self.page.paint(self._owner(each, 12 + widest), hue))
        self._more(listening)

    def matrix(self, matrix: Matrix) -> None:
        """Ten situations against nine pairs of options."""
        from labctl.cli import port_matrix
        from labctl.ports.rule import RULE

        if not self.page.lines:
            self._title("labctl port --matrix")
        self._rule("when does bind() work?", summary(matrix))
        port_matrix.draw(self.page, matrix, narrow=self.width < 80)
        if matrix.as_rule < len(matrix.cells):
            self._marked("!", "warn bold", "Not as on Linux, whose rule stands below.")
        for name, text in matrix.not_made:
            self._marked("!", "warn", f"{name} could not be made: {text}.")
        self.page.say()
        for sentence in RULE:
            self.page.prose(sentence)
        for sentence in exceptions(matrix):
            self.page.prose(sentence, "mute")

    def footer(self, found: Look | None) -> None:
        """The commands that show the same by hand, and the next one."""
        self.page.say()
        for index, command in enumerate(by_hand(found.port if found else None)):
            label = "by hand" if index == 0 else ""
            self.page.say(f"  {self.page.paint(label.ljust(9), 'mute')} {self.page.paint(command, 'accent')}")
        if found is not None:
            self.page.say(
                f"  {self.page.paint('next'.ljust(9), 'mute')} {self.page.paint('labctl port --matrix', 'accent')}"
            )

    # Pieces.

    def _title(self, command: str) -> None:
        right = "this machine"
        room = self.width - 1 - 2 - len(command) - len(right)
        first, _, rest = command.partition(" ")
        name = f"{self.page.paint(first, 'mute')} {self.page.paint(rest, 'bold')}"
        self.page.say("  " + name + " " * room + self.page.paint(right, "mute"))
        self.page.say()

    def _rule(self, title: str, summary: str) -> None:
        if self.page.lines[-1]:
            self.page.say()
        paint, chip = self.page.paint, " OBSERVE "
        room = self.width - 1 - 2 - len(chip) - 1 - len(title) - 2
        # On a machine that is busy the summary's time has more digits.
        summary = cut(summary, max(room - 1, 0), self.page.glyphs.cut)
        rule = paint(self.page.glyphs.line * max(room - len(summary), 1), "faint")
        self.page.say(
            f"  {paint(chip, 'accent reverse bold')} {paint(title, 'bold')} {rule} {paint(summary, 'mute')}"
        )

    def _marked(self, mark: str, hue: str, text: str) -> None:
        inner = Page()
        inner.prose(escape(text), indent="    ")
        lines = inner.lines
        self.page.say(f"  {self.page.paint(mark, hue)} {lines[0].lstrip()}")
        for line in lines[1:]:
            self.page.say(line)

    def _mute(self, text: str) -> None:
        self.page.prose(text, "mute", indent="    ")

    def _cut(self, rows: Sequence[Held]) -> Sequence[Held]:
        return rows if self.page.plan.all or len(rows) <= _ROWS else rows[:_ROWS]

    def _more(self, rows: Sequence[Held]) -> None:
        hidden = len(rows) - len(self._cut(rows))
        if hidden:
            self._mute(f"{hidden} more, --all")

    def _transport(self, transport: str) -> str:
        return self.page.paint(transport.upper(), "mute")

    def _owner(self, each: Held, taken: int) -> str:
        if self.page.plan.all:
            return escape(each.owner)
        room = self.width - 1 - taken
        if each.processes:
            return escape(words.owner(each.line, each.processes, me=-1, user="", room=room))
        return cut(escape(each.owner), room, self.page.glyphs.cut)

    def _socket(self, each: Held) -> None:
        line = each.line
        hue = {"LISTEN": "ok bold", "TIME-WAIT": "warn", "ESTABLISHED": "bold"}.get(line.state, "")
        state = "" if line.transport == "udp" and not line.remote_port else line.state
        head = f"    {self._transport(line.transport)}  {self.page.paint(state.ljust(12), hue)} {local(each)}"
        if line.remote_port:
            head += f" {self.page.glyphs.line} {words.place(line.remote, line.remote_port)}"
        if line.timer == "time-wait":
            head += self.page.paint(f"   {line.timer_seconds:.0f} s left", "warn")
        self.page.say(head)
        if line.owned:
            self.page.say(" " * 22 + self.page.paint(self._owner(each, 22), "mute"))

    def _trials(self, found: Look) -> None:
        paint, glyphs = self.page.paint, self.page.glyphs
        self.page.heading("What bind() says now")
        narrow = self.width < 80
        first = max(len(words.place(t.host, found.port)) for t in found.trials) + (2 if narrow else 3)
        size = 17 if narrow else 20
        heads = "".join(name.ljust(size) for name in _OPTIONS.values()).rstrip()
        self.page.say(" " * (4 + first) + paint(heads, "mute"))
        for host in dict.fromkeys(t.host for t in found.trials):
            line = "    " + words.place(host, found.port).ljust(first)
            for trial in (t for t in found.trials if t.host == host):
                told = trial.error if narrow else f"{trial.number} {trial.error}"
                text = "works" if trial.works else told
                mark, hue = (glyphs.passed, "ok") if trial.works else (glyphs.failed, "bad")
                if trial.error == "ENOPROTOOPT":
                    mark, hue, text = glyphs.absent, "mute", "no such option"
                line += paint(mark, hue) + " " + pad(text, size - 2)
            self.page.say(line.rstrip())
        for error in dict.fromkeys(t.error for t in found.trials if t.error):
            number = next(t.number for t in found.trials if t.error == error)
            self.page.prose(
                f"{number} {error}: {words.meaning(error) or words_of(found, error)}", "mute", indent="    "
            )
