"""Faults of the whole journey: each refutes one sentence of the url lab.

Habits of the client and of the wire are followed by the lab (labs/url/conditions.py), `told` is what applications
say under those of the servers.
"""

from __future__ import annotations

from labctl.protocols.http1_fields import get, without
from labctl.sandbox.site import Piece, SiteAnswer
from labctl.sandbox.web_fault import WebFault

URL_FAULTS: tuple[WebFault, ...] = (
    WebFault(
        "client-remembers-nothing",
        "The client closes its connections after each visit and forgets names, HSTS and copies.",
        ("client-remembers-nothing",),
    ),
    WebFault(
        "nothing-stays-fresh",
        "The shop says no-store about its style sheets and images.",
        ("assets-no-store",),
    ),
    WebFault(
        "first-syn-lost",
        "The wire loses the first segment of each connection to a web server; it is sent again a second later.",
        ("first-syn-lost",),
    ),
    WebFault(
        "connections-coalesced",
        "Sites at one address share a certificate, and the client uses one connection of HTTP/2 for them all.",
        ("one-certificate", "client-coalesces"),
    ),
    WebFault(
        "one-address-at-a-time",
        "The client tries the next address only when the one before has timed out.",
        ("client-one-at-a-time",),
    ),
    WebFault(
        "window-of-two",
        "The servers' kernel begins with two segments, as was usual before RFC 6928.",
        ("window-of-two",),
    ),
    WebFault(
        "slow-after-the-head",
        "Slow views send their head at once and think while they write the body.",
        ("slow-body",),
    ),
)


def told(answer: SiteAnswer, habits: frozenset[str]) -> SiteAnswer:
    """What goes out of an application's answer under these habits."""
    if "assets-no-store" in habits and "max-age" in (get(answer.fields, "Cache-Control") or ""):
        fields = (*without(answer.fields, "Cache-Control"), ("Cache-Control", "no-store"))
        answer = answer._replace(fields=fields)
    if "slow-body" in habits and answer.wait_s and isinstance(answer.body, bytes):
        answer = answer._replace(wait_s=0.0, body=(Piece(answer.wait_s, answer.body),))
    return answer
