"""What a reverse proxy does with one request, and why: the answer that a configuration gives, nginx's or Apache's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

Fields = tuple[tuple[str, str], ...]

# "gone": the connection is closed without a word (444). "unknown": what was not read decides.
Kind = Literal["proxy", "file", "redirect", "status", "gone", "unknown"]
# What is at a path of the proxy's disk; None: nobody knows, the disk is another machine's.
OnDisk = Literal["file", "folder", ""] | None
Look = Callable[[str], OnDisk]


class Place(NamedTuple):
    """A line of a configuration. `file` "" is the one that was named; an included one has its name."""

    line: int
    file: str = ""

    def __str__(self) -> str:
        return f"line {self.line} of {self.file}" if self.file else f"line {self.line}"


class Reason(NamedTuple):
    """One step on the way to an answer: a whole sentence, and the line that it is about (None: none)."""

    text: str
    place: Place | None = None


class Request(NamedTuple):
    """What is asked. `path` is the target as it is sent, with its query; `port` is where it arrives."""

    path: str
    host: str
    scheme: str = "http"
    method: str = "GET"
    fields: Fields = ()
    port: int = 0
    visitor: str = "203.0.113.9"

    @property
    def arrives_at(self) -> int:
        """The port, the scheme's own when none was given."""
        return self.port or (443 if self.scheme == "https" else 80)

    @property
    def host_field(self) -> str:
        """What stands in Host."""
        usual = {"http": 80, "https": 443}.get(self.scheme)
        return self.host if not self.port or self.port == usual else f"{self.host}:{self.port}"


class Answer(NamedTuple):
    """Who answers. `to` is the URL asked of the backend, the file, the Location, or the text of a status.

    `server` and `rule` are the words that stand in the configuration, `backends` the members of an upstream or
    balancer, `sent` the fields that the backend gets. `doubts` are sentences: what could make it come out otherwise.
    """

    kind: Kind
    to: str = ""
    status: int = 0
    server: str = ""
    server_at: Place | None = None
    rule: str = ""
    rule_at: Place | None = None
    backends: tuple[str, ...] = ()
    reasons: tuple[Reason, ...] = ()
    sent: Fields = ()
    doubts: tuple[str, ...] = ()


# Why a directive was not read: nobody here knows it.
UNKNOWN = "unknown here"


class Unread(NamedTuple):
    """A directive that was not understood. `matters`: it could change who answers, or with what."""

    name: str
    place: Place
    matters: bool
    why: str = ""


class ConfigError(ValueError):
    """Text that is no configuration. `sentence` says what is wrong, `place` where."""

    def __init__(self, sentence: str, place: Place) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.place = place
