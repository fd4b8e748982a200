"""Run a service in the foreground: say where it is, one line for each thing that happens, until a signal."""

from __future__ import annotations

import json
import queue
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from labctl.cli.page import Page

if TYPE_CHECKING:
    from labctl.jobs.service import Service
    from labctl.jobs.supervise import ServiceEvent

SCHEMA = "labctl/jobs/1"


class Foreground:
    """Prints events as they come, from the main thread; a reader who is gone ends the service like a signal."""

    def __init__(self, jsonl: bool) -> None:
        self._jsonl = jsonl
        self._page = Page()
        # Before it runs, waiting for the processes is what a signal interrupts; once, so that they are ended in order.
        self._interrupts = True
        # A SimpleQueue, since a signal handler may put into it while the main thread waits in it.
        self._happened: queue.SimpleQueue[ServiceEvent | None] = queue.SimpleQueue()
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)
            if number is not None:
                signal.signal(number, self._asked_to_end)

    def _asked_to_end(self, *_: object) -> None:
        if self._interrupts:
            self._interrupts = False
            raise KeyboardInterrupt
        self._happened.put(None)

    def heard(self, event: ServiceEvent) -> None:
        """For `on_event`, from any thread."""
        self._happened.put(event)

    def run(self, service: Service, document: Mapping[str, Any], describe: Callable[[Page], None]) -> int:
        """Say where it is, then what happens. Returns when it was asked to end, or nobody reads any more.

        Before, a signal is a KeyboardInterrupt.
        """
        self._interrupts = False
        with suppress(BrokenPipeError):
            if self._jsonl:
                self._line({"schema": SCHEMA, "kind": "listening", **document})
            else:
                page = Page()
                describe(page)
                self._write(page.text)
            while (event := self._happened.get()) is not None:
                if event.kind in ("died", "restarted") or self._jsonl:
                    self._say(event)
            if not self._jsonl:
                self._write("\n  Stopped. Jobs that ran go on when the service does.\n")
        return 0

    def _say(self, event: ServiceEvent) -> None:
        if self._jsonl:
            self._line({"schema": SCHEMA, "kind": "process", **_document(event)})
            return
        style = {"died": "bad", "restarted": "ok"}.get(event.kind, "mute")
        self._write("  " + self._page.paint(event.sentence(), style) + "\n")

    def _line(self, document: Mapping[str, Any]) -> None:
        self._write(json.dumps(document) + "\n")

    def _write(self, text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()


def _document(event: ServiceEvent) -> dict[str, Any]:
    found: dict[str, Any] = {
        "at_s": round(event.at, 3),
        "event": event.kind,
        "process": event.what,
        "name": event.name,
        "pid": event.pid,
    }
    return {**found, "why": event.why} if event.why else found
