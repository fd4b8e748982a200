"""What steps do to the world outside of the database: a ledger that tells how often each step really ran.

The ledger is a file, and no part of any transaction: like an e-mail that was sent, a line cannot be taken back.
"""

from __future__ import annotations

import json
import os
import sys
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from labctl.jobs.settings import Settings

LEDGER, SENT = "effects.jsonl", "sent"


def ran(settings: Settings, job_id: str, step: int, worker: str, attempt: int) -> None:
    """A step begins: one line, written at once and whole."""
    told = {
        "at": round(time.time(), 3),
        "job": job_id,
        "step": step,
        "pid": os.getpid(),
        "worker": worker,
        "attempt": attempt,
    }
    line = json.dumps(told) + "\n"
    with _ledger(settings) as ledger:
        os.write(ledger, line.encode())


def forget(settings: Settings, job_ids: Iterable[str]) -> None:
    """Expired jobs leave the ledger and the folder of what was sent."""
    gone = frozenset(job_ids)
    with _ledger(settings) as ledger:
        lines = os.pread(ledger, os.fstat(ledger).st_size, 0).splitlines(keepends=True)
        kept = [line for line in lines if _job(line) not in gone]
        if len(kept) < len(lines):
            # In place and under the lock: whoever appends has the same file open.
            os.ftruncate(ledger, 0)
            os.write(ledger, b"".join(kept))
    for job_id in gone:
        for mark in (Path(settings.folder) / SENT).glob(f"{job_id}-*"):
            with suppress(OSError):
                mark.unlink()


def _job(line: bytes) -> str:
    try:
        return str(json.loads(line)["job"])
    except (ValueError, KeyError, TypeError):
        return ""


@contextmanager
def _ledger(settings: Settings) -> Iterator[int]:
    """The open ledger, locked: a line is appended, or the whole is written anew."""
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
    ledger = os.open(Path(settings.folder) / LEDGER, flags, 0o600)
    try:
        if sys.platform != "win32":
            import fcntl

            fcntl.flock(ledger, fcntl.LOCK_EX)
        yield ledger
    finally:
        os.close(ledger)


def send(settings: Settings, job_id: str, step: int) -> bool:
    """Ask the outside world for something that must happen once; the key makes a repeat do nothing. False: a repeat.

    The outside world is the folder `sent`, with a file for each key, made by O_EXCL.
    """
    key = f"{job_id}-{step}"
    if "effects-without-key" in settings.faults:
        key += f"-{uuid.uuid4().hex[:8]}"
    folder = Path(settings.folder) / SENT
    folder.mkdir(exist_ok=True)
    try:
        os.close(os.open(folder / key, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        return False
    return True
