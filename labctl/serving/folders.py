"""Temporary folders that do not pile up: what a run left that was killed is removed by a later one.

A folder is held by a lock on it for as long as its process lives, `kill -9` included; one that nobody
holds is nobody's.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from pathlib import Path

# Windows has no such locks; neither nginx nor gunicorn is there either.
_LOCKS = os.name == "posix"
_PREFIX = "labctl-proxy-"
# Between its making and its lock a folder is nobody's: younger ones are left alone. Seconds.
_YOUNG_S = 60.0


class Folder:
    """A new folder, which others may read (Apache drops root's rights). A context manager that gives its path."""

    def __init__(self) -> None:
        _tidy_up(Path(tempfile.gettempdir()))
        self.path = Path(tempfile.mkdtemp(prefix=_PREFIX))
        self._lock = -1
        if _LOCKS:
            self._lock = os.open(self.path, os.O_RDONLY)
            with contextlib.suppress(OSError):
                _lock(self._lock)
        self.path.chmod(0o755)

    def remove(self) -> None:
        """Remove it with all that is in it. Idempotent."""
        shutil.rmtree(self.path, ignore_errors=True)
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def __enter__(self) -> Path:
        return self.path

    def __exit__(self, *_: object) -> None:
        self.remove()


def _tidy_up(place: Path) -> None:
    """Remove our own user's folders that no process holds."""
    if not _LOCKS:
        return
    for path in place.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            known = path.lstat()
            if known.st_uid == os.geteuid() and time.time() - known.st_mtime > _YOUNG_S:
                _remove_if_free(path)


def _remove_if_free(path: Path) -> None:
    """Raises OSError when somebody holds it, or when it is no folder."""
    held = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        _lock(held)
        shutil.rmtree(path, ignore_errors=True)
    finally:
        os.close(held)


def _lock(number: int) -> None:
    """Raises OSError when another process has it."""
    import fcntl

    fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
