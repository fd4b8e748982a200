"""The three standard streams of this process, and how to speak on them."""

from __future__ import annotations

import os
import sys

from labctl.render.mode import Flags, Plan, look, resolve

# What the command line said, once it has been read: an error is then told in the same colours.
_flags = Flags()


def remember(flags: Flags) -> None:
    """Use these flags for everything that is printed from now on."""
    global _flags
    _flags = flags


def plan_for(flags: Flags | None = None) -> Plan:
    """How to show things on this process's streams."""
    return resolve(flags or _flags, look(sys.stdin, sys.stdout, sys.stderr), os.environ)


def never_crash_on_a_character() -> None:
    """A console that cannot show a character gets its number instead of a traceback (cp1252, C locale)."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
