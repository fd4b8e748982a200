"""The sandbox's hosts with something wrong, by the names that `--bad` takes."""

from __future__ import annotations

LOOK_ALIKE_HOST = "www.sh0p.test"
# Those whose certificate is wrong, then those with other oddities.
WRONG = (
    "expired",
    "not-yet-valid",
    "wrong-name",
    "unknown-issuer",
    "untrusted-root",
    "missing-intermediate",
    "self-signed",
    "weak",
    "wrong-purpose",
    "name-in-cn",
)
ODD = ("look-alike", "tls12", "no-alpn", "reset-on-sni", "no-tls")
NAMES = ("all", *WRONG, *ODD)


def host_of(name: str) -> str:
    """The host that has it."""
    return LOOK_ALIKE_HOST if name == "look-alike" else f"{name}.tls.test"
