"""What the command line asks for: a URL, a method, fields, content."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from labctl.errors import UsageError
from labctl.protocols.http1_fields import Fields, is_token
from labctl.protocols.url import Url, parse_url

DEFAULT = "https://www.shop.test/"
FORM = "application/x-www-form-urlencoded"
# Bytes of a file that are sent at most.
LARGEST = 10_000_000


class Wanted(NamedTuple):
    """`dropped` are names, in lower case, of usual fields that shall not be sent. `data` is what -d said, for curl.

    `assumed` is the scheme that was not said, or ""; `given` is False when no URL was named.
    """

    url: Url
    method: str
    fields: Fields
    body: bytes
    assumed: str = ""
    given: bool = True
    dropped: frozenset[str] = frozenset()
    headers: tuple[str, ...] = ()
    data: tuple[str, ...] = ()


def read_wanted(url: str | None, method: str | None, headers: Sequence[str], data: Sequence[str]) -> Wanted:
    """As curl reads them: `Name:` drops a field, `Name;` sends it empty, `@FILE` is a file's content.

    Raises UsageError, of `parse_url` too: header-invalid, method-invalid, cannot-read.
    """
    read = parse_url(DEFAULT if url is None else url)
    assumed = "https" if url and "://" not in url and not url.lower().startswith(("http:", "https:")) else ""
    said = [read_field(line) for line in headers]
    fields = tuple((name, value) for name, value in said if value is not None)
    if method is not None and not is_token(method):
        raise UsageError(
            "method-invalid",
            f"{method[:40]!r} is no method: letters, digits and some signs, without a space",
            fixes=("labctl http -X DELETE http://api.shop.test/cart",),
        )
    body = b"&".join(read_content(part) for part in data)
    if data and "content-type" not in {name.lower() for name, _ in said}:
        fields += (("Content-Type", FORM),)
    return Wanted(
        read,
        method or ("POST" if data else "GET"),
        fields,
        body,
        assumed,
        url is not None,
        frozenset(name.lower() for name, value in said if value is None),
        tuple(headers),
        tuple(data),
    )


def read_content(part: str) -> bytes:
    """What one -d means. Of a file curl drops CR, LF and NUL, and so do we. Raises UsageError cannot-read."""
    if not part.startswith("@"):
        return part.encode("utf-8", "surrogateescape")
    name = part[1:]
    try:
        with open(name, "rb") as file:
            found = file.read(LARGEST + 1)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise UsageError(
            "cannot-read",
            f"{name or 'the file after @'!s} cannot be read: {why}",
            evidence=(("given", f"-d {part}"),),
        ) from None
    if len(found) > LARGEST:
        raise UsageError("cannot-read", f"{name} is longer than the {LARGEST:,} bytes that are sent here")
    return found.translate(None, b"\r\n\0")


def read_field(line: str) -> tuple[str, str | None]:
    """`Name: value`; `Name;` is an empty value, and `Name:` is None: not to be sent, as with curl.

    Raises UsageError header-invalid; CR, LF and NUL would make another request of it.
    """
    for character, name in (("\r", "CR"), ("\n", "LF"), ("\0", "NUL")):
        if character in line:
            raise UsageError(
                "header-invalid",
                f"a field line cannot hold {name}: what follows would be another field, or another request",
                evidence=(("given", repr(line[:60])),),
            )
    if line.endswith(";") and is_token(line[:-1]):
        return line[:-1], ""
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
    return name, value.strip(" \t") or None
