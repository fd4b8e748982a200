"""What a person has done: an append-only log of attempts, one JSON line each (`labctl/attempt/1`).

A line is written with one `write` to a file opened for appending, so processes side by side do not mix
their lines, and a line that a crash tore apart is ignored when reading. Nothing is ever rewritten.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from labctl.events import Json

SCHEMA = "labctl/attempt/1"


def counts(phase: object, outcome: object) -> bool:
    """Does a question count as asked? A prediction does not, nor what was void; what was skipped does."""
    return phase in ("observe", "recall") and outcome in ("right", "wrong", "skipped")


class Standing(NamedTuple):
    """One lab: `done` when a lesson of it went to its end; questions that count, by their latest answer."""

    done: bool = False
    asked: int = 0
    right: int = 0


class Progress:
    """The log in this folder. `complaint` is why nothing could be written, once that was found out."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "progress.jsonl"
        self.complaint = ""

    def add(self, kind: str, **values: Json) -> None:
        """Append one line: `answer` or `lesson`. A folder that cannot be written only sets `complaint`."""
        line = json.dumps({"schema": SCHEMA, "kind": kind, **values}, ensure_ascii=False) + "\n"
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                if _torn(self.path):
                    line = "\n" + line
                os.write(file, line.encode())
                os.fsync(file)
            finally:
                os.close(file)
        except OSError as error:
            self.complaint = f"Progress is not kept: {self.path} cannot be written ({error.strerror})."

    def lines(self) -> Iterator[Mapping[str, Json]]:
        """All lines that are whole, oldest first. None when there is no log, or it cannot be read."""
        try:
            text = self.path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return
        for line in text.splitlines():
            try:
                value = json.loads(line)
            except ValueError:
                continue  # torn by a crash
            if isinstance(value, dict) and value.get("schema") == SCHEMA:
                yield value

    def times_asked(self) -> dict[str, int]:
        """How often each item was asked."""
        counts: dict[str, int] = {}
        for line in self.lines():
            if line.get("kind") == "answer":
                item = str(line.get("item"))
                counts[item] = counts.get(item, 0) + 1
        return counts

    def standings(self) -> dict[str, Standing]:
        """How each lab stands, by its name."""
        done: set[str] = set()
        latest: dict[str, dict[str, bool]] = {}
        for line in self.lines():
            lab = str(line.get("lab"))
            if line.get("kind") == "lesson":
                done.add(lab)
            elif counts(line.get("phase"), line.get("outcome")):
                latest.setdefault(lab, {})[str(line.get("item"))] = line.get("outcome") == "right"
        return {
            lab: Standing(lab in done, len(latest.get(lab, {})), sum(latest.get(lab, {}).values()))
            for lab in sorted(done | set(latest))
        }


def _torn(path: Path) -> bool:
    """Does the log end in the middle of a line? Then the next line must begin on a line of its own."""
    with path.open("rb") as file:
        if file.seek(0, os.SEEK_END) == 0:
            return False
        file.seek(-1, os.SEEK_END)
        return file.read(1) != b"\n"
