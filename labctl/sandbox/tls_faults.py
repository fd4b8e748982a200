"""Faults of connections under TLS: each refutes one sentence of the tls lab.

Habits of servers are put into their contexts by `tls_habits`; those of the client are the lab's own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from labctl.sandbox.town import Town
from labctl.sandbox.web_fault import WebFault

if TYPE_CHECKING:
    import ssl

SHOP = "www.shop.test"


def tls_habits(context: ssl.SSLContext, habits: frozenset[str]) -> None:
    """Make a server's context behave so."""
    import ssl

    if "hello-retry" in habits:
        # Clients offer a key share for another group, and have to send a second one.
        context.set_ecdh_curve("secp384r1")
    if "no-tickets" in habits:
        context.options |= ssl.OP_NO_TICKET
        context.num_tickets = 0
    if "rsa-key-exchange" in habits:
        # TLS 1.3 has no such thing; below it the client's secret goes to the certificate's RSA key.
        context.set_ciphers("AES128-GCM-SHA256")


def _without_alpn(town: Town) -> Town:
    return town.with_site(SHOP, lambda site: site._replace(protocols=()))


def _rsa(town: Town) -> Town:
    return town.with_site(
        SHOP, lambda site: site._replace(certificate="rsa", habits=site.habits | {"rsa-key-exchange"})
    )


def _no_look_alikes(town: Town) -> Town:
    return town.with_site("www.sh0p.test", lambda site: site._replace(certificate="self-signed"))


TLS_FAULTS: tuple[WebFault, ...] = (
    WebFault(
        "hello-retry",
        "The servers take a group for which clients send no key share at once.",
        ("hello-retry",),
    ),
    WebFault("no-tickets", "The servers remember no session and give out no tickets.", ("no-tickets",)),
    WebFault(
        "client-without-sni",
        "The client does not tell the name of the server in its ClientHello.",
        ("client-without-sni",),
    ),
    WebFault("alpn-left-out", "www.shop.test does not answer to ALPN.", apply=_without_alpn),
    WebFault(
        "rsa-key-exchange",
        "Below TLS 1.3 www.shop.test takes the secret encrypted to its RSA key, and the client does it.",
        ("client-sends-secret-to-rsa",),
        _rsa,
    ),
    WebFault(
        "client-knows-intermediates",
        "The client has the intermediate certificates of the town, as some browsers have those of the world.",
        ("client-knows-intermediates",),
    ),
    WebFault(
        "client-reads-common-name",
        "The client takes the common name where a certificate has no subjectAltName.",
        ("client-reads-common-name",),
    ),
    WebFault(
        "client-checks-nothing",
        "The client takes every certificate, as with curl --insecure.",
        ("client-checks-nothing",),
    ),
    WebFault(
        "authority-judges-names",
        "The authority refuses names that look like others; www.sh0p.test has to sign its own.",
        apply=_no_look_alikes,
    ),
    WebFault(
        "edge-encrypts-upstream",
        "The edge of www.shop.test speaks TLS to its origin.",
        ("edge-encrypts-upstream",),
    ),
)
