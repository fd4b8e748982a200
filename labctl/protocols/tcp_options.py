"""The options of a TCP header (RFC 9293 section 3.2, RFC 7323, RFC 2018), read and written.

Bytes from a peer never raise: what cannot be an option becomes one named "malformed" that keeps its bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

OptionName = Literal[
    "eol",
    "nop",
    "mss",
    "window_scale",
    "sack_permitted",
    "sack",
    "timestamps",
    "user_timeout",
    "authentication",
    "multipath",
    "fast_open",
    "unknown",
    "malformed",
]

_NAMES: dict[int, OptionName] = {
    2: "mss",
    3: "window_scale",
    4: "sack_permitted",
    5: "sack",
    8: "timestamps",
    28: "user_timeout",
    29: "authentication",
    30: "multipath",
    34: "fast_open",
}
# The lengths that the documents allow, kind and length octets included. Those that are not here may be any.
_LENGTHS: dict[int, tuple[int, ...]] = {
    2: (4,),
    3: (3,),
    4: (2,),
    5: (10, 18, 26, 34),
    8: (10,),
    28: (4,),
}
# The numbers inside, as struct formats.
_NUMBERS = {2: "!H", 3: "!B", 8: "!II", 28: "!H"}


@dataclass(frozen=True, slots=True)
class Option:
    """One option. `raw` are its bytes as they stood in the header; `values` the numbers inside.

    mss: (bytes,). window_scale: (shift,). sack: (left, right, left, right, ...), absolute.
    timestamps: (value, echo). The others: ().
    """

    name: OptionName
    values: tuple[int, ...] = ()
    raw: bytes = b""

    @property
    def kind(self) -> int:
        """The kind octet; -1 when there are no bytes."""
        return self.raw[0] if self.raw else -1

    @property
    def blocks(self) -> tuple[tuple[int, int], ...]:
        """SACK: the (left, right) edges, right is the number after the last byte held."""
        return tuple(zip(self.values[::2], self.values[1::2], strict=True)) if self.name == "sack" else ()

    @property
    def text(self) -> str:
        """The option in the words of a ladder: `mss 1460`, `sackOK`, `wscale 7`, `TS val 1 ecr 0`."""
        match self.name:
            case "mss":
                return f"mss {self.values[0]}"
            case "window_scale":
                return f"wscale {self.values[0]}"
            case "sack_permitted":
                return "sackOK"
            case "sack":
                return "sack " + " ".join(f"{left}-{right}" for left, right in self.blocks)
            case "timestamps":
                return f"TS val {self.values[0]} ecr {self.values[1]}"
            case "user_timeout":
                return f"user timeout {self.values[0]}"
            case "unknown":
                return f"kind {self.kind}"
            case _:
                return self.name.replace("_", " ")


def read_options(raw: bytes) -> tuple[Option, ...]:
    """The options that stand in these bytes, in order, padding included. Never raises."""
    found: list[Option] = []
    at = 0
    while at < len(raw):
        kind = raw[at]
        if kind == 0:
            # What follows the end of the list means nothing (RFC 9293 section 3.2).
            found.append(Option("eol", raw=raw[at:]))
            break
        if kind == 1:
            found.append(Option("nop", raw=b"\x01"))
            at += 1
            continue
        length = raw[at + 1] if at + 1 < len(raw) else 0
        if length < 2 or at + length > len(raw):
            found.append(Option("malformed", raw=raw[at:]))
            break
        found.append(_read_one(raw[at : at + length]))
        at += length
    return tuple(found)


def _read_one(raw: bytes) -> Option:
    kind = raw[0]
    if kind in _LENGTHS and len(raw) not in _LENGTHS[kind]:
        return Option("malformed", raw=raw)
    name = _NAMES.get(kind, "unknown")
    if kind == 5:
        return Option(name, struct.unpack(f"!{(len(raw) - 2) // 4}I", raw[2:]), raw)
    if kind in _NUMBERS:
        return Option(name, struct.unpack(_NUMBERS[kind], raw[2:]), raw)
    return Option(name, raw=raw)


def mss(size: int) -> Option:
    """Maximum segment size: the largest payload that its sender wants to receive, in bytes."""
    return Option("mss", (size,), struct.pack("!BBH", 2, 4, size))


def window_scale(shift: int) -> Option:
    """Every later window of its sender is to be shifted left by so many bits (RFC 7323 section 2)."""
    return Option("window_scale", (shift,), bytes((3, 3, shift)))


def sack_permitted() -> Option:
    """Its sender reads selective acknowledgements (RFC 2018 section 2)."""
    return Option("sack_permitted", (), b"\x04\x02")


def sack(*blocks: tuple[int, int]) -> Option:
    """Its sender holds these ranges beyond the acknowledgement: absolute numbers, at most four."""
    edges = tuple(edge for block in blocks for edge in block)
    return Option("sack", edges, struct.pack(f"!BB{len(edges)}I", 5, 2 + 4 * len(edges), *edges))


def timestamps(value: int, echo: int) -> Option:
    """The sender's clock, and the last one of the peer that it saw (RFC 7323 section 3)."""
    return Option("timestamps", (value, echo), struct.pack("!BBII", 8, 10, value, echo))


def nop() -> Option:
    """One byte that means nothing and aligns what follows."""
    return Option("nop", (), b"\x01")


def write_options(options: Iterable[Option]) -> bytes:
    """Their bytes, padded to a multiple of four with ends of list."""
    raw = b"".join(o.raw for o in options)
    return raw + bytes(-len(raw) % 4)
