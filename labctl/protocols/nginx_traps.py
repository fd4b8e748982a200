"""Finds the traps of an nginx configuration."""

from __future__ import annotations

import re
from collections.abc import Iterator

from labctl.protocols import nginx_trap_words as traps
from labctl.protocols.nginx_backend_traps import backend_traps, prefix_traps
from labctl.protocols.nginx_forwarding import read_proxy_pass
from labctl.protocols.nginx_grammar import Directive
from labctl.protocols.nginx_names import duplicate_names
from labctl.protocols.nginx_scopes import Configuration, Location, Scope, Server
from labctl.protocols.nginx_variables import PLACEHOLDER, names_in
from labctl.protocols.proxy_traps import SOCKETS, Caught, by_weight

_EVENTS = re.compile(r"(?:^|[/_-])(?:sse|events?|streams?)(?:$|[/_-])", re.IGNORECASE)
_HOST = re.compile(r"[\w.*-]*(?:\$\w+)?", re.ASCII)
# An ending as in \.(css|js)$: such a pattern takes paths of every folder.
_ENDING = re.compile(r"\\\.[\w(|?:)]+\$$")


def nginx_traps(configuration: Configuration) -> list[Caught]:
    """All traps, each at most once a place, the dangerous ones first."""
    return by_weight(_all(configuration))


def _all(configuration: Configuration) -> Iterator[Caught]:
    yield from _of_servers(configuration)
    for scope in (configuration.http, *configuration.servers):
        yield from _buffering(scope)
    for server in configuration.servers:
        yield from _rewrites(server)
        yield from _patterns(server)
        scopes: list[Scope] = [server]
        for location in server.every_location():
            scopes.append(location)
            for each in (*_alias(location), *_ifs(location), *_buffering(location), *_rewrites(location)):
                yield each._replace(rule=location.place)
            for each in _passing(location, configuration):
                yield each._replace(rule=location.place)
        for scope in scopes:
            for each in _headers(scope):
                yield each._replace(rule=scope.place)
    yield from prefix_traps(configuration)
    for line in _everywhere(configuration.http, "underscores_in_headers"):
        if line.first == "on":
            yield Caught(traps.UNDERSCORES, line.place, str(line))


def _everywhere(scope: Scope, name: str) -> Iterator[Directive]:
    waiting = list(scope.directives)
    while waiting:
        each = waiting.pop(0)
        if each.name == name:
            yield each
        waiting += each.block or ()


def _of_servers(configuration: Configuration) -> Iterator[Caught]:
    ports: dict[int, list[Server]] = {}
    for server in configuration.servers:
        known = server.not_here() is None
        if known and not server.own("listen") and configuration.part != "server":
            yield Caught(traps.LISTEN_MISSING, server.place, server.words)
        for port in {listen.port for listen in server.listens if listen.port}:
            ports.setdefault(port, []).append(server)
        for each in server.own("server_name"):
            for name in each.arguments:
                middle = "*" in name[1:-1] or (name.startswith("*") and not name.startswith("*."))
                if (
                    not name.startswith("~")
                    and not PLACEHOLDER.search(name)
                    and (not _HOST.fullmatch(name) or middle)
                ):
                    yield Caught(traps.NAME_ODD, each.place, f"server_name {name}")
    for port, servers in ports.items():
        marked = any(listen.default for server in servers for listen in server.listens if listen.port == port)
        if len(servers) > 1 and not marked:
            yield Caught(traps.NO_DEFAULT, servers[0].place, f"port {port}: {len(servers)} servers")
    for name, port, server in duplicate_names(configuration):
        yield Caught(traps.NAME_TWICE, server.place, f"{name}, port {port}")


def _alias(location: Location) -> Iterator[Caught]:
    for each in location.own("alias"):
        if location.modifier not in ("", "^~"):
            continue
        if each.first.endswith("/") and not location.name.endswith("/"):
            here = f"location {location.modifier} {location.name}/ {{ {each}; }}".replace("  ", " ")
            yield Caught(traps.ALIAS_ESCAPES, each.place, f"{location.words}: {each}", here)
        elif location.name.endswith("/") and not each.first.endswith("/"):
            yield Caught(traps.ALIAS_JOINS, each.place, f"{location.words}: {each}", f"{each}/;")


def _ifs(location: Location) -> Iterator[Caught]:
    for each in location.own("if"):
        more = [
            inner for inner in each.block or () if inner.name not in ("return", "rewrite", "set", "break")
        ]
        if more or location.own("try_files"):
            yield Caught(traps.IF_IN_LOCATION, each.place, str(each))
        for inner in each.block or ():
            if inner.name == "proxy_pass" and read_proxy_pass(inner.first).uri and "$" not in inner.first:
                yield Caught(traps.URI_IN_PATTERN, inner.place, str(inner))


def _buffering(scope: Scope) -> Iterator[Caught]:
    streams = isinstance(scope, Location) and (_EVENTS.search(scope.name) or SOCKETS.search(scope.name))
    for each in scope.own("proxy_buffering"):
        if each.first == "off" and not streams:
            yield Caught(traps.BUFFERING_OFF, each.place, str(each))
    for each in scope.own("proxy_request_buffering"):
        if each.first == "off":
            yield Caught(traps.REQUEST_BUFFERING_OFF, each.place, str(each))


def _rewrites(scope: Scope) -> Iterator[Caught]:
    for each in (*scope.own("return"), *(inner for one in scope.own("if") for inner in one.block or ())):
        if each.name == "return" and {"uri", "document_uri"} & set(names_in(" ".join(each.arguments))):
            yield Caught(traps.DECODED, each.place, str(each))


def _patterns(server: Server) -> Iterator[Caught]:
    endings = [each for each in server.locations if each.pattern is not None and _ENDING.search(each.name)]
    for location in server.locations:
        made_for_files = location.own("alias") or (location.own("root") and location.name != "/")
        if location.modifier == "" and endings and made_for_files:
            yield Caught(
                traps.PATTERN_FIRST,
                location.place,
                f"{location.words}; {endings[0].words} goes first",
                f"location ^~ {location.name} {{ ... }}",
            )


def _headers(scope: Scope) -> Iterator[Caught]:
    seen: dict[str, Directive] = {}
    for each in scope.own("proxy_set_header"):
        before = seen.setdefault(each.first.lower(), each)
        if before is not each:
            yield Caught(traps.HEADER_TWICE, each.place, f"{each}; and {before} at {before.place}")
    for name, trap in (("proxy_set_header", traps.SET_HEADER_LOST), ("add_header", traps.ADD_HEADER_LOST)):
        own = scope.own(name)
        outside = scope.outer.holding(name) if scope.outer is not None else []
        # add_header_inherit merge (nginx 1.29.3) takes them over all the same.
        merging = name == "add_header" and scope.value("add_header_inherit", "on") == "merge"
        if own and outside and not merging:
            lost = [
                each.first for each in outside if each.first.lower() not in {one.first.lower() for one in own}
            ]
            if lost:
                yield Caught(trap, own[0].place, f"lost here: {', '.join(dict.fromkeys(lost))}")


def _passing(location: Location, configuration: Configuration) -> Iterator[Caught]:
    for each in location.own("proxy_pass"):
        passed = read_proxy_pass(each.first)
        yield from _slashes(location, each)
        yield from _fields(location, each)
        yield from backend_traps(location, each, configuration)
        set_here = {one.first.lower(): one for one in location.holding("proxy_set_header")}
        # What a file that is not here sets is not missing.
        known = location.not_here() is None
        old = known and location.value("proxy_http_version", "1.0") == "1.0"
        if SOCKETS.search(location.name) and "upgrade" not in set_here and known:
            yield Caught(traps.UPGRADE_MISSING, each.place, f"{location.words}: {each}")
        elif "upgrade" in set_here and old:
            yield Caught(traps.UPGRADE_OLD, each.place, f"{location.words}: {each}")
        if known and _EVENTS.search(location.name) and location.value("proxy_buffering", "on") != "off":
            yield Caught(traps.STREAM_BUFFERED, each.place, f"{location.words}: {each}")
        upstream = configuration.upstreams.get(passed.host)
        if upstream is not None and upstream.keepalive and known and (old or "connection" not in set_here):
            yield Caught(traps.KEEPALIVE_OLD, each.place, f"{location.words}: {each}")
        if known and not location.holding("client_max_body_size"):
            server = next(scope for scope in location.chain() if isinstance(scope, Server))
            yield Caught(traps.BODY_LIMIT, server.place, server.words)


def _slashes(location: Location, each: Directive) -> Iterator[Caught]:
    uri = read_proxy_pass(each.first).uri
    words = f"{location.words}: {each}"
    if "$" in each.first:
        if uri and any(name.isdigit() or name in ("uri", "document_uri") for name in names_in(each.first)):
            yield Caught(traps.DECODED, each.place, words)
        return
    if not uri:
        return
    if location.modifier in ("~", "~*", "@"):
        yield Caught(traps.URI_IN_PATTERN, each.place, words)
    elif location.modifier in ("", "^~") and location.name != "/":
        if location.name.endswith("/") and not uri.endswith(("/", "=", "?")):
            yield Caught(traps.PASS_JOINS, each.place, words, f"{each}/;")
        elif uri.endswith("/") and not location.name.endswith("/"):
            yield Caught(traps.PASS_DOUBLES, each.place, words, f"location {location.name}/ {{ {each}; }}")
        prefixed = any(
            one.first.lower() in ("x-forwarded-prefix", "x-script-name")
            for one in location.holding("proxy_set_header")
        )
        if uri.rstrip("/") != location.name.rstrip("/") and not prefixed:
            field = f"proxy_set_header X-Forwarded-Prefix {location.name.rstrip('/')};"
            here = f"{field} and ProxyFix(x_prefix=1), or proxy_pass without a path."
            yield Caught(traps.PREFIX_CUT, each.place, words, here)


def _fields(location: Location, each: Directive) -> Iterator[Caught]:
    setting = {
        one.first.lower(): one for one in location.holding("proxy_set_header") if len(one.arguments) == 2
    }
    words = f"{location.words}: {each}"
    known = location.not_here() is None
    if known and "host" not in setting:
        yield Caught(traps.HOST_LOST, each.place, words)
        if location.value("proxy_redirect", "default") == "off":
            yield Caught(traps.REDIRECT_OFF, each.place, words)
    if known and "x-forwarded-for" not in setting:
        yield Caught(traps.FOR_MISSING, each.place, words)
    if known and "x-forwarded-proto" not in setting:
        yield Caught(traps.PROTO_MISSING, each.place, words)
    if known and "x-forwarded-host" not in setting:
        yield Caught(traps.X_HOST_OPEN, each.place, words)
    for name in ("x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-real-ip", "forwarded"):
        if name in setting and f"http_{name.replace('-', '_')}" in names_in(setting[name].arguments[1]):
            yield Caught(traps.WORD_TAKEN, setting[name].place, str(setting[name]))
    overwriting = setting.get("x-forwarded-for")
    if overwriting is not None and overwriting.arguments[1] in ("$remote_addr", "$realip_remote_addr"):
        yield Caught(traps.FOR_OVERWRITTEN, overwriting.place, str(overwriting))
