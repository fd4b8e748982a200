"""What steps do to the world outside of the database: a ledger that tells how often each step really ran.

The ledger is a file, and no part of any transaction: like an e-mail that was sent, a line cannot be taken back.
"""

from __future__ import annotations

import json
import os
import time
import uuid
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
    ledger = os.open(
        Path(settings.folder) / LEDGER, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600
    )
    try:
        os.write(ledger, line.encode())
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
