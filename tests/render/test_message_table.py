"""A message line by line, narrow and wide."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labctl.codec import decode, encode
from labctl.events import Row, Rows
from labctl.render.glyphs import ASCII, UNICODE, Glyphs
from labctl.render.line import Line
from labctl.render.message_table import ROWS, message_lines
from labctl.render.text import cells, escape


def row(amount: str, line: str, said: str, document: str = "") -> Row:
    return Row(f"{line}: {said}", (amount, line, said, document), hues=("mute", "accent"))


def message(*rows: Row) -> Rows:
    return Rows(
        "What came.", "response", "What came back", ("bytes", "line"), rows, note="76 B", form="message"
    )


HEAD = message(
    row("17", "HTTP/1.1 200 OK", "It worked: here it is.", "RFC 9110 15.3.1"),
    row("1,115", "Server: " + "word " * 20, "The software that answered.", "RFC 9110 10.2.4"),
    row("2", "", "An empty line: 2 bytes of content follow.", "RFC 9112 2.1"),
    row("2", "hi", "The content."),
)


def texts(lines: list[Line]) -> list[str]:
    return [line.text.rstrip() for line in lines]


def test_each_sentence_stands_under_its_line_and_the_document_at_the_right_edge() -> None:
    lines = texts(message_lines(HEAD, 80, UNICODE, escape))
    assert lines[:3] == [
        "  What came back   76 B",
        "       17  HTTP/1.1 200 OK                                      RFC 9110 15.3.1",
        "           It worked: here it is.",
    ]
    assert lines[-3:] == [
        "        2  An empty line: 2 bytes of content follow.               RFC 9112 2.1",
        "        2  hi",
        "           The content.",
    ]


def test_a_long_value_is_shown_whole_as_far_as_a_few_lines_go() -> None:
    lines = texts(message_lines(HEAD, 80, UNICODE, escape))
    assert " ".join(" ".join(lines).split()).count("word") == 20


def test_where_there_is_room_the_sentence_stands_beside_its_line() -> None:
    lines = texts(message_lines(HEAD, 120, UNICODE, escape))
    first = next(line for line in lines if "200 OK" in line)
    assert "It worked: here it is." in first
    assert first.endswith("RFC 9110 15.3.1")
    assert len(first) == 119


def test_what_is_very_long_is_cut_unless_all_is_asked_for() -> None:
    long = message(row("9,000", "x" * 9000, "said"), *[row("1", "a", "b")] * ROWS)
    lines = texts(message_lines(long, 80, ASCII, escape))
    assert len("".join(lines)) < 6_000
    assert lines[-1].strip() == "1 more, --all"
    assert "".join(texts(message_lines(long, 80, ASCII, escape, whole=True))).count("x") == 9000


@given(
    st.lists(st.tuples(*[st.text(max_size=70)] * 4), max_size=6),
    st.integers(72, 200),
    st.sampled_from([UNICODE, ASCII]),
)
def test_no_line_is_wider_than_the_screen_and_nothing_raw_is_printed(
    rows: list[tuple[str, str, str, str]], width: int, glyphs: Glyphs
) -> None:
    event = message(*[row(*each) for each in rows])
    for line in message_lines(event, width, glyphs, escape):
        assert cells(line.text) < width
        assert line.text == escape(line.text)


@pytest.mark.parametrize("width", [80, 120])
def test_a_message_without_lines_is_its_heading(width: int) -> None:
    assert texts(message_lines(message(), width, UNICODE, escape)) == ["  What came back   76 B"]


def test_the_form_survives_the_json() -> None:
    assert decode(encode(HEAD)) == HEAD
