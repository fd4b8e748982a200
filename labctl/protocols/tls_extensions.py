"""What is inside the extensions of TLS messages (RFC 8446 section 4.2)."""

from __future__ import annotations

from typing import NamedTuple

from labctl.protocols.tls_names import group_name, is_grease
from labctl.protocols.tls_vectors import Bytes


class Extension(NamedTuple):
    """A number of IANA's registry and its bytes."""

    type: int
    data: bytes


def read_extensions(inside: Bytes) -> tuple[Extension, ...]:
    """The list of extensions that ends a message. Raises Cut."""
    listed = Bytes(inside.vector(2, "the extensions"))
    found = []
    while len(listed):
        kind = listed.number(2, "an extension's number")
        found.append(Extension(kind, listed.vector(2, "an extension")))
    return tuple(found)


def server_name(data: bytes | None) -> str:
    """The host name of server_name (RFC 6066 section 3), or "". Raises Cut."""
    if not data:
        return ""
    names = Bytes(Bytes(data).vector(2, "server_name"))
    while len(names):
        kind = names.number(1, "the kind of name")
        name = names.vector(2, "the name")
        if kind == 0:
            return name.decode("ascii", "backslashreplace")
    return ""


def alpn_names(data: bytes | None) -> tuple[str, ...]:
    """The protocols of ALPN (RFC 7301 section 3.1). Raises Cut."""
    if not data:
        return ()
    inside = Bytes(Bytes(data).vector(2, "the protocols of ALPN"))
    found: list[str] = []
    while len(inside):
        name = inside.vector(1, "a protocol of ALPN")
        grease = len(name) == 2 and is_grease(int.from_bytes(name, "big"))
        found.append("GREASE" if grease else name.decode("ascii", "backslashreplace"))
    return tuple(found)


def chosen_alpn(extensions: tuple[Extension, ...]) -> str:
    """The one protocol that a server names, or "". Raises Cut."""
    chosen = alpn_names(next((e.data for e in extensions if e.type == 16), None))
    return chosen[0] if chosen else ""


def key_shares(data: bytes | None) -> tuple[tuple[int, bytes], ...]:
    """Groups, and the bytes of the client's public values (RFC 8446 section 4.2.8). Raises Cut."""
    if not data:
        return ()
    inside = Bytes(Bytes(data).vector(2, "the key shares"))
    found = []
    while len(inside):
        group = inside.number(2, "the group of a key share")
        found.append((group, inside.vector(2, f"the key share of {group_name(group)}")))
    return tuple(found)
