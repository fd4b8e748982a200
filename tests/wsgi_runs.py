"""Runs of the wsgi lab in this process, and what its documents say."""

from __future__ import annotations

import json
from typing import Any

import pytest

from labctl.cli import run as command_line

Capsys = pytest.CaptureFixture[str]


def run(capsys: Capsys, *words: str) -> tuple[int, dict[str, Any]]:
    capsys.readouterr()
    code = command_line(["wsgi", *words, "--json"])
    return code, json.loads(capsys.readouterr().out)


def texts(document: dict[str, Any]) -> str:
    rows = [row["text"] for event in document["events"] for row in event.get("rows", [])]
    return "\n".join([*(event["text"] for event in document["events"]), *rows])


def rows_of(document: dict[str, Any], id: str) -> list[list[str]]:
    found = [event for event in document["events"] if event["kind"] == "rows" and event["id"] == id]
    return [row["cells"] for event in found for row in event["rows"]]
