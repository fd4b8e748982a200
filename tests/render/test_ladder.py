"""The ladder: lanes, arrows, and what happens when there are too many of either."""

from __future__ import annotations

from itertools import pairwise

from example_walk import ADDRESSES, arrow, exchanges

from labctl.events import Exchange
from labctl.render.glyphs import ASCII, UNICODE
from labctl.render.ladder import Ladder
from labctl.render.lanes import columns, gap, zones
from labctl.render.text import escape


def drawn(events: list[Exchange], width: int = 80, **more: object) -> list[str]:
    """All lines of a ladder."""
    ladder = Ladder(width, UNICODE, escape, **more)  # type: ignore[arg-type]
    lines = [line for event in events for line in ladder.add(event)]
    return [line.text for line in [*lines, *ladder.finish()]]


def detours(count: int, step_ms: float) -> list[Exchange]:
    """Questions to ever new servers, each answered by a referral."""
    out = []
    for i in range(count):
        lane = f"z{i}.test."
        out.append(arrow(i * 2 * step_ms, "resolver", lane, f"A ns{i}.test?", "question", "asks"))
        out.append(arrow((i * 2 + 1) * step_ms, lane, "resolver", "ask somebody else", "referral", "refers"))
    return out


def test_the_walk_looks_as_in_the_screens() -> None:
    assert drawn(exchanges()) == [
        "      ms   resolver                  root  .        TLD  com.     example.com.",
        "         198.51.100.53             198.41.0.4      192.5.6.30     203.0.113.53",
        "     1.3       │── A www.example.com? ─►│               │               │",
        "    12.6       │◄── ask com. (13 NS) ───│               │               │",
        "    12.7       │────────── A www.example.com? ─────────►│               │",
        "    31.0       │◄─── ask example.com. (2 NS + glue) ────│               │",
        "    31.1       │────────────────── A www.example.com? ─────────────────►│",
        "    44.9       │◄━━━━━━━━━━━━━━ A 203.0.113.10   ttl 300 ━━━━━━━━━━━━━━━│",
        "",
        "  ─► question, the same one each time    ◄─ referral    ◄━ answer",
    ]


def test_a_quick_exchange_is_held_until_its_lanes_are_known() -> None:
    ladder = Ladder(80, UNICODE, escape)
    assert [ladder.add(event) for event in exchanges()] == [[]] * 6


def test_a_slow_exchange_is_drawn_as_it_comes_and_announces_lanes_in_place() -> None:
    ladder = Ladder(80, UNICODE, escape)
    shown = [[line.text for line in ladder.add(event)] for event in exchanges(slow=12)]
    assert [len(lines) for lines in shown] == [0, 0, 0, 6, 3, 1]
    announced = shown[4]
    assert announced[0].endswith("example.com.")
    assert announced[0].count("│") == 3
    assert announced[1].endswith(ADDRESSES["example.com."])


def test_more_lanes_than_fit_begin_a_new_header() -> None:
    lines = drawn(detours(7, 1.0))
    heads = [line for line in lines if line.startswith("      ms")]
    assert len(heads) == 3
    assert all("resolver" in head for head in heads)


def test_more_lanes_than_fit_in_a_slow_exchange_begin_anew_too() -> None:
    lines = drawn(detours(7, 200.0))
    assert sum(line.startswith("      ms") for line in lines) == 3
    assert all(f"z{i}.test." in "\n".join(lines) for i in range(7))


def test_what_is_lost_ends_in_a_cross() -> None:
    lines = drawn(
        [
            arrow(0, "you", "server", "A?", "question", "x"),
            arrow(9, "server", "you", "silence", "silent", "x"),
        ]
    )
    assert "│╳─" in lines[3]
    assert "╳─ no answer" in lines[-1]


def test_a_lifeline_ends_with_its_last_message() -> None:
    lines = drawn([*exchanges(), arrow(50, "resolver", "root  .", "A again?", "question", "x")])
    assert lines[-3].startswith("    50.0")
    assert lines[-3].count("│") == 2


def test_the_fortieth_row_is_the_last_unless_all_are_wanted() -> None:
    many = [arrow(float(i), "you", "server", "A?", "question", "x") for i in range(52)]
    assert any(line.strip() == "12 more, --all" for line in drawn(many))
    assert sum("A?" in line for line in drawn(many)) == 40
    assert sum("A?" in line for line in drawn(many, most=None)) == 52


def test_a_legend_is_said_once() -> None:
    explained: set[str] = set()
    assert any("referral" in line for line in drawn(exchanges(), explained=explained))
    assert not any("referral" in line for line in drawn(exchanges(), explained=explained))


def test_an_arrow_of_the_legend_points_as_the_first_of_its_kind_did() -> None:
    rows = [
        arrow(0.0, "client", "server", "GET /", "question", "asks"),
        arrow(0.1, "server", "application", "app(environ)", "referral", "calls"),
        arrow(0.2, "application", "server", "b''", "answer", "gives"),
    ]
    legend = drawn(rows)[-1]
    assert "─► referral" in legend
    assert "◄━ answer" in legend


def test_wide_screens_have_more_words() -> None:
    assert any("I don't know. Ask com." in line for line in drawn(exchanges(), 120, wide=True))


def test_a_wide_label_that_does_not_fit_gives_way_to_the_short_one() -> None:
    long = arrow(0, "resolver", "server", "short", "question", "x", wide="long " * 40)
    assert any(" short " in line for line in drawn([long], 120, wide=True))


def test_a_message_to_oneself_has_words_but_no_arrow() -> None:
    assert drawn([arrow(0, "you", "you", "thinking", "question", "x")])[2] == "     0.0       │ thinking"


def test_the_ascii_form_has_no_other_characters() -> None:
    ladder = Ladder(80, ASCII, lambda text: escape(text, ascii=True))
    lines = [line for event in exchanges() for line in ladder.add(event)] + ladder.finish()
    assert all(line.text.isascii() for line in lines)
    assert any("|<== " in line.text or "|<=====" in line.text for line in lines)


def test_lanes_keep_their_distance_whatever_the_words_need() -> None:
    for width in (72, 80, 100, 110, 120):
        for count in (2, 3, 4) if width < 110 else (2, 3, 4, 5, 6):
            for needs in ({}, {1: 70}, {1: 10, 2: 200}):
                at = columns(width, count, needs)
                assert all(b - a >= gap(width) for a, b in pairwise(at))
                assert at[-1] <= width - 8
                room = zones(width, at)
                assert all(b[0] > a[1] - 1 for a, b in pairwise(room))
