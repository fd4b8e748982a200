"""Handshake messages of TLS 1.2 and 1.3 (RFC 8446 section 4, RFC 5246 section 7.4), bytes in, facts out.

`read_message` never raises: what is cut short or contradicts itself comes back as `Unreadable` with the reason.
"""

from __future__ import annotations

import zlib
from typing import NamedTuple

from labctl.protocols.tls_extensions import (
    Extension,
    alpn_names,
    chosen_alpn,
    key_shares,
    read_extensions,
    server_name,
)
from labctl.protocols.tls_names import GROUPS, alert_name, handshake_name
from labctl.protocols.tls_vectors import Bytes, Cut

# RFC 8446 section 4.1.3: SHA-256 of "HelloRetryRequest".
RETRY_RANDOM = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
CLIENT_HELLO, SERVER_HELLO, NEW_SESSION_TICKET, ENCRYPTED_EXTENSIONS = 1, 2, 4, 8
CERTIFICATE, SERVER_KEY_EXCHANGE, CERTIFICATE_VERIFY, CLIENT_KEY_EXCHANGE, FINISHED = 11, 12, 15, 16, 20
CERTIFICATE_REQUEST, COMPRESSED_CERTIFICATE = 13, 25
_NAMED_CURVE = 3
_ZLIB = 1
# So much of a compressed certificate message is unpacked: OpenSSL takes no longer one.
_LONGEST_UNPACKED = 100 * 1024


class Unreadable(NamedTuple):
    """A message that could not be read, and why."""

    type: int
    reason: str


class ClientHello(NamedTuple):
    """What the client offers. `key_shares` maps a group to the bytes of its public value; the others list numbers."""

    random: bytes
    session_id: bytes
    ciphers: tuple[int, ...]
    extensions: tuple[Extension, ...]
    server_name: str
    alpn: tuple[str, ...]
    versions: tuple[int, ...]
    groups: tuple[int, ...]
    key_shares: tuple[tuple[int, bytes], ...]
    signatures: tuple[int, ...]
    resumes: bool
    early_data: bool
    encrypted_hello: bool


class ServerHello(NamedTuple):
    """What the server chose. `retry`: it is a HelloRetryRequest, which asks for another key share of `group`."""

    random: bytes
    session_id: bytes
    cipher: int
    extensions: tuple[Extension, ...]
    version: int
    group: int | None
    key_share: bytes
    alpn: str
    resumes: bool
    retry: bool


class EncryptedExtensions(NamedTuple):
    """The rest of the server's choice in TLS 1.3."""

    extensions: tuple[Extension, ...]
    alpn: str


class Certificates(NamedTuple):
    """DER, the sender's own first. `packed` with another way than zlib (RFC 8879), it is not read: `chain` is ()."""

    chain: tuple[bytes, ...]
    packed: bool = False


class KeyExchange(NamedTuple):
    """ServerKeyExchange of TLS 1.2. `group` None: not an elliptic curve by its name."""

    group: int | None


class Ticket(NamedTuple):
    """NewSessionTicket: how long it may be used, in seconds, and its size in bytes."""

    lifetime_s: int
    size: int


class Signed(NamedTuple):
    """CertificateVerify: the scheme of the signature that proves the key."""

    signature: int


class Other(NamedTuple):
    """A message whose inside is of no matter here."""

    type: int
    body: bytes


Message = (
    ClientHello
    | ServerHello
    | EncryptedExtensions
    | Certificates
    | KeyExchange
    | Ticket
    | Signed
    | Other
    | Unreadable
)


class MessageReader:
    """Handshake messages out of the fragments of records: a message may span several, and a record hold several."""

    def __init__(self) -> None:
        self.rest = b""

    def feed(self, fragment: bytes) -> list[tuple[int, bytes]]:
        """(type, body) of the messages that are whole now."""
        self.rest += fragment
        found = []
        while len(self.rest) >= 4:
            length = int.from_bytes(self.rest[1:4], "big")
            if len(self.rest) < 4 + length:
                break
            found.append((self.rest[0], self.rest[4 : 4 + length]))
            self.rest = self.rest[4 + length :]
        return found


def read_message(kind: int, body: bytes, *, tls13: bool) -> Message:
    """One handshake message without its four bytes of header. `tls13` decides the layout of Certificate and tickets."""
    try:
        if kind == CLIENT_HELLO:
            return _client_hello(Bytes(body))
        if kind == SERVER_HELLO:
            return _server_hello(Bytes(body))
        if kind == ENCRYPTED_EXTENSIONS:
            extensions = read_extensions(Bytes(body))
            return EncryptedExtensions(extensions, chosen_alpn(extensions))
        if kind == CERTIFICATE:
            return Certificates(_chain(Bytes(body), tls13))
        if kind == COMPRESSED_CERTIFICATE:
            return _unpacked(Bytes(body))
        if kind == NEW_SESSION_TICKET:
            return _ticket(Bytes(body), tls13)
        if kind == SERVER_KEY_EXCHANGE:
            inside = Bytes(body)
            curve = inside.number(1, "the kind of curve") == _NAMED_CURVE
            group = inside.number(2, "the named curve") if curve else None
            # Diffie-Hellman without a curve begins with a length, of which a byte may look like a kind of curve.
            return KeyExchange(group if group in GROUPS else None)
        if kind == CERTIFICATE_VERIFY:
            return Signed(Bytes(body).number(2, "the signature scheme"))
    except Cut as cut:
        return Unreadable(kind, f"{handshake_name(kind)} is cut short: {cut}.")
    return Other(kind, body)


def certificates_in(message: bytes, *, tls13: bool) -> tuple[bytes, ...]:
    """DER of the certificates in a whole Certificate message, its header included; () when it cannot be read."""
    found = read_message(CERTIFICATE, message[4:], tls13=tls13)
    return found.chain if isinstance(found, Certificates) else ()


def read_alert(fragment: bytes) -> tuple[bool, str] | None:
    """(fatal, name) of an alert in the clear; None when it is not two bytes long."""
    return (fragment[0] == 2, alert_name(fragment[1])) if len(fragment) == 2 else None


def _client_hello(inside: Bytes) -> ClientHello:
    legacy = inside.number(2, "the version")
    random = inside.take(32, "the random")
    session_id = inside.vector(1, "the session id")
    ciphers = inside.numbers(2, "the ciphers")
    inside.vector(1, "the compression methods")
    extensions = read_extensions(inside) if len(inside) else ()
    by_type = {each.type: each.data for each in extensions}
    versions = Bytes(by_type[43]).numbers(1, "supported_versions") if 43 in by_type else (legacy,)
    return ClientHello(
        random,
        session_id,
        ciphers,
        extensions,
        server_name(by_type.get(0)),
        alpn_names(by_type.get(16)),
        versions,
        Bytes(by_type[10]).numbers(2, "supported_groups") if 10 in by_type else (),
        key_shares(by_type.get(51)),
        Bytes(by_type[13]).numbers(2, "signature_algorithms") if 13 in by_type else (),
        41 in by_type or bool(by_type.get(35)),
        42 in by_type,
        65037 in by_type,
    )


def _server_hello(inside: Bytes) -> ServerHello:
    legacy = inside.number(2, "the version")
    random = inside.take(32, "the random")
    session_id = inside.vector(1, "the session id")
    cipher = inside.number(2, "the cipher")
    inside.take(1, "the compression method")
    extensions = read_extensions(inside) if len(inside) else ()
    by_type = {each.type: each.data for each in extensions}
    group, share = None, b""
    if 51 in by_type:
        chosen = Bytes(by_type[51])
        group = chosen.number(2, "the key share's group")
        share = chosen.vector(2, "the key share") if len(chosen) else b""
    return ServerHello(
        random,
        session_id,
        cipher,
        extensions,
        Bytes(by_type[43]).number(2, "supported_versions") if 43 in by_type else legacy,
        group,
        share,
        chosen_alpn(extensions),
        41 in by_type,
        random == RETRY_RANDOM,
    )


def _chain(inside: Bytes, tls13: bool) -> tuple[bytes, ...]:
    if tls13:
        inside.vector(1, "the context")
    listed = Bytes(inside.vector(3, "the certificates"))
    found = []
    while len(listed):
        found.append(listed.vector(3, "a certificate"))
        if tls13:
            listed.vector(2, "a certificate's extensions")
    return tuple(found)


def _unpacked(inside: Bytes) -> Certificates:
    """CompressedCertificate, RFC 8879 section 4."""
    algorithm = inside.number(2, "the way of compression")
    length = inside.number(3, "the length before compression")
    packed = inside.vector(3, "the compressed certificate")
    if algorithm != _ZLIB or length > _LONGEST_UNPACKED:
        return Certificates((), packed=True)
    try:
        plain = zlib.decompressobj().decompress(packed, length)
    except zlib.error:
        return Certificates((), packed=True)
    return Certificates(_chain(Bytes(plain), tls13=True), packed=True)


def _ticket(inside: Bytes, tls13: bool) -> Ticket:
    lifetime = inside.number(4, "the ticket's lifetime")
    if tls13:
        inside.take(4, "the ticket's age mask")
        inside.vector(1, "the ticket's nonce")
    return Ticket(lifetime, len(inside.vector(2, "the ticket")))
