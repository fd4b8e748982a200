"""Apache's configuration as it is meant: the main server, virtual hosts, sections by path, and what was not read."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator, Sequence

from labctl.protocols.apache_checking import is_of_a_module
from labctl.protocols.apache_directives import KNOWN
from labctl.protocols.apache_grammar import Directive, Reading
from labctl.protocols.apache_words import MATTERS, READ, is_harmless
from labctl.protocols.proxy_answers import UNKNOWN, ConfigError, Place, Unread


def compiled(pattern: str, place: Place, *, ignore_case: bool = False) -> re.Pattern[str]:
    """A pattern of PCRE for Python. Raises ConfigError when it is none."""
    from labctl.protocols.nginx_scopes import compiled as pcre

    return pcre(pattern, place, ignore_case=ignore_case)


def matched(fake: str, uri: str) -> int:
    """How many characters of a path an Alias or ProxyPass takes, up to the end of a segment; 0: none (alias_match)."""
    if "//" not in fake and "//" not in uri and not uri.startswith(fake.rstrip("/")):
        return 0
    at = taken = 0
    while at < len(fake) and taken < len(uri):
        if fake[at] == "/":
            if uri[taken] != "/":
                return 0
            while at < len(fake) and fake[at] == "/":
                at += 1
            while taken < len(uri) and uri[taken] == "/":
                taken += 1
        elif fake[at] != uri[taken]:
            return 0
        else:
            at, taken = at + 1, taken + 1
    if at < len(fake):
        return 0
    if fake and fake[-1] != "/" and taken < len(uri) and uri[taken] != "/":
        return 0
    return taken


class Section:
    """A <Location>, <LocationMatch>, <Directory>, <DirectoryMatch>, <Proxy>: what holds for some paths."""

    def __init__(self, directive: Directive) -> None:
        self.directive = directive
        self.place = directive.place
        self.directives = directive.block or ()
        arguments = directive.arguments
        self.pattern: re.Pattern[str] | None = None
        self.path = directive.first
        if directive.key.endswith("match"):
            self.pattern = compiled(self.path, self.place)
        elif self.path == "~" and len(arguments) > 1:
            self.path = arguments[1]
            self.pattern = compiled(self.path, self.place)

    def own(self, *keys: str) -> list[Directive]:
        """Its directives of these names (lower case)."""
        return [each for each in self.directives if each.key in keys]

    def holds(self, path: str) -> re.Match[str] | bool:
        """Whether it holds for a path: a pattern's match, or whether the path stands on its boundary."""
        if self.pattern is not None:
            return self.pattern.search(path) or False
        if set(self.path) & set("*?["):
            # A star does not go over a slash: one segment of the path for one of the pattern.
            wanted, got = self.path.split("/"), path.split("/")
            return len(wanted) <= len(got) and all(map(fnmatch.fnmatchcase, got, wanted))
        if not path.startswith(self.path):
            return False
        return self.path.endswith("/") or path[len(self.path) : len(self.path) + 1] in ("", "/")


class Host:
    """The main server or a virtual host. `ports` is empty for the main server, 0 stands for every port."""

    def __init__(self, directives: Sequence[Directive], section: Directive | None) -> None:
        self.directives = tuple(directives)
        self._of_key: dict[str, list[tuple[int, Directive]]] = {}
        for number, each in enumerate(self.directives):
            self._of_key.setdefault(each.key, []).append((number, each))
        self.section = section
        self.place = section.place if section else Place(1)
        self.addresses = tuple(_address(each) for each in (section.arguments if section else ()))
        self.name = next((each.first for each in self.own("servername")), "")
        self.name = re.sub(r"^https?://|:\d+$", "", self.name)
        self.aliases = tuple(name for each in self.own("serveralias") for name in each.arguments)
        self.locations = [Section(each) for each in self.own("location", "locationmatch")]
        self.folders = [Section(each) for each in self.own("directory", "directorymatch")]
        self.proxies = [Section(each) for each in self.own("proxy", "proxymatch")]

    def own(self, *keys: str) -> list[Directive]:
        """Its directives of these names (lower case), without those in sections."""
        found = [pair for key in set(keys) for pair in self._of_key.get(key, ())]
        return [each for _, each in sorted(found, key=lambda pair: pair[0])]

    def listens(self, port: int) -> bool:
        """Whether requests to a port can be for it."""
        return any(each in (0, port) for _, each in self.addresses)

    @property
    def words(self) -> str:
        """`VirtualHost shop.test`, or `the main server`."""
        if self.section is None:
            return "the main server"
        return f"VirtualHost {self.name or ' '.join(self.section.arguments)}"


def _address(word: str) -> tuple[str, int]:
    host, _, port = word.rpartition(":")
    if host and (port.isdigit() or port == "*"):
        return host, int(port) if port.isdigit() else 0
    return word, 0


class Configuration:
    """A whole configuration. `main` holds for all; a virtual host's lines come on top of it."""

    def __init__(self, directives: Sequence[Directive], reading: Reading | None = None) -> None:
        self.reading = reading or Reading()
        self.main = Host([each for each in directives if each.key != "virtualhost"], None)
        self.hosts = [Host(each.block or (), each) for each in directives if each.key == "virtualhost"]
        self.balancers = {
            section.path.removeprefix("balancer://").rstrip("/"): section
            for host in (self.main, *self.hosts)
            for section in host.proxies
            if section.path.startswith("balancer://")
        }
        self.unread = tuple(_unread(directives))

    def both(self, host: Host, *keys: str) -> list[Directive]:
        """Directives of the main server, then those of a virtual host."""
        found = self.main.own(*keys)
        return found if host is self.main else found + host.own(*keys)

    def value(self, host: Host, key: str, default: str) -> str:
        """The first argument of what holds."""
        found = self.both(host, key)
        return found[-1].first if found else default

    def members(self, name: str) -> list[str]:
        """The addresses behind balancer://name."""
        section = self.balancers.get(name)
        if section is None:
            return []
        return [each.first for each in section.own("balancermember") if "status=+H" not in each.arguments]


def _unread(directives: Sequence[Directive]) -> Iterator[Unread]:
    for each in directives:
        if each.key in MATTERS:
            yield Unread(
                str(each) if each.block is not None else each.name, each.place, True, MATTERS[each.key]
            )
        elif each.key not in READ and not is_harmless(each.key):
            module = "of a module that is not Apache's own" if is_of_a_module(each.key) else UNKNOWN
            why = "not followed" if each.key in KNOWN else module
            yield Unread(each.name, each.place, True, why)
        if each.block is not None and each.key not in ("if", "elseif", "else", "macro"):
            yield from _unread(each.block)


__all__ = ["ConfigError", "Configuration", "Host", "Section", "compiled", "matched"]
