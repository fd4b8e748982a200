"""HSTS: hosts that a client has been told to reach over https only (RFC 6797)."""

from __future__ import annotations

import re
from typing import NamedTuple

from labctl.protocols.ip_addresses import is_address

_DIRECTIVE = re.compile(r'\s*([^\s=;"]+)\s*(?:=\s*("[^"]*"|[^\s;"]*))?\s*')
# A client may keep what it was told; this many hosts are enough for one run.
_KEPT = 1000


class Policy(NamedTuple):
    """One Strict-Transport-Security field: `max_age` in seconds, 0 means forget."""

    max_age: int
    include_subdomains: bool = False


def parse(value: str) -> Policy | None:
    """The field's meaning, or None when it is malformed and must be ignored (RFC 6797 section 6.1).

    `value` is the first field line of that name: there must be only one (section 8.1).
    """
    seen: dict[str, str] = {}
    for part in value.split(";"):
        if not part.strip():
            continue
        found = _DIRECTIVE.fullmatch(part)
        if found is None or found[1].lower() in seen:
            return None
        seen[found[1].lower()] = (found[2] or "").strip('"')
    age = seen.get("max-age", "")
    if not (age.isascii() and age.isdigit()):
        return None
    return Policy(min(int(age[:12]), 10**11), "includesubdomains" in seen)


class HstsMemory:
    """Which hosts are known to want https. Moments are seconds of one clock; hosts are A-labels."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[float, bool]] = {}

    def learn(self, host: str, value: str, now: float) -> Policy | None:
        """Take the field of a response that came over https without a certificate error."""
        policy = None if is_address(host) else parse(value)
        if policy is None:
            return None
        self._known.pop(host, None)
        if policy.max_age:
            self._known[host] = now + policy.max_age, policy.include_subdomains
        while len(self._known) > _KEPT:
            del self._known[next(iter(self._known))]
        return policy

    def wants_https(self, host: str, now: float) -> bool:
        """Whether this host, or one above it that speaks for its subdomains, said so and it still holds."""
        labels = host.split(".")
        for up in range(len(labels)):
            held = self._known.get(".".join(labels[up:]))
            if held is not None and now < held[0] and (up == 0 or held[1]):
                return True
        return False

    def __len__(self) -> int:
        return len(self._known)
