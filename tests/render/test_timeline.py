"""The time line: letters and textures on an axis, the queue beneath, in every width, in ASCII, and bounded."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labctl.events import Event, Measure, Row, Rows, Span, SpanState, Step
from labctl.render.glyphs import ASCII, UNICODE, Glyphs
from labctl.render.text import cells, escape
from labctl.render.timeline import ROWS, Timeline
from labctl.render.timeline_axis import axis_of
from labctl.render.timeline_row import bars, in_lanes, is_request

Show = Callable[..., str]
PIDS = {"worker 1": "pid 4101", "worker 2": "pid 4102", "worker 3": "pid 4103"}


def on(
    track: str,
    start: float,
    end: float,
    label: str = "",
    role: str = "request",
    state: SpanState = "done",
    amount: float | None = None,
    under: str = "",
) -> Span:
    text = f"{track} {role} {label} from {start} to {end}."
    under = under or PIDS.get(track, "")
    return Span(text, track, start, end, label, role, "", "timeline", under, state, amount)


def waiting(start: float, end: float, amount: float, label: str = "") -> Span:
    return on("queue", start, end, label, "queue", amount=amount, under="(backlog)")


# The run of screens/workers-80-dark.png.
PICTURE = [
    *(on(track, 0, 0, role="boot") for track in PIDS),
    on("worker 1", 150, 950, "a"),
    on("worker 1", 1100, 2900, "d"),
    on("worker 1", 3050, 3850, "g"),
    on("worker 1", 4000, 5100, "i"),
    on("worker 1", 5250, 8450, "k"),
    on("worker 2", 150, 4150, "b", "stuck"),
    on("worker 2", 4150, 4150, "timeout: SIGABRT, then pid 4107", "killed"),
    on("worker 2", 4150, 4900, "", "respawn"),
    on("worker 2", 4950, 6550, "j", under="pid 4107"),
    on("worker 3", 300, 1600, "c"),
    on("worker 3", 1750, 2550, "e"),
    on("worker 3", 2700, 3500, "f"),
    on("worker 3", 3800, 4800, "h"),
    on("worker 3", 5900, 7200, "l"),
    waiting(600, 1100, 2),
    waiting(1100, 1600, 5),
    waiting(1600, 2050, 6),
    waiting(2050, 3000, 5),
    waiting(3000, 4150, 4),
    waiting(4150, 4600, 3),
    waiting(4600, 5600, 2),
    waiting(5600, 7200, 1, "at worst 6 waiting, at 1.6 s: every worker was busy"),
]


def timeline(spans: list[Span], glyphs: Glyphs = UNICODE) -> Timeline:
    made = Timeline(glyphs, lambda text: escape(text, ascii=glyphs is ASCII))
    for span in spans:
        made.add(span)
    return made


def drawn(spans: list[Span], width: int = 80, glyphs: Glyphs = UNICODE, **bounds: object) -> list[str]:
    return [line.text for line in timeline(spans, glyphs).lines(width, **bounds)]  # type: ignore[arg-type]


def test_the_picture_of_the_design_at_80_columns() -> None:
    assert drawn(PICTURE) == [
        "               0            2            4           6            8        10 s",
        "  worker 1     ┄██a██┄█████d██████┄██g██┄███i███┄█████████k██████████┄┄┄┄┄┄┄┄┄┄",
        "  pid 4101",
        "  worker 2     ┄▓▓▓▓▓▓▓▓▓▓▓▓b▓▓▓▓▓▓▓▓▓▓▓▓▓✗┊┊┊┄████j█████┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄",
        "  pid 4102                                ╰ timeout: SIGABRT, then pid 4107",
        "  worker 3     ┄┄███c████┄██e██┄██f██┄┄███h███┄┄┄┄┄┄┄███l████┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄",
        "  pid 4103",
        "  queue        ┄┄┄┄▂▂▂▅▅▅▆▆▆▅▅▅▅▅▅▄▄▄▄▄▄▄▄▃▃▂▂▂▂▂▂▂▁▁▁▁▁▁▁▁▁▁┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄",
        "  (backlog)    at worst 6 waiting, at 1.6 s: every worker was busy",
        "",
        "  ██ a request    ▓▓ stuck, over --timeout    ✗ killed    ┊┊ respawn    ┄┄ idle",
    ]


def test_in_ascii_each_state_has_a_character_and_the_queue_is_told_in_digits() -> None:
    lines = drawn(PICTURE, glyphs=ASCII)
    assert all(line.isascii() for line in lines)
    assert (
        lines[3].split("  ")[-1].lstrip()
        == ".%%%%%%%%%%%%b%%%%%%%%%%%%%x:::.####j#####......................"
    )
    assert "....222555666555555" in lines[7]
    assert lines[-1].split("    ")[1:] == ["%% stuck, over --timeout", "x killed", ":: respawn", ".. idle"]


@pytest.mark.parametrize("width", [72, 80, 110, 120])
@pytest.mark.parametrize("glyphs", [UNICODE, ASCII])
def test_no_line_is_wider_than_the_page_and_every_letter_is_there(width: int, glyphs: Glyphs) -> None:
    lines = drawn(PICTURE, width, glyphs)
    assert max(map(cells, lines)) <= width - 1
    for letter in "abcdefghijkl":
        assert any(letter in line[15:] for line in lines[1:6]), letter


def test_neighbours_differ_in_hue_and_a_hue_of_the_labs_own_is_kept() -> None:
    spans = [on("worker 1", at * 10, at * 10 + 9, letter) for at, letter in enumerate("abcd")]
    spans[2] = dataclasses.replace(spans[2], hue="alt")
    styles = {text.strip(): style for text, style in timeline(spans).lines(80)[1].pieces}
    assert [styles[letter].split()[0] for letter in "abcd"] == ["accent", "ok", "alt", "accent"]


def test_the_letter_stands_out_in_reverse_so_that_it_is_read_without_colour() -> None:
    line = timeline([on("worker 1", 0, 100, "a")]).lines(80)[1]
    assert ("a", "accent reverse bold") in line.pieces


def test_a_request_that_takes_no_time_has_a_cell_with_its_letter() -> None:
    lines = drawn(
        [on("worker 1", 0, 1000, "a"), on("worker 1", 1500, 1500, "b"), on("worker 1", 2000, 2000, "c")]
    )
    assert "┄b┄" in lines[1]
    assert lines[1].endswith("c")


def test_between_two_requests_there_is_a_gap_even_if_they_touch() -> None:
    line = drawn([on("worker 1", 0, 500, "a"), on("worker 1", 500, 1000, "b")])[1][15:]
    assert line.count("┄") == 1
    assert "█┄█" in line


def test_many_requests_in_one_cell_are_one_bar_without_a_letter() -> None:
    spans = [on("worker 1", at, at + 0.5, "a") for at in range(1000)]
    line = drawn(spans)[1]
    assert cells(line) <= 79
    assert "█" in line


def test_after_z_comes_aa_and_a_bar_that_is_too_short_for_it_has_none() -> None:
    lines = drawn([on("worker 1", 0, 10, "aa"), on("worker 1", 500, 1000, "ab")])
    assert "ab" in lines[1]
    assert "aa" not in lines[1]


def test_what_a_mark_means_stands_beneath_it_or_to_its_left_where_there_is_no_room() -> None:
    late = drawn([on("worker 1", 0, 970, "a"), on("worker 1", 970, 970, "SIGKILL, then pid 7", "killed")])
    assert late[2].index("╯") == late[1].index("✗")
    long = drawn([on("worker 1", 500, 500, "x" * 200, "killed"), on("worker 1", 0, 900, "a")])
    assert max(map(cells, long)) <= 79
    two = [on("worker 1", at, at, f"kill number {at}, then pid 7", "killed") for at in (300, 400, 450)]
    lines = drawn([on("worker 1", 0, 900, "a"), *two])
    assert [sum(f"kill number {at}" in line for line in lines) for at in (300, 400, 450)] == [1, 1, 1]


def test_kills_of_one_kind_that_do_not_fit_beside_each_other_are_told_on_one_line() -> None:
    kills = [
        on("worker 1", at, at, f"timeout: SIGABRT, then pid {at}", "killed")
        for at in (2500, 5000, 7500, 9000)
    ]
    lines = drawn([on("worker 1", 0, 2500, "a", "stuck"), *kills, on("worker 1", 9500, 10000, "b")])
    assert lines[2].split(maxsplit=2)[2] == "timeout: SIGABRT, 4 times, then pid 2500, 5000, 7500, 9000"
    assert len([line for line in lines if "SIGABRT" in line]) == 1
    narrow = drawn([on("worker 1", 0, 9000, "a", "stuck"), *kills], 40)
    assert max(map(cells, narrow)) <= 39


def test_two_kills_that_fit_beside_each_other_stand_under_their_marks() -> None:
    kills = [on("worker 1", at, at, f"kill -9, then pid {at}", "killed") for at in (1000, 6000)]
    lines = drawn([on("worker 1", 0, 900, "a"), *kills, on("worker 1", 9500, 10000, "b")])
    assert lines[2].count("╰") == 2


def test_the_tick_before_the_last_keeps_its_name() -> None:
    line = drawn([on("worker 1", 0, 3500, "a")])[0]
    assert line.split() == ["0", "0.5", "1.0", "1.5", "2.0", "2.5", "3.0", "3.5", "s"]


def test_the_legend_has_only_what_is_drawn() -> None:
    whole = drawn([on("worker 1", 0, 1000, "a")])
    assert whole[-1].strip() == "██ a request"
    short = drawn([on("worker 1", 0, 1, "a"), on("worker 1", 1000, 1000, "b")])
    assert short[-1].strip() == "a is a request    ┄┄ idle"


def test_where_nobody_is_no_dots_are_drawn() -> None:
    born = on("worker 2", 500, 500, role="boot")
    dead = on("worker 3", 500, 500, "SIGKILL", "killed")
    lines = drawn([on("worker 1", 0, 1000, "a"), born, on("worker 3", 0, 0, role="boot"), dead])
    second, third = lines[3], lines[5]
    assert second[15:40].strip() == ""
    assert second.endswith("┄")
    assert third.endswith("✗")


def test_threads_of_a_worker_stand_under_one_name() -> None:
    spans = [
        on("worker 1 thread 1", 0, 100, "a", under="pid 7"),
        on("worker 1 thread 2", 0, 100, "b"),
        on("worker 1 thread 3", 0, 100, "c"),
        on("worker 2", 0, 100, "d"),
    ]
    names = [line[:14].strip() for line in drawn(spans)[1:6]]
    assert names == ["worker 1", "pid 7", "", "worker 2", "pid 4102"]


def test_requests_at_once_on_one_track_get_rows_of_their_own() -> None:
    lines = drawn([on("worker 1", 0, 100, "a"), on("worker 1", 50, 150, "b"), on("worker 1", 100, 160, "c")])
    assert [letter for line in lines[1:3] for letter in line[15:] if letter in "abc"] == ["a", "c", "b"]


def test_what_is_done_takes_the_place_of_what_was_open() -> None:
    open_one = on("worker 1", 100, 100, "a", state="open")
    made = timeline([open_one])
    while_open = made.lines(80, now_ms=600)[1].text
    assert while_open.endswith("█")
    made.add(on("worker 1", 100, 300, "a", "stuck"))
    line = made.lines(80)[1].text
    assert "█" not in line
    assert "▓" in line


def test_the_queue_says_the_worst_by_itself_and_that_nobody_waited() -> None:
    assert drawn([on("worker 1", 0, 9, "a"), waiting(2, 3, 4), waiting(3, 9, 2)])[4].endswith(
        "at worst 4 waiting, at 2.0 ms"
    )
    assert drawn([on("worker 1", 0, 9, "a"), waiting(0, 0, 0)])[4].endswith("nobody waited")


def test_a_queue_deeper_than_there_are_steps_is_drawn_as_a_share() -> None:
    line = drawn([on("worker 1", 0, 100, "a"), waiting(0, 50, 80), waiting(50, 100, 10)])[3]
    assert "█" in line
    assert "▁" in line


def many(workers: int) -> list[Span]:
    return [on(f"worker {n}", n, n + 50, "a", under=f"pid {5000 + n}") for n in range(1, workers + 1)]


def test_many_workers_have_one_line_each_and_the_page_has_its_bound() -> None:
    assert len(drawn(many(60), rows=ROWS)) == ROWS
    lines = drawn(many(60), rows=ROWS, more=", --all")
    assert "  24 more, --all" in lines
    assert "pid 5036" in lines[36]
    assert sum("worker" in line for line in drawn(many(60))) == 60


def test_threads_that_had_nothing_to_do_are_counted_where_room_is_scarce() -> None:
    spans = [
        on(f"worker {w} thread {t}", 0, 0, role="boot", under=f"pid {w}") for w in (1, 2) for t in range(1, 9)
    ]
    spans += [
        on("worker 1 thread 1", 0, 9, "a"),
        on("worker 1 thread 2", 0, 9, "b"),
        on("worker 2 thread 1", 0, 9, "c"),
    ]
    lines = drawn(spans)
    assert [line[:18].strip() for line in lines[1:4]] == [
        "worker 1  pid 1",
        "6 more, idle",
        "worker 2  pid 2",
    ]


def test_a_worker_that_was_killed_is_shown_before_the_others() -> None:
    lines = drawn([*many(60), on("worker 55", 60, 60, "SIGKILL", "killed")], rows=20)
    assert len(lines) <= 20
    assert any("worker 55" in line for line in lines)


@pytest.mark.parametrize("rows", range(1, 30))
def test_a_small_screen_is_never_overrun(rows: int) -> None:
    assert len(drawn(many(9) + PICTURE, rows=rows, now_ms=9000.0)) <= rows


def test_the_axis_counts_seconds_beyond_one_and_begins_late_for_a_late_run() -> None:
    assert drawn([on("worker 1", 0, 1000, "a")])[0].endswith(" ms")
    assert drawn([on("worker 1", 0, 1400, "a")])[0].split()[-3:] == ["1.2", "1.4", "s"]
    assert drawn([on("worker 1", 0, 2500, "a")])[0].endswith(" s")
    assert drawn([on("worker 1", 60_000, 61_000, "a")])[0].split()[0] == "60.0"


def test_while_it_grows_the_axis_leaps() -> None:
    stops = [axis_of(0.0, ms, 64, True).stop for ms in range(1, 10_001, 100)]
    assert stops == sorted(stops)
    assert len(set(stops)) <= 7


def test_text_of_an_application_moves_no_cursor() -> None:
    evil = "\x1b[31m\nx\u202e"
    lines = drawn(
        [on(evil, 0, 10, evil, under=evil), on(evil, 10, 10, evil, "killed"), waiting(0, 5, 2, evil)]
    )
    assert not any(set(line) & {"\x1b", "\n", "\u202e"} for line in lines)


MS = st.floats(0, 1e5, allow_nan=False)
ROLES = st.sampled_from(["request", "stuck", "killed", "respawn", "boot", "queue", "", "other"])
SPANS = st.builds(
    lambda track, start, length, label, role, state: on(
        track, start, start + length, label, role, state, 3.0
    ),
    st.sampled_from(["worker 1", "worker 2", "w thread 1", "w thread 2", "\x1b"]),
    MS,
    MS,
    st.text(max_size=20),
    ROLES,
    st.sampled_from(["done", "open"]),
)


@given(
    st.lists(SPANS, max_size=12), st.integers(20, 120), st.sampled_from([None, 0.0, 5e4, 1e6]), st.booleans()
)
def test_whatever_is_drawn_fits(spans: list[Span], width: int, now: float | None, ascii: bool) -> None:
    lines = timeline(spans, ASCII if ascii else UNICODE).lines(width, now_ms=now, rows=24)
    assert len(lines) <= 24
    if width >= 40:
        assert all(line.cells <= width - 1 for line in lines)


@given(
    st.lists(SPANS.filter(lambda span: span.role != "queue"), min_size=1, max_size=30), st.integers(8, 100)
)
def test_bars_of_a_row_do_not_overlap_and_no_request_is_lost(spans: list[Span], width: int) -> None:
    scale = axis_of(0.0, max(span.end_ms for span in spans), width, False)
    for lane in in_lanes(spans, 0.0):
        row = bars(lane, scale, width, 0.0)
        assert all(one.stop <= other.start for one, other in pairwise(row))
        assert all(bar.start < bar.stop for bar in row)
        if any(is_request(span) for span in lane):
            assert row


# In the renderers.


def events() -> list[Event]:
    return [
        Step("OBSERVE: 12 requests.", role="phase", phase="OBSERVE", title="12 requests"),
        on("worker 1", 150, 150, "a", state="open"),
        *PICTURE,
        Measure("The queue had 6 at worst.", "workers.queue", 6),
        Rows("Answered.", "sum", "", ("a", "b"), (Row("11 of 12.", ("answered", "11 of 12")),)),
    ]


def test_the_rich_page_has_the_picture_once_and_what_follows_below(show: Show) -> None:
    page = show(80, events=events())
    assert page.count("worker 1 ") == 1
    assert page.index("a request") < page.index("answered")


def test_a_heading_ends_a_picture_and_the_next_has_an_axis_of_its_own(show: Show) -> None:
    again = [Step("gthread", role="heading"), on("worker 1", 0, 400, "a")]
    page = show(80, events=[on("worker 1", 0, 100, "a"), *again])
    assert page.index("100 ms") < page.index("gthread") < page.index("400 ms")


def test_the_plain_page_says_what_is_done_and_not_what_has_only_begun(show: Show) -> None:
    page = show(60, events=events())
    assert "worker 1 request a from 150 to 950." in page
    assert "from 150 to 150" not in page


def test_quiet_draws_nothing(show: Show) -> None:
    assert "worker" not in show(80, events=events(), quiet=True)


def test_all_shows_every_worker(show: Show) -> None:
    assert "24 more, --all" in show(80, events=[*many(60)])
    assert "more, --all" not in show(80, events=[*many(60)], all=True)
