"""Structured fields (RFC 9651), as far as caching needs them; http-sf does the grammar.

A targeted field is a Dictionary (RFC 9213), Cache-Status is a List of names with parameters (RFC 9211).
"""

from __future__ import annotations

import decimal
from typing import Any, NamedTuple

BareItem = int | float | str | bytes | bool


class NotStructured(ValueError):
    """The text is no structured field of the wanted type. The message is the reason, in a few words."""


class Token(str):
    """A word that is written without quotes: Token("hit") is hit, "hit" is "hit"."""

    __slots__ = ()


class Member(NamedTuple):
    """One member of a List: its value and its parameters. An inner list's value is None."""

    value: BareItem | None
    parameters: dict[str, BareItem]


def parse_dictionary(text: str) -> dict[str, BareItem | None]:
    """Key: value, without parameters; None stands for an inner list. Raises NotStructured."""
    return {key: _bare(value) for key, (value, _) in _parse(text, "dictionary").items()}


def parse_list(text: str) -> tuple[Member, ...]:
    """The members of a List, with their parameters. Raises NotStructured."""
    return tuple(
        Member(_bare(value), {key: _plain(given) for key, given in parameters.items()})
        for value, parameters in _parse(text, "list")
    )


def write_list(members: tuple[Member, ...]) -> str:
    """The text of a List of names with parameters. Raises NotStructured for what cannot be written."""
    import http_sf

    try:
        written = http_sf.ser(
            [
                (_foreign(member.value), {key: _foreign(value) for key, value in member.parameters.items()})
                for member in members
            ]
        )
    except ValueError as broken:
        raise NotStructured(str(broken)) from None
    return str(written)


def _parse(text: str, kind: str) -> Any:
    import http_sf

    try:
        return http_sf.parse(text.encode("latin-1", "replace"), tltype=kind)
    except ValueError as broken:
        raise NotStructured(str(broken).rstrip(".")) from None


def _bare(value: Any) -> BareItem | None:
    return None if isinstance(value, list) else _plain(value)


def _plain(value: Any) -> BareItem:
    import http_sf

    if isinstance(value, http_sf.Token):
        return Token(str(value))
    if isinstance(value, bool | int | str | bytes):
        return value
    if isinstance(value, decimal.Decimal):
        return float(value)
    return str(value)


def _foreign(value: BareItem | None) -> Any:
    import http_sf

    return http_sf.Token(str(value)) if isinstance(value, Token) else value
