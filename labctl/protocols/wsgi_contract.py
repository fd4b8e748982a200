"""The contract between a WSGI server and an application (PEP 3333): what an application can break, each by its name.

`VIOLATIONS` has them all. One that is `refused` would make a message that the client reads in another way, or that
has no meaning: the server answers 500, or cuts the connection when the head is out. The others are noted, and
served as well as can be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, NamedTuple, Protocol

Environ = dict[str, Any]
ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]
Write = Callable[[bytes], object]


class StartResponse(Protocol):
    """What a server hands to an application as the second argument."""

    def __call__(
        self, status: str, response_headers: list[tuple[str, str]], exc_info: ExcInfo | None = None
    ) -> Write: ...


Application = Callable[[Environ, StartResponse], Iterable[bytes]]


class Violation(NamedTuple):
    """A way to break the contract. `rule` is what the contract says instead, a sentence; `source` its place."""

    name: str
    rule: str
    source: str
    refused: bool


class Breach(NamedTuple):
    """A violation that happened. `detail` says what was given, a sentence of the application's own words."""

    violation: Violation
    detail: str

    @property
    def name(self) -> str:
        return self.violation.name


class ContractBroken(Exception):
    """Raised in the application, where it broke the contract: its traceback shows the line."""

    def __init__(self, breach: Breach) -> None:
        super().__init__(f"{breach.detail} {breach.violation.rule}")
        self.breach = breach


_START = "PEP 3333, The start_response() Callable"
_BUFFERING = "PEP 3333, Buffering and Streaming"
_LENGTH = "PEP 3333, Handling the Content-Length Header"
_STRINGS = "PEP 3333, A Note On String Types"
_HOPS = "PEP 3333, Other HTTP Features"
_DETAILS = "PEP 3333, Specification Details"

_ALL = (
    ("start-response-missing", "start_response is called before the first bytes of the body.", _START, True),
    ("start-response-twice", "A second call of start_response needs exc_info.", _START, True),
    ("start-response-late", "start_response belongs to one request and ends with it.", _START, True),
    ("status-not-str", "The status is a str.", _STRINGS, True),
    ("status-malformed", "The status is three digits, one space and a reason, on one line.", _START, True),
    ("status-informational", "The status is a final one: 200 to 599.", "RFC 9110 section 15.2", True),
    ("headers-not-list", "The headers are a list, of the type list itself.", _START, False),
    ("header-not-pair", "Each header is a tuple of a name and a value.", _START, True),
    ("header-not-str", "The name and the value of a header are str.", _STRINGS, True),
    ("header-name", "A header's name is a token of RFC 9110: no space, no colon.", _START, True),
    ("header-control", "A header's value has no control characters; CR and LF would begin another header.",
     _START, True),
    ("header-not-latin-1", "The characters of a status and of a header are those of Latin-1.", _STRINGS, True),
    ("header-hop-by-hop", "Headers about the connection are the server's affair.", _HOPS, True),
    ("header-status", "There is no header Status: the status is start_response's first argument.",
     "PEP 3333, The start_response() Callable (CGI's field)", False),
    ("length-malformed", "Content-Length is one number of bytes, in digits.", _LENGTH, True),
    ("length-twice", "Content-Length stands once.", _LENGTH, True),
    ("iterable-missing", "An application returns an iterable of bytes.", _DETAILS, True),
    ("iterable-str", "An application returns an iterable of bytes, not a str.", _STRINGS, True),
    ("iterable-bytes", "An application returns an iterable of bytes; bytes alone iterate as numbers.",
     _DETAILS, True),
    ("item-not-bytes", "Each item of the iterable is bytes.", _STRINGS, True),
    ("write-not-bytes", "write() takes bytes.", _STRINGS, True),
    ("write-late", "write() belongs to one request and ends with it.", _DETAILS, True),
    ("body-too-long", "The body has as many bytes as Content-Length says; the rest is not sent.", _LENGTH, False),
    ("body-too-short", "The body has as many bytes as Content-Length says; the client waits for the rest.",
     _LENGTH, False),
    ("body-forbidden", "A response with status 204 or 304 has no body; it is not sent.",
     "RFC 9110 section 6.4.1", False),
    ("close-raised", "close() of the iterable does not raise.", _BUFFERING, False),
)  # fmt: skip
VIOLATIONS = {name: Violation(name, rule, source, refused) for name, rule, source, refused in _ALL}


def breach(name: str, detail: str) -> Breach:
    """This violation, with what was given."""
    return Breach(VIOLATIONS[name], detail)


def shown(value: object, most: int = 60) -> str:
    """A value as Python writes it, cut short."""
    text = repr(value[: most + 1] if isinstance(value, (str, bytes)) else value)
    return text if len(text) <= most else text[: most - 3] + "..."
