"""Domain names as tuples of labels: what a walk compares, without dnspython.

`Labels` are lower-case byte strings, leaf first, without the root's empty one: www.Shop.test. is (b"www",
b"shop", b"test") and the root is (). Text is presentation form (RFC 1035 section 5.1), always absolute.
"""

from __future__ import annotations

import re
from functools import lru_cache

Labels = tuple[bytes, ...]
ROOT: Labels = ()

_PLAIN = re.compile(rb"[a-z0-9_*/-]+", re.IGNORECASE)
_SPECIAL = b'"().;\\@$'


def octets(name: Labels) -> int:
    """Length on the wire, the root's zero octet included; at most 255 is allowed (RFC 1035 section 2.3.4)."""
    return sum(map(len, name)) + len(name) + 1


def is_at_or_below(name: Labels, zone: Labels) -> bool:
    """Whether the name is the zone's own or one inside it."""
    return not zone or name[-len(zone) :] == zone


def _label_text(label: bytes) -> str:
    if _PLAIN.fullmatch(label):
        return label.decode("ascii")
    out = []
    for octet in label:
        if octet in _SPECIAL:
            out.append("\\" + chr(octet))
        elif 0x20 < octet < 0x7F:
            out.append(chr(octet))
        else:
            out.append(f"\\{octet:03d}")
    return "".join(out)


@lru_cache(maxsize=4096)
def to_text(name: Labels) -> str:
    """Presentation form with a trailing dot; what is not printable ASCII stands as \\DDD."""
    return ".".join(map(_label_text, name)) + "."


def zone_text(zone: Labels) -> str:
    """A zone as a person reads it."""
    return to_text(zone) if zone else "the root"


def split(text: str) -> list[bytes]:
    """The labels of presentation text, escapes undone, case kept; a trailing dot is allowed.

    Raises ValueError for an escape that is none, an empty label, or text that is not ASCII.
    """
    if text in {"", "."}:
        return []
    raw = text.encode("ascii")
    labels: list[bytes] = []
    label = bytearray()
    at = 0
    while at < len(raw):
        octet = raw[at]
        if octet == 0x2E:
            labels.append(bytes(label))
            label.clear()
        elif octet == 0x5C:
            digits = raw[at + 1 : at + 4]
            if len(digits) == 3 and digits.isdigit():
                if int(digits) > 255:
                    raise ValueError(f"\\{digits.decode()} is not an octet")
                label.append(int(digits))
                at += 3
            elif at + 1 < len(raw) and not raw[at + 1 : at + 2].isdigit():
                label.append(raw[at + 1])
                at += 1
            else:
                raise ValueError("an escape is cut off")
        else:
            label.append(octet)
        at += 1
    if label:
        labels.append(bytes(label))
    if not all(labels):
        raise ValueError("an empty label")
    return labels


@lru_cache(maxsize=4096)
def from_text(text: str) -> Labels:
    """Labels of presentation text in lower case. Raises ValueError as `split` does, and for names too
    long.
    """
    labels = tuple(label.lower() for label in split(text))
    if any(len(label) > 63 for label in labels):
        raise ValueError("a label over 63 octets")
    if octets(labels) > 255:
        raise ValueError("a name over 255 octets")
    return labels


def to_wire(name: Labels) -> bytes:
    """Uncompressed wire form."""
    return b"".join(bytes((len(label),)) + label for label in name) + b"\0"
