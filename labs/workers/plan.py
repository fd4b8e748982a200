"""What is asked of the server: letters, seeded moments and durations; and what may be asked at all. Pure."""

from __future__ import annotations

import random
import shlex
from collections.abc import Sequence
from string import ascii_lowercase
from typing import NamedTuple

from labctl.errors import UsageError

MOST_WORKERS, MOST_THREADS, MOST_AT_ONCE, MOST_REQUESTS, MOST_TIMEOUT_S = 60, 60, 120, 200, 60
USUAL_WORKERS, USUAL_REQUESTS, USUAL_TIMEOUT_S = 3, 12, 2
# gunicorn's own, for an application that is not the lab's.
THEIR_TIMEOUT_S = 30
MOST_PATHS = 20
# A run is a minute at most, however it is asked for.
MOST_WORK_MS = 60_000.0
# Twelve requests come over this long, and all of them over the second figure at most; how long one takes.
_ARRIVALS_MS, _ARRIVALS_AT_MOST_MS, _SHORT_MS, _LONG_MS = 1900.0, 4000.0, 250.0, 800.0
# Longer than this, nobody wants to see somebody hang.
_PATIENT_S = 10


class Request(NamedTuple):
    """`after_ms` is since the first moment of the run; `ms` how long the view works (0: nobody knows)."""

    label: str
    target: str
    after_ms: float
    ms: float
    hangs: bool = False


class Plan(NamedTuple):
    """The server, as asked for; `requests` in the order in which they are sent."""

    workers: int
    kind: str
    threads: int
    timeout_s: int
    requests: tuple[Request, ...]
    # With an application of one's own: its name as typed, what it is asked for in turn, and what else was typed.
    app: str = ""
    paths: tuple[str, ...] = ()
    more: tuple[str, ...] = ()
    allowed: tuple[str, ...] = ()

    @property
    def usual_timeout_s(self) -> int:
        """The --timeout of a run that names none."""
        return THEIR_TIMEOUT_S if self.app else USUAL_TIMEOUT_S

    @property
    def slots(self) -> int:
        """How many requests can be in progress at the same time."""
        return self.workers * self.threads

    @property
    def hanging(self) -> Request | None:
        """The one that hangs, if one does."""
        return next((each for each in self.requests if each.hangs), None)


def label_of(number: int) -> str:
    """`a` to `z`, then `aa`, `ab`."""
    text = ascii_lowercase[number % 26]
    return text if number < 26 else label_of(number // 26 - 1) + text


def seeded(count: int, seed: int, timeout_s: int) -> tuple[Request, ...]:
    """Requests to the lab's own application: the second one hangs, for longer than --timeout forgives."""
    chance = random.Random(seed)  # the same run again is the point
    over_ms = min(_ARRIVALS_AT_MOST_MS, _ARRIVALS_MS * count / 12)
    moments = sorted(chance.uniform(0, over_ms) for _ in range(count))
    found = []
    for number, moment in enumerate(moments):
        # One after the other at the beginning, so that the letters are in the order of their work.
        after = 60.0 * number if number < 3 else max(moment, 130.0)
        duration = round(chance.uniform(_SHORT_MS, _LONG_MS))
        hangs = number == 1 and 0 < timeout_s <= _PATIENT_S
        # The master looks once a second: two seconds more are more than it ever gives.
        duration = (timeout_s + 2) * 1000 if hangs else duration
        found.append(
            Request(
                label_of(number),
                f"/wait?ms={duration}&request={label_of(number)}",
                round(after, 1),
                float(duration),
                hangs,
            )
        )
    return tuple(found)


def evenly(count: int, paths: Sequence[str]) -> tuple[Request, ...]:
    """Requests to somebody else's application: one each 40 ms, the paths in turn, and what they take is measured."""
    return tuple(
        Request(label_of(number), paths[number % len(paths)], 40.0 * number, 0.0) for number in range(count)
    )


def _whole(command: str, option: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise UsageError(
            "workers-bounds",
            f"{option} takes {least} to {most}, not {value}",
            fixes=(f"{command} {option} {max(least, min(value, most))}",),
        )


def read_plan(
    workers: int,
    kind: str,
    threads: int | None,
    timeout: float | None,
    count: int,
    seed: int,
    paths: tuple[str, ...] = (),
    app: str = "",
) -> Plan:
    """What was asked for. `paths` and `app` are of somebody's own application. Raises UsageError."""
    command = f"labctl workers {shlex.quote(app)}" if app else "labctl workers"
    _whole(command, "--workers", workers, 1, MOST_WORKERS)
    _whole(command, "--requests", count, 1, MOST_REQUESTS)
    if threads is not None:
        _whole(f"{command} --worker-class gthread", "--threads", threads, 1, MOST_THREADS)
    if kind == "sync" and (threads or 1) > 1:
        raise UsageError(
            "options-contradict",
            "a sync worker has one thread; gunicorn itself takes gthread when --threads is more than 1",
            fixes=(f"{command} --worker-class gthread --threads {threads}",),
        )
    usual_s = THEIR_TIMEOUT_S if app else USUAL_TIMEOUT_S
    timeout_s = usual_s if timeout is None else int(timeout)
    if timeout is not None and (timeout != timeout_s or not 1 <= timeout_s <= MOST_TIMEOUT_S):
        raise UsageError(
            "workers-bounds",
            f"--timeout is gunicorn's here, in whole seconds: 1 to {MOST_TIMEOUT_S}, not {timeout:g}",
            fixes=(f"{command} --timeout {max(1, min(round(timeout), MOST_TIMEOUT_S))}",),
        )
    each = 1 if kind == "sync" else (threads or 2)
    if workers * each > MOST_AT_ONCE:
        raise UsageError(
            "workers-bounds",
            f"{workers} workers with {each} threads are {workers * each} at the same time; {MOST_AT_ONCE} are the most",
            fixes=(
                f"{command} --workers {max(1, MOST_AT_ONCE // each)} --worker-class gthread --threads {each}",
            ),
        )
    requests = evenly(count, paths) if paths else seeded(count, seed, timeout_s)
    total = sum(request.ms for request in requests) / (workers * each)
    if total > MOST_WORK_MS:
        raise UsageError(
            "workers-bounds",
            f"{count} requests are {total / 1000:.0f} s of work for {workers} workers; a run is "
            f"{MOST_WORK_MS / 1000:.0f} s at most",
            fixes=(f"labctl workers --workers {min(MOST_WORKERS, workers * 4)} --requests {count}",),
        )
    return Plan(workers, kind, each, timeout_s, requests, app, paths)


def check_paths(paths: Sequence[str], app: str) -> tuple[str, ...]:
    """What somebody's application is asked for, in turn. Raises UsageError for what is no path, and for too many."""
    command = f"labctl workers {shlex.quote(app)} --path"
    for path in paths:
        if not path.startswith("/") or any(ord(each) <= 32 or ord(each) > 126 for each in path):
            printable = "".join(each for each in path if 32 < ord(each) <= 126).lstrip("/")
            raise UsageError(
                "path-invalid",
                f"--path takes a path that begins with / and has no spaces and only ASCII, not {path[:60]!r}",
                fixes=(f"{command} {shlex.quote('/' + printable[:60])}",),
            )
    if len(paths) > MOST_PATHS:
        raise UsageError(
            "workers-bounds",
            f"{len(paths)} times --path; {MOST_PATHS} are the most",
            fixes=(f"{command} / --path /slow",),
        )
    return tuple(paths)
