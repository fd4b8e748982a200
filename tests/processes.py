"""Which processes of this machine belong to a test: those that carry its mark in their environment (Linux)."""

from __future__ import annotations

import contextlib
import os
import select
import sys
import uuid

import pytest

MARK = "LABCTL_TEST_MARK"
LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc is Linux's")


class Marked:
    """`env` is for the first process; every process that it starts inherits it, and nginx overwrites it."""

    def __init__(self) -> None:
        self.word = uuid.uuid4().hex
        self.env = {**os.environ, MARK: self.word}

    def alive(self) -> list[int]:
        """Pids of the processes that have the mark, and of their children and children's children; no zombies."""
        wanted = f"{MARK}={self.word}".encode()
        parents = {}
        found = set()
        for name in os.listdir("/proc"):
            if name.isdigit():
                try:
                    with open(f"/proc/{name}/stat", "rb") as file:
                        state, parent = file.read().rpartition(b")")[2].split()[:2]
                    with open(f"/proc/{name}/environ", "rb") as file:
                        marked = wanted in file.read().split(b"\0")
                except OSError:
                    continue
                if state != b"Z":
                    parents[int(name)] = int(parent)
                    if marked:
                        found.add(int(name))
        while more := {pid for pid, parent in parents.items() if parent in found} - found:
            found |= more
        return sorted(found)

    def watch(self) -> list[int]:
        """A pidfd of each of them: for `all_end`."""
        found = []
        for pid in self.alive():
            with contextlib.suppress(ProcessLookupError):
                found.append(os.pidfd_open(pid))
        return found

    def all_end(self, watched: list[int], timeout_s: float = 10) -> bool:
        """Whether all that were watched end, and those that were born since; each within the time. Never polls."""
        ended = True
        while watched:
            for descriptor in watched:
                ended = bool(select.select([descriptor], [], [], timeout_s)[0]) and ended
                os.close(descriptor)
            watched = self.watch() if ended else []
        return ended


def children_of_ours() -> set[int]:
    """Our own children, zombies included; empty where the system does not say."""
    found: set[int] = set()
    with contextlib.suppress(OSError):
        for thread in os.listdir("/proc/self/task"):
            with open(f"/proc/self/task/{thread}/children", "rb") as file:
                found |= {int(word) for word in file.read().split()}
    return found
