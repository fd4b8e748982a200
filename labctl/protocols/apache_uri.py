"""How Apache reads a request target (ap_normalize_path, ap_unescape_url), and how it writes one for a backend."""

from __future__ import annotations

import re
from typing import NamedTuple

_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
# What ap_proxy_canonenc leaves as it is in a path.
_PLAIN = _UNRESERVED | frozenset("$+!*'(),;:@&=/")
# What ap_os_escape_path leaves as it is.
_IN_LOCATION = _UNRESERVED | frozenset("$+!*'(),:@&=/;")
_ESCAPE = re.compile(r"%([0-9a-fA-F]{2})|%")


class Target(NamedTuple):
    """A target: the decoded path, one character a byte, and the query as it was sent. `raw` is the path as sent."""

    uri: str
    arguments: str
    raw: str


def read_target(sent: str, *, merge_slashes: bool = True, encoded_slashes: str = "off") -> Target | int:
    """The target, or the status with which Apache refuses it.

    `encoded_slashes` is AllowEncodedSlashes: "off", "on" or "nodecode".
    """
    path, _, arguments = sent.partition("?")
    if not path.startswith("/"):
        return 400
    normal = _normalised(path, merge_slashes)
    if normal is None:
        return 400
    out, status = [], 0
    at = 0
    while at < len(normal):
        if normal[at] != "%":
            out.append(normal[at])
            at += 1
            continue
        found = _ESCAPE.match(normal, at)
        if found is None or found[1] is None:
            return 400
        byte = chr(int(found[1], 16))
        if byte == "\0" or (byte == "/" and encoded_slashes == "off"):
            status = 404
        out.append(found[0] if byte == "/" and encoded_slashes == "nodecode" else byte)
        at += 3
    return status or Target("".join(out), arguments, path)


def _normalised(path: str, merge_slashes: bool) -> str | None:
    """Unreserved characters decoded, slashes merged, dots resolved; None above the root or for a broken %."""

    def unreserved(found: re.Match[str]) -> str:
        if found[1] is None:
            return "\0"
        character = chr(int(found[1], 16))
        return character if character in _UNRESERVED else found[0]

    path = _ESCAPE.sub(unreserved, path)
    if "\0" in path:
        return None
    out: list[str] = []
    segments = path.split("/")[1:]
    for number, segment in enumerate(segments):
        last = number == len(segments) - 1
        if segment == "." or (segment == "" and merge_slashes and not last):
            if last:
                out.append("")
            continue
        if segment == "..":
            if not out:
                return None
            out.pop()
            if last:
                out.append("")
            continue
        out.append(segment)
    return "/" + "/".join(out)


def for_backend(path: str, *, encoded_slashes: bool = False) -> str:
    """A decoded path as mod_proxy writes it into the request line; `encoded_slashes` leaves %2F as it is."""
    if encoded_slashes:
        return "%2F".join(map(for_backend, re.split("%2[fF]", path)))
    return "".join(c if c in _PLAIN else f"%{ord(c):02X}" for c in path)


def for_location(path: str) -> str:
    """A decoded path as it stands in a Location."""
    return "".join(c if c in _IN_LOCATION else f"%{ord(c):02x}" for c in path)
