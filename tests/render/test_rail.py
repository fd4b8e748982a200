"""The rail of a stream: what connects the rows tells how the connection is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labctl.codec import decode, encode
from labctl.events import Exchange
from labctl.render.glyphs import ASCII, UNICODE
from labctl.render.rail import Rail


def row(
    role: str,
    label: str,
    at_ms: float = 0.0,
    *,
    remark: str = "",
    progress: float | None = None,
    event: str = "",
) -> Exchange:
    return Exchange(
        text=label,
        at_ms=at_ms,
        source="client",
        target="server",
        label=label,
        role=role,
        remark=remark,
        progress=progress,
        data={"event": event} if event else {},
        picture="rail",
    )


STORY = (
    row("request", "POST /api/jobs", remark="202 Accepted in 4 ms, job_id=j7"),
    row("opened", "GET /api/jobs/j7/stream", 10, remark="text/event-stream"),
    row("event", "id 1", 800, progress=0.2, event="progress"),
    row("lost", "connection lost", 2500, remark="the job does not notice"),
    row("away", "", remark="events 2 and 3 happen while nobody listens"),
    row("request", "GET /api/jobs/j7/stream", 4000, remark="Last-Event-ID: 1"),
    row("replayed", "id 2", 4000, remark="replayed, 0.8 s late", progress=0.8, event="progress"),
    row("ended", "id 3", 4400, remark="live", progress=1.0, event="done"),
)


def drawn(
    rows: tuple[Exchange, ...], width: int = 80, *, ascii_only: bool = False, most: int | None = None
) -> list[str]:
    rail = Rail(width, ASCII if ascii_only else UNICODE, str, most=most)
    return [line.text for event in rows for line in rail.add(event)] + [line.text for line in rail.finish()]


def test_the_rail_is_solid_then_broken_then_heavy_and_ends_with_a_mark() -> None:
    assert [line[11] for line in drawn(STORY)] == list("●││╳┊●┃✓")


def test_in_ascii_each_state_of_the_rail_has_a_sign_of_its_own() -> None:
    lines = drawn(STORY, ascii_only=True)
    assert [line[11] for line in lines] == list("*||X:*#v")
    assert all(line.isascii() for line in lines)


def test_a_row_of_an_event_has_its_time_its_id_its_type_a_bar_and_what_is_remarked() -> None:
    line = drawn(STORY)[6]
    assert line.split() == [
        "4.0",
        "s",
        "┃",
        "id",
        "2",
        "progress",
        "━" * 14 + "╸" + "┄" * 3,
        "80%",
        *["replayed,", "0.8", "s", "late"],
    ]


def test_a_remark_that_has_no_room_stands_beneath_on_the_rail() -> None:
    rows = (row("away", "", remark="the browser waits, " * 6), row("opened", "GET /", remark="a word " * 20))
    lines = drawn(rows, 60)
    assert len(lines) > 4
    assert all(len(line) < 60 and line[11] in "┊│" for line in lines)


def test_events_beyond_the_limit_are_counted_and_the_last_one_is_drawn() -> None:
    many = (*(row("event", f"id {n}", n, progress=n / 10, event="progress") for n in range(9)), STORY[-1])
    lines = drawn(many, most=4)
    assert len(lines) == 6
    assert "5 more, --all" in lines[4]
    assert "done" in lines[5]


@given(
    st.text(max_size=90),
    st.text(max_size=200),
    st.sampled_from(
        ["request", "opened", "event", "replayed", "lost", "away", "killed", "ended", "failed", "new"]
    ),
    st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False, min_value=-9, max_value=9)),
    st.sampled_from([60, 80, 120]),
)
def test_no_row_is_wider_than_the_page(
    label: str, remark: str, role: str, progress: float | None, width: int
) -> None:
    from labctl.render.text import cells, escape

    rail = Rail(width, UNICODE, escape)
    lines = rail.add(row(role, label, 1e7, remark=remark, progress=progress, event=label))
    assert lines
    assert all(cells(line.text) < width for line in lines)


@pytest.mark.parametrize("event", STORY, ids=lambda event: event.role)
def test_the_codec_brings_a_row_back_as_it_was(event: Exchange) -> None:
    assert decode(encode(event)) == event
