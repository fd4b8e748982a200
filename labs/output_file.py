"""The file that a run shall write at its end: whether that can be, before anything is run."""

from __future__ import annotations

from labctl.errors import CannotRun


def expect_writable(path: str, example: str) -> None:
    """Raises CannotRun file-not-written when it is plain before the run that `path` cannot be written."""
    import errno
    import os

    folder = os.path.dirname(path) or "."
    if not path or os.path.isdir(path):
        number = errno.EISDIR if path else errno.ENOENT
    elif not os.path.isdir(folder):
        number = errno.ENOTDIR if os.path.exists(folder) else errno.ENOENT
    elif not os.access(path if os.path.exists(path) else folder, os.W_OK):
        number = errno.EACCES
    else:
        return
    raise CannotRun(
        "file-not-written",
        f"{path or 'a file without a name'} cannot be written, so nothing was run",
        evidence=(("file", path), ("got", os.strerror(number))),
        fixes=(example,),
    )
