"""Which ladder draws a run of exchanges: lanes of servers, two sides with their states, or one stream."""

from __future__ import annotations

from collections.abc import Callable

from labctl.events import Exchange
from labctl.render.glyphs import Glyphs
from labctl.render.ladder import HOLD_MS, ROWS, Ladder
from labctl.render.mode import Plan
from labctl.render.rail import Rail, on_rail
from labctl.render.state_ladder import StateLadder, has_states

__all__ = ["ROWS", "AnyLadder", "ladder_for"]

AnyLadder = Ladder | StateLadder | Rail


def ladder_for(
    first: Exchange,
    plan: Plan,
    width: int,
    glyphs: Glyphs,
    words: Callable[[str], str],
    explained: set[str],
    *,
    hold_ms: float = HOLD_MS,
) -> AnyLadder:
    """The ladder that draws `first` and what follows it.

    `explained`: what legends of this run have said. `hold_ms`: how long rows may wait until all lanes are known.
    """
    most = None if plan.all else ROWS
    if on_rail(first):
        return Rail(width, glyphs, words, wide=plan.wide, most=most)
    if has_states(first):
        return StateLadder(
            width, glyphs, words, wide=plan.wide, verbose=plan.verbose, most=most, explained=explained
        )
    return Ladder(width, glyphs, words, wide=plan.wide, most=most, explained=explained, hold_ms=hold_ms)
