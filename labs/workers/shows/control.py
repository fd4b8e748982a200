"""Two gunicorns of one user, and one control socket."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from labctl.events import Event, Row
from labctl.internet import Internet
from labs.telling import command, measured, note, opening, result, table
from labs.words import count
from labs.workers.claims import CONTROL
from labs.workers.server import CONTROLLED, standing

_ASK = "import sys; from gunicorn.ctl.cli import main; sys.exit(main())"


def show(internet: Internet) -> Iterator[Event]:
    yield opening("two gunicorns, one user", "gunicornc show workers")
    with tempfile.TemporaryDirectory(prefix="labctl-") as folder:
        env = {"XDG_RUNTIME_DIR": folder, "HOME": folder}
        with standing(internet, "sync", env=env, prepare=CONTROLLED) as first:
            known = _wait_for_a_socket(folder, set())
            before = _masters(folder, env)
            with standing(internet, "sync", env=env, prepare=CONTROLLED) as second:
                paths = _wait_for_a_socket(folder, known)
                after = _masters(folder, env)
                pids = (first.workers()[0], second.workers()[0])
    yield table(
        "control.asked",
        "Who answers",
        ("when", "control sockets", "gunicornc talks to"),
        [_row("one gunicorn", len(known), before, pids), _row("two gunicorns", len(paths), after, pids)],
    )
    yield note(
        "Each gunicorn of a user opens the same path, in XDG_RUNTIME_DIR or in the home. The second removes the first "
        "one's socket and takes its place: a command that is meant for the first reaches the second, without a word."
    )
    yield measured(
        "workers.control.sockets", len(paths), f"Two gunicorns had {count(len(paths), 'control socket')}."
    )
    reached = [pid for pid in pids if pid in after]
    if not before:
        yield CONTROL.not_seen("No control socket answered; gunicorn has them since 25.1.")
    elif not paths - known:
        yield CONTROL.not_seen("The second gunicorn had made no control socket after 10 s.")
    else:
        yield CONTROL.judged(
            len(paths) == 1 and reached == [pids[1]],
            f"Two gunicorns had {count(len(paths), 'control socket')}, and {len(reached)} of the two could be reached.",
        )
    yield result("--no-control-socket, or a --control-socket PATH for each.")
    yield command("by hand", "gunicornc -c 'show workers'")
    yield command("next", "labctl workers", "the time line")


def _sockets(folder: str) -> set[tuple[str, int, int]]:
    """Names of the control sockets, with what changes when one is replaced: inode and time."""
    found = set()
    for path in Path(folder).glob("*.ctl"):
        with contextlib.suppress(FileNotFoundError):  # removed by the second gunicorn, a moment ago
            seen = path.stat()
            found.add((path.name, seen.st_ino, seen.st_mtime_ns))
    return found


def _wait_for_a_socket(folder: str, known: set[tuple[str, int, int]]) -> set[tuple[str, int, int]]:
    """The control sockets once there is a new one: each server makes its own a moment after its workers."""
    end = time.monotonic() + 10.0
    while not (now := _sockets(folder)) - known and time.monotonic() < end:
        time.sleep(0.01)
    return now


def _masters(folder: str, env: dict[str, str]) -> set[int]:
    """Pids of the workers that are told at the control sockets there are."""
    found: set[int] = set()
    for path in Path(folder).glob("*.ctl"):
        try:
            told = subprocess.run(  # noqa: S603  # our own interpreter, gunicorn's own program
                [sys.executable, "-c", _ASK, "-s", str(path), "-c", "show workers"],
                capture_output=True,
                text=True,
                timeout=10,
                env={**os.environ, **env},
                check=False,
            ).stdout
        except (OSError, subprocess.SubprocessError):
            continue
        found |= {
            int(line.split()[0])
            for line in told.splitlines()
            if line.split()[:1] and line.split()[0].isdigit()
        }
    return found


def _row(when: str, sockets: int, reached: set[int], pids: tuple[int, int]) -> Row:
    names = [name for name, pid in zip(("the first", "the second"), pids, strict=True) if pid in reached]
    whom = " and ".join(names) or "nobody"
    return Row(
        f"With {when}: {count(sockets, 'control socket')}, and gunicornc talks to {whom}.",
        (when, str(sockets), whom),
        hues=("", "", "accent"),
    )
