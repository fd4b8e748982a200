"""The table of error codes against the source: every code is explained, and none is explained for nothing."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from labctl.cli.codes import ERRORS

ROOT = Path(__file__).resolve().parents[2]
RAISED = {"UsageError", "CannotRun", "Malformed", "LabctlError", "Internal", "_meant"}


def codes() -> Iterator[tuple[str, str]]:
    """(code, place) of every error that is made somewhere in the source with a literal code."""
    for path in sorted([*ROOT.glob("labctl/**/*.py"), *ROOT.glob("labs/**/*.py")]):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and getattr(node.func, "id", getattr(node.func, "attr", "")) in RAISED
            ):
                for code in node.args[:1]:
                    if isinstance(code, ast.Constant) and isinstance(code.value, str):
                        yield code.value, f"{path.relative_to(ROOT)}:{node.lineno}"


def test_every_code_in_the_source_is_explained() -> None:
    assert [(code, place) for code, place in codes() if code not in ERRORS] == []


def test_every_explained_code_is_in_the_source_and_reads_as_prose() -> None:
    used = {code for code, _ in codes()}
    for code, text in ERRORS.items():
        assert code in used, code
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", code)
        assert text.endswith("."), code
        assert "  " not in text, code
