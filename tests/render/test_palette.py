"""Backgrounds and roles."""

from __future__ import annotations

import pytest

from labctl.render.palette import PALETTES, background, choose_theme, style


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("15;0", "dark"),
        ("0;15", "light"),
        ("0;default;15", "light"),
        ("0;7", "light"),
        ("7;8", "dark"),
        ("15;default", "unknown"),
        ("", "unknown"),
        ("0;200", "unknown"),
        ("0;-1", "unknown"),
    ],
)
def test_colorfgbg_says_what_the_background_is(value: str, found: str) -> None:
    assert background(value) == found


def test_the_flag_beats_the_variable_and_that_the_terminal() -> None:
    env = {"LABCTL_THEME": "light", "COLORFGBG": "15;0"}
    assert choose_theme("dark", env) == "dark"
    assert choose_theme(None, env) == "light"
    assert choose_theme("auto", {"COLORFGBG": "15;0"}) == "dark"
    assert choose_theme(None, {}) == "unknown"
    assert choose_theme("dark", {}, sixteen=True) == "16"


def test_every_palette_has_the_same_roles() -> None:
    assert {tuple(sorted(p)) for p in PALETTES.values()} == {tuple(sorted(PALETTES["dark"]))}


def test_a_word_that_is_no_style_is_left_away() -> None:
    assert style("ok bold nonsense", "16") == "green bold"
    assert style("accent bold", "none") == "bold"
    assert style("", "dark") == ""
