"""explain.md: conditions, numbers, and what is dropped."""

from __future__ import annotations

import pytest

from labctl.errors import Malformed
from labctl.events import Claim, Measure
from labctl.explanation import Facts, conditions, fill, paragraphs, places, prose

CLAIM = Claim("x.held", "So.", "RFC 0", broken_by="fault")
FALSE = Claim("x.false", "So.", "RFC 0", broken_by="other")
UNSEEN = Claim("x.unseen", "So.", "RFC 0", broken_by="third")
FACTS = Facts(
    {"x.n": Measure("n.", "x.n", 1204), "x.t": Measure("t.", "x.t", 44.94, "ms")},
    {
        "x.held": CLAIM.judged(True, "so."),
        "x.false": FALSE.judged(False, "not so."),
        "x.unseen": UNSEEN.not_seen("why."),
    },
    {"name": "www.shop.test.", "type": ["A", "MX"], "none": None},
)


def said(source: str, *, deep: bool = False) -> list[str]:
    return [p.text for p in paragraphs(source, FACTS, deep=deep)]


def test_paragraphs_have_the_run_s_numbers() -> None:
    source = (
        "It took {x.t} and\n{x.n} questions.\n\n**Bold** and `code` stay: {argument:name}, {argument:type}."
    )
    assert said(source) == [
        "It took 44.9 ms and 1,204 questions.",
        "**Bold** and `code` stay: www.shop.test, A, MX.",
    ]


def test_a_paragraph_that_names_what_was_not_measured_is_dropped() -> None:
    assert said("{x.other} ms.\n\nKept.\n\n{argument:none}\n\n{argument:other}") == ["Kept."]
    assert fill("{x.other}", FACTS) is None
    assert places("{x.n} {argument:name} {not a place}") == ["x.n", "argument:name"]


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("x.held HELD", True),
        ("x.held REFUTED", False),
        ("x.false REFUTED", True),
        ("x.unseen NOT_SEEN", True),
        ("x.held", True),
        ("x.false", True),
        ("x.unseen", False),
        ("x.absent", False),
        ("x.n", True),
        ("not x.absent", True),
        ("not x.held HELD", False),
        ("measure:x.n", True),
        ("measure:x.held", False),
        ("not measure:x.absent", True),
        ("sandbox", True),
        ("live", False),
    ],
)
def test_a_condition_asks_the_run(condition: str, holds: bool) -> None:
    assert said(f"[if {condition}] Words.") == (["Words."] if holds else [])


def test_several_conditions_must_all_hold_and_deep_is_asked_for() -> None:
    assert said("[if x.held HELD] [if x.n] Both.\n\n[if x.held] [if live] Not both.") == ["Both."]
    assert said("[deep] More.") == []
    assert said("[deep] More.", deep=True) == ["More."]


def test_a_heading_stays_only_with_what_it_heads() -> None:
    source = "# Kept\n\nWords.\n\n# Dropped\n\n[if live] Words.\n\n# Last"
    assert [(p.kind, p.text) for p in paragraphs(source, FACTS)] == [("heading", "Kept"), ("prose", "Words.")]


def test_a_condition_that_is_none_is_malformed() -> None:
    with pytest.raises(Malformed):
        said("[if x.held PERHAPS] Words.")
    assert conditions("[if a HELD] x\n\n[deep] y") == ["a HELD", "deep"]


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (3, "", "3"), (1204, "", "1,204"), (300, "s", "300 s"), (44.94, "ms", "44.9 ms"),
        (142.4, "ms", "142 ms"),
        (99.97, "ms", "100 ms"), (12800, "ms", "12.8 s"), (512, "B", "512 B"),
        (1200, "bytes", "1.2 kB"),
        (62, "%", "62%"), (0.5, "", "0.5"), (2.0, "s", "2 s"), (True, "", "yes"), ("a.test.", "", "a.test."),
        (["a", "b"], "", "a, b"), (None, "", ""),
    ],
)  # fmt: skip
def test_values_read_as_on_the_screens(value: object, unit: str, text: str) -> None:
    assert prose(value, unit) == text  # type: ignore[arg-type]
