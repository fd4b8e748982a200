"""`--config` for nginx: its rules in a table, or who takes a path; then the traps, and what was not read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from shlex import quote

from labctl.events import Event, Row
from labctl.protocols.nginx_answering import answer
from labctl.protocols.nginx_grammar import parse
from labctl.protocols.nginx_names import usual_request
from labctl.protocols.nginx_scopes import HANDLERS, Configuration, Location, Scope, Server
from labctl.protocols.nginx_traps import nginx_traps
from labctl.protocols.nginx_words import MATTERS, READ
from labctl.protocols.proxy_answers import Request
from labs.proxy.config_asking import Asked
from labs.proxy.config_file import Disk, Includes, Source
from labs.proxy.config_told import LIES, told_answer, told_traps, told_unread
from labs.telling import command, note, opening, table, warning
from labs.words import count

_PARTS = {
    "http": "The file is a part: it is read as if it stood in an http block.",
    "server": "The file is a part: it is read as if it stood in a server block that listens on port 80.",
}


def told(source: Source, path: Path, asked: Sequence[Asked]) -> Iterator[Event]:
    """The events. Raises ConfigError."""
    includes = Includes(path)
    configuration = Configuration(parse(source.text, includes))
    locations = sum(1 for server in configuration.servers for _ in server.every_location())
    servers = count(len(configuration.servers), "server")
    yield opening(f"{path.name}: who takes which path?", f"nginx, {servers}, {count(locations, 'location')}")
    if configuration.part:
        yield note(_PARTS[configuration.part])
    for pattern, place in includes.missing:
        yield warning(
            f"{pattern}, which {place} includes, is not here: what it says is not known, "
            "and nginx does not start without it."
        )
    disk = Disk()
    if not asked:
        yield _rules(configuration)
    for each in asked:
        request = _request(configuration, each)
        yield from told_answer(
            request,
            answer(configuration, request, disk),
            answer(configuration, request._replace(fields=LIES), disk),
        )
    yield from told_traps(nginx_traps(configuration), brief=bool(asked))
    yield from told_unread(configuration.unread, READ | set(MATTERS))
    yield command("by hand", "nginx -T", "the whole configuration as nginx reads it")
    name = quote(source.name)
    if asked:
        yield command("next", f"labctl proxy --config {name}", "all rules, and each trap explained")
    else:
        yield command("next", f"labctl proxy --config {name} --path /", "who takes a path, and why")


def _request(configuration: Configuration, asked: Asked) -> Request:
    scheme, host, port = usual_request(configuration)
    if asked.scheme:
        scheme, port = asked.scheme, asked.port or (443 if asked.scheme == "https" else 80)
    elif asked.port:
        port = asked.port
    return Request(asked.path, asked.host or host, scheme, asked.method, (), port)


def _rules(configuration: Configuration) -> Event:
    rows = []
    for server in configuration.servers:
        ports = ", ".join(str(listen.port) for listen in server.listens if listen.port)
        names = " ".join(server.names) or "no name"
        rows.append(
            Row(
                f"Server {names}, port {ports}, at {server.place}: {_what(server)}.",
                (names, f"port {ports}", _what(server), str(server.place)),
                bold=(0,),
                hues=("accent", "mute", "", "mute"),
            )
        )
        for location in server.every_location():
            rows.append(
                Row(
                    f"{location.words} at {location.place}: {_what(location)}.",
                    (
                        f"  {location.modifier} {location.name}".rstrip(),
                        _kind(location),
                        _what(location),
                        str(location.place),
                    ),
                    hues=("", "mute", "", "mute"),
                )
            )
    return table("rules", "The rules", ("path", "how", "what it does", "where"), rows)


def _kind(location: Location) -> str:
    return {
        "": "prefix",
        "=": "exactly",
        "^~": "prefix, no patterns",
        "~": "pattern",
        "~*": "pattern, any case",
        "@": "named",
    }[location.modifier]


def _what(scope: Scope) -> str:
    for name in ("return", *HANDLERS, "try_files", "rewrite", "alias", "root"):
        if found := scope.own(name):
            return str(found[0])
    return f"{len(scope.own('location'))} locations" if isinstance(scope, Server) else "files"
