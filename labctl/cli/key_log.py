"""SSLKEYLOGFILE: OpenSSL by way of Python opens that file for every context, and raises when it cannot."""

from __future__ import annotations

import os
import sys

VARIABLE = "SSLKEYLOGFILE"


def check_key_log() -> None:
    """Say that the file cannot be written and go on without it, instead of failing at the first connection."""
    path = os.environ.get(VARIABLE, "")
    if not path:
        return
    try:
        with open(path, "ab"):
            pass
    except OSError as error:
        del os.environ[VARIABLE]
        sys.stderr.write(
            f"labctl: {VARIABLE} ({path}) cannot be written: {error.strerror}. No keys are logged.\n"
        )
