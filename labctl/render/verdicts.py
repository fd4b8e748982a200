"""How a claim came out, in as few lines as it takes."""

from __future__ import annotations

from collections.abc import Callable

from labctl.events import Verdict
from labctl.render.glyphs import Glyphs
from labctl.render.line import Line, marked, wrap
from labctl.render.text import cells, pad


def verdict_lines(
    verdict: Verdict, width: int, glyphs: Glyphs, words: Callable[[str], str], *, verbose: bool = False
) -> list[Line]:
    """The mark, the sentence, its source; and why, when it was refuted or not seen, or with `verbose`."""
    mark, hue = {
        "HELD": (glyphs.passed, "ok"),
        "REFUTED": (glyphs.failed, "bad bold"),
        "NOT_SEEN": (glyphs.absent, "mute"),
    }[verdict.outcome]
    pieces = marked(words(verdict.sentence), "bad bold" if verdict.outcome == "REFUTED" else "")
    if verdict.outcome == "NOT_SEEN":
        pieces += [(" ", ""), (f"Not seen: {words(verdict.text)}", "mute")]
    lines = wrap(pieces, width - 1, first=[("    ", ""), (pad(mark, 2), hue)])
    if verdict.outcome == "REFUTED" or (verbose and verdict.outcome == "HELD"):
        lines += wrap([(words(verdict.text), "")], width - 1, first="      ")
    habit = ", a habit" if verdict.kind == "habit" else ""
    source = marked(words(verdict.source) + habit, "mute")
    # Behind the last line when there is room, else under it.
    if lines[-1].cells + 2 + sum(cells(text) for text, _ in source) > width - 1:
        return lines + wrap(source, width - 1, first="      ")
    lines[-1].add("  ")
    for piece in source:
        lines[-1].add(*piece)
    return lines
