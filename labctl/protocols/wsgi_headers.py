"""What an application gives to start_response: the status and the headers, checked by the contract's rules."""

from __future__ import annotations

from collections.abc import Iterable, Set
from functools import lru_cache
from typing import NamedTuple

from labctl.protocols.http1_fields import IN_A_LINE, is_token
from labctl.protocols.wsgi_contract import Breach, ContractBroken, breach, shown

Headers = tuple[tuple[str, str], ...]

# Fields about one connection (RFC 9110 section 7.6.1, and RFC 2616 section 13.5.1, which PEP 3333 names).
HOP_BY_HOP = frozenset(
    ("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer", "trailers",
     "transfer-encoding", "upgrade")
)  # fmt: skip
# Headers are remembered that are not longer, and so many of them.
_MOST_CHARACTERS = 256
_MOST_HEADERS = 4096


class Started(NamedTuple):
    """A good status and good headers.

    `lines` are the status without HTTP/1.1 and the headers, each with CRLF, in Latin-1; `length` is what Content-Length
    says, None without it; `has` are the lower-case names.
    """

    code: int
    status: str
    headers: Headers
    lines: bytes
    length: int | None
    has: Set[str]
    noted: tuple[Breach, ...] = ()


class _KnownHeaders(dict[tuple[str, str], tuple[str, bytes]]):
    """The lower-case name of a header and its line. An application sends the same ones again and again."""

    def __missing__(self, header: tuple[str, str]) -> tuple[str, bytes]:
        """Raises ContractBroken."""
        name, value = _checked(header)
        try:
            found = (name.lower(), f"{name}: {value}\r\n".encode("latin-1"))
        except UnicodeEncodeError:
            raise ContractBroken(
                breach("header-not-latin-1", f"The value of {name} is {shown(value)}.")
            ) from None
        if len(value) <= _MOST_CHARACTERS:
            if len(self) >= _MOST_HEADERS:
                self.clear()
            self[header] = found
        return found


_known = _KnownHeaders()


def read_start(status: object, headers: object) -> Started:
    """Raises ContractBroken for what would be another message than the application means."""
    if not isinstance(status, str):
        raise ContractBroken(breach("status-not-str", f"The status is {shown(status)}."))
    code, line = _status(status)
    noted: tuple[Breach, ...] = ()
    if not isinstance(headers, list):
        noted = (breach("headers-not-list", f"The headers are {shown(headers)}."),)
        if not isinstance(headers, Iterable):
            raise ContractBroken(breach("header-not-pair", f"The headers are {shown(headers)}."))
    pairs: Headers = tuple(headers)
    try:
        found = [_known[pair] for pair in pairs]
    except TypeError:  # a list instead of a tuple cannot be looked up
        pairs = tuple(_checked(pair) for pair in pairs)
        found = [_known[pair] for pair in pairs]
    has = {name for name, _ in found}
    if not HOP_BY_HOP.isdisjoint(has):
        bad = next(name for name, _ in pairs if name.lower() in HOP_BY_HOP)
        raise ContractBroken(breach("header-hop-by-hop", f"The application sets {bad}."))
    if "status" in has:
        noted = (*noted, breach("header-status", "The application sets a header Status."))
    length = None
    if "content-length" in has:
        length = _length(
            [value for name, value in pairs if len(name) == 14 and name.lower() == "content-length"]
        )
        if code == 204:  # it has none (RFC 9110 section 8.6)
            found = [each for each in found if each[0] != "content-length"]
    return Started(code, status, pairs, line + b"".join([text for _, text in found]), length, has, noted)


@lru_cache(maxsize=256)
def _status(status: str) -> tuple[int, bytes]:
    """The code and the status with CRLF. Raises ContractBroken."""
    digits, space, _ = status.partition(" ")
    if not (len(digits) == 3 and digits.isascii() and digits.isdigit() and space):
        raise ContractBroken(breach("status-malformed", f"The status is {shown(status)}."))
    try:
        raw = status.encode("latin-1")
    except UnicodeEncodeError:
        raise ContractBroken(breach("header-not-latin-1", f"The status is {shown(status)}.")) from None
    if raw.translate(None, IN_A_LINE):
        raise ContractBroken(breach("status-malformed", f"The status is {shown(status)}."))
    if not 200 <= int(digits) <= 599:
        raise ContractBroken(breach("status-informational", f"The status is {shown(status)}."))
    return int(digits), raw + b"\r\n"


def _checked(header: object) -> tuple[str, str]:
    """The header, when it is a pair of good strings. Raises ContractBroken."""
    if not (isinstance(header, (tuple, list)) and len(header) == 2):
        raise ContractBroken(breach("header-not-pair", f"A header is {shown(header)}."))
    name, value = header
    if not (isinstance(name, str) and isinstance(value, str)):
        raise ContractBroken(breach("header-not-str", f"A header is {shown((name, value))}."))
    if not is_token(name):
        raise ContractBroken(breach("header-name", f"The name of a header is {shown(name)}."))
    # A character beyond Latin-1 is told by who encodes the value.
    if value.encode("latin-1", "replace").translate(None, IN_A_LINE):
        raise ContractBroken(breach("header-control", f"The value of {name} is {shown(value)}."))
    return name, value


def _length(values: list[str]) -> int:
    if len(values) > 1:
        raise ContractBroken(breach("length-twice", f"Content-Length is {' and '.join(values)[:60]}."))
    value = values[0].strip(" \t")
    if not (value.isascii() and value.isdigit() and len(value) <= 18):
        raise ContractBroken(breach("length-malformed", f"Content-Length is {shown(values[0])}."))
    return int(value)
