"""Flask's session cookie: read without the key, checked and made with one.

`[.]payload.timestamp.signature`, each in URL-safe base64 without padding; a leading dot says that the payload is
compressed (zlib). The payload is JSON in which an object with one key like " t" stands for what JSON lacks
(flask.json.tag); the signature is an HMAC with SHA-1 under a key derived from SECRET_KEY with the salt "cookie-session"
(itsdangerous, URLSafeTimedSerializer).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import zlib
from typing import Any, NamedTuple

SALT = b"cookie-session"
# A browser keeps 4096 bytes; what is larger, or grows to more than this, was made to do harm.
_LONGEST, _LARGEST = 65_536, 1_000_000
_DEEPEST = 50


class NoSession(ValueError):
    """The text is no session cookie of Flask's. Its sentence says what is wrong."""


class SessionCookie(NamedTuple):
    """What anybody reads. `payload` is the JSON text, `values` what Flask makes of it, in Python's own notation.

    `signed_at` is POSIX seconds. `signed` is the part that the signature is over.
    """

    payload: str
    values: dict[str, str]
    signed_at: int
    compressed: bool
    signed: str
    signature: str


def read_session(cookie: str) -> SessionCookie:
    """A cookie's value, without the key and unchecked. Raises NoSession."""
    if len(cookie) > _LONGEST:
        raise NoSession(f"It has {len(cookie):,} characters.")
    signed, dot, signature = cookie.rpartition(".")
    body, second, stamp = signed.rpartition(".")
    if not dot or not second or not body:
        raise NoSession("It has no three parts with dots between them.")
    compressed = body.startswith(".")
    data = _from_base64(body[1:] if compressed else body, "payload")
    if compressed:
        data = _inflate(data)
    _from_base64(signature, "signature")
    try:
        payload = data.decode("utf-8")
        found = json.loads(payload)
    except (UnicodeDecodeError, ValueError, RecursionError):
        raise NoSession("Its payload is no JSON.") from None
    if not isinstance(found, dict):
        raise NoSession("Its payload is no JSON object.")
    values = {name: as_python(value) for name, value in found.items()}
    signed_at = int.from_bytes(_from_base64(stamp, "time stamp")[:8], "big")
    return SessionCookie(payload, values, signed_at, compressed, signed, signature)


def is_signed_with(cookie: str, key: str, salt: bytes = SALT) -> bool:
    """Whether the signature is one made with this SECRET_KEY."""
    signed, _, signature = cookie.rpartition(".")
    return hmac.compare_digest(_signature(signed, key, salt).encode(), signature.encode("utf-8", "replace"))


def make_session(payload: str, key: str, signed_at: int, salt: bytes = SALT) -> str:
    """A cookie with this JSON text, signed with this key as Flask signs."""
    data = payload.encode()
    deflated = zlib.compress(data)
    smaller = len(deflated) < len(data) - 1
    body = ("." if smaller else "") + _to_base64(deflated if smaller else data)
    stamp = signed_at.to_bytes(max(1, (signed_at.bit_length() + 7) // 8), "big")
    signed = f"{body}.{_to_base64(stamp)}"
    return f"{signed}.{_signature(signed, key, salt)}"


def forge(cookie: str, payload: str) -> str:
    """The cookie with another payload and the signature that it had. Raises NoSession."""
    had = read_session(cookie)
    stamp = had.signed.rpartition(".")[2]
    return f"{_to_base64(payload.encode())}.{stamp}.{had.signature}"


def as_python(value: Any, depth: int = 0) -> str:
    """A value of the payload as Flask gives it to a view, in Python's notation."""
    if depth > _DEEPEST:
        return "..."
    if isinstance(value, dict):
        if len(value) == 1:
            tag, inner = next(iter(value.items()))
            tagged = _tagged(tag, inner, depth)
            if tagged is not None:
                return tagged
        return (
            "{" + ", ".join(f"{name!r}: {as_python(each, depth + 1)}" for name, each in value.items()) + "}"
        )
    if isinstance(value, list):
        return "[" + ", ".join(as_python(each, depth + 1) for each in value) + "]"
    return repr(value)


def _tagged(tag: str, inner: Any, depth: int) -> str | None:
    """The notation of a tagged value; None for an object that is none."""
    if tag == " t" and isinstance(inner, list):
        parts = [as_python(each, depth + 1) for each in inner]
        return f"({parts[0]},)" if len(parts) == 1 else f"({', '.join(parts)})"
    if tag == " di" and isinstance(inner, dict) and len(inner) == 1:
        name, each = next(iter(inner.items()))
        return f"{{{name.removesuffix('__')!r}: {as_python(each, depth + 1)}}}"
    if not isinstance(inner, str):
        return None
    if tag == " b":
        try:
            return repr(base64.b64decode(inner))
        except (binascii.Error, ValueError):
            return None
    words = {" m": "Markup", " u": "UUID", " d": "datetime"}
    return f"{words[tag]}({inner!r})" if tag in words else None


def _signature(signed: str, key: str, salt: bytes) -> str:
    derived = hmac.new(key.encode(), salt, hashlib.sha1).digest()
    return _to_base64(hmac.new(derived, signed.encode("utf-8", "replace"), hashlib.sha1).digest())


def _to_base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _from_base64(text: str, what: str) -> bytes:
    try:
        data = text.encode("ascii")
        if data.translate(None, b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"):
            raise ValueError
        return base64.urlsafe_b64decode(data + b"=" * (-len(data) % 4))
    except (UnicodeEncodeError, ValueError):
        raise NoSession(f"Its {what} is no URL-safe base64.") from None


def _inflate(data: bytes) -> bytes:
    unpacker = zlib.decompressobj()
    try:
        found = unpacker.decompress(data, _LARGEST)
    except zlib.error:
        raise NoSession("Its payload cannot be decompressed.") from None
    if unpacker.unconsumed_tail or not unpacker.eof:
        raise NoSession(f"Its payload is cut off, or has more than {_LARGEST:,} bytes.")
    return found
