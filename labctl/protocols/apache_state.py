"""A request on its way through Apache: its path now, its environment, the sections that hold."""

from __future__ import annotations

import re
from collections.abc import Iterator

from labctl.protocols.apache_grammar import Directive
from labctl.protocols.apache_hosts import ChosenHost
from labctl.protocols.apache_scopes import Configuration, Section, compiled
from labctl.protocols.apache_uri import Target
from labctl.protocols.proxy_answers import Look, OnDisk, Place, Reason, Request

_EXPANDED = re.compile(r"\\(.)|\$(\d)|%(\d)|%\{([^}]+)\}")


class State:
    """What Apache knows about a request."""

    def __init__(
        self, configuration: Configuration, chosen: ChosenHost, request: Request, target: Target, look: Look
    ) -> None:
        self.configuration = configuration
        self.host = chosen.host
        self.request = request
        self.target = target
        self.uri, self.arguments = target.uri, target.arguments
        self.environment: dict[str, str] = {}
        self.reasons: list[Reason] = [*chosen.reasons]
        self.doubts: list[str] = []
        self._look = look

    def say(self, text: str, place: Place | None = None) -> None:
        """One step more on the way."""
        self.reasons.append(Reason(text, place))

    def doubt(self, text: str) -> None:
        """What could make it come out otherwise."""
        if text not in self.doubts:
            self.doubts.append(text)

    def on_disk(self, path: str) -> OnDisk:
        """What is at a path."""
        return self._look(path)

    def both(self, *keys: str) -> list[Directive]:
        """Directives of the main server and of the host."""
        return self.configuration.both(self.host, *keys)

    def locations(self, *, first: bool = False) -> Iterator[tuple[Section, re.Match[str] | bool]]:
        """The <Location> sections that hold for the path, in the order in which they are merged.

        `first`: for the path as it came, before [PT] changed it: these say who takes it.
        """
        uri = self.target.uri if first else self.uri
        hosts = (self.host,) if self.host is self.configuration.main else (self.configuration.main, self.host)
        for host in hosts:
            for section in host.locations:
                if held := section.holds(uri):
                    yield section, held

    def folders(self, path: str) -> list[Section]:
        """The <Directory> sections that hold for a file: the shortest folder first, patterns behind."""
        hosts = (self.host,) if self.host is self.configuration.main else (self.configuration.main, self.host)
        held = [each for host in hosts for each in host.folders if _folder_holds(each, path)]
        return sorted(held, key=lambda each: (each.pattern is not None, each.path.rstrip("/").count("/")))

    def field(self, name: str) -> str:
        """A field of the request, or ""."""
        if name.lower() == "host":
            return self.request.host_field
        return ", ".join(value for key, value in self.request.fields if key.lower() == name.lower())

    def set_environment(self) -> None:
        """SetEnvIf and BrowserMatch: they run before a path is given to anybody."""
        for each in self.both("setenvif", "setenvifnocase", "browsermatch", "browsermatchnocase"):
            words = list(each.arguments)
            attribute = "User-Agent" if each.key.startswith("browser") else words.pop(0) if words else ""
            if len(words) < 2:
                continue
            pattern, *settings = words
            fits = compiled(pattern, each.place, ignore_case=each.key.endswith("nocase")).search(
                self._attribute(attribute)
            )
            if not fits:
                continue
            for setting in settings:
                name, equals, value = setting.partition("=")
                if name.startswith("!"):
                    self.environment.pop(name[1:], None)
                    continue
                self.environment[name] = self.expand(value, fits, None) if equals else "1"
                self.say(f"{each} sets {name}.", each.place)

    def _attribute(self, name: str) -> str:
        known = {
            # SetEnvIf runs before the path is decoded and its dots are resolved.
            "request_uri": self.target.raw,
            "request_method": self.request.method,
            "remote_addr": self.request.visitor,
            "request_protocol": "HTTP/1.1",
            "remote_host": self.request.visitor,
        }
        if name.lower() in known:
            return known[name.lower()]
        return self.environment.get(name, "") or self.field(name)

    def variable(self, name: str) -> str | None:
        """The value of %{NAME}; None when nobody here knows it."""
        kind, colon, rest = name.partition(":")
        if colon and kind.upper() == "HTTP":
            return self.field(rest)
        if colon and kind.upper() == "ENV":
            return self.environment.get(rest, "")
        request = self.request
        known = {
            "REQUEST_URI": self.uri,
            "REQUEST_FILENAME": self.uri,
            "SCRIPT_FILENAME": self.uri,
            "QUERY_STRING": self.arguments,
            "REQUEST_METHOD": request.method,
            "REQUEST_SCHEME": request.scheme,
            "HTTPS": "on" if request.scheme == "https" else "off",
            "HTTP_HOST": request.host_field,
            "SERVER_NAME": request.host,
            "SERVER_PORT": str(request.arrives_at),
            "REMOTE_ADDR": request.visitor,
            "REMOTE_HOST": request.visitor,
            "REMOTE_USER": "",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "THE_REQUEST": f"{request.method} {request.path} HTTP/1.1",
            "DOCUMENT_ROOT": self.document_root(),
            "HTTP_USER_AGENT": self.field("user-agent"),
            "HTTP_REFERER": self.field("referer"),
            "HTTP_COOKIE": self.field("cookie"),
            "HTTP_ACCEPT": self.field("accept"),
            "HTTP_UPGRADE": self.field("upgrade"),
            "HTTP_CONNECTION": self.field("connection"),
            "HTTP_FORWARDED": self.field("forwarded"),
        }
        return known.get(name.upper())

    def document_root(self) -> str:
        """The folder of files that no Alias takes."""
        return self.configuration.value(self.host, "documentroot", "/usr/local/apache2/htdocs")

    def expand(self, text: str, rule: re.Match[str] | None, condition: re.Match[str] | None) -> str:
        """$1 of a rule, %1 of its last condition, %{NAME}."""

        def replace(found: re.Match[str]) -> str:
            if found[1]:
                return found[1]
            if found[2] or found[3]:
                match, number = (rule, int(found[2])) if found[2] else (condition, int(found[3]))
                return (match[number] or "") if match is not None and number <= match.re.groups else ""
            value = self.variable(found[4])
            if value is None:
                self.doubt(f"%{{{found[4]}}} is not known here.")
                return ""
            return value

        return _EXPANDED.sub(replace, text)


def _folder_holds(section: Section, path: str) -> bool:
    return (section.path in ("/", "") and section.pattern is None) or bool(section.holds(path))
