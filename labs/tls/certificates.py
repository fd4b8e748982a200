"""Certificates as facts, and the chain that a client builds of them.

The cryptography is the library's; who issued whom is decided by names and signatures (RFC 5280 section 6.1). What a
certificate says of itself is a stranger's: names come out printable and cut to a length that can be shown.
"""

from __future__ import annotations

import datetime
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from labs.words import count

if TYPE_CHECKING:
    from cryptography import x509

# The longest path that OpenSSL builds.
DEEPEST = 100
LONGEST_NAME = 64
_UNREADABLE = "one that cannot be read"


def printable(text: str, most: int = LONGEST_NAME) -> str:
    """Words of a stranger on one line: escapes for what cannot be printed, and no more than `most` characters."""
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
    return shown if len(shown) <= most else f"{shown[: most // 2]}...{shown[3 - most // 2 :]}"


@dataclass(frozen=True)
class Certificate:
    """One certificate, read when something is asked of it: all but `name` and `issued_by` of one that is `readable`."""

    der: bytes

    @cached_property
    def x509(self) -> x509.Certificate:
        from cryptography import x509

        with warnings.catch_warnings():
            # Old roots with a serial number or parameters that the library will refuse one day.
            warnings.simplefilter("ignore")
            return x509.load_der_x509_certificate(self.der)

    @cached_property
    def readable(self) -> bool:
        """Whether the library can read it: OpenSSL forgives more."""
        try:
            return bool(self.x509.subject is not None and self.x509.issuer is not None and self.until)
        except Exception:  # whatever a stranger's bytes may lead to
            return False

    @property
    def name(self) -> str:
        """What to call it: its common name, else its unit, else its organisation."""
        return called(self.x509.subject) if self.readable else _UNREADABLE

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
        except Exception:  # no such extension, or one that cannot be read
            return ()
        names = map(printable, found.get_values_for_type(x509.DNSName))
        return (*names, *map(str, found.get_values_for_type(x509.IPAddress)))

    @property
    def issuer_at(self) -> str:
        """Where the issuer's certificate can be fetched (RFC 5280 section 4.2.2.1), or ""."""
        from cryptography import x509
        from cryptography.x509.oid import AuthorityInformationAccessOID as Access

        try:
            found = self.x509.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
            places = [str(a.access_location.value) for a in found if a.access_method == Access.CA_ISSUERS]
        except Exception:  # no such extension, or one that cannot be read
            return ""
        return next((printable(place, 100) for place in places if place.startswith("http")), "")

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

        try:
            key = self.x509.public_key()
        except Exception:  # a kind that the library does not know
            return "a kind that is not known here"
        if isinstance(key, rsa.RSAPublicKey):
            return f"RSA {key.key_size:,} bits"
        if isinstance(key, ec.EllipticCurvePublicKey):
            return f"ECDSA {key.curve.name.replace('secp256r1', 'P-256').replace('secp384r1', 'P-384')}"
        if isinstance(key, ed25519.Ed25519PublicKey):
            return "Ed25519"
        return type(key).__name__.strip("_").removesuffix("PublicKey")

    @cached_property
    def self_signed(self) -> bool:
        """Whether it was signed with its own key."""
        return self.issued_by(self)

    def issued_by(self, other: Certificate) -> bool:
        """Whether the other's name and key are those of the issuer."""
        if not (self.readable and other.readable) or self.x509.issuer != other.x509.subject:
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
        return printable(name.rfc4514_string()) or "nobody"
    return printable(f"{found[0]} ({found[-1]})" if whole and len(found) > 1 else found[0])


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
    def twice(self) -> tuple[Certificate, ...]:
        """What was sent more than once."""
        return tuple(dict.fromkeys(c for c in self.sent if self.sent.count(c) > 1))

    @property
    def ordered(self) -> bool:
        """Whether each was sent before the one that issued it."""
        used = [c for c in dict.fromkeys(self.sent) if c in self.path]
        return used == sorted(used, key=self.path.index)

    @property
    def missing(self) -> str:
        """Whose certificate is not there; "" when the path is complete or ends at one that signed itself."""
        if self.root is not None or not self.path or not self.path[-1].readable or self.path[-1].self_signed:
            return ""
        return self.path[-1].issuer


def read_chain(sent: Sequence[bytes], trusted: Sequence[bytes]) -> Chain:
    """Build the path as a client does: roots of its own first, then what was sent."""
    certificates = tuple(Certificate(der) for der in sent)
    if not certificates:
        return Chain((), (), None)
    ours = [Certificate(der) for der in trusted]
    known: dict[x509.Name, list[Certificate]] = {}
    for each in (*ours, *certificates):
        if each.readable:
            known.setdefault(each.x509.subject, []).append(each)
    path = [certificates[0]]
    while len(path) < DEEPEST + 2 and path[-1].readable and not path[-1].self_signed:
        last = path[-1]
        above = next(
            (c for c in known.get(last.x509.issuer, ()) if c not in path and last.issued_by(c)), None
        )
        if above is None:
            break
        path.append(above)
    return Chain(certificates, tuple(path), path[-1] if path[-1] in ours else None)


def gap(chain: Chain) -> str:
    """What lies between what was sent and what is trusted, and what should not have been sent so; in sentences."""
    if not chain.sent:
        return "The server sent no certificate."
    return " ".join((_end(chain), *_surplus(chain)))


def _end(chain: Chain) -> str:
    if not chain.path[-1].readable:
        return "The path ends at a certificate that cannot be read here."
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


def _surplus(chain: Chain) -> list[str]:
    found = []
    if chain.twice:
        found.append(f"{chain.twice[0].name} was sent {count(chain.sent.count(chain.twice[0]), 'time')}.")
    if chain.unused:
        more = f" and {len(chain.unused) - 1} more" if len(chain.unused) > 1 else ""
        found.append(
            f"{chain.unused[0].name}{more} belongs to no step of the path, and was sent for nothing."
        )
    if not chain.ordered:
        found.append(
            "They were sent in another order than they build on each other; most clients forgive that."
        )
    return found


def days_between(earlier: float, later: float) -> int:
    """Days from one date to another (UTC), both POSIX seconds: tomorrow is 1, whatever the hour."""
    dates = (datetime.datetime.fromtimestamp(at, datetime.UTC).date() for at in (earlier, later))
    first, last = dates
    return (last - first).days


def day(moment: datetime.datetime) -> str:
    """`2026-11-24`."""
    return f"{moment:%Y-%m-%d}"
