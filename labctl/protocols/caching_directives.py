"""Cache directives: Cache-Control as it is sent in the wild, and targeted fields (RFC 9213), which are strict.

Nothing here fails: what cannot be read is kept as a value that no directive accepts, so that the caller errs on
the side of asking the origin (RFC 9111 section 4.2.1: invalid freshness information makes a response stale).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from labctl.protocols import structured_fields
from labctl.protocols.remembering import remembered

# RFC 9111 section 1.2.2: a bigger number counts as this one, 68 years.
LONGEST = 2**31
# name, then "=" and a quoted-string that ends the member, or anything up to the comma.
_MEMBER = re.compile(r'([^=,"]*)(?:=("(?:[^"\\]|\\.)*"(?=[ \t]*(?:,|$))|[^,]*))?[^,]*')
_INTEGERS = frozenset({"max-age", "s-maxage", "stale-while-revalidate", "stale-if-error"})
_BARE = frozenset(
    {"no-store", "must-revalidate", "proxy-revalidate", "public", "must-understand", "immutable"}
)

Directives = Mapping[str, str | None]
NONE: Directives = MappingProxyType({})


class Chosen(NamedTuple):
    """The directives that count for a cache, and the field that they stand in ("" when there are none)."""

    directives: Directives
    field: str
    # Targeted fields that were there and could not be used: (name, why).
    ignored: tuple[tuple[str, str], ...] = ()

    @property
    def targeted(self) -> bool:
        """True when a targeted field decides, so that Cache-Control and Expires do not count."""
        return self.field not in ("", "cache-control")


@remembered
def parse_cache_control(text: str) -> Directives:
    """Lower-case name: value ("" is an empty one), or None without "=". The first of two with one name counts.

    A quoted value comes without its quotes. White space around "=" is an error of the sender: the value then
    begins with a space, so that it is no number and no list of names (RFC 9111 section 5.2).
    """
    if '"' not in text and "=" not in text:
        return MappingProxyType(
            {name: None for part in text.split(",") if (name := part.strip(" \t").lower())}
        )
    found: dict[str, str | None] = {}
    for match in _MEMBER.finditer(text):
        raw, value = match.groups()
        name = raw.strip(" \t").lower()
        if not name or name in found:
            continue
        if value is None:
            found[name] = None
            continue
        if raw[-1:] in " \t":
            value = " " + value
        elif value[:1] == '"' and value[-1:] == '"' and len(value) > 1:
            value = re.sub(r"\\(.)", r"\1", value[1:-1])
        else:
            value = value.rstrip(" \t")
        found[name] = value
    return MappingProxyType(found)


def delta_seconds(text: str | None) -> int | None:
    """A number of seconds (RFC 9111 section 1.2.2), at most LONGEST; None if `text` is none."""
    if text is None or not (text.isascii() and text.isdigit()):
        return None
    digits = text.lstrip("0")
    return min(int(digits or "0"), LONGEST) if len(digits) <= 10 else LONGEST


def field_names(value: str | None) -> frozenset[str]:
    """The names in the argument of private="a, b" or no-cache="a, b", lower case. Empty: no such argument."""
    if not value or value[0] in " \t":
        return frozenset()
    return frozenset(name for part in value.split(",") if (name := part.strip(" \t").lower()))


@remembered
def parse_targeted(text: str) -> Directives | str:
    """A targeted field (RFC 9213 section 2.1) as directives, or the reason why it does not count.

    It is a Dictionary of RFC 9651. A directive of the wrong type (max-age="60", max-age=60.0, no-store=1) makes
    the field as useless as one that does not parse: the next in the list of preference is used.
    """
    try:
        members = structured_fields.parse_dictionary(text)
    except structured_fields.NotStructured as broken:
        return f"it is no structured dictionary: {broken}"
    if not members:
        return "it is empty"
    found: dict[str, str | None] = {}
    for name, value in members.items():
        if name in _INTEGERS:
            if type(value) is not int or value < 0:
                return f"{name} is no whole number"
            found[name] = str(value)
        elif name in _BARE:
            if type(value) is not bool:
                return f"{name} takes no value"
            if value:
                found[name] = None
        elif value is True:
            found[name] = None
        elif value is not False:
            found[name] = str(value)
    return MappingProxyType(found)


def choose(targeted: tuple[str, ...], named: Mapping[str, str]) -> Chosen:
    """The directives that count: the first usable field of `targeted`, else Cache-Control (RFC 9213 section 2.2).

    `named` is lower-case name: combined value.
    """
    ignored: list[tuple[str, str]] = []
    for field in targeted:
        if field in named:
            read = parse_targeted(named[field])
            if not isinstance(read, str):
                return Chosen(read, field, tuple(ignored))
            ignored.append((field, read))
    text = named.get("cache-control")
    found = _NOTHING if text is None else _by_cache_control(text)
    return found._replace(ignored=tuple(ignored)) if ignored else found


_NOTHING = Chosen(NONE, "")


@remembered
def _by_cache_control(text: str) -> Chosen:
    return Chosen(parse_cache_control(text), "cache-control")
