"""The application that the workers lab serves: views that wait, compute, count, fail, or keep something large.

A WSGI application with the standard library alone, since it runs in a child. Each answer is JSON and says which
process and thread made it, and what that thread did meanwhile: on a core, waiting for a core, blocked.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qsl

Environ = dict[str, Any]
# hashlib lets go of the interpreter's lock for more than 2,047 bytes at a time.
PIECE = 16 << 20
_BLOCK = bytes(PIECE)
_ITEMS = int(os.environ.get("LABCTL_WORKERS_ITEMS", "0"))
_IN_ONE_BLOCK = "LABCTL_WORKERS_BLOCK" in os.environ


def a_large_list(items: int) -> Any:
    """What a shop may keep in memory: a list of texts; or one block of as many bytes."""
    if _IN_ONE_BLOCK:
        return [b"x" * (items * 104)]
    return [f"product {number} of the catalogue, with a name of its own" for number in range(items)]


class Counter:
    """A number at the level of the module, as in `count += 1`."""

    def __init__(self) -> None:
        self._value = 0

    def add(self) -> int:
        """One more, and how many there are now."""
        self._value += 1
        return self._value


COUNTER = Counter()
CATALOGUE = a_large_list(_ITEMS) if _ITEMS else []


def of_this_thread() -> tuple[int, int]:
    """Nanoseconds on a core and waiting for one (Linux, proc(5) schedstat); (-1, -1) where it is not said."""
    try:
        with open(f"/proc/self/task/{threading.get_native_id()}/schedstat") as file:
            on_core, waiting, _ = file.read().split()
        return int(on_core), int(waiting)
    except (OSError, ValueError):
        return -1, -1


def wait(milliseconds: float) -> None:
    """As for a database: nothing to compute."""
    time.sleep(milliseconds / 1000)


def loop(milliseconds: float) -> None:
    """Python, for so long on a core."""
    end = time.thread_time_ns() + int(milliseconds * 1e6)
    while time.thread_time_ns() < end:
        for _ in range(1000):
            pass


def spin(milliseconds: float) -> None:
    """Python, for so long by the clock, however little of a core there is."""
    end = time.monotonic_ns() + int(milliseconds * 1e6)
    while time.monotonic_ns() < end:
        for _ in range(1000):
            pass


def digest(milliseconds: float) -> None:
    """SHA-256 of large pieces, for so long on a core: C code that lets go of the lock."""
    end = time.thread_time_ns() + int(milliseconds * 1e6)
    while time.thread_time_ns() < end:
        hashlib.sha256(_BLOCK).digest()


WORK: dict[str, Callable[[float], None]] = {"/wait": wait, "/spin": spin, "/loop": loop, "/digest": digest}


def app(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
    """`/wait`, `/spin`, `/loop`, `/digest` take `ms`; `/count`, `/read` (the catalogue), `/raise`, and anything else.

    `at` is a moment of the monotonic clock, in ns, before which nothing begins: for requests that shall meet.
    """
    path = environ.get("PATH_INFO", "/")
    query = dict(parse_qsl(environ.get("QUERY_STRING", "")))
    said: dict[str, Any] = {"pid": os.getpid(), "thread": threading.get_native_id()}
    if "at" in query:
        wait(max(0.0, (int(query["at"]) - time.monotonic_ns()) / 1e6))
    before, began, computed = of_this_thread(), time.monotonic_ns(), time.thread_time_ns()
    if path in WORK:
        WORK[path](float(query.get("ms", "0")))
    elif path == "/count":
        said["count"] = COUNTER.add()
        wait(float(query.get("ms", "0")))
    elif path == "/read":
        said["characters"] = sum(len(each) for each in CATALOGUE)
        wait(float(query.get("ms", "0")))
    elif path == "/raise":
        raise RuntimeError("the view failed")
    elif path == "/gil":
        said["gil"] = getattr(sys, "_is_gil_enabled", lambda: True)()
    after, wall = of_this_thread(), time.monotonic_ns() - began
    said["from_ms"] = began / 1e6
    said["wall_ms"], said["cpu_ms"] = wall / 1e6, (time.thread_time_ns() - computed) / 1e6
    if min(*before, *after) >= 0:
        said["core_ms"] = (after[0] - before[0]) / 1e6
        said["for_core_ms"] = (after[1] - before[1]) / 1e6
    body = json.dumps(said).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]
