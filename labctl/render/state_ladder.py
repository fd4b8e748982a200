"""The ladder of a TCP connection: two sides, and beside each the state that it is in (SCREENS.md).

Exchanges that say in their data what state a side is in are drawn here; all others by ladder.py.
What is read from the data of an exchange, all of it text:

- `source_state`, `target_state`: the state of the sending and of the receiving side, "" when it did not change;
- `left`: the name of the lane that stands on the left, when it is not the first exchange's source;
- `phase`: a rule is drawn across before this row when it differs from the row before (`open`, `close`);
- `by_ms`: present when the time is an upper bound only (the kernel was asked then, it crossed before);
- `absolute`, `absolute_short`: the label with the numbers as they are on the wire, for `--verbose`;
- `wide`: what the side wants to say, for wide terminals;
- `details`: the window and the options of a SYN, for wide terminals and `--verbose`.
"""

from __future__ import annotations

from collections.abc import Callable

from labctl.events import Exchange
from labctl.render.canvas import Canvas
from labctl.render.glyphs import Glyphs
from labctl.render.lanes import GUTTER_END
from labctl.render.line import Line
from labctl.render.numbers import gutter
from labctl.render.text import cells, cut

ROWS = 40
# Where the left side's state begins; the lifelines leave the longest state's room at both edges.
STATE, LIFELINE = 10, 23
_STATE_ROOM = LIFELINE - STATE - 1
_RIGHT_ROOM = 15
# The farthest that the lifelines stand apart: longer arrows say nothing more.
_WIDEST = 72

# What is printed between gutter and state of a message that nobody captured.
_MARKS = {"captured": "", "observed": "o", "inferred": "?"}
_EVIDENCE = {
    "observed": "observed: the kernel told, no packet was captured",
    "inferred": "inferred: follows from what the kernel told; it had crossed by then",
}


def has_states(exchange: Exchange) -> bool:
    """Whether this exchange belongs to a ladder with states."""
    return "source_state" in exchange.data or "target_state" in exchange.data


class StateLadder:
    """Draws consecutive exchanges between two sides. `words` makes text printable; `most` None draws all."""

    def __init__(
        self,
        width: int,
        glyphs: Glyphs,
        words: Callable[[str], str],
        *,
        wide: bool = False,
        verbose: bool = False,
        most: int | None = ROWS,
        explained: set[str] | None = None,
    ) -> None:
        self._width = width
        self._glyphs = glyphs
        self._words = words
        self._wide = wide
        self._verbose = verbose
        self._most = most
        self._explained = explained if explained is not None else set()
        self._right = min(width - _RIGHT_ROOM, LIFELINE + 1 + _WIDEST) if wide else width - _RIGHT_ROOM
        self._left = ""
        self._phase = ""
        self._drawn: list[Exchange] = []
        self._hidden = 0

    def add(self, exchange: Exchange) -> list[Line]:
        """The lines that this message adds."""
        if self._most is not None and len(self._drawn) >= self._most:
            self._hidden += 1
            return []
        lines: list[Line] = []
        if not self._drawn:
            self._left = _text(exchange, "left") or exchange.source
            lines.append(self._header(exchange))
        phase = _text(exchange, "phase")
        if phase and phase != self._phase:
            lines.append(self._rule(phase))
            self._phase = phase
        lines.append(self._row(exchange))
        self._drawn.append(exchange)
        return lines

    def finish(self) -> list[Line]:
        """How many more rows there are, and the legend."""
        lines: list[Line] = []
        if self._hidden:
            lines.append(Line.of(" " * (GUTTER_END + 1), (f"{self._hidden:,} more, --all", "mute")))
        return lines + self._legend()

    def _header(self, exchange: Exchange) -> Line:
        canvas = Canvas(self._width - 1)
        canvas.put(GUTTER_END - 2, "ms", "mute")
        right = exchange.target if exchange.source == self._left else exchange.source
        ends = ((self._left, STATE), (right, self._right + 2))
        for lane, column in ends:
            room = (self._right - 1 if column == STATE else self._width - 1) - column
            shown = cut(self._words(lane), room, self._glyphs.cut)
            more = self._words(exchange.lanes.get(lane, ""))
            if column != STATE:
                # A long name starts further left, but over its own column when it fits.
                column = max(LIFELINE, min(column, self._width - 1 - cells(shown) - 1 - cells(more)))
            canvas.put(column, shown, "bold")
            canvas.put(column + cells(shown) + 1, more, "mute")
        return canvas.line()

    def _rule(self, phase: str) -> Line:
        canvas = Canvas(self._width - 1)
        canvas.put(LIFELINE, self._glyphs.broken, "faint")
        canvas.put(self._right, self._glyphs.broken, "faint")
        canvas.fill(LIFELINE + 1, self._right, self._glyphs.track, "faint")
        shown = f" {cut(self._words(phase), self._right - LIFELINE - 7, self._glyphs.cut)} "
        canvas.put(LIFELINE + 1 + (self._right - LIFELINE - 1 - cells(shown)) // 2, shown, "bold")
        return canvas.line()

    def _row(self, exchange: Exchange) -> Line:
        canvas = Canvas(self._width - 1)
        moment = gutter(exchange.at_ms)
        if "by_ms" in exchange.data:
            moment = self._glyphs.at_most + moment
        canvas.put(max(0, GUTTER_END - len(moment)), moment, "mute")
        canvas.put(GUTTER_END, _MARKS[exchange.evidence], "warn")
        for column in (LIFELINE, self._right):
            canvas.put(column, self._glyphs.lifeline, "faint")
        to_right = exchange.source == self._left
        near, far = _text(exchange, "source_state"), _text(exchange, "target_state")
        left, right = (near, far) if to_right else (far, near)
        canvas.put(STATE, cut(self._words(left), _STATE_ROOM, self._glyphs.cut), _weight(left))
        room = self._width - 1 - self._right - 2
        canvas.put(self._right + 2, cut(self._words(right), room, self._glyphs.cut), _weight(right))
        self._arrow(canvas, exchange, to_right)
        return canvas.line()

    def _arrow(self, canvas: Canvas, exchange: Exchange, to_right: bool) -> None:
        glyphs = self._glyphs
        stroke = glyphs.heavy if exchange.heavy else glyphs.line
        if exchange.evidence == "inferred":
            stroke = glyphs.track
        start, stop = LIFELINE + 1, self._right
        if exchange.lost:
            # It left one side and never reached the other: the arrow ends on the way.
            spare = stop - start - cells(self._words(exchange.label)) - 6
            gone = max(2, min((stop - start) // 8, spare))
            start, stop = (start, stop - gone) if to_right else (start + gone, stop)
        canvas.fill(start, stop, stroke, exchange.hue)
        head = glyphs.cross if exchange.lost else glyphs.right if to_right else glyphs.left
        canvas.put(stop - 1 if to_right else start, head, "bad" if exchange.lost else exchange.hue)
        label = self._label(exchange, stop - start - 4)
        if not label:
            return
        free = stop - start - cells(label) - 2
        column = start + (free // 2 if to_right else (free + 1) // 2)
        canvas.put(column, " ")
        flags, gap, numbers = label.partition("  ")
        style = exchange.hue if exchange.hue == "mute" else f"{exchange.hue} bold".strip()
        canvas.put(column + 1, flags, style)
        canvas.put(column + 1 + cells(flags), f"{gap}{numbers} ", exchange.hue)

    def _label(self, exchange: Exchange, room: int) -> str:
        label = exchange.label
        if self._verbose:
            label = _text(exchange, "absolute") or label
            if cells(self._words(label)) > room:
                label = _text(exchange, "absolute_short") or label
        said = self._words(_text(exchange, "wide")) if self._wide else ""
        details = self._words(_text(exchange, "details")) if self._wide or self._verbose else ""
        short = _text(exchange, "absolute_short") if self._verbose and details else ""
        shown = self._words(label)
        for start, more in (
            (shown, "   ".join(filter(None, (details, said)))),
            (shown, details),
            (self._words(short), details),
            (shown, said),
        ):
            if start and more and cells(start) + 3 + cells(more) <= room:
                shown = f"{start}   {more}"
                break
        return cut(shown, room, self._glyphs.cut)

    def _legend(self) -> list[Line]:
        """The kinds of arrow that occurred and that no legend of this run has said."""
        first: dict[str, Exchange] = {}
        for exchange in self._drawn:
            first.setdefault(exchange.role, exchange)
        counted = self._verbose and any("absolute" in x.data for x in self._drawn)
        marks = [e for e in _EVIDENCE if any(x.evidence == e for x in self._drawn)]
        lines: list[Line] = []
        if first.keys() - self._explained:
            self._explained.update(first)
            line = Line.of("  ")
            lines += [Line(), line]
            for role, example in first.items():
                meaning = cut(self._words(role), self._width - 8, self._glyphs.cut)
                if line.cells > 2 and line.cells + 4 + 3 + cells(meaning) > self._width - 1:
                    line = Line.of("  ")
                    lines.append(line)
                line.add("    " if line.cells > 2 else "")
                stroke = self._glyphs.heavy if example.heavy else self._glyphs.line
                shown = stroke + self._glyphs.cross if example.lost else stroke * 2
                line.add(shown, "bad" if example.lost else example.hue).add(f" {meaning}", "mute")
        if set(marks) - self._explained:
            self._explained.update(marks)
            lines += [] if lines else [Line()]
            for each in marks:
                # Who saw it, where that was not the kernel.
                witness = next((x.data["witness"] for x in self._drawn if "witness" in x.data), None)
                told = f"{each}: {witness}; no packet was captured" if witness else _EVIDENCE[each]
                lines.append(Line.of("  ", (_MARKS[each], "warn"), (f"  {told}", "mute")))
        if counted and "absolute" not in self._explained:
            self._explained.add("absolute")
            lines += [] if lines else [Line()]
            lines.append(
                Line.of("  ", ("numbers as on the wire; sentences count from the SYN's, as 0", "mute"))
            )
        return lines


def _text(exchange: Exchange, key: str) -> str:
    value = exchange.data.get(key)
    return value if isinstance(value, str) else ""


def _weight(state: str) -> str:
    return "bold" if state == "ESTABLISHED" else ""
