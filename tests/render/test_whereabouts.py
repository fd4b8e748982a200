"""Where packets went, as the head of a page says it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import pytest

from labctl.lab import Lab, Place
from labctl.play import Run
from labctl.render.document import document
from labctl.render.whereabouts import _is_loopback


@pytest.mark.parametrize(
    "target", ["localhost:8000", "http://127.0.0.1:5000/a", "[::1]:80", "::1", "127.9.9.9", "http://[::1]/"]
)
def test_a_loopback_target_is_this_machine(target: str) -> None:
    assert _is_loopback(target)


@pytest.mark.parametrize(
    "target", ["example.com", "http://192.0.2.1/", "2001:db8::1", "localhost.example", ""]
)
def test_any_other_target_is_not(target: str) -> None:
    assert not _is_loopback(target)


@pytest.mark.parametrize(
    ("internet", "place", "said"),
    [
        ("sandbox", "sandbox", "sandbox"),
        ("sandbox", "both", "sandbox"),
        ("live", "both", "live"),
        ("live", "live", "live"),
        ("live", "local", "local"),
        ("live", "own", "own"),
    ],
)
def test_the_document_says_whether_the_internet_was_asked_or_this_machine(
    internet: Literal["sandbox", "live"], place: Place, said: str
) -> None:
    def where(arguments: Mapping[str, Any]) -> Place:
        return place

    lab = Lab("x", "X", (), lambda internet: iter(()), "labs", place=where)
    told = document(Run(lab, "labctl x", {}, internet))
    assert (told["internet"], told["place"]) == (internet, said)
