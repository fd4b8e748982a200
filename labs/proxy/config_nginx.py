"""`--config` for nginx: its rules in a table, or who takes a path; then the traps, and what was not read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from labctl.events import Event, Row
from labctl.protocols.nginx_answering import answer
from labctl.protocols.nginx_checking import refuse
from labctl.protocols.nginx_grammar import parse
from labctl.protocols.nginx_names import usual_request
from labctl.protocols.nginx_scopes import HANDLERS, Configuration, Location, Scope, Server
from labctl.protocols.nginx_trap_words import NGINX_TRAPS
from labctl.protocols.nginx_traps import nginx_traps
from labctl.protocols.nginx_variables import placeholders
from labctl.protocols.nginx_words import MATTERS, READ
from labctl.protocols.proxy_fix import nginx_counted
from labs.proxy.config_asking import Asked
from labs.proxy.config_file import Source
from labs.proxy.config_includes import Disk, Includes
from labs.proxy.config_told import all_asked, title, told_end, told_found, told_includes
from labs.proxy.config_traps import FailOn, Found, cell_of
from labs.telling import note, opening, table, warning
from labs.words import count, listed

_PARTS = {
    "http": "The file is a part: it is read as if it stood in an http block.",
    "server": "The file is a part: it is read as if it stood in a server block that listens on port 80.",
}


def told(source: Source, asked: Sequence[Asked], fail_on: FailOn | None = None) -> Iterator[Event]:
    """The events. Raises ConfigError."""
    includes = Includes(source.name, "nginx")
    directives = parse(source.text, includes)
    refuse(directives)
    configuration = Configuration(directives)
    locations = sum(1 for server in configuration.servers for _ in server.every_location())
    servers = count(len(configuration.servers), "server")
    summary = f"nginx, {servers}, {count(locations, 'location')}"
    yield opening(title(source, summary), summary)
    if configuration.part:
        yield note(_PARTS[configuration.part])
    yield from told_includes(includes, "nginx")
    if names := placeholders(configuration.directives):
        verb = "is taken as a word" if len(names) == 1 else "are taken as words"
        yield warning(
            f"The file is a template for envsubst: {listed(names)} {verb}, and nginx itself would not start. "
            "Give what is made out of it."
        )
    disk, usual = Disk(), usual_request(configuration)
    if not asked and configuration.servers:
        yield _rules(configuration)
    elif not asked:
        yield note("No server block stands in the file, so no path is given to anybody.")
    answers = all_asked(asked, usual, lambda request: answer(configuration, request, disk))
    found = Found("nginx", NGINX_TRAPS, nginx_traps(configuration), configuration.unread)
    yield from told_found(answers, lambda: nginx_counted(configuration), found, READ | set(MATTERS), fail_on)
    yield from told_end(source, asked, "nginx -T", "the whole configuration as nginx reads it")


def _rules(configuration: Configuration) -> Event:
    rows = []
    for server in configuration.servers:
        # IPv6 repeats the port; a template has a word in its place.
        ports = ", ".join(
            dict.fromkeys(
                listen.address if "$" in listen.address else str(listen.port)
                for listen in server.listens
                if listen.port
            )
        )
        names = " ".join(server.names) or "no name"
        rows.append(
            Row(
                f"Server {names}, port {ports}, at {server.place}: {_what(server)}.",
                (names, f"port {ports}", _what(server), cell_of(server.place)),
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
                        cell_of(location.place),
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
    refusing = [each for each in scope.own("deny") if each.first == "all" and not scope.own("allow")]
    for name in ("return", *HANDLERS, "deny", "try_files", "rewrite", "alias", "root", "if"):
        found = refusing if name == "deny" else scope.own(name)
        if found:
            return str(found[0])
    return count(len(scope.own("location")), "location") if isinstance(scope, Server) else "files"
