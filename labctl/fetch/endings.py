"""Why a visit ended early, in sentences. Pure functions from what was seen to words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from labctl.fetch.connecting import Connected
    from labctl.fetch.legs import Leg
    from labctl.fetch.secure import Secured
    from labctl.protocols.url import Url


def not_connected(connected: Connected) -> str:
    """Which addresses were tried, and what became of each."""
    words = {
        "timeout": "did not answer",
        "refused": "refused the connection",
        "unreachable": "cannot be reached",
        "reset": "reset the connection",
    }
    tried = [
        f"{attempt.address} {words.get(attempt.outcome, attempt.outcome)}"
        + (f" ({attempt.detail})" if attempt.detail and attempt.outcome == "unreachable" else "")
        for attempt in connected.attempts
    ]
    return f"No connection to port {connected.port}: {'; '.join(tried) or connected.detail}."


def not_secured(secured: Secured) -> str:
    """Why there is no TLS, with the reason of the library or the peer."""
    words = {
        "certificate": "The certificate was refused",
        "alert": "The handshake ended with an alert",
        "reset": "The server reset the connection in the middle of the handshake",
        "timeout": "The handshake did not end in time",
        "closed": "The handshake was cut off",
        "not-tls": "The server does not speak TLS on this port",
    }
    said = words.get(secured.failure, f"The handshake failed ({secured.failure})")
    reason = secured.reason.rstrip(".")
    return f"{said}: {reason}." if reason else f"{said}."


def too_many(legs: list[Leg], there: Url) -> str:
    """Why a chain of redirects is followed no further; `there` is where it would have gone on."""
    seen = [leg.url.text for leg in legs]
    if there.text in seen or len(set(seen)) < len(seen):
        return (
            f"The redirects go round in a circle: after {len(legs)} requests the next would be {there} again."
        )
    return f"After {len(legs)} requests the response is still a redirect, to {there}."
