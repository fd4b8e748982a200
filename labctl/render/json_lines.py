"""The two machine formats: `json`, one document at the end; `jsonl`, events as they happen, then the same."""

from __future__ import annotations

from typing import IO

from labctl.codec import EVENT_SCHEMA, encode
from labctl.events import Event, Json
from labctl.play import Run
from labctl.render.document import document, dumps


class JsonRenderer:
    """Nothing until the end, then the result document."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def begin(self, run: Run) -> None:
        """Nothing yet: the document comes at the end."""

    def show(self, event: Event) -> None:
        """Nothing yet: the document holds the events."""

    def end(self, run: Run) -> None:
        """Print the document."""
        self._stream.write(dumps(document(run), indent=2) + "\n")
        self._stream.flush()


class JsonLinesRenderer:
    """One `labctl/event/1` object a line, flushed at once; the last line is the result document."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def begin(self, run: Run) -> None:
        """Nothing: the first line is the first event."""

    def show(self, event: Event) -> None:
        """Print the event."""
        line: dict[str, Json] = {"schema": EVENT_SCHEMA, **encode(event)}
        self._write(line)

    def end(self, run: Run) -> None:
        """Print the document on one line."""
        self._write(document(run))

    def _write(self, value: dict[str, Json]) -> None:
        self._stream.write(dumps(value) + "\n")
        self._stream.flush()
