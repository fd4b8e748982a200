"""The request that is sent: `-X` and `-H`, read as curl reads them. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import NamedTuple

from labctl import __version__
from labctl.errors import UsageError
from labctl.protocols.http1_fields import Fields, is_token

# What is sent when nothing else is said.
FIELDS = (("User-Agent", f"labctl/{__version__}"), ("Accept", "*/*"), ("Accept-Encoding", "gzip"))


class Asked(NamedTuple):
    """`words` are the options that say it, quoted for a shell."""

    method: str = "GET"
    fields: Fields = FIELDS
    words: tuple[str, ...] = ()

    @property
    def curls_words(self) -> tuple[str, ...]:
        """The same for curl, which would wait for the content of a response to `-X HEAD`."""
        return ("-I", *self.words[2:]) if self.words[:2] == ("-X", "HEAD") else self.words


ASKED = Asked()


def read_asked(method: str | None, headers: Sequence[str]) -> Asked:
    """`Name: value` replaces a usual field of that name, `Name:` leaves it out.

    Raises UsageError method-invalid and header-invalid.
    """
    from labs.http.target import read_field

    if method is not None and not is_token(method):
        raise UsageError(
            "method-invalid",
            f"{method[:40]!r} is no method: letters, digits and some signs, without a space",
            fixes=("labctl url -X HEAD https://www.shop.test/",),
        )
    if method == "CONNECT":
        raise UsageError("method-invalid", "CONNECT asks a proxy for a tunnel; there is no page to visit")
    said = [read_field(line) for line in headers]
    names = {name.lower() for name, _ in said}
    usual = tuple(field for field in FIELDS if field[0].lower() not in names)
    own = tuple((name, value) for name, value in said if value is not None)
    words = [] if method is None else ["-X", method]
    for line in headers:
        words += ["-H", line]
    return Asked(method or "GET", (*usual, *own), tuple(map(shlex.quote, words)))
