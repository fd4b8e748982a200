"""Certificates as facts, the chain that a client builds of them, and why one was refused.

The cryptography is the library's; who issued whom is decided by names and signatures (RFC 5280 section 6.1).
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from cryptography import x509

DEEPEST = 8
# X509_V_ERR_* of OpenSSL (x509_vfy.h), by the name of the reason that we give.
EXPIRED, NOT_YET, SELF_SIGNED, ROOT_NOT_TRUSTED, WRONG_PURPOSE = 10, 9, 18, 19, 26
NO_ISSUER = (2, 20, 21)
WEAK = (66, 67, 68)
WRONG_NAME = (62, 64)


@dataclass(frozen=True)
class Certificate:
    """One certificate, read when something is asked of it. Raises ValueError for DER that is none."""

    der: bytes

    @cached_property
    def x509(self) -> x509.Certificate:
        from cryptography import x509

        return x509.load_der_x509_certificate(self.der)

    @property
    def name(self) -> str:
        """What to call it: its common name, else its unit, else its organisation."""
        return called(self.x509.subject)

    @property
    def issuer(self) -> str:
        """What its issuer is called."""
        return called(self.x509.issuer)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names and addresses in subjectAltName."""
        from cryptography import x509

        try:
            found = self.x509.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        except (x509.ExtensionNotFound, ValueError):
            return ()
        names = found.get_values_for_type(x509.DNSName)
        return (*names, *map(str, found.get_values_for_type(x509.IPAddress)))

    @property
    def from_(self) -> datetime.datetime:
        return self.x509.not_valid_before_utc

    @property
    def until(self) -> datetime.datetime:
        return self.x509.not_valid_after_utc

    @property
    def key(self) -> str:
        """`ECDSA P-256`, `RSA 2,048 bits`, ..."""
        from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

        key = self.x509.public_key()
        if isinstance(key, rsa.RSAPublicKey):
            return f"RSA {key.key_size:,} bits"
        if isinstance(key, ec.EllipticCurvePublicKey):
            return f"ECDSA {key.curve.name.replace('secp256r1', 'P-256').replace('secp384r1', 'P-384')}"
        return "Ed25519" if isinstance(key, ed25519.Ed25519PublicKey) else type(key).__name__

    @property
    def self_issued(self) -> bool:
        return self.x509.subject == self.x509.issuer

    def issued_by(self, other: Certificate) -> bool:
        """Whether the other's name and key are those of the issuer."""
        if self.x509.issuer != other.x509.subject:
            return False
        try:
            self.x509.verify_directly_issued_by(other.x509)
        except Exception:  # an algorithm that is not known here, a signature that is wrong
            return False
        return True


def called(name: x509.Name, *, whole: bool = False) -> str:
    """A name of X.500 in few words; `whole` adds whose it is."""
    from cryptography.x509.oid import NameOID

    kinds = (NameOID.COMMON_NAME, NameOID.ORGANIZATIONAL_UNIT_NAME, NameOID.ORGANIZATION_NAME)
    found = [str(each[0].value) for kind in kinds if (each := name.get_attributes_for_oid(kind))]
    if not found:
        return name.rfc4514_string() or "nobody"
    return f"{found[0]} ({found[-1]})" if whole and len(found) > 1 else found[0]


class Chain(NamedTuple):
    """What was sent, the path from the leaf as far as it leads, and the root of ours at its end, if it has one."""

    sent: tuple[Certificate, ...]
    path: tuple[Certificate, ...]
    root: Certificate | None

    @property
    def unused(self) -> tuple[Certificate, ...]:
        """What was sent and leads nowhere."""
        return tuple(c for c in self.sent if c not in self.path)

    @property
    def missing(self) -> str:
        """Whose certificate is not there; "" when the path is complete or ends at one that signed itself."""
        if self.root is not None or not self.path or self.path[-1].self_issued:
            return ""
        return self.path[-1].issuer


def read_chain(sent: Sequence[bytes], trusted: Sequence[bytes]) -> Chain:
    """Build the path as a client does: roots of its own first, then what was sent. Raises ValueError for no DER."""
    certificates = tuple(Certificate(der) for der in sent)
    if not certificates:
        return Chain((), (), None)
    ours = [Certificate(der) for der in trusted]
    path = [certificates[0]]
    while len(path) < DEEPEST:
        last = path[-1]
        if last.self_issued:
            break
        above = next((c for c in (*ours, *certificates) if c not in path and last.issued_by(c)), None)
        if above is None:
            break
        path.append(above)
    if path[-1] in ours:
        return Chain(certificates, tuple(path), path[-1])
    return Chain(certificates, tuple(path), None)


def gap(chain: Chain) -> str:
    """What lies between what was sent and what is trusted, in a sentence."""
    if not chain.sent:
        return "The server sent no certificate."
    if chain.missing:
        return f"The path ends in the air: the certificate of {chain.missing} was not sent, and is no root of ours."
    if chain.root is None:
        return f"The path ends at {chain.path[-1].name}, which signed itself and is no root of ours."
    if chain.root in chain.sent:
        return (
            f"{chain.root.name} was sent too; that was not needed: it is trusted because we have it already."
        )
    return (
        f"{chain.root.name} was not sent and need not be: the client has it already, and trusts it for that."
    )


class Reason(NamedTuple):
    """Why a certificate is refused: a kebab-case word, a sentence of this very case, and what mends it."""

    word: str
    sentence: str
    fix: str


def reason(code: int, words: str, chain: Chain, host: str, at: float) -> Reason:
    """From OpenSSL's verify code and the certificates. `at` is the date, POSIX seconds."""
    leaf = chain.sent[0] if chain.sent else None
    if leaf is None:
        return Reason("refused", f"OpenSSL says: {words}.", "Look at the certificate.")
    if code == EXPIRED:
        bad = _first(chain, lambda c: c.until.timestamp() < at) or leaf
        days = _days(at - bad.until.timestamp())
        return Reason(
            "expired",
            f"The certificate of {bad.name} was good until {day(bad.until)}, {days} ago.",
            "Renew it, and let a program renew it from now on: an ACME client such as certbot.",
        )
    if code == NOT_YET:
        bad = _first(chain, lambda c: c.from_.timestamp() > at) or leaf
        days = _days(bad.from_.timestamp() - at)
        return Reason(
            "not-yet-valid",
            f"The certificate of {bad.name} begins on {day(bad.from_)}, in {days}.",
            "Look at this machine's clock first; if it is right, the issuer's was wrong: get a new one.",
        )
    if code in WRONG_NAME and not leaf.names:
        return Reason(
            "name-in-cn",
            f"The certificate has no subjectAltName; {leaf.name} is its common name, and that does not count.",
            f"Get one with {host} in subjectAltName (openssl req -addext subjectAltName=DNS:{host}).",
        )
    if code in WRONG_NAME:
        return Reason(
            "wrong-name",
            f"The certificate is for {', '.join(leaf.names[:4])}{' and others' if len(leaf.names) > 4 else ''}, "
            f"and {host} was asked for.",
            f"Get one that names {host}, or ask for a name that it has.",
        )
    if code == SELF_SIGNED:
        return Reason(
            "self-signed",
            "The certificate is signed with its own key: anybody can make such a one.",
            "Get one from an authority (Let's Encrypt, free); at home, make one with mkcert.",
        )
    if code in WEAK:
        weak = leaf.key if code == WEAK[0] else "an old signature"
        return Reason(
            "weak",
            f"The key is too weak: {weak}. OpenSSL wants 112 bits of security, as RSA with 2,048 bits has.",
            "Make a new key, ECDSA P-256 or RSA with 2,048 bits, and a new certificate with it.",
        )
    if code == WRONG_PURPOSE:
        return Reason(
            "wrong-purpose",
            "The certificate is not for TLS servers: its extendedKeyUsage does not name serverAuth.",
            "Get one for servers; this one is for clients, mail or code.",
        )
    if code in NO_ISSUER and len(chain.sent) == 1:
        return Reason(
            "missing-intermediate",
            f"The server sent only its own certificate; that of its issuer, {leaf.issuer}, is missing.",
            "Send the whole chain: fullchain.pem instead of cert.pem in the server's configuration.",
        )
    if code in (*NO_ISSUER, ROOT_NOT_TRUSTED):
        end = chain.path[-1]
        top = called(end.x509.subject if end.self_issued else end.x509.issuer, whole=True)
        if end.self_issued:
            return Reason(
                "untrusted-root",
                f"The chain ends at {top}. It was sent along, and that adds nothing: the client does not know it.",
                "Let the client have this root by another way, if it is yours; else use a known authority.",
            )
        return Reason(
            "unknown-issuer",
            f"The chain leads to {top}, which is no root of this client's.",
            "Use an authority that clients know; in a company, give its root to every client.",
        )
    return Reason(
        f"openssl-{code}", f"OpenSSL says: {words.rstrip('.')}.", "See openssl-verification-options(1)."
    )


def day(moment: datetime.datetime) -> str:
    """`2026-11-24`."""
    return f"{moment:%Y-%m-%d}"


def _first(chain: Chain, wrong: object) -> Certificate | None:
    assert callable(wrong)
    return next((c for c in (*chain.path, *chain.sent) if wrong(c)), None)


def _days(seconds: float) -> str:
    days = int(seconds // 86400)
    if days >= 1:
        return f"{days} day{'s' if days > 1 else ''}"
    return "less than a day"
