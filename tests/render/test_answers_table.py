"""Tables of answers with their reasons, and fields in a row."""

from __future__ import annotations

import pytest

from labctl.codec import decode, encode
from labctl.events import Row, Rows
from labctl.render.answers_table import answers_lines, fields_lines
from labctl.render.glyphs import ASCII, UNICODE
from labctl.render.line import Line
from labctl.render.text import escape


def question(label: str, one: str, two: str, rule: str = "RFC 9111 section 3") -> Row:
    cells = (f"{label}\n  because", one, two)
    return Row(f"{label}.", cells, hues=("", "ok", "bad"), bold=(1,), data={"rule": rule})


ANSWERS = Rows(
    "Who may keep it.",
    "answers",
    "",
    ("", "BROWSER\nprivate: one person", "CDN\nshared: everyone"),
    (
        question("may store it", "✓ yes\nmax-age, and no no-store", "✗ no\nprivate"),
        question("fresh for", "60 s\nmax-age=60", "──\nit is not stored " + "at all " * 12),
    ),
    note="Rules: RFC 9111 section 3.",
    form="answers",
    hues=("", "accent", "alt"),
)
FIELDS = Rows(
    "Fields.",
    "fields",
    "",
    (),
    tuple(
        Row("f", cells)
        for cells in (("cache-control", "public, max-age=60"), ("etag", '"a1b2"'), ("age", "word " * 30))
    ),
    form="fields",
)


def texts(lines: list[Line]) -> list[str]:
    return [line.text.rstrip() for line in lines]


def test_heads_and_answers_stand_above_their_reasons_between_two_rules() -> None:
    lines = texts(answers_lines(ANSWERS, 80, UNICODE, escape))
    assert lines[:5] == [
        "                    BROWSER                       CDN",
        "                    private: one person           shared: everyone",
        "  " + "─" * 77,
        "  may store it      ✓ yes                         ✗ no",
        "    because         max-age, and no no-store      private",
    ]
    assert lines[-2:] == ["  " + "─" * 77, "  Rules: RFC 9111 section 3."]


def test_answers_are_coloured_and_reasons_are_mute() -> None:
    lines = answers_lines(ANSWERS, 80, UNICODE, escape)
    styles = {text.strip(): style for line in lines for text, style in line.pieces if text.strip()}
    assert styles["BROWSER"] == "accent bold"
    assert styles["CDN"] == "alt bold"
    assert styles["✓ yes"] == "ok bold"
    assert styles["✗ no"] == "bad"
    assert styles["private: one person"] == styles["private"] == styles["because"] == "mute"


def test_a_wide_screen_names_the_document_beside_each_answer() -> None:
    lines = texts(answers_lines(ANSWERS, 120, UNICODE, escape))
    assert lines[3].endswith("RFC 9111 section 3")
    assert not any(line.startswith("  Rules:") for line in lines)


@pytest.mark.parametrize("width", [20, 40, 72, 80, 109, 110, 119, 200])
def test_nothing_is_wider_than_the_screen(width: int) -> None:
    lines = [*answers_lines(ANSWERS, width, UNICODE, escape), *fields_lines(FIELDS, width, escape)]
    assert all(line.cells <= width - 1 for line in lines)


def test_a_long_reason_wraps_in_its_column_and_is_cut_in_the_end() -> None:
    lines = texts(answers_lines(ANSWERS, 80, UNICODE, escape))
    long = [line for line in lines if "at all" in line]
    assert 1 < len(long) <= 4
    assert all(line.index("it" if "stored" in line else "at all") >= 50 for line in long)


def test_what_a_peer_sent_moves_no_cursor() -> None:
    evil = Rows("t", "a", "", ("", "X"), (Row("r", ("q", "\x1b[2J\nbecause \x1b[31m")),), form="answers")
    text = "".join(texts(answers_lines(evil, 80, ASCII, escape)))
    assert "\x1b" not in text
    assert "\\x1b[2J" in text


def test_fields_stand_in_a_row_and_a_long_one_for_itself() -> None:
    lines = texts(fields_lines(FIELDS, 80, escape))
    assert lines[0] == '  cache-control: public, max-age=60    etag: "a1b2"'
    assert lines[1].startswith("  age: word word")
    assert lines[2].startswith("    word")


def test_a_table_without_rows_is_drawn() -> None:
    assert answers_lines(Rows("t", "a", "", (), (), form="answers"), 80, UNICODE, escape)
    assert fields_lines(Rows("t", "a", "", (), (), form="fields"), 80, escape) == []


@pytest.mark.parametrize("rows", [ANSWERS, FIELDS], ids=["answers", "fields"])
def test_both_forms_survive_the_json(rows: Rows) -> None:
    assert decode(encode(rows)) == rows
