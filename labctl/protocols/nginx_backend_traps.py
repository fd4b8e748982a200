"""Traps of an nginx configuration that are about backends: their names, and what several locations tell them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from labctl.protocols import nginx_trap_words as traps
from labctl.protocols.nginx_forwarding import read_proxy_pass
from labctl.protocols.nginx_grammar import Directive
from labctl.protocols.nginx_scopes import Configuration, Location
from labctl.protocols.nginx_variables import PLACEHOLDER, names_in
from labctl.protocols.proxy_traps import Caught

_NUMERIC = re.compile(r"[\d.]+|\[[0-9a-fA-F:]+\]")


def prefix_traps(configuration: Configuration) -> Iterator[Caught]:
    """Locations without X-Forwarded-Prefix whose backend gets it from others."""
    passing = [
        (location, each, read_proxy_pass(each.first).host)
        for server in configuration.servers
        for location in server.every_location()
        for each in location.own("proxy_pass")
    ]
    backends = {host for location, _, host in passing if _sets_prefix(location)}
    for location, each, host in passing:
        if host in backends and not _sets_prefix(location) and location.not_here() is None:
            yield Caught(traps.X_PREFIX_OPEN, each.place, f"{location.words}: {each}", rule=location.place)


def _sets_prefix(location: Location) -> bool:
    return any(one.first.lower() == "x-forwarded-prefix" for one in location.holding("proxy_set_header"))


def backend_traps(location: Location, each: Directive, configuration: Configuration) -> Iterator[Caught]:
    """What is wrong with the name of a backend."""
    passed = read_proxy_pass(each.first)
    host = passed.host.rpartition(":")[0] if re.search(r":\d+$", passed.host) else passed.host
    if host == "localhost":
        here = f"{each};".replace("localhost", "127.0.0.1", 1)
        yield Caught(traps.LOCALHOST, each.place, str(each), here)
    names = names_in(passed.host)
    if not names or location.holding("resolver") or location.not_here():
        return
    # A variable that is set to an address, or to the name of an upstream, needs no resolver.
    values = [
        one.arguments[1]
        for scope in location.chain()
        for one in scope.own("set")
        if len(one.arguments) == 2 and one.first.removeprefix("$") in names
    ]
    known = [value for value in values if _is_address(value) or value in configuration.upstreams]
    if PLACEHOLDER.search(passed.host) and not values:
        return
    if not values or len(known) < len(values):
        yield Caught(traps.NO_RESOLVER, each.place, str(each))


def _is_address(text: str) -> bool:
    host = text.partition("://")[2] or text
    host = re.sub(r"[:/].*$", "", host) if not host.startswith("[") else host.partition("]")[0] + "]"
    return bool(_NUMERIC.fullmatch(host)) or text.startswith("unix:")
