"""A time line: one row for each worker, its requests as bars with letters, the queue beneath, one axis above all.

It is drawn again and again while it is open, and once for good when it is over.
"""

from __future__ import annotations

from collections.abc import Callable

from labctl.events import Span
from labctl.render.canvas import Canvas
from labctl.render.glyphs import Glyphs
from labctl.render.line import Line
from labctl.render.text import cells, cut
from labctl.render.timeline_axis import axis_line, axis_of
from labctl.render.timeline_beneath import Said, put_beneath
from labctl.render.timeline_queue import queue_lines
from labctl.render.timeline_row import bars, draw, in_lanes, of_role, wider_than_its_letter
from labctl.render.timeline_tracks import Group, Track, Tracks

# Names stand from here on, and the picture begins at this column or farther right.
_MARGIN, _LEFT = 2, 15
# As many lines as a page shows without --all; up to so many rows of workers each worker has two lines.
ROWS, ROOMY = 40, 8
_LEGEND = {
    "request": "a request",
    "stuck": "stuck, over --timeout",
    "killed": "killed",
    "respawn": "respawn",
    "boot": "boot",
    "idle": "idle",
}


class Timeline:
    """Collects spans, and draws what there is. `words` makes text printable."""

    def __init__(self, glyphs: Glyphs, words: Callable[[str], str]) -> None:
        self._glyphs = glyphs
        self._words = words
        self._tracks = Tracks(words)

    def add(self, span: Span) -> None:
        """Take the next span; one that was open before is replaced."""
        self._tracks.add(span)

    @property
    def last_ms(self) -> float:
        """The latest moment that any span tells of."""
        return self._tracks.last_ms

    def lines(
        self, width: int, *, now_ms: float | None = None, rows: int | None = None, more: str = ""
    ) -> list[Line]:
        """The picture in `width` columns (the last stays free) and at most `rows` lines.

        `now_ms` is the moment until which is drawn while it is open; None when it is over. `more` is said behind
        the number of workers for which there is no room.
        """
        drawing = _Drawing(self._tracks, self._glyphs, self._words, width, now_ms)
        roomy = sum(len(group.tracks) for group in self._tracks.groups) <= ROOMY
        lines = drawing.lines(roomy=roomy)
        hide = 0
        while rows is not None and len(lines) > rows and hide < len(self._tracks.groups) - 1:
            if not roomy:
                # A worker takes at least a line, and so does saying how many are hidden.
                hide = min(len(self._tracks.groups) - 1, hide + len(lines) - rows + (not hide))
            roomy = False
            lines = drawing.lines(roomy=False, hide=hide, more=more)
        return lines[:rows]


class _Drawing:
    """What is known, drawn at one moment."""

    def __init__(
        self, tracks: Tracks, glyphs: Glyphs, words: Callable[[str], str], width: int, now_ms: float | None
    ) -> None:
        self._tracks = tracks
        self._glyphs = glyphs
        self._words = words
        self._width = width - 1
        self._live = now_ms is not None
        self._now = max(tracks.last_ms, now_ms or 0.0)
        self._used: set[str] = set()
        self._dots = self._solid = False

    def lines(self, *, roomy: bool, hide: int = 0, more: str = "") -> list[Line]:
        """Axis, workers, queue, legend. Where it is not `roomy` both names of a worker stand on one line."""
        tracks, glyphs = self._tracks, self._glyphs
        groups = tracks.shown(hide)
        names = max([cells(group.name) for group in tracks.groups] + [5 if tracks.queue else 0])
        left = _MARGIN + self._names(names, roomy) + 2
        wide = self._wide = max(8, self._width - left)
        scale = self._scale = axis_of(min(tracks.first_ms, self._now), self._now, wide, self._live)
        # The cell until which there is something to tell.
        self._until = max(1, min(wide, round(scale.column(self._now, wide)))) if self._live else wide
        lines = [axis_line(scale, left, wide)]
        for group in groups:
            lines += self._group(group, left, names, roomy)
        if hide:
            lines.append(Line.of(" " * _MARGIN, (f"{hide:,} more{more}", "mute")))
        if tracks.queue:
            said = tracks.queue_under, tracks.queue_said
            until = self._until
            lines += queue_lines(tracks.queue, said, scale, _MARGIN, left, wide, until, self._now, glyphs)
        return [*lines, Line(), *self._legend()]

    def _names(self, names: int, roomy: bool) -> int:
        """The cells of what stands at the left of the picture: at most a third of it all."""
        under = max((cells(self._words(group.under)) for group in self._tracks.groups), default=0)
        room = max(names, under) if roomy else names + 2 + under
        room = max(room, cells(self._tracks.queue_under), _LEFT - _MARGIN - 2)
        return min(room, self._width // 3)

    def _group(self, group: Group, left: int, names: int, roomy: bool) -> list[Line]:
        """A worker: a row for each thing that it does at once, its names at the left, what befell it beneath."""
        rows: list[Canvas] = []
        said: list[Said] = []
        idle = 0
        for track in group.tracks:
            for lane in in_lanes(track.spans.values(), self._now):
                row = bars(lane, self._scale, self._wide, self._now)
                if not (row or roomy or track is group.tracks[0]):
                    # Where room is scarce it is not for threads that had nothing to do.
                    idle += 1
                    continue
                canvas = Canvas(self._width)
                self._idle(canvas, track, left)
                draw(canvas, left, row, self._glyphs, self._words, self._wide)
                rows.append(canvas)
                self._used |= {bar.span.role if bar.span.role in _LEGEND else "request" for bar in row}
                self._dots |= self._glyphs.track in canvas.line().text
                self._solid |= any(wider_than_its_letter(bar, self._words) for bar in row)
                marks = [bar for bar in row if bar.span.role == "killed" and bar.span.label]
                said += [(left + bar.start, self._words(bar.span.label)) for bar in marks]
        under = self._words(group.under)
        beneath = [Canvas(self._width)] if roomy and under and len(rows) == 1 else []
        put_beneath(beneath, said, left, self._width, self._glyphs)
        rows += beneath
        room = left - _MARGIN - 1
        if roomy:
            rows[min(1, len(rows) - 1)].put(_MARGIN, cut(under, room, self._glyphs.cut), "mute")
        else:
            at = min(_MARGIN + names + 2, left)
            rows[0].put(at, cut(under, max(0, left - 1 - at), self._glyphs.cut), "mute")
            if idle and len(rows) > 1:
                rows[1].put(_MARGIN, cut(f"{idle} more, idle", room, self._glyphs.cut), "mute")
        rows[0].put(_MARGIN, cut(group.name, room, self._glyphs.cut), "bold")
        return [row.line() for row in rows]

    def _idle(self, canvas: Canvas, track: Track, left: int) -> None:
        """Dots for as long as there is a worker: bars are drawn over them."""
        scale, wide = self._scale, self._wide
        start = max(0, round(scale.column(max(track.born_ms, scale.start), wide)))
        stop = min(self._until, round(scale.column(min(track.died_ms, scale.stop), wide)))
        canvas.fill(left + start, left + stop, self._glyphs.track, "faint")

    def _legend(self) -> list[Line]:
        """Only what is there."""
        lines = [Line.of(" " * _MARGIN)]
        for role, text in _LEGEND.items():
            if role not in self._used and not (role == "idle" and self._dots):
                continue
            glyph, hue = of_role(role, self._glyphs)
            sign = glyph if role == "killed" else glyph * 2
            if role == "request" and not self._solid:
                # All are so short that there is nothing but their letters.
                sign, hue, text = "a", f"{hue} reverse bold", "is a request"
            if lines[-1].cells > _MARGIN:
                if lines[-1].cells + 4 + cells(sign) + 1 + cells(text) > self._width:
                    lines.append(Line.of(" " * _MARGIN))
                else:
                    lines[-1].add("    ")
            lines[-1].add(sign, hue).add(f" {text}", "mute")
        return lines
