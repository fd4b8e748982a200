"""What a probe found, and how an error of the operating system is said."""

from __future__ import annotations

import errno
from dataclasses import dataclass


@dataclass(frozen=True)
class Capability:
    """`text` is one sentence. When it is missing: the `step` that failed, its `errno` (`EPERM: ...`), and
    `fix`.

    `fix` is a command that works as pasted, or "" when there is none that we could recommend. `details` are what
    was tried and seen on the way, as (label, text).
    """

    name: str
    have: bool
    text: str
    step: str = ""
    errno: str = ""
    fix: str = ""
    details: tuple[tuple[str, str], ...] = ()


def said(error: OSError) -> str:
    """`EPERM: Operation not permitted`."""
    return f"{errno.errorcode.get(error.errno or 0, type(error).__name__)}: {error.strerror or error}"
