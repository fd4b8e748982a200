"""Whatever a peer sends, the page stays whole: no control character, no markup error, no line too wide."""

from __future__ import annotations

import unicodedata

from conftest import plan_of, rendered
from example_walk import run_of
from hypothesis import given, settings
from hypothesis import strategies as st
from test_text import nasty

from labctl.events import Claim, Event, Exchange, Measure, Row, Rows, Step
from labctl.render.glyphs import UNICODE
from labctl.render.ladder import Ladder
from labctl.render.text import cells, escape

times = st.floats(0, 100_000)
hues = st.sampled_from(["", "accent", "ok", "warn", "bad", "alt", "mute"])
lanes = st.one_of(st.sampled_from(["resolver", "root  .", "a", "b", "c", "d"]), nasty)


@st.composite
def messages(draw: st.DrawFn) -> Exchange:
    source, target = draw(lanes), draw(lanes)
    return Exchange(
        draw(nasty), draw(times), source, target, draw(nasty), draw(st.one_of(st.just("question"), nasty)),
        draw(hues), draw(st.booleans()), draw(st.booleans()),
        lanes={source: draw(nasty), target: draw(nasty)}, data={"wide": draw(nasty)},
    )  # fmt: skip


@st.composite
def tables(draw: st.DrawFn) -> Rows:
    rows = st.builds(
        Row,
        nasty,
        st.lists(nasty, max_size=6).map(tuple),
        st.none() | st.floats(0, 1),
        st.lists(hues).map(tuple),
    )
    return Rows(
        draw(nasty), draw(st.sampled_from(["caches", "records"])), draw(nasty),
        draw(st.lists(nasty, max_size=5).map(tuple)), draw(st.lists(rows, max_size=4).map(tuple)),
        draw(nasty), draw(st.booleans()),
    )  # fmt: skip


steps = st.builds(
    Step,
    nasty,
    st.sampled_from(["phase", "heading", "note", "warning", "result"]),
    nasty,
    nasty,
    st.just("OBSERVE"),
    hues,
)


def verdict(sentence: str, why: str, outcome: str) -> Event:
    claim = Claim("x.y", sentence, why, None, unbreakable="x")
    return claim.not_seen(why) if outcome == "NOT_SEEN" else claim.judged(outcome == "HELD", why)


verdicts = st.builds(verdict, nasty, nasty, st.sampled_from(["HELD", "REFUTED", "NOT_SEEN"]))
measures = st.builds(Measure, nasty, nasty, nasty, nasty)
events = st.lists(st.one_of(messages(), tables(), steps, verdicts, measures), max_size=6)


def whole(page: str, width: int) -> None:
    assert all(unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Zl", "Zp") for c in page.replace("\n", ""))
    assert all(cells(line) <= width - 1 for line in page.split("\n"))


@settings(max_examples=2500, deadline=None)
@given(events, st.sampled_from([40, 72, 80, 120]), st.booleans(), st.booleans())
def test_a_page_stays_whole(seen: list[Event], width: int, ascii: bool, verbose: bool) -> None:
    page = rendered(plan_of(width, ascii=ascii, verbose=verbose), seen, run_of(seen, notices=["\x1b[2J"]))
    whole(page, width)
    assert page.isascii() or not ascii


@settings(max_examples=2500, deadline=None)
@given(events)
def test_colour_changes_nothing_but_colour(seen: list[Event]) -> None:
    import re

    coloured = rendered(plan_of(80, color="always", theme="dark"), seen, run_of(seen))
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == rendered(plan_of(80), seen, run_of(seen))


@settings(max_examples=2500, deadline=None)
@given(nasty, st.booleans())
def test_lifelines_stay_under_each_other_whatever_the_label(label: str, heavy: bool) -> None:
    ladder = Ladder(80, UNICODE, escape)
    lines = []
    for at, source, target in ((0, "a", "b"), (1, "a", "c"), (2, "c", "a"), (3, "b", "a")):
        lines += ladder.add(Exchange("x", at, source, target, label, heavy=heavy))
    lines += ladder.finish()
    ends = [cells(line.text.rstrip()) for line in lines if line.text.endswith("│")]
    first = [cells(line.text[: line.text.index("│")]) for line in lines if line.text.endswith("│")]
    assert set(first) == {15}
    assert len(set(ends)) <= 2
