"""What `labctl port` shows to a person: tables like the screens, or one fact a line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from labctl.cli.page import Page
from labctl.cli.port_document import by_hand
from labctl.ports import words
from labctl.render.text import cells, escape, pad

if TYPE_CHECKING:
    from labctl.ports import Held, Look, Trial
    from labctl.ports.situations import Cell, Matrix

# Longer lists are cut, and say so.
_ROWS = 12
_OPTIONS = {"": "without", "SO_REUSEADDR": "SO_REUSEADDR", "SO_REUSEPORT": "SO_REUSEPORT"}
_SHORT = {"": "none", "SO_REUSEADDR": "addr", "SO_REUSEPORT": "port"}


def show(found: Look | None, listening: Sequence[Held] | None, matrix: Matrix | None) -> None:
    """Print it on stdout."""
    page = Page()
    screen = _Screen(page) if page.plan.diagrams else _Sentences(page)
    if found is not None:
        screen.port(found)
    if listening is not None:
        screen.listeners(listening)
    if matrix is not None:
        screen.matrix(matrix)
    screen.footer(found)
    page.show()


class _Sentences:
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
            self.say(f"{number}. {_socket_words(each)}")
        if not found.held:
            self.say("none" if found.tables else NOT_TOLD)
        for sentence in _towards(found):
            self.say(sentence)
        self._blank("What bind() says now:")
        for trial in found.trials:
            self.say(f"{words.place(trial.host, found.port)} {_with(trial.option)}: {_verdict(trial)}.")
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
            self.say(f"{number}. {_socket_words(each)}")

    def matrix(self, matrix: Matrix) -> None:
        """Every cell."""
        from labctl.ports.rule import RULE, SITUATIONS

        self._blank(f"The matrix, made just now: {_summary(matrix)}")
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
        for sentence in _exceptions(matrix):
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


class _Screen(_Sentences):
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
        for sentence in _towards(found):
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
            text = escape(fix.text)
            self.page.say(f"  {label} {self.page.paint(text, 'accent' if fix.command else '')}")

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
        widest = max((len(_local(each)) for each in listening), default=0)
        for each in self._cut(listening):
            line = each.line
            hue = "" if any(p.mine for p in each.processes) else "mute"
            head = f"    {self._transport(line.transport)}  {_local(each).ljust(widest)}   "
            self.page.say(head + self.page.paint(self._owner(each, 12 + widest), hue))
        self._more(listening)

    def matrix(self, matrix: Matrix) -> None:
        """Ten situations against nine pairs of options."""
        from labctl.ports.rule import OPTIONS, RULE, SITUATIONS

        if not self.page.lines:
            self._title("labctl port --matrix")
        self._rule("when does bind() work?", _summary(matrix))
        at = {(cell.situation, cell.old, cell.new): cell for cell in matrix.cells}
        first = max(len(each.title) for each in SITUATIONS) + 2
        paint = self.page.paint
        bar = paint(self.page.glyphs.lifeline, "faint") + " "
        olds = [paint((option or "nothing").ljust(14), "bold") for option in OPTIONS]
        news = paint("".join(_SHORT[option].ljust(5) for option in OPTIONS)[:14], "mute")
        self.page.say()
        self._line(paint("the OLD socket had set".ljust(first), "mute"), *(bar + old for old in olds))
        self._line(paint("the NEW socket sets".ljust(first), "mute"), *(bar + news for _ in OPTIONS))
        for situation in SITUATIONS:
            groups = [
                bar + "".join(self._cell(at.get((situation.id, old, new))) for new in OPTIONS)[:-1]
                for old in OPTIONS
            ]
            self._line(situation.title.ljust(first), *groups)
        self.page.say()
        ok, bad = paint(self.page.glyphs.passed, "ok"), paint(self.page.glyphs.failed, "bad")
        self.page.say(f"  {ok} {paint('bind() works', 'mute')}    {bad} {paint(_failure(matrix), 'mute')}")
        for name, text in matrix.not_made:
            self._marked("!", "warn", f"{name} could not be made: {text}.")
        self.page.say()
        for sentence in RULE:
            self.page.prose(sentence)
        for sentence in _exceptions(matrix):
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
        room = self.width - 1 - 2 - len(chip) - 1 - len(title) - 2 - len(summary)
        rule = paint(self.page.glyphs.line * max(room, 1), "faint")
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
        if self.page.plan.all or not each.processes:
            return escape(each.owner)
        room = self.width - 1 - taken
        return escape(words.owner(each.line, each.processes, me=-1, user="", room=room))

    def _socket(self, each: Held) -> None:
        line = each.line
        hue = {"LISTEN": "ok bold", "TIME-WAIT": "warn", "ESTABLISHED": "bold"}.get(line.state, "")
        state = "" if line.transport == "udp" and not line.remote_port else line.state
        head = (
            f"    {self._transport(line.transport)}  {self.page.paint(state.ljust(12), hue)} {_local(each)}"
        )
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
        first = max(len(words.place(t.host, found.port)) for t in found.trials) + 3
        heads = "".join(name.ljust(20) for name in _OPTIONS.values()).rstrip()
        self.page.say(" " * (4 + first) + paint(heads, "mute"))
        for host in dict.fromkeys(t.host for t in found.trials):
            line = "    " + words.place(host, found.port).ljust(first)
            for trial in (t for t in found.trials if t.host == host):
                text = "works" if trial.works else f"{trial.number} {trial.error}"
                mark, hue = (glyphs.passed, "ok") if trial.works else (glyphs.failed, "bad")
                if trial.error == "ENOPROTOOPT":
                    mark, hue, text = glyphs.absent, "mute", "no such option"
                line += paint(mark, hue) + " " + pad(text, 18)
            self.page.say(line.rstrip())
        for error in dict.fromkeys(t.error for t in found.trials if t.error):
            number = next(t.number for t in found.trials if t.error == error)
            self.page.prose(
                f"{number} {error}: {words.meaning(error) or _words_of(found, error)}", "mute", indent="    "
            )

    def _line(self, *pieces: str) -> None:
        self.page.say(("    " + "".join(pieces)).rstrip())

    def _cell(self, cell: Cell | None) -> str:
        if cell is None:
            return self.page.paint(self.page.glyphs.absent, "mute") + " " * 4
        mark, hue = (self.page.glyphs.passed, "ok") if cell.works else (self.page.glyphs.failed, "bad")
        odd = "" if cell.as_rule else "!"
        return self.page.paint(mark, hue) + self.page.paint(odd, "warn bold") + " " * (4 - cells(odd))


NOT_TOLD = "this system does not tell its sockets to us: the commands below ask it by hand"


def _local(each: Held) -> str:
    return words.place(each.line.local, each.line.local_port)


def _socket_words(each: Held) -> str:
    line = each.line
    parts = [
        line.transport.upper(),
        line.state if line.transport == "tcp" or line.remote_port else "open",
        _local(each),
    ]
    if line.remote_port:
        parts.append(f"with {words.place(line.remote, line.remote_port)}")
    text = " ".join(parts)
    if line.timer == "time-wait":
        text += f", {line.timer_seconds:.0f} s left"
    return f"{text}: {each.owner}."


def _towards(found: Look) -> list[str]:
    if not found.towards:
        return []
    total = sum(number for _, number in found.towards)
    listed = ", ".join(f"{number} {state}" for state, number in found.towards)
    verb = "goes" if total == 1 else "go"
    return [
        f"{words.count(total, 'connection')} of this machine {verb} to a port {found.port} ({listed}): "
        "that is the other end, and takes no port here."
    ]


def _with(option: str) -> str:
    return f"with {option}" if option else "without an option"


def _verdict(trial: Trial) -> str:
    if trial.works:
        return "bind() works"
    return f"{trial.number} {trial.error}, {words.meaning(trial.error) or trial.text}"


def _words_of(found: Look, error: str) -> str:
    return next(t.text for t in found.trials if t.error == error)


def _summary(matrix: Matrix) -> str:
    from labctl.render.numbers import duration

    return f"{matrix.as_rule} of {len(matrix.cells)} as the rule says, {duration(matrix.seconds * 1000)}"


def _failure(matrix: Matrix) -> str:
    failed = [cell for cell in matrix.cells if not cell.works]
    if not failed:
        return "never"
    calls = dict.fromkeys(f"{cell.call}() says {cell.number} {cell.error}" for cell in failed)
    return ", ".join(calls)


def _exceptions(matrix: Matrix) -> list[str]:
    calls = {cell.call for cell in matrix.cells if not cell.works}
    first = "It was always bind() that failed, never listen()." if calls == {"bind"} else ""
    if not matrix.elsewhere:
        return [first] if first else []
    told = "; ".join(f"{each.text} ({each.number} {each.error})" for each in matrix.elsewhere)
    number = {1: "one exception", 2: "two exceptions"}[len(matrix.elsewhere)]
    return [f"{first} There {'is' if len(matrix.elsewhere) == 1 else 'are'} {number}: {told}.".strip()]
