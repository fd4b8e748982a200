"""How the tracer tells what it saw: texts cut to a size, other values by their type. Child side, standard library."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MOST_CHARACTERS, _PART_BYTES, _START = 160, 2400, 60


def parts(environ: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The environ in parts that fit an event."""
    found: list[dict[str, str]] = [{}]
    size = 0
    for key in sorted(environ, key=str):
        value = word(environ[key])
        size += len(key) + 2 * len(value) + 8
        if size > _PART_BYTES and found[-1]:
            found.append({})
            size = len(key) + 2 * len(value) + 8
        found[-1][str(key)[:MOST_CHARACTERS]] = value
    return [
        {"values": values, "part": number, "parts": len(found), "count": len(environ)}
        for number, values in enumerate(found, 1)
    ]


def word(value: Any) -> str:
    """A text as it is, a small plain value as Python writes it, anything else by its type."""
    if isinstance(value, str):
        return value if len(value) <= MOST_CHARACTERS else value[: MOST_CHARACTERS - 3] + "..."
    if (
        value is None
        or isinstance(value, (bool, int, float))
        or (isinstance(value, tuple) and len(value) < 4)
    ):
        return repr(value)[:MOST_CHARACTERS]
    if isinstance(value, type) or callable(value):
        return f"<{getattr(value, '__qualname__', type(value).__name__)}>"
    return f"<{type(value).__name__}>"


def headers(given: Any) -> list[list[str]]:
    """Name and value of the first headers; the type alone of what is no list of pairs."""
    if not isinstance(given, (list, tuple)):
        return [[f"<{type(given).__name__}>", ""]]
    pairs = [pair for pair in given if isinstance(pair, (list, tuple)) and len(pair) == 2]
    return [[word(name)[:80], word(value)] for name, value in pairs[:12]]


def size(value: Any) -> int | None:
    """Its length; None without one. An application may hand out anything, and a len() that raises."""
    try:
        return len(value)
    except Exception:
        return None


def start(data: Any) -> str:
    """The beginning of an item, as Python writes it."""
    try:
        return repr(data[:_START] if isinstance(data, (bytes, str)) else data)[:MOST_CHARACTERS]
    except Exception:
        return f"<{type(data).__name__}>"


def text(error: BaseException) -> str:
    """What an exception says, in one piece; "" for one whose own __str__ raises."""
    try:
        return str(error)[:MOST_CHARACTERS]
    except Exception:
        return ""


def raised(error: BaseException) -> str:
    """Its type, and what it says."""
    name, said = type(error).__name__, text(error)
    return f"{name}: {said}"[:MOST_CHARACTERS] if said else name
