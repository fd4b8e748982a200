"""Why a certificate was refused, in words of this very case, and what its owner does about it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from labctl.protocols.ip_addresses import is_address
from labs.tls.certificates import Certificate, Chain, called, day, days_between
from labs.words import count

# X509_V_ERR_* of OpenSSL (x509_vfy.h).
EXPIRED, NOT_YET, SELF_SIGNED, ROOT_NOT_TRUSTED, WRONG_PURPOSE = 10, 9, 18, 19, 26
NO_ISSUER = (2, 20, 21)
WEAK_KEY, WEAK_AUTHORITY, WEAK_HASH = 66, 67, 68
WRONG_NAME = (62, 64)
NO_AUTHORITY, NOT_PERMITTED, EXCLUDED = 24, 47, 48


class Reason(NamedTuple):
    """Why a certificate is refused: a kebab-case word, a sentence of this very case, and what mends it."""

    word: str
    sentence: str
    fix: str


def reason(code: int, words: str, chain: Chain, host: str, at: float) -> Reason:
    """From OpenSSL's verify code and the certificates. `at` is the date, POSIX seconds."""
    leaf = chain.sent[0] if chain.sent else None
    if leaf is None or not leaf.readable:
        return Reason("refused", f"OpenSSL says: {words.rstrip('.')}.", "Look at the certificate.")
    if code == EXPIRED:
        return _expired(chain, leaf, at)
    if code == NOT_YET:
        bad = _first(chain, lambda c: c.from_.timestamp() > at) or leaf
        days = days_between(at, bad.from_.timestamp())
        when = f"in {count(days, 'day')}" if days else f"later today, at {bad.from_:%H:%M} UTC"
        return Reason(
            "not-yet-valid",
            f"The certificate of {bad.name} begins on {day(bad.from_)}, {when}.",
            "Look at this machine's clock first; if it is right, the issuer's was wrong: get a new one.",
        )
    if code in WRONG_NAME:
        return _wrong_name(leaf, host)
    if code == SELF_SIGNED and leaf.self_signed:
        return Reason(
            "self-signed",
            "The certificate is signed with its own key: anybody can make such a one.",
            "Get one from an authority (Let's Encrypt, free); at home, make one with mkcert.",
        )
    if code in (*NO_ISSUER, SELF_SIGNED, ROOT_NOT_TRUSTED):
        return _no_root(chain, leaf)
    return _rare(code, words, chain, leaf, host)


def _expired(chain: Chain, leaf: Certificate, at: float) -> Reason:
    bad = _first(chain, lambda c: c.until.timestamp() < at) or leaf
    ago = days_between(bad.until.timestamp(), at)
    when = f"{count(ago, 'day')} ago" if ago else f"earlier today, at {bad.until:%H:%M} UTC"
    sentence = f"The certificate of {bad.name} was good until {day(bad.until)}, {when}."
    if bad == leaf:
        fix = (
            "Renew it, and let a program renew it from now on: an ACME client such as certbot. If it was renewed "
            "already, reload the server: it still has the old one in memory."
        )
    elif bad == chain.root:
        fix = (
            "It is a root of this machine's: update the machine's certificates (the package ca-certificates)."
        )
    else:
        fix = f"The server's own is good. Send the newer certificate of {bad.name}: that of today's fullchain.pem."
    return Reason("expired", sentence, fix)


def _wrong_name(leaf: Certificate, host: str) -> Reason:
    if not leaf.names:
        return Reason(
            "name-in-cn",
            f"The certificate has no subjectAltName; {leaf.name} is its common name, and that does not count.",
            f"Get one with {host} in subjectAltName (openssl req -addext subjectAltName=DNS:{host}).",
        )
    others = " and others" if len(leaf.names) > 4 else ""
    sentence = f"The certificate is for {', '.join(leaf.names[:4])}{others}, and {host} was asked for."
    wildcard = next((n for n in leaf.names if n[:2] == "*." and f".{host}".endswith(n[1:].lower())), "")
    if is_address(host):
        fix = "Ask with a name that it has; an address counts where the certificate has it as an address."
    elif wildcard:
        sentence += f" The star of {wildcard} stands for exactly one label."
        fix = f"Get one that names {host} too."
    else:
        fix = (
            f"If {host} has one of its own, the server took another site's: look at server_name in nginx, at "
            f"ServerName in Apache. Else get one that names {host}."
        )
    return Reason("wrong-name", sentence, fix)


def _no_root(chain: Chain, leaf: Certificate) -> Reason:
    """The path does not end at a root of the client's."""
    end = chain.path[-1]
    if end.readable and end.self_signed:
        return Reason(
            "untrusted-root",
            f"The chain ends at {called(end.x509.subject, whole=True)}. It was sent along, and that adds nothing: "
            "the client does not know it.",
            "Let the client have this root by another way, if it is yours; else use a known authority.",
        )
    if end == leaf:
        number = count(len(chain.sent), "certificate")
        sent = f"{number}, and the one that issued its own, {leaf.issuer}, is not among them"
        if len(set(chain.sent)) == 1:
            sent = f"only its own certificate; that of its issuer, {leaf.issuer}, is missing"
        place = f" The missing one is at {leaf.issuer_at}" if leaf.issuer_at else ""
        return Reason(
            "missing-intermediate",
            f"The server sent {sent}.",
            "Send the whole chain: fullchain.pem, not cert.pem, in ssl_certificate of nginx or SSLCertificateFile "
            f"of Apache. If {leaf.issuer} is a root of your own, give it to the clients.{place}",
        )
    top = called(end.x509.issuer, whole=True) if end.readable else end.name
    return Reason(
        "unknown-issuer",
        f"The chain leads to {top}, which is no root of this client's.",
        "Use an authority that clients know; in a company, give its root to every client. If clients do know it, "
        "one more certificate is missing: send the whole fullchain.pem.",
    )


def _rare(code: int, words: str, chain: Chain, leaf: Certificate, host: str) -> Reason:
    if code == WRONG_PURPOSE:
        return Reason(
            "wrong-purpose",
            "The certificate is not for TLS servers: its extendedKeyUsage does not name serverAuth.",
            "Get one for servers; this one is for clients, mail or code.",
        )
    if code == WEAK_KEY:
        return Reason(
            "weak",
            f"The key is too weak: {leaf.key}. OpenSSL wants 112 bits of security, as RSA with 2,048 bits has.",
            "Make a new key, ECDSA P-256 or RSA with 2,048 bits, and a new certificate with it.",
        )
    if code == WEAK_AUTHORITY:
        above = ", ".join(f"{c.name}: {c.key}" for c in chain.path[1:3])
        return Reason(
            "weak",
            f"The key of an authority above it is too weak ({above}).",
            "Get a certificate from an authority with keys of today: RSA with 2,048 bits, or ECDSA.",
        )
    if code == WEAK_HASH:
        return Reason(
            "weak",
            "A signature in the chain is made with an old hash such as SHA-1: another certificate could share it.",
            "Get a new certificate: authorities sign with SHA-256 today.",
        )
    if code == NO_AUTHORITY:
        above = ", ".join(c.name for c in chain.path[1:3])
        return Reason(
            "issuer-is-no-authority",
            f"A certificate above it may not issue any: its basicConstraints do not say CA ({above}).",
            "Get one from an authority; a server's own certificate cannot sign another.",
        )
    if code in (NOT_PERMITTED, EXCLUDED):
        return Reason(
            "name-not-permitted",
            f"An authority in the chain may not issue for {host}: its nameConstraints say for which names it may.",
            "Get one from an authority that may issue for this name.",
        )
    return Reason(
        f"openssl-{code}", f"OpenSSL says: {words.rstrip('.')}.", "See openssl-verification-options(1)."
    )


def _first(chain: Chain, wrong: Callable[[Certificate], bool]) -> Certificate | None:
    return next((c for c in (*chain.path, *chain.sent) if c.readable and wrong(c)), None)
