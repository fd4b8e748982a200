"""A request on its way through nginx: its path now, its variables, and what has been said about it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from labctl.protocols.nginx_locations import Found
from labctl.protocols.nginx_names import ChosenServer
from labctl.protocols.nginx_scopes import Configuration, Location, Scope, Server
from labctl.protocols.nginx_uri import Target
from labctl.protocols.nginx_variables import expanded, mapped
from labctl.protocols.proxy_answers import Fields, Look, OnDisk, Place, Reason, Request

# NGX_HTTP_MAX_URI_CHANGES
MOST_CHANGES = 10
# Where nginx keeps files when no root is said.
DEFAULT_ROOT = "html"


class State:
    """What nginx knows about a request. `scope` is the block that holds: a server, a location, an `if`."""

    def __init__(
        self, configuration: Configuration, chosen: ChosenServer, request: Request, target: Target, look: Look
    ) -> None:
        self.configuration = configuration
        self.server: Server = chosen.server
        self.request = request
        self.target = target
        self.uri, self.arguments = target.uri, target.arguments
        self.method = request.method
        self.scope: Scope = self.server
        self.location: Location | None = None
        self.captured: dict[str, str] = dict(chosen.captured)
        self.made: dict[str, str] = {}
        self.internal = False
        # Whether the target as it was sent may be passed on, and whether the location's prefix is still in the path.
        self.as_sent = True
        self.in_location = True
        self.changes = MOST_CHANGES + 1
        self.error_status = 0
        self.overwritten: int | None = None
        self.reasons: list[Reason] = [*chosen.reasons]
        self.doubts: list[str] = [*chosen.doubts]
        self.missing: list[str] = []
        self.proxy_host = ""
        self._look = look

    def say(self, text: str, place: Place | None = None) -> None:
        """One step more on the way."""
        self.reasons.append(Reason(text, place))

    def doubt(self, text: str) -> None:
        """What could make it come out otherwise."""
        if text not in self.doubts:
            self.doubts.append(text)

    def enter(self, found: Found) -> None:
        """Be in a location."""
        self.location = found.location
        self.scope = found.location or self.server
        self.reasons += found.reasons
        if found.match is not None:
            self.catch(found.match)

    def catch(self, match: re.Match[str]) -> None:
        """Remember what a pattern caught: $1 to $9, and names."""
        self.captured = {key: each for key, each in self.captured.items() if not key.isdigit()}
        self.captured["0"] = match[0]
        for number, each in enumerate(match.groups(), 1):
            self.captured[str(number)] = each or ""
        self.captured.update({key.lower(): each or "" for key, each in match.groupdict().items()})

    def expand(self, text: str) -> str:
        """A text with its variables replaced."""
        return expanded(text, self.value, self.missing)

    def on_disk(self, path: str) -> OnDisk:
        """What is at a path."""
        return self._look(path)

    def value(self, name: str, depth: int = 0) -> str | None:
        """The value of a variable; None when nobody here knows it."""
        # $Host is $host.
        name = name.lower()
        if name.isdigit() or name in self.captured:
            return self.captured.get(name, "")
        if name in self.made:
            return self.made[name]
        simple = self._simple(name)
        if simple is not None:
            return simple
        for prefix, kind in (("http_", "field"), ("arg_", "argument"), ("cookie_", "cookie")):
            if name.startswith(prefix):
                return self._of_request(kind, name.removeprefix(prefix))
        if depth > 8:
            return None
        return mapped(name, self.configuration.maps, lambda each: self.value(each, depth + 1))

    def _simple(self, name: str) -> str | None:
        request = self.request
        if name == "request_filename":
            return self.file()
        if name in ("document_root", "realpath_root"):
            return self.root()
        given = self.field("x-forwarded-for")
        table = {
            "uri": self.uri,
            "document_uri": self.uri,
            "args": self.arguments,
            "query_string": self.arguments,
            "is_args": "?" if self.arguments else "",
            "request_uri": self.target.raw,
            "request_method": request.method,
            "scheme": request.scheme,
            "https": "on" if request.scheme == "https" else "",
            "host": request.host.lower() or next(iter(self.server.names), ""),
            "hostname": None,
            "server_name": next(iter(self.server.names), ""),
            "server_port": str(request.arrives_at),
            "server_protocol": "HTTP/1.1",
            "remote_addr": request.visitor,
            "remote_user": "",
            "proxy_host": self.proxy_host or None,
            "proxy_add_x_forwarded_for": f"{given}, {request.visitor}" if given else request.visitor,
            "content_type": self.field("content-type"),
            "content_length": self.field("content-length"),
            "request": f"{request.method} {self.target.raw} HTTP/1.1",
        }
        return table.get(name)

    def field(self, name: str) -> str:
        """A field of the request, or ""; repeated ones are joined as nginx does."""
        if name == "host":
            return self.request.host_field
        return ", ".join(value for key, value in self.request.fields if key.lower() == name)

    def _of_request(self, kind: str, name: str) -> str:
        if kind == "argument":
            for part in self.arguments.split("&"):
                key, _, value = part.partition("=")
                if key.lower() == name.lower():
                    return value
            return ""
        if kind == "cookie":
            pairs = (each.strip().partition("=") for each in self.field("cookie").split(";"))
            return next((value for key, _, value in pairs if key == name), "")
        return self.field(name.replace("_", "-"))

    def root(self) -> str:
        """The folder: `root`, or `alias` of this location."""
        for scope in self.scope.chain():
            for each in scope.directives:
                if each.name in ("root", "alias"):
                    return self.expand(each.first)
        return DEFAULT_ROOT

    def alias(self) -> Literal[True] | None:
        """Whether the folder that holds is an alias."""
        for scope in self.scope.chain():
            for each in scope.directives:
                if each.name in ("root", "alias"):
                    return True if each.name == "alias" else None
        return None

    def file(self, uri: str | None = None) -> str:
        """The file of a path: root and path, or alias and what is behind the location's prefix."""
        path = self.uri if uri is None else uri
        folder = self.root()
        if not self.alias():
            return folder.rstrip("/") + path if folder != "/" else path
        location = self.location
        if location is not None and location.pattern is not None:
            return folder
        prefix = location.name if location is not None else ""
        return folder + (path[len(prefix) :] if path.startswith(prefix) else path)


def shown(fields: Sequence[tuple[str, str]]) -> Fields:
    """Fields without those of no value: nginx does not send these."""
    return tuple((name, value) for name, value in fields if value)
