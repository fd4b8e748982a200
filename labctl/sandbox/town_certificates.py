"""The certificates of the town's sites: a root, an intermediate below it, and leaves, good ones and wrong ones.

trustme makes the authorities and every leaf that is right in form; what it refuses to make is made of the same
authorities' keys by cryptography. Keys are ECDSA P-256, and new for every run: nobody outside of it trusts them.
"""

from __future__ import annotations

import datetime
import functools
import threading
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import ssl

    import trustme
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

OPERATOR = "labctl sandbox"
_DAY = 86_400.0
# Good leaves are as old and last as long as free ones of the real world.
_AGE, _LIFETIME = 7 * _DAY, 90 * _DAY


class Leaf(NamedTuple):
    """PEM texts: `chain` is what the server sends, leaf first; `key` is the leaf's. `until` in POSIX seconds."""

    chain: str
    key: str
    until: float


class Certificates:
    """The authorities, and a leaf for each host and kind, made when first asked for. Threads may share it.

    `date` is the town's date, in POSIX seconds; `today` the machine's, which a TLS library judges by.
    """

    def __init__(self, date: Callable[[], float], today: Callable[[], float] = time.time) -> None:
        self._date = date
        self._today = today
        self._lock = threading.RLock()
        self._leaves: dict[tuple[str, str], Leaf] = {}

    @functools.cached_property
    def root(self) -> trustme.CA:
        """What clients trust."""
        import trustme

        return trustme.CA(path_length=1, organization_name=OPERATOR, organization_unit_name="Root CA")

    @functools.cached_property
    def intermediate(self) -> trustme.CA:
        """What signs the leaves; a server sends it along."""
        import trustme

        return trustme.CA(
            self.root, path_length=0, organization_name=OPERATOR, organization_unit_name="Issuing CA 1"
        )

    @property
    def root_pem(self) -> str:
        """The root's certificate as PEM text."""
        with self._lock:
            return self.root.cert_pem.bytes().decode("ascii")

    def leaf(self, host: str, kind: str = "good") -> Leaf:
        """The certificate of this host; made anew a week before it ends. Raises KeyError for an unknown kind."""
        with self._lock:
            found = self._leaves.get((host, kind))
            if found is None or found.until - self._date() < _AGE < found.until - self._today():
                found = self._leaves[host, kind] = KINDS[kind](self, host)
            return found

    def issued(
        self, *names: str, by: trustme.CA | None = None, days: tuple[float, float] | None = None
    ) -> Leaf:
        """A leaf for these names. `days` are its beginning and end, counted from today and from the town's date."""
        begins, ends = days or (-_AGE / _DAY, _LIFETIME / _DAY)
        until = (self._today() if ends < 0 else self._date()) + ends * _DAY
        leaf = (by or self.intermediate).issue_cert(
            *names,
            common_name=names[0],
            organization_name=OPERATOR,
            organization_unit_name="Sites",
            not_before=_moment((self._today() if begins < 0 else self._date()) + begins * _DAY),
            not_after=_moment(until),
        )
        chain = "".join(pem.bytes().decode("ascii") for pem in leaf.cert_chain_pems)
        return Leaf(chain, leaf.private_key_pem.bytes().decode("ascii"), until)


def _rsa(certificates: Certificates, host: str) -> Leaf:
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return _by_hand(certificates, host, names=(host,), key=key)


def _unknown_issuer(certificates: Certificates, host: str, *, with_root: bool = False) -> Leaf:
    import trustme

    stranger = trustme.CA(path_length=1, organization_name="Nobody's", organization_unit_name="Root CA")
    by = trustme.CA(
        stranger, path_length=0, organization_name="Nobody's", organization_unit_name="Issuing CA"
    )
    leaf = certificates.issued(host, by=by)
    root = stranger.cert_pem.bytes().decode("ascii") if with_root else ""
    return leaf._replace(chain=leaf.chain + root)


def _missing_intermediate(certificates: Certificates, host: str) -> Leaf:
    leaf = certificates.issued(host)
    end = "-----END CERTIFICATE-----\n"
    return leaf._replace(chain=leaf.chain.partition(end)[0] + end)


def _self_signed(certificates: Certificates, host: str) -> Leaf:
    return _by_hand(certificates, host, names=(host,), self_signed=True)


def _weak(certificates: Certificates, host: str) -> Leaf:
    from cryptography.hazmat.primitives.asymmetric import rsa

    # 80 bits of security; OpenSSL at level 2, its default nearly everywhere, wants 112.
    key = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505
    return _by_hand(certificates, host, names=(host,), key=key)


def _wrong_purpose(certificates: Certificates, host: str) -> Leaf:
    return _by_hand(certificates, host, names=(host,), for_servers=False)


def _name_in_cn(certificates: Certificates, host: str) -> Leaf:
    return _by_hand(certificates, host, names=())


def _by_hand(
    certificates: Certificates,
    host: str,
    *,
    names: tuple[str, ...],
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | None = None,
    for_servers: bool = True,
    self_signed: bool = False,
) -> Leaf:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID

    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = _subject(host)
    issuer_pem = certificates.intermediate.cert_pem.bytes()
    issuer = x509.load_pem_x509_certificate(issuer_pem)
    signer = serialization.load_pem_private_key(certificates.intermediate.private_key_pem.bytes(), None)
    assert isinstance(signer, ec.EllipticCurvePrivateKey)
    until = certificates._date() + _LIFETIME
    purpose = ExtendedKeyUsageOID.SERVER_AUTH if for_servers else ExtendedKeyUsageOID.CLIENT_AUTH
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if self_signed else issuer.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_moment(certificates._today() - _AGE))
        .not_valid_after(_moment(until))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
    )
    if not self_signed:
        # Python from 3.13 on insists on it (VERIFY_X509_STRICT, RFC 5280 section 4.2.1.1).
        authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
        builder = builder.add_extension(authority, critical=False)
    if names:
        alternatives = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
        builder = builder.add_extension(alternatives, critical=False)
    leaf = builder.sign(key if self_signed else signer, hashes.SHA256())
    chain = leaf.public_bytes(serialization.Encoding.PEM) + (b"" if self_signed else issuer_pem)
    pkcs8 = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return Leaf(chain.decode("ascii"), pkcs8.decode("ascii"), until)


def _subject(host: str) -> x509.Name:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, OPERATOR),
            x509.NameAttribute(NameOID.COMMON_NAME, host),
        ]
    )


def _moment(posix: float) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(posix, datetime.UTC)


Make = Callable[[Certificates, str], Leaf]

KINDS: Mapping[str, Make] = MappingProxyType(
    {
        # Several names with commas between share a certificate.
        "good": lambda c, host: c.issued(*host.split(",")),
        # The key that an old key exchange needs.
        "rsa": _rsa,
        # Right in every respect but for whom people take it for.
        "look-alike": lambda c, host: c.issued(host),
        "expired": lambda c, host: c.issued(host, days=(-97, -7)),
        "not-yet-valid": lambda c, host: c.issued(host, days=(7, 97)),
        "wrong-name": lambda c, host: c.issued("www.somebody-else.test"),
        "unknown-issuer": _unknown_issuer,
        "untrusted-root": lambda c, host: _unknown_issuer(c, host, with_root=True),
        "missing-intermediate": _missing_intermediate,
        "self-signed": _self_signed,
        "weak": _weak,
        "wrong-purpose": _wrong_purpose,
        "name-in-cn": _name_in_cn,
    }
)


def server_context(
    leaf: Leaf,
    *,
    protocols: tuple[str, ...] = (),
    versions: tuple[str, str] = ("1.2", "1.3"),
    weak: bool = False,
) -> ssl.SSLContext:
    """A server's context that sends this chain and offers these protocols by ALPN, best first.

    `weak` lets OpenSSL load a key that it would refuse.
    """
    import ssl
    import tempfile
    from pathlib import Path

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version, context.maximum_version = (
        ssl.TLSVersion[f"TLSv{version.replace('.', '_')}"] for version in versions
    )
    if weak:
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
    if protocols:
        context.set_alpn_protocols(list(protocols))
    # OpenSSL by way of Python loads a key from a file only; the directory is private and gone at once.
    with tempfile.TemporaryDirectory(prefix="labctl-") as folder:
        chain, key = Path(folder, "chain.pem"), Path(folder, "key.pem")
        chain.write_text(leaf.chain)
        key.write_text(leaf.key)
        context.load_cert_chain(chain, key)
    return context
