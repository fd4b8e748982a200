"""The PORT of `labctl port`: a number, or the name of a service."""

from __future__ import annotations

import re
import socket
from difflib import get_close_matches

from labctl.errors import UsageError

_LAST = 65535
# For the nearest name, where the system has no list of services to look into.
_COMMON = ("http", "https", "ssh", "domain", "smtp", "imaps", "ldap", "mysql", "postgresql", "ntp", "ftp")


def port_of(text: str) -> int:
    """The port, 1 to 65535. Raises UsageError with the nearest thing that would have been one."""
    word = text.strip()
    if word.isascii() and word.isdigit():
        return _in_range(int(word), word)
    for transport in ("tcp", "udp"):
        try:
            return socket.getservbyname(word.lower(), transport)
        except (OSError, UnicodeError, ValueError):
            continue
    raise UsageError("usage", f"{text!r} is no port and no service that is known here", fixes=_near(word))


def _in_range(number: int, word: str) -> int:
    if 1 <= number <= _LAST:
        return number
    if number == 0:
        raise UsageError(
            "usage",
            "port 0 is no port: bind() to it means any free one",
            fixes=("labctl port PORT   with 1 to 65535", "labctl port   lists who listens"),
        )
    shorter = next((word[:size] for size in (5, 4) if int(word[:size]) <= _LAST), word[:4])
    raise UsageError(
        "usage",
        f"port {word[:20]} is too high: a port is a number of 16 bits, 1 to {_LAST}",
        fixes=(f"did you mean labctl port {int(shorter)}?",),
    )


def _near(word: str) -> tuple[str, ...]:
    # localhost:5000, http://localhost:5000/, :5000, 5000/tcp, -5000
    numbers = [n for n in re.findall(r"(?<![\d.])\d{1,5}(?![\d.])", word) if 1 <= int(n) <= _LAST]
    if numbers:
        return (f"did you mean labctl port {int(numbers[-1])}?",)
    for scheme in ("https", "http"):
        if word.lower().startswith(f"{scheme}://"):
            return (f"did you mean labctl port {scheme}?",)
    near = get_close_matches(word.lower(), _services(), n=1, cutoff=0.6)
    if near:
        return (f"did you mean labctl port {near[0]}?",)
    return (f"labctl port PORT   with 1 to {_LAST}, or a name such as http",)


def _services() -> list[str]:
    try:
        with open("/etc/services", encoding="utf-8", errors="replace") as file:
            lines = [line.split("#")[0].split() for line in file]
    except OSError:
        return list(_COMMON)
    return [*_COMMON, *(line[0] for line in lines if line)]
