"""The waterfall: one axis, bars exact to half a cell, headings between legs, the same in ASCII."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labctl.events import Event, Exchange, Row, Rows, Span, Step
from labctl.render.glyphs import ASCII, UNICODE, Glyphs
from labctl.render.numbers import duration
from labctl.render.shares import shares_lines
from labctl.render.text import cells
from labctl.render.waterfall import Waterfall, axis, part

Show = Callable[..., str]

# The spans of screens/url-80-dark.png.
PICTURE = (
    ("DNS", "4 caches, 3 servers", 0.0, 44.9, ""),
    ("TCP", "1 round trip", 44.9, 66.0, ""),
    ("TLS", "1 round trip (1.3)", 66.0, 88.3, ""),
    ("request", "GET /, 212 B", 88.3, 88.9, ""),
    ("wait", "proxy, workers, app", 88.9, 131.4, "wait"),
    ("response", "200, 1.2 kB", 131.4, 141.9, ""),
)


def span(track: str, label: str, start: float, end: float, role: str = "") -> Span:
    text = f"{track}: {duration(end - start)}, {label}."
    return Span(text=text, track=track, start_ms=start, end_ms=end, label=label, role=role)


def drawn(items: list[Span | Step], width: int = 80, glyphs: Glyphs = UNICODE) -> list[str]:
    waterfall = Waterfall(width, glyphs, lambda text: text)
    for item in items:
        waterfall.add(item)
    return [line.text for line in waterfall.lines()]


def test_the_picture_of_the_design_at_80_columns() -> None:
    assert drawn([span(*each) for each in PICTURE]) == [
        "  DNS       4 caches, 3 servers  ███████████                            44.9 ms",
        "  TCP       1 round trip                    █████▌                      21.1 ms",
        "  TLS       1 round trip (1.3)                   ▐█████                 22.3 ms",
        "  request   GET /, 212 B                               ▌                 0.6 ms",
        "  wait      proxy, workers, app                        ▓▓▓▓▓▓▓▓▓▓       42.5 ms",
        "  response  200, 1.2 kB                                          ▐██    10.5 ms",
        "                                 └───────────┴────────────┴──────────┘",
        "                                 0          50           100     150 ms",
    ]


@pytest.mark.parametrize("width", [72, 80, 100, 120, 200])
@pytest.mark.parametrize("glyphs", [UNICODE, ASCII])
def test_no_line_is_wider_than_the_page_and_the_last_column_is_free(width: int, glyphs: Glyphs) -> None:
    lines = drawn([span(*each) for each in PICTURE], width, glyphs)
    assert all(cells(line) <= width - 1 for line in lines)
    assert len(lines) == len(PICTURE) + 2


def test_in_ascii_every_bar_has_a_character_of_its_own() -> None:
    lines = drawn([span(*each) for each in PICTURE], 80, ASCII)
    assert all(line.isascii() for line in lines)
    assert "%" in lines[4]
    assert "#" not in lines[4]
    assert all("#" in lines[place] for place in (0, 1, 2, 3, 5))
    assert lines[6].strip().startswith("+--")


def test_each_row_says_how_long_it_took() -> None:
    lines = drawn([span(*each) for each in PICTURE])
    assert [line.split("  ")[-1].strip() for line in lines[:6]] == [
        "44.9 ms",
        "21.1 ms",
        "22.3 ms",
        "0.6 ms",
        "42.5 ms",
        "10.5 ms",
    ]


def test_a_step_that_takes_no_time_still_has_half_a_cell() -> None:
    for start in (0.0, 50.0, 99.9, 100.0):
        lines = drawn([span("DNS", "", 0.0, 100.0), span("request", "", start, start)])
        assert set(lines[1]) & {"▌", "▐"}, lines


def test_headings_stand_between_the_legs_and_share_the_axis() -> None:
    heading = Step(text="Leg 2.", role="heading", title="2  https://www.shop.test/", summary="after 301")
    lines = drawn([span(*PICTURE[0]), heading, span(*PICTURE[1])])
    assert lines[1] == ""
    assert lines[2] == "  2  https://www.shop.test/   after 301"
    assert sum("ms" in line and "0 " in line for line in lines[-1:]) == 1


def test_headings_behind_the_last_span_are_handed_back() -> None:
    waterfall = Waterfall(80, UNICODE, lambda text: text)
    step = Step(text="Next.", role="heading")
    waterfall.add(span(*PICTURE[0]))
    waterfall.add(step)
    assert waterfall.open_heading() == [step]
    assert not any("Next" in line.text for line in waterfall.lines())


def test_nothing_is_drawn_of_nothing() -> None:
    assert Waterfall(80, UNICODE, lambda text: text).lines() == []


def test_long_names_and_words_are_cut_and_never_push_the_picture_away() -> None:
    lines = drawn([span("x" * 50, "y" * 200, 0.0, 10.0)])
    assert "…" in lines[0]
    assert "█" in lines[0]
    assert cells(lines[0]) <= 79


@pytest.mark.parametrize(
    ("total", "most", "stop", "step"),
    [(141.9, 5, 150, 50), (99, 5, 100, 20), (0.4, 5, 0.4, 0.1), (15_145, 5, 20_000, 5000), (1, 2, 1, 0.5)],
)
def test_ticks_are_round_numbers(total: float, most: int, stop: float, step: float) -> None:
    scale = axis(0.0, total, most)
    assert math.isclose(scale.stop, stop)
    assert math.isclose(scale.step, step)


def test_from_ten_seconds_on_the_axis_counts_seconds() -> None:
    lines = drawn([span("wait", "nothing came", 0.0, 15_000.0, "wait")])
    assert lines[-1].endswith("s")
    assert "ms" not in lines[-1]


MS = st.floats(0, 1e6, allow_nan=False)


@given(MS, MS, st.integers(2, 7))
def test_an_axis_holds_all_of_it_in_a_few_steps(start: float, length: float, most: int) -> None:
    scale = axis(start, start + length, most)
    assert scale.stop >= start + length or math.isclose(scale.stop, start + length)
    assert 1 <= len(scale.ticks) - 1 <= most + 1


@given(st.lists(st.tuples(MS, MS), min_size=1, max_size=8), st.integers(16, 120), st.booleans())
def test_a_bar_stands_inside_and_is_exact_to_half_a_cell(
    pairs: list[tuple[float, float]], width: int, whole: bool
) -> None:
    spans = [span("x", "", start, start + length) for start, length in pairs]
    scale = axis(0.0, max(each.end_ms for each in spans), 5)
    for each in spans:
        bar = part(each, scale, width, whole=whole)
        assert 0 <= bar.start < bar.stop <= 2 * width
        unit = 2 if whole else 1
        assert abs(bar.start - scale.column(each.start_ms, 2 * width)) <= unit
        assert bar.stop - bar.start <= max(
            unit, scale.column(each.end_ms - each.start_ms, 2 * width) + unit + 1
        )


@given(st.lists(st.tuples(MS, MS, st.text(max_size=30)), min_size=1, max_size=5), st.integers(72, 200))
def test_whatever_is_drawn_fits(rows: list[tuple[float, float, str]], width: int) -> None:
    from labctl.render.text import escape

    waterfall = Waterfall(width, UNICODE, escape)
    for start, length, label in rows:
        waterfall.add(span("DNS", label, start, start + length))
    assert all(line.cells <= width - 1 for line in waterfall.lines())


# In the renderers.


def events() -> list[Event]:
    return [
        Step(text="OBSERVE: a visit.", role="phase", phase="OBSERVE", title="a visit"),
        *(span(*each) for each in PICTURE),
        Step(text="Leg 2: GET https://www.shop.test/", role="heading", title="2  https://www.shop.test/"),
        span("DNS", "remembered", 141.9, 142.0),
        Step(text="What follows.", role="heading"),
        Step(text="A note."),
    ]


def test_the_rich_page_draws_spans_together_and_what_follows_below(show: Show) -> None:
    page = show(80, events=events())
    assert page.count("└") == 1
    assert page.index("2  https://www.shop.test/") < page.index("└") < page.index("What follows.")


def test_the_plain_page_says_every_span_in_a_sentence(show: Show) -> None:
    page = show(60, events=events())
    for each in PICTURE:
        assert span(*each).text.split(",")[0] in page
    assert "█" not in page


def test_an_arrow_ends_the_picture(show: Show) -> None:
    arrow = Exchange(text="0.0 ms. a asks b.", at_ms=0.0, source="a", target="b", label="?")
    page = show(80, events=[span(*PICTURE[0]), arrow])
    assert page.index("█") < page.index("►")


def test_quiet_draws_nothing(show: Show) -> None:
    assert "█" not in show(80, events=events(), quiet=True)


def test_parts_of_a_whole_have_bars_in_their_own_hue() -> None:
    rows = Rows(
        text="Where the time went.",
        id="time",
        title="Where the time went",
        columns=("part", "share", "what"),
        rows=(
            Row(text="a", cells=("setting up", "62%", "no page yet"), share=0.62, hues=("accent",)),
            Row(text="b", cells=("your app", "30%", "your code"), share=0.30, hues=("bad",)),
            Row(text="c", cells=("moving bytes", "8%", "request and response"), share=0.08, hues=("ok",)),
        ),
        form="shares",
    )
    lines = shares_lines(rows, 80, UNICODE, lambda text: text)
    assert [line.text for line in lines] == [
        "  Where the time went",
        "    setting up    ━━━━━━━━━━━━╸┄┄┄┄┄┄┄  62%   no page yet",
        "    your app      ━━━━━━┄┄┄┄┄┄┄┄┄┄┄┄┄┄  30%   your code",
        "    moving bytes  ━╸┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄   8%   request and response",
    ]
    assert ("━━━━━━", "bad") in lines[2].pieces
    assert ("62%", "bold") in lines[1].pieces
    for width in (72, 120):
        assert all(line.cells < width for line in shares_lines(rows, width, UNICODE, lambda text: text))
