"""Remembering what short texts mean: field values come again and again, and a peer chooses how long they are."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import TypeVar

Meaning = TypeVar("Meaning")
# Longer texts are read anew each time, so that a peer cannot fill our memory with them.
_SHORT = 300


def remembered(read: Callable[[str], Meaning], entries: int = 1024) -> Callable[[str], Meaning]:
    """`read` with a memory of its last `entries` results for texts of up to 300 characters. It must be pure."""
    known = lru_cache(maxsize=entries)(read)

    @wraps(read)
    def look_up(text: str) -> Meaning:
        return known(text) if len(text) <= _SHORT else read(text)

    return look_up
