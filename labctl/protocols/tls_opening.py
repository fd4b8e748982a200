"""Opening recorded TLS: with the session's key log, or (where a server still allows it) with its private key.

Key schedules of RFC 8446 section 7 and RFC 5246 section 6.3; the key log's format is RFC 9850's. The ciphers are
those of `cryptography`, which is imported when the first record is opened.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from labctl.protocols.tls_conversation import TLS13, Locksmith, TlsConversation
from labctl.protocols.tls_messages import ClientHello, ServerHello
from labctl.protocols.tls_records import Record

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

Secrets = Mapping[str, bytes]
KeyLog = Mapping[bytes, Secrets]


class Suite(NamedTuple):
    """What a cipher suite needs: hash, key length, and how nonces are made."""

    hash: str
    key: int
    chacha: bool


# AEAD suites only: these are what servers choose today.
_SUITES = {
    0x1301: Suite("sha256", 16, False),
    0x1302: Suite("sha384", 32, False),
    0x1303: Suite("sha256", 32, True),
    **dict.fromkeys((0x009C, 0x009E, 0xC02B, 0xC02F), Suite("sha256", 16, False)),
    **dict.fromkeys((0x009D, 0x009F, 0xC02C, 0xC030), Suite("sha384", 32, False)),
    **dict.fromkeys((0xCCA8, 0xCCA9, 0xCCAA), Suite("sha256", 32, True)),
}
# Suites in which the secret crosses encrypted to the certificate's RSA key (RFC 5246 section 7.4.7.1).
RSA_KEY_EXCHANGE = frozenset((0x000A, 0x002F, 0x0035, 0x003C, 0x003D, 0x009C, 0x009D, 0xC09C, 0xC09D))


def opens(cipher: int) -> bool:
    """Whether records of this cipher suite can be opened here, given the secrets."""
    return cipher in _SUITES


def read_key_log(text: str) -> dict[bytes, dict[str, bytes]]:
    """Client random to label to secret. Lines that mean nothing are left out."""
    found: dict[bytes, dict[str, bytes]] = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) != 3 or line.startswith("#"):
            continue
        try:
            found.setdefault(bytes.fromhex(words[1]), {})[words[0]] = bytes.fromhex(words[2])
        except ValueError:
            continue
    return found


def with_key_log(log: KeyLog) -> Locksmith:
    """Keys for the connection whose ClientHello is in the log."""

    def keys(hello: ClientHello, answer: ServerHello) -> SessionKeys | None:
        secrets = log.get(hello.random)
        suite = _SUITES.get(answer.cipher)
        if secrets is None or suite is None:
            return None
        if answer.version == TLS13:
            return SessionKeys.of_13(secrets, suite)
        main = secrets.get("CLIENT_RANDOM")
        return SessionKeys.of_12(main, hello.random, answer.random, suite) if main else None

    return keys


class Attempt(NamedTuple):
    """What became of opening a recording with the server's private key: keys, or why there are none."""

    locksmith: Locksmith | None
    why: str


def with_private_key(recording: TlsConversation, key_pem: bytes) -> Attempt:
    """Try it in the one way in which it can work: the client sent the secret encrypted to that key.

    `recording` was read without keys. Raises ValueError when `key_pem` is no private key.
    """
    from cryptography.hazmat.primitives.asymmetric import padding, rsa
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    key = load_pem_private_key(key_pem, None)
    answer = recording.answer
    if answer is None:
        return Attempt(None, "There is no ServerHello in the recording.")
    sealed = recording.client_key_exchange[2:]
    if answer.version == TLS13 or answer.cipher not in RSA_KEY_EXCHANGE or not sealed:
        return Attempt(
            None,
            "Nothing in the recording is encrypted to the server's key: it only signed the key exchange.",
        )
    if not isinstance(key, rsa.RSAPrivateKey):
        return Attempt(None, "The secret was encrypted to an RSA key, and this is none.")
    try:
        premaster = key.decrypt(sealed, padding.PKCS1v15())
    except ValueError:
        return Attempt(None, "The secret does not open with this key: it belongs to another certificate.")
    suite = _SUITES.get(answer.cipher)
    if suite is None:
        return Attempt(None, "The secret opened, but records of this cipher are not read here.")
    extended = any(e.type == 23 for e in answer.extensions)
    digest = hashlib.new(suite.hash, recording.transcript).digest()

    def keys(hello: ClientHello, answer: ServerHello) -> SessionKeys:
        label, seed = (
            (b"extended master secret", digest)
            if extended
            else (b"master secret", hello.random + answer.random)
        )
        main = _prf(suite.hash, premaster, label, seed, 48)
        return SessionKeys.of_12(main, hello.random, answer.random, suite)

    return Attempt(keys, "The secret was encrypted to this key, and so everything opens.")


class _Traffic:
    """The keys of one direction for one stretch."""

    def __init__(self, key: bytes, iv: bytes, suite: Suite, *, tls13: bool) -> None:
        self._key, self._iv, self._suite, self._tls13 = key, iv, suite, tls13
        self._sequence = 0
        self._cipher: AESGCM | ChaCha20Poly1305 | None = None

    def open(self, record: Record) -> tuple[int, bytes] | None:
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

        if self._cipher is None:
            self._cipher = ChaCha20Poly1305(self._key) if self._suite.chacha else AESGCM(self._key)
        number, sealed = self._sequence.to_bytes(8, "big"), record.fragment
        explicit = not self._tls13 and not self._suite.chacha
        if explicit:
            nonce, sealed = self._iv + sealed[:8], sealed[8:]
        else:
            nonce = bytes(a ^ b for a, b in zip(self._iv, bytes(4) + number, strict=True))
        if len(sealed) < 16 or len(nonce) != 12:
            return None
        extra = record.header
        if not self._tls13:
            extra = number + record.header[:3] + (len(sealed) - 16).to_bytes(2, "big")
        try:
            plain = self._cipher.decrypt(nonce, sealed, extra)
        except InvalidTag:
            return None
        self._sequence += 1
        if not self._tls13:
            return record.type, plain
        # RFC 8446 section 5.2: content, the real type, zeros of padding.
        inside = plain.rstrip(b"\0")
        return (inside[-1], inside[:-1]) if inside else None


class SessionKeys:
    """Keys of both directions. `tls_conversation.Keys`."""

    def __init__(self, stretches: dict[bool, list[_Traffic]]) -> None:
        self._stretches = stretches

    @classmethod
    def of_13(cls, secrets: Secrets, suite: Suite) -> SessionKeys:
        """From the traffic secrets of a key log."""

        def traffic(label: str) -> list[_Traffic]:
            if (secret := secrets.get(label)) is None:
                return []
            key = _expand_label(suite.hash, secret, b"key", suite.key)
            return [_Traffic(key, _expand_label(suite.hash, secret, b"iv", 12), suite, tls13=True)]

        return cls(
            {
                True: traffic("CLIENT_HANDSHAKE_TRAFFIC_SECRET") + traffic("CLIENT_TRAFFIC_SECRET_0"),
                False: traffic("SERVER_HANDSHAKE_TRAFFIC_SECRET") + traffic("SERVER_TRAFFIC_SECRET_0"),
            }
        )

    @classmethod
    def of_12(cls, main: bytes, client_random: bytes, server_random: bytes, suite: Suite) -> SessionKeys:
        """From the main (master) secret."""
        salt = 12 if suite.chacha else 4
        block = _prf(
            suite.hash, main, b"key expansion", server_random + client_random, 2 * (suite.key + salt)
        )
        keys, ivs = block[: 2 * suite.key], block[2 * suite.key :]
        return cls(
            {
                True: [_Traffic(keys[: suite.key], ivs[:salt], suite, tls13=False)],
                False: [_Traffic(keys[suite.key :], ivs[salt:], suite, tls13=False)],
            }
        )

    def open(self, sent: bool, record: Record) -> tuple[int, bytes] | None:
        stretches = self._stretches[sent]
        return stretches[0].open(record) if stretches else None

    def next_keys(self, sent: bool) -> None:
        if self._stretches[sent]:
            del self._stretches[sent][0]


def _expand_label(name: str, secret: bytes, label: bytes, length: int) -> bytes:
    """HKDF-Expand-Label with an empty context (RFC 8446 section 7.1), RFC 5869's expand inside."""
    full = b"tls13 " + label
    info = length.to_bytes(2, "big") + bytes((len(full),)) + full + b"\0"
    out, block, counter = b"", b"", 1
    while len(out) < length:
        block = hmac.digest(secret, block + info + bytes((counter,)), name)
        out += block
        counter += 1
    return out[:length]


def _prf(name: str, secret: bytes, label: bytes, seed: bytes, length: int) -> bytes:
    """The pseudorandom function of TLS 1.2 (RFC 5246 section 5)."""
    seed = label + seed
    out, a = b"", seed
    while len(out) < length:
        a = hmac.digest(secret, a, name)
        out += hmac.digest(secret, a + seed, name)
    return out[:length]
