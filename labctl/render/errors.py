"""Errors and warnings on stderr: headline, evidence, fix, why. Column 0, no box (SCREENS.md, Errors).

Commands are not wrapped: they must survive being copied. Evidence is, on a terminal, under itself; many names stand
in columns anywhere.
"""

from __future__ import annotations

import re
from typing import IO

from labctl import errors
from labctl.render.glyphs import ASCII, UNICODE
from labctl.render.line import Line, Piece, marked
from labctl.render.mode import Plan
from labctl.render.paper import Paper
from labctl.render.text import cells, escape, pad
from labctl.render.waiting import hush

# Codes whose headline says all there is to say; the others have a page behind `labctl explain`.
_SELF_EXPLAINING = frozenset({"usage", "internal", "needs-input", "options-contradict"})
_EVIDENCE = 3
# From so many names on a list that does not fit on a line stands in columns; where no terminal says how wide, in these.
MANY, COLUMNS = 12, 80
_COMMAND = re.compile(r"labctl(?: [^,;?`]+)?(?<! )|--[a-z][\w-]*(?: [A-Z]+\b)?")


def print_error(error: errors.LabctlError, plan: Plan, stream: IO[str]) -> None:
    """Print one error of ours on `stream` (stderr)."""
    hush()
    paper = _paper(plan, stream)
    glyphs = ASCII if plan.ascii else UNICODE
    code, headline = _words(error.code, plan), _words(error.headline, plan)
    paper.put(Line.of(("error", "bad bold"), (f"[{code}]", "bad"), ": ", (headline, "bold")))
    evidence = error.evidence[:_EVIDENCE]
    widest = max([8, *(len(label) for label, _ in evidence)])
    for label, text in evidence:
        told = _columns(_words(text, plan), (plan.err_width or COLUMNS) - widest - 6)
        if not told:
            told = _wrapped(_words(text, plan), plan.err_width - widest - 6 if plan.err_width else 0)
        for index, words in enumerate(told):
            name = pad("" if index else _words(label, plan), widest)
            paper.put(Line.of("  ", (glyphs.lifeline, "faint"), " ", (name, "mute"), f"  {words}"))
    for index, fix in enumerate(error.fixes):
        label = "fix" if index == 0 else "or"
        paper.put(Line.of("  ", (f"{label:<8}", "accent bold"), *_commands(_words(fix, plan))))
    if error.code not in _SELF_EXPLAINING:
        paper.put(Line.of("  ", (f"{'why':<8}", "accent bold"), (f"labctl explain {code}", "accent")))


def print_warning(code: str, headline: str, plan: Plan, stream: IO[str]) -> None:
    """Print a warning: something to know that stops nothing."""
    hush()
    code, headline = escape(code, ascii=plan.ascii), escape(headline, ascii=plan.ascii)
    line = Line.of(("warning", "warn bold"), (f"[{code}]", "warn"), ": ", (headline, "bold"))
    _paper(plan, stream).put(line)


def _commands(text: str) -> list[Piece]:
    """A fix with what is to be typed in accent."""
    if "`" in text:
        return marked(text)
    if re.match(r"(kill|dig|delv|curl|chmod|sudo|export) ", text):
        return [(text, "accent")]
    pieces: list[Piece] = []
    end = 0
    for found in _COMMAND.finditer(text):
        pieces += [(text[end : found.start()], ""), (found.group(), "accent")]
        end = found.end()
    pieces.append((text[end:], ""))
    return [piece for piece in pieces if piece[0]]


def _columns(text: str, width: int) -> list[str]:
    """Many names, `a, b, c, ...`, one below the other in columns; [] for what is no such list, or fits on a line."""
    names = text.split(", ")
    if len(names) < MANY or cells(text) <= width or any(" " in name for name in names):
        return []
    widest = max(map(cells, names)) + 2
    across = max(1, width // widest)
    down = -(-len(names) // across)
    return ["".join(pad(name, widest) for name in names[row::down]).rstrip() for row in range(down)]


def _wrapped(text: str, width: int) -> list[str]:
    """Lines of at most `width` cells, broken at spaces alone; 0 keeps it whole, and so does what is too long."""
    if not width or cells(text) <= width:
        return [text]
    lines: list[str] = []
    for word in text.split(" "):
        if lines and cells(lines[-1]) + 1 + cells(word) <= max(width, 20):
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def _words(text: str, plan: Plan) -> str:
    return escape(text, ascii=plan.ascii)


def _paper(plan: Plan, stream: IO[str]) -> Paper:
    return Paper(
        stream,
        styled=plan.err_styled,
        color=plan.err_color,
        colours=plan.colours,
        theme=plan.theme,
        ascii=plan.ascii,
    )
