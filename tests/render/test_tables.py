"""Tables and their bars."""

from __future__ import annotations

from example_walk import caches, remembered

from labctl.events import Row, Rows
from labctl.render.glyphs import ASCII, UNICODE
from labctl.render.tables import Table, bar
from labctl.render.text import escape


def drawn(rows: Rows, width: int = 80, **more: object) -> list[str]:
    return [line.text.rstrip() for line in Table(rows, width, UNICODE, escape, **more).lines()]  # type: ignore[arg-type]


def rows_of(*cells: tuple[str, ...], columns: tuple[str, ...] = ("a", "b"), **more: object) -> Rows:
    return Rows("t", "t", "Title", columns, tuple(Row("r", c) for c in cells), **more)  # type: ignore[arg-type]


def test_caches_are_numbered_from_the_closest() -> None:
    assert drawn(caches())[1] == "    1  browser       ✗ miss   0.0 ms   did this browser ask recently?"


def test_bars_show_the_share_and_stand_under_each_other() -> None:
    lines = drawn(remembered())
    assert lines[0] == "  What the resolver remembers now   bar: share of the TTL still left"
    starts = {line.index("━") for line in lines[1:]}
    assert len(starts) == 1
    assert "━╸┄" in lines[3]


def test_a_bar_is_exact_to_half_a_cell_and_never_hides_something() -> None:
    assert bar(0.5, 10, UNICODE)[0][0] == "━━━━━"
    assert bar(0.25, 10, UNICODE)[0][0] == "━━╸"
    assert bar(0.0001, 10, UNICODE)[0][0] == "╸"
    assert bar(0.0, 10, UNICODE)[0][0] == ""
    assert "".join(text for text, _ in bar(7.0, 10, ASCII)) == "=" * 10
    assert [bar(share, 10, UNICODE)[0][1] for share in (0.9, 0.41, 0.05)] == ["ok", "warn", "bad"]


def test_the_last_cell_wraps_under_itself() -> None:
    lines = drawn(rows_of(("name", "word " * 30)))
    assert len(lines) > 2
    assert all(len(line) - len(line.lstrip()) == 10 for line in lines[2:])


def test_a_very_long_cell_is_cut_unless_all_is_wanted() -> None:
    long = rows_of(("name", "x" * 2000))
    assert "…" in "".join(drawn(long))
    assert "".join(drawn(long, most=None)).count("x") == 2000


def test_more_rows_than_forty_are_counted() -> None:
    many = rows_of(*(("n", str(i)) for i in range(52)))
    assert drawn(many)[-1] == "    12 more, --all"
    assert len(drawn(many, most=None)) == 53


def test_an_empty_table_says_so() -> None:
    assert drawn(rows_of()) == ["  Title", "    none"]


def test_columns_have_names_when_they_are_wanted() -> None:
    assert drawn(rows_of(("1", "2"), columns=("server", "ttl"), show_columns=True))[1] == "    server  ttl"


def test_numbers_with_a_unit_are_aligned_right() -> None:
    lines = drawn(rows_of(("a", "9.0 ms", "x"), ("b", "142 ms", "x"), ("c", "1,204 ms", "x")))
    assert [line.index(" ms") for line in lines[1:]] == [12, 12, 12]


def test_rows_may_have_different_numbers_of_cells() -> None:
    assert len(drawn(rows_of(("a",), ("a", "b", "c"), ()))) == 4


def test_rows_that_go_on_keep_the_columns_of_the_first() -> None:
    def tick(at: str, left: str) -> Rows:
        row = Row("r", (at, "203.0.113.10", "1.2 ms", left), share=0.5)
        return Rows("", "watch", "", ("at", "answer", "took", "left"), (row,))

    first = Table(tick("0 s", "5 min"), 80, UNICODE, escape)
    after = Table(tick("150 s", "2 min 30 s"), 80, UNICODE, escape, above=first)
    lines = [line.text for each in (first, after) for line in each.lines()]
    assert len(lines) == 2, "no heading, no empty line"
    assert len({line.index(" s ") for line in lines}) == 1, "numbers stand under each other"
    assert len({line.index("203.") for line in lines}) == 1
    assert len({line.index("━") for line in lines}) == 1
    assert max(map(len, lines)) < 80
