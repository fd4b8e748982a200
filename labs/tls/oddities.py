"""The sandbox's hosts with something wrong, by the names that `--bad` takes."""

from __future__ import annotations

from labctl.sandbox.town_sites import WRONG_CERTIFICATES

LOOK_ALIKE_HOST = "www.sh0p.test"
# Those whose certificate is wrong, then those with other oddities.
WRONG = WRONG_CERTIFICATES
ODD = ("look-alike", "tls12", "no-alpn", "reset-on-sni", "no-tls")
NAMES = ("all", *WRONG, *ODD)


def host_of(name: str) -> str:
    """The host that has it."""
    return LOOK_ALIKE_HOST if name == "look-alike" else f"{name}.tls.test"
