"""What the command line asks for: a URL, a method, fields, content."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from labctl.errors import UsageError
from labctl.protocols.http1_fields import Fields, is_token
from labctl.protocols.url import Url, parse_url

DEFAULT = "https://www.shop.test/"
# Names outside `test.` that only the town has.
TOWN_NAMES = ("resolver.example.net", "shop-hosting.example.net", "origin.front.test")


class Wanted(NamedTuple):
    """`assumed` is the scheme that was not said, or ""; `given` is False when no URL was named."""

    url: Url
    method: str
    fields: Fields
    body: bytes
    assumed: str = ""
    given: bool = True


def read_wanted(url: str | None, method: str | None, headers: Sequence[str], data: str | None) -> Wanted:
    """Raises UsageError, of `parse_url` too: header-invalid, method-invalid."""
    read = parse_url(url or DEFAULT)
    assumed = "https" if url and "://" not in url and not url.lower().startswith(("http:", "https:")) else ""
    fields = tuple(read_field(line) for line in headers)
    if method is not None and not is_token(method):
        raise UsageError(
            "method-invalid",
            f"{method[:40]!r} is no method: letters, digits and some signs, without a space",
            fixes=("labctl http -X DELETE http://api.shop.test/cart",),
        )
    body = (data or "").encode()
    if data is not None and "content-type" not in {name.lower() for name, _ in fields}:
        fields += (("Content-Type", "application/x-www-form-urlencoded"),)
    return Wanted(read, method or ("GET" if data is None else "POST"), fields, body, assumed, url is not None)


def read_field(line: str) -> tuple[str, str]:
    """`Name: value`. Raises UsageError header-invalid; CR, LF and NUL would make another request of it."""
    for character, name in (("\r", "CR"), ("\n", "LF"), ("\0", "NUL")):
        if character in line:
            raise UsageError(
                "header-invalid",
                f"a field line cannot hold {name}: what follows would be another field, or another request",
                evidence=(("given", repr(line[:60])),),
            )
    name, colon, value = line.partition(":")
    if not colon or not is_token(name):
        raise UsageError(
            "header-invalid",
            f"{line[:60]!r} is no field: a name, a colon, a value"
            if not colon
            else f"{name[:60]!r} is no field name",
            fixes=("labctl http -H 'Accept: text/html' http://www.shop.test/",),
        )
    try:
        value.encode("latin-1")
    except UnicodeEncodeError:
        raise UsageError(
            "header-invalid",
            f"the value of {name} holds a character that is not Latin-1; fields have no other",
            evidence=(("given", repr(line[:60])),),
        ) from None
    if any((ord(c) < 32 and c != "\t") or ord(c) == 127 for c in value):
        raise UsageError("header-invalid", f"the value of {name} holds a control character")
    return name, value.strip(" \t")
