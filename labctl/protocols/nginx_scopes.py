"""nginx's configuration as it is meant: servers with their locations, upstreams, maps, and what was not read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Literal

from labctl.protocols.nginx_checking import is_of_a_module
from labctl.protocols.nginx_directives import KNOWN
from labctl.protocols.nginx_grammar import Directive
from labctl.protocols.nginx_words import MATTERS, READ, is_harmless
from labctl.protocols.proxy_answers import UNKNOWN, ConfigError, Place, Unread

Modifier = Literal["", "=", "^~", "~", "~*", "@"]
# What takes the request in a location.
HANDLERS = ("proxy_pass", "fastcgi_pass", "uwsgi_pass", "scgi_pass", "grpc_pass", "memcached_pass")
_POSIX = {
    "alpha": "a-zA-Z",
    "digit": "0-9",
    "alnum": "a-zA-Z0-9",
    "space": r"\s",
    "upper": "A-Z",
    "lower": "a-z",
    "punct": "!-/:-@\\[-`{-~",
    "xdigit": "0-9A-Fa-f",
    "word": r"\w",
}


# Unicode properties, \K, \Q...\E, verbs, recursion, and flags that begin in the middle.
_ONLY_PCRE = re.compile(r"\\[pPKQREXNGgk]|\(\*\w+\)|\(\?[R&0-9|]|(?<=.)\(\?[imsx]+\)")


class Scope:
    """A block with its directives and the block around it: directives that are missing here hold from outside."""

    def __init__(self, kind: str, directives: Sequence[Directive], place: Place, outer: Scope | None) -> None:
        self.kind = kind
        self.directives = tuple(directives)
        self._named: dict[str, list[Directive]] = {}
        for each in self.directives:
            self._named.setdefault(each.name, []).append(each)
        self.place = place
        self.outer = outer

    def own(self, name: str) -> list[Directive]:
        """The directives of this name that stand here."""
        return list(self._named.get(name, ()))

    def holding(self, *names: str) -> list[Directive]:
        """Those of these names that hold here: of the nearest block that has any, and of that one only."""
        scope: Scope | None = self
        while scope is not None:
            if any(name in scope._named for name in names):
                return [each for each in scope.directives if each.name in names]
            scope = scope.outer
        return []

    def value(self, name: str, default: str) -> str:
        """The first argument that holds here."""
        found = self.holding(name)
        return found[-1].first if found else default

    def not_here(self) -> Directive | None:
        """An `include` that holds here and whose file nobody has seen: what it says is not known."""
        return next((each for scope in self.chain() for each in scope.own("include")), None)

    def chain(self) -> Iterator[Scope]:
        """This block and those around it."""
        scope: Scope | None = self
        while scope is not None:
            yield scope
            scope = scope.outer


class Location(Scope):
    """A location. `name` is the prefix, the pattern, or the name behind @; `nested` stand in it."""

    def __init__(self, directive: Directive, outer: Scope) -> None:
        super().__init__("location", directive.block or (), directive.place, outer)
        self.modifier, self.name = _modifier(directive)
        self.pattern = (
            compiled(self.name, directive.place, ignore_case=self.modifier == "~*")
            if self.modifier in ("~", "~*")
            else None
        )
        self.nested = [Location(each, self) for each in self.own("location")]

    @property
    def words(self) -> str:
        """`location ~ \\.css$`."""
        if self.modifier == "@":
            return f"location @{self.name}"
        return f"location {self.modifier} {self.name}".replace("  ", " ")

    @property
    def redirects_without_slash(self) -> bool:
        """Whether /api is sent to /api/: a location of that name with a slash that is passed on."""
        return self.name.endswith("/") and any(self.own(name) for name in HANDLERS)


def _modifier(directive: Directive) -> tuple[Modifier, str]:
    arguments = directive.arguments
    if len(arguments) == 2 and arguments[0] in ("=", "^~", "~", "~*"):
        return arguments[0], arguments[1]  # type: ignore[return-value]
    if len(arguments) != 1:
        raise ConfigError(
            f"A location has one path, with =, ^~, ~ or ~* before it: {directive}", directive.place
        )
    word = arguments[0]
    for modifier in ("^~", "~*", "=", "~"):
        if word.startswith(modifier):
            return modifier, word[len(modifier) :]
    return ("@", word[1:]) if word.startswith("@") else ("", word)


def compiled(pattern: str, place: Place, *, ignore_case: bool = False) -> re.Pattern[str]:
    """A pattern of PCRE for Python. Raises ConfigError when it is none."""
    text = re.sub(r"\(\?<(?=[A-Za-z_])", "(?P<", pattern)
    text = re.sub(r"\(\?'(\w+)'", r"(?P<\1>", text)
    text = re.sub(r"\[:(\w+):\]", lambda found: _POSIX.get(found[1], found[0]), text)
    text = text.replace(r"\Z", r"(?=\n?\Z)").replace(r"\z", r"\Z").replace(r"\h", r"[ \t]")
    try:
        return re.compile(text, re.ASCII | (re.IGNORECASE if ignore_case else 0))
    except (re.error, RecursionError, OverflowError) as error:
        if only := _ONLY_PCRE.search(pattern):
            sentence = f"The pattern '{pattern[:60]}' has {only[0]}, which PCRE knows and labctl does not"
        else:
            sentence = f"'{pattern[:60]}' is no regular expression: {error}"
        raise ConfigError(sentence, place) from error


class Server(Scope):
    """A server block: where it listens, its names, its locations."""

    def __init__(self, directive: Directive, outer: Scope) -> None:
        super().__init__("server", directive.block or (), directive.place, outer)
        self.listens = tuple(Listen(each) for each in self.own("listen")) or (
            Listen(Directive("listen", ("80",), self.place)),
        )
        self.names = tuple(name for each in self.own("server_name") for name in each.arguments)
        self.locations = [Location(each, self) for each in self.own("location")]

    @property
    def words(self) -> str:
        """`server shop.test`, or where it stands."""
        name = next((name for name in self.names if name), "")
        return f"server {name}" if name else "the server without a name"

    def every_location(self) -> Iterator[Location]:
        """All locations, nested ones too, in the order in which they stand."""
        waiting = list(self.locations)
        while waiting:
            location = waiting.pop(0)
            yield location
            waiting = location.nested + waiting


class Listen:
    """Where a server listens. `port` 0 is a Unix socket."""

    def __init__(self, directive: Directive) -> None:
        self.place = directive.place
        address = directive.first
        self.options = directive.arguments[1:]
        self.address, self.port = "*", 80
        if address.startswith("unix:"):
            self.address, self.port = address, 0
        elif address.isdigit():
            self.port = int(address)
        else:
            host, colon, port = address.rpartition(":")
            if colon and port.isdigit():
                self.address, self.port = host, int(port)
            else:
                self.address = address
        self.secure = "ssl" in self.options or "quic" in self.options
        self.default = "default_server" in self.options or "default" in self.options


class Upstream:
    """A group of backends: the addresses of those that are asked, and of those that only step in."""

    def __init__(self, directive: Directive) -> None:
        self.name = directive.first
        self.place = directive.place
        block = directive.block or ()
        servers = [each for each in block if each.name == "server"]
        down = [each for each in servers if "down" in each.arguments]
        spare = [each for each in servers if "backup" in each.arguments and each not in down]
        self.members = tuple(each.first for each in servers if each not in down and each not in spare)
        self.spare = tuple(each.first for each in spare)
        self.keepalive = any(each.name == "keepalive" for each in block)
        method = [each.name for each in block if each.name in ("least_conn", "ip_hash", "hash", "random")]
        self.method = method[0] if method else "round robin"


class Configuration:
    """A whole configuration. `part` says what the file is: "" a whole one, else the block in which it is included."""

    def __init__(self, directives: Sequence[Directive]) -> None:
        self.part, self.http = _http(directives)
        self.directives = tuple(directives)
        self.servers = [Server(each, self.http) for each in self.http.own("server")]
        self.upstreams = {each.first: Upstream(each) for each in self.http.own("upstream")}
        self.maps = self.http.own("map")
        self.unread = tuple(_unread(directives, ""))


def _http(directives: Sequence[Directive]) -> tuple[str, Scope]:
    nowhere = Place(1)
    if https := [each for each in directives if each.name == "http"]:
        return "", Scope("http", https[0].block or (), https[0].place, None)
    if any(each.name in ("server", "upstream", "map") and each.block is not None for each in directives):
        return "http", Scope("http", directives, nowhere, None)
    if any(each.name in ("events", "worker_processes") for each in directives):
        return "", Scope("http", (), nowhere, None)
    server = Directive("server", (), nowhere, tuple(directives))
    return "server", Scope("http", (server,), nowhere, None)


# Blocks whose lines are no directives, and those of other protocols.
_OPAQUE = ("types", "map", "upstream", "geo", "split_clients", "events", "stream", "mail")


def _unread(directives: Sequence[Directive], within: str) -> Iterator[Unread]:
    for each in directives:
        name = each.name
        if name in ("stream", "mail"):
            yield Unread(name, each.place, False, "another protocol than HTTP")
        elif name.endswith(("_by_lua", "_by_lua_block", "_by_lua_file")):
            yield Unread(name, each.place, True, "code in Lua")
        elif name in MATTERS:
            yield Unread(name, each.place, True, MATTERS[name])
        elif name not in READ and not is_harmless(name):
            module = "of a module that is not nginx's own" if is_of_a_module(name) else UNKNOWN
            why = "not followed" if name in KNOWN else module
            yield Unread(name, each.place, True, why)
        if each.block is not None and name not in _OPAQUE:
            yield from _unread(each.block, name)
