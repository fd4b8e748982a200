"""Text from peers, made printable."""

from __future__ import annotations

import shlex
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from labctl.render.line import Line, command_lines, marked, wrap
from labctl.render.text import cells, cut, escape, fit, pad

# Anything, with the characters that hurt more often than chance has them.
nasty = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from(
            "\x1b\x07\r\n\t\x9b\u202e\u2066\u200b\u200d\ufeff\u0301中é🇩👩🏽\u1100\u1161[]/\\`*\u3164\u0e31"
        ),
    ),
    max_size=40,
)


def test_controls_bidi_and_invisible_characters_become_visible() -> None:
    assert escape("a\x1b[31mb\x9b\u202e\u200b\U000e0041") == r"a\x1b[31mb\x9b\u202e\u200b\U000e0041"
    assert escape("tab\there\nand\r") == r"tab\x09here\x0aand\x0d"


def test_letters_of_all_scripts_stay() -> None:
    for text in ("münchen", "中文", "ไทย", "हिन्दी", "e\u0301", "עברית"):
        assert escape(text) == text


def test_a_mark_without_a_letter_and_a_pile_of_marks_are_written_out() -> None:
    assert escape("\u0301") == r"\u0301"
    assert escape("e" + "\u0301" * 5).count("\\u0301") == 2


def test_ascii_has_stand_ins_for_our_glyphs_and_escapes_for_the_rest() -> None:
    assert escape("✗ miss ─► ü 中", ascii=True) == r"x miss -> \xfc \u4e2d"


@given(nasty)
def test_what_is_escaped_is_printable_and_its_cells_add_up(text: str) -> None:
    shown = escape(text)
    assert not any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") for c in shown)
    assert cells(shown) == cell_len(shown)
    assert escape(shown) == shown
    assert escape(text, ascii=True).isascii()


@given(nasty, st.integers(0, 30))
def test_a_cut_text_never_takes_more_than_its_room(text: str, width: int) -> None:
    shown = cut(escape(text), width)
    assert cells(shown) <= width
    assert cells(fit(escape(text), width)) <= width
    assert cells(pad(shown, width)) == width


def test_a_long_name_loses_its_middle() -> None:
    assert cut("a-very-long-name.example.com.", 15) == "a-very-…le.com."


@given(nasty, nasty, st.integers(8, 40))
def test_wrapped_lines_fit_and_lose_nothing(one: str, two: str, width: int) -> None:
    pieces = [(escape(one), "ok"), (" ", ""), (escape(two), "")]
    lines = wrap(pieces, width, first="  ")
    assert all(line.cells <= width for line in lines)
    words = "".join(line.text for line in lines).replace(" ", "")
    assert words == "".join(text for text, _ in pieces).replace(" ", "")


def test_prose_is_marked_without_a_markup_language() -> None:
    assert marked("ask `dig` **now** [bold]") == [
        ("ask ", ""), ("dig", "accent"), (" ", ""), ("now", "bold"), (" [bold]", ""),
    ]  # fmt: skip


def test_a_line_can_be_clipped_to_a_width() -> None:
    assert Line.of("abc", ("def", "ok")).clipped(4).pieces == [("abc", ""), ("d", "ok")]


@pytest.mark.skipif(sys.platform == "win32", reason="no backslash there")
@given(
    st.lists(
        st.sampled_from(["labctl", "--path", "'two words'", "x" * 30, '"$A b"', "|", "a\\ b"]), min_size=1
    )
)
def test_a_long_command_is_broken_so_that_a_shell_reads_the_same_words(words: list[str]) -> None:
    command = " ".join(words)
    lines = command_lines(command, 40)
    # Outside of quotes a shell leaves out a backslash and the end of the line behind it; shlex does not know that.
    assert shlex.split("\n".join(lines).replace("\\\n", "")) == shlex.split(command)
    assert all(len(line) <= 40 for line in lines)
    assert all(line.endswith(" \\") for line in lines[:-1])


def test_a_comment_that_has_no_room_is_a_line_of_its_own() -> None:
    assert command_lines("gunicorn shop:app   # then curl -i http://127.0.0.1:8000/", 40) == [
        "gunicorn shop:app",
        "  # then curl -i http://127.0.0.1:8000/",
    ]


@pytest.mark.parametrize("command", ["short", "an open 'quote " + "x " * 60])
def test_what_is_short_or_cannot_be_broken_stays_whole(command: str) -> None:
    assert command_lines(command, 40) == [command]
