"""What the cache lab says to somebody who has typed something, and what a cache's words are taken for."""

from __future__ import annotations

import pytest

from labctl.errors import UsageError
from labctl.events import Event, Row, Rows
from labctl.protocols.cache_vocabulary import decode
from labs.cache.header import explained, meant, read_fields, unread
from labs.cache.lab import place
from labs.cache.told import told_table

BYPASS = 'labctl-edge; fwd=bypass; detail="no file extension is on the list of what is cached"'


def said(*typed: str, url: str = "https://www.shop.test/style.css") -> list[str]:
    return [event.text for event in explained(read_fields(typed), url)]


def verdict_cells(*typed: str) -> tuple[str, ...]:
    events: list[Event] = list(explained(read_fields(typed), "https://www.shop.test/style.css"))
    rows: list[Row] = [row for e in events if isinstance(e, Rows) and e.id == "verdict" for row in e.rows]
    return tuple(cell.splitlines()[0] for cell in rows[0].cells[1:])


def test_a_bypass_is_the_caches_own_setting_and_the_detail_is_told() -> None:
    (told,) = decode((("Cache-Status", BYPASS),))
    assert told.word == "BYPASS"
    assert "configured" in told.because
    assert "origin" not in told.because
    assert "no file extension is on the list" in told.because


def test_what_a_cache_says_is_explained_in_whole_sentences_below_the_table() -> None:
    table, *below = told_table((("Cache-Status", BYPASS),))
    assert isinstance(table, Rows)
    assert all(len(row.cells) == 2 for row in table.rows)
    assert "It says why: no file extension is on the list" in below[0].text


@pytest.mark.parametrize(
    ("typed", "first", "line"),
    [
        ("no-cahce", "'no-cahce' is no directive; was no-cache meant?", "Cache-Control: no-cache"),
        ("max-age=3600; public", "semicolon", "Cache-Control: max-age=3600, public"),
        ("public max-age=60", "separated by commas", "Cache-Control: public, max-age=60"),
        ("max-agee=60", "was max-age meant?", "Cache-Control: max-age=60"),
    ],
)
def test_a_typing_error_comes_first_and_no_other_advice_stands_beside_it(
    typed: str, first: str, line: str
) -> None:
    texts = said(typed)
    at = next(i for i, text in enumerate(texts) if first in text)
    changes = [i for i, text in enumerate(texts) if text.startswith("change:")]
    assert len(changes) == 1
    assert at < changes[0]
    assert f"`{line}`" in texts[changes[0]]


@pytest.mark.parametrize(
    "typed", ["max-age=60", "public, max-age=3600", 'private="a;b", max-age=60', "x-own=1"]
)
def test_what_is_spelt_right_or_of_somebody_else_is_not_mended(typed: str) -> None:
    fields = read_fields([typed])
    assert meant(fields) == ""
    assert not any("semicolon" in words for words in unread(fields))


def test_a_missing_colon_is_named() -> None:
    with pytest.raises(UsageError, match="after Cache-Control a colon is missing") as raised:
        read_fields(["Cache-Control max-age=60"])
    assert raised.value.fixes == ("labctl cache --header 'Cache-Control: max-age=60'",)


def test_a_file_without_a_host_is_told_to_be_a_file() -> None:
    with pytest.raises(UsageError, match=r"style\.css looks like a file; give the whole URL"):
        place({"url": "style.css"})
    assert place({"url": "www.shop.test"}) == "sandbox"
    assert place({"url": "https://www.shop.test/style.css"}) == "sandbox"


def test_a_copy_that_never_answers_by_itself_is_not_said_to_be_simply_kept() -> None:
    assert verdict_cells("max-age=60") == ("✓ yes", "✓ yes")
    assert verdict_cells("no-cache", 'ETag: "1"') == ("✓ yes, each use asks",) * 2
    assert verdict_cells("no-cache") == ("✓ yes, but of no use",) * 2


def test_a_long_max_age_on_a_name_that_stays_is_called_a_trap() -> None:
    texts = said("max-age=31536000")
    assert any("Within 1 year nobody asks again: give the file a new name (hash)" in text for text in texts)
    assert texts[-1] == "Next: labctl cache --show busting"
    for url in ("https://a.test/style.11aa22.css", "https://a.test/main.DkX3_9aZ.js"):
        assert said("max-age=31536000", url=url)[-1] == "Next: labctl cache"


def test_a_second_on_the_way_is_told_from_the_age_field() -> None:
    late = ("Age: 0", "Date: Wed, 24 Nov 2026 00:00:00 GMT")
    texts = " ".join(said("max-age=31536000", *late))
    assert "old already" not in texts or "by its Date" in texts
