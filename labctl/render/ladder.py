"""The ladder: one row a message, lanes with lifelines, words on the arrows. Append-only (SCREENS.md).

Rows are held for a quarter of a second of the run, so that the header can name every lane of a quick one;
after that each row is drawn when it comes, and a lane that appears later is announced in place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from labctl.events import Exchange
from labctl.render.canvas import Canvas
from labctl.render.glyphs import Glyphs
from labctl.render.lanes import FIRST, GUTTER_END, capacity, centred, columns, zones
from labctl.render.line import Line
from labctl.render.numbers import gutter
from labctl.render.text import cells, cut

HOLD_MS = 250.0
ROWS = 40

# Cells of an arrow that are not its words: a line, two spaces and the head, and one more where there is room.
_AROUND = 4

_MEANING = {
    "question": "question",
    "referral": "referral",
    "answer": "answer",
    "alias": "alias",
    "negative": "a 'no'",
    "truncated": "cut off",
    "error": "error",
    "silent": "no answer",
}


class Ladder:
    """Draws consecutive exchanges. `words` makes text from peers printable; `most` None draws every row.

    Rows are held for `hold_ms` of the run's time; with 0 each is drawn when it comes.
    """

    def __init__(
        self,
        width: int,
        glyphs: Glyphs,
        words: Callable[[str], str],
        *,
        wide: bool = False,
        most: int | None = ROWS,
        explained: set[str] | None = None,
        hold_ms: float = HOLD_MS,
    ) -> None:
        self._width = width
        self._glyphs = glyphs
        self._words = words
        self._wide = wide
        self._most = most
        self._hold_ms = hold_ms
        # Roles that a legend named before; shared by the ladders of one run.
        self._explained = explained if explained is not None else set()
        self._held: list[Exchange] = []
        self._drawn: list[Exchange] = []
        self._to_right: dict[str, bool] = {}  # the first arrow of a role
        self._hidden = 0
        self._addresses: dict[str, str] = {}
        # The lane in each slot (None while it is free) and its column; empty before a header. And the last
        # row in which a lane is used, None while that is not known.
        self._slots: list[str | None] = []
        self._at: list[int] = []
        self._until: Mapping[str, int] | None = None

    def add(self, exchange: Exchange) -> list[Line]:
        """The lines that this message makes ready."""
        if self._most is not None and len(self._drawn) + len(self._held) >= self._most:
            self._hidden += 1
            return []
        self._held.append(exchange)
        if not self._slots and exchange.at_ms - self._held[0].at_ms < self._hold_ms:
            return []
        held, self._held = self._held, []
        lines: list[Line] = []
        if not self._slots:
            lanes = _lanes(held)[: capacity(self._width)]
            free = [None] * (capacity(self._width) - len(lanes))
            lines += self._header([*lanes, *free], held)
        for each in held:
            lines += self._place(each)
            lines.append(self._row(each))
        return lines

    def finish(self) -> list[Line]:
        """What is left of the rows, how many more there are, and the legend."""
        lines: list[Line] = []
        held, self._held = self._held, []
        for rows in _groups(held, capacity(self._width)):
            if lines:
                lines.append(Line())
            until = {lane: len(self._drawn) + i for i, e in enumerate(rows) for lane in (e.source, e.target)}
            lines += self._header(_lanes(rows, first=held[0].source), rows)
            self._until = until
            lines += [self._row(each) for each in rows]
        if self._hidden:
            lines.append(Line.of(" " * (GUTTER_END + 1), (f"{self._hidden:,} more, --all", "mute")))
        return lines + self._legend()

    def _header(self, slots: Sequence[str | None], rows: Sequence[Exchange]) -> list[Line]:
        """Begin new lanes; `rows` are those known to come, their labels decide how far apart lanes stand."""
        self._slots, self._until = list(slots), None
        for exchange in rows:
            self._learn(exchange)
        needs: dict[int, int] = {}
        for exchange in rows:
            ends = {exchange.source, exchange.target}
            if slots[0] in ends and (others := ends - {slots[0]}) and (other := others.pop()) in slots:
                slot = slots.index(other)
                needs[slot] = max(needs.get(slot, 0), cells(self._label(exchange)) + _AROUND + 2)
        if None in slots:
            # More is to come, and what was said so far is the best guess at how long it is.
            said = [cells(self._label(e)) for e in [*self._drawn, *rows]]
            needs[1] = max(needs.get(1, 0), max(said) + _AROUND + 2)
        self._at = columns(self._width, len(slots), needs)
        return self._names([i for i, lane in enumerate(slots) if lane is not None], first=True)

    def _learn(self, exchange: Exchange) -> None:
        for lane, address in exchange.lanes.items():
            self._addresses.setdefault(lane, address)

    def _names(self, which: Sequence[int], *, first: bool) -> list[Line]:
        """The two lines that name lanes; `first`: with `ms` over the gutter, and no lifelines beside them."""
        upper, lower = self._canvas(lifelines=not first), self._canvas(lifelines=not first)
        room = zones(self._width, self._at)
        if first:
            upper.put(GUTTER_END - 2, "ms", "mute")
        for slot in which:
            lane = self._slots[slot] or ""
            start, stop = room[slot]
            pairs = ((upper, lane, "bold"), (lower, self._addresses.get(lane, ""), "mute"))
            for canvas, text, style in pairs:
                shown = cut(self._words(text), stop - start, self._glyphs.cut)
                canvas.put(self._at[slot], " ")
                canvas.put(centred(cells(shown), self._at[slot], room[slot]), shown, style)
        lines = [upper.line(), lower.line()]
        return lines if lines[1].text.strip() else lines[:1]

    def _place(self, exchange: Exchange) -> list[Line]:
        """Lines that announce a lane which has no slot yet; with no slot free, a new header."""
        self._learn(exchange)
        lines: list[Line] = []
        for lane in (exchange.source, exchange.target):
            if lane in self._slots:
                continue
            if None in self._slots:
                slot = self._slots.index(None)
                self._slots[slot] = lane
                lines += self._names([slot], first=False)
                continue
            # The others may come back: they are then announced in place.
            needed = _lanes([exchange], first=self._slots[0] or "")
            slots = [*needed, *[None] * (len(self._slots) - len(needed))]
            return [Line(), *self._header(slots, [exchange])]
        return lines

    def _canvas(self, *, lifelines: bool = True) -> Canvas:
        canvas = Canvas(self._width - 1)
        for lane, column in zip(self._slots, self._at, strict=True):
            over = self._until is not None and self._until.get(lane or "", -1) < len(self._drawn)
            if lifelines and lane is not None and not over:
                canvas.put(column, self._glyphs.lifeline, "faint")
        return canvas

    def _label(self, exchange: Exchange) -> str:
        wide = exchange.data.get("wide") if self._wide else None
        return self._words(wide if isinstance(wide, str) and wide else exchange.label)

    def _row(self, exchange: Exchange) -> Line:
        glyphs, canvas = self._glyphs, self._canvas()
        moment = gutter(exchange.at_ms)
        canvas.put(max(0, GUTTER_END - len(moment)), moment, "mute")
        start = self._at[self._slots.index(exchange.source)]
        stop = self._at[self._slots.index(exchange.target)]
        low, high = min(start, stop), max(start, stop)
        style = f"{exchange.hue} bold".strip() if exchange.heavy else exchange.hue
        room = high - low - 1 - _AROUND
        label = self._label(exchange)
        if cells(label) > room:
            label = cut(self._words(exchange.label), room, glyphs.cut)
        if low == high:  # a message to oneself
            canvas.put(low + 2, cut(label or self._label(exchange), self._width - low - 4, glyphs.cut), style)
        else:
            canvas.fill(low + 1, high, glyphs.heavy if exchange.heavy else glyphs.line, exchange.hue)
            head = glyphs.right if stop > start else glyphs.left
            canvas.put(
                high - 1 if stop > start else low + 1, glyphs.cross if exchange.lost else head, exchange.hue
            )
            words = f" {label} " if label else ""
            free = high - low - 1 - cells(words)
            # What cannot be halved goes to the side of the head.
            canvas.put(low + 1 + (free // 2 if stop > start else (free + 1) // 2), words, style)
        self._drawn.append(exchange)
        self._to_right.setdefault(exchange.role, start <= stop)
        return canvas.line()

    def _legend(self) -> list[Line]:
        """The roles that occurred, unless a legend of this run has said all of them."""
        first: dict[str, Exchange] = {}
        for exchange in self._drawn:
            first.setdefault(exchange.role, exchange)
        if not first.keys() - self._explained:
            return []
        self._explained.update(first)
        line = Line.of("  ")
        lines = [Line(), line]
        for role, example in first.items():
            meaning = _MEANING.get(role, role)
            asked = {(e.label, e.source) for e in self._drawn if e.role == "question"}
            if role == "question" and len(asked) == 1 < len([e for e in self._drawn if e.role == "question"]):
                meaning = "question, the same one each time"
            meaning = cut(self._words(meaning), self._width - 8, self._glyphs.cut)
            if line.cells > 2 and line.cells + 4 + 3 + cells(meaning) > self._width - 1:
                line = Line.of("  ")
                lines.append(line)
            line.add("    " if line.cells > 2 else "")
            line.add(self._arrow(example), example.hue).add(f" {meaning}", "mute")
        return lines

    def _arrow(self, exchange: Exchange) -> str:
        glyphs, to_right = self._glyphs, self._to_right[exchange.role]
        stroke = glyphs.heavy if exchange.heavy else glyphs.line
        if exchange.lost:
            return stroke + glyphs.cross if to_right else glyphs.cross + stroke
        return stroke + glyphs.right if to_right else glyphs.left + stroke


def _lanes(rows: Sequence[Exchange], first: str | None = None) -> list[str]:
    """The lanes of the rows, in order of appearance."""
    named = [] if first is None else [first]
    return list(dict.fromkeys([*named, *(lane for e in rows for lane in (e.source, e.target))]))


def _groups(rows: Sequence[Exchange], most: int) -> list[list[Exchange]]:
    """The rows in runs that need no more lanes than fit, the first lane included."""
    groups: list[list[Exchange]] = []
    for exchange in rows:
        if groups and len(_lanes([*groups[-1], exchange], first=rows[0].source)) <= most:
            groups[-1].append(exchange)
        else:
            groups.append([exchange])
    return groups


assert FIRST > GUTTER_END
