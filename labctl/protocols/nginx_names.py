"""Which server block takes a request: the port, then the name (nginx docs, Server names)."""

from __future__ import annotations

from typing import NamedTuple

from labctl.protocols.nginx_scopes import Configuration, Server, compiled
from labctl.protocols.proxy_answers import ConfigError, Reason, Request


class ChosenServer(NamedTuple):
    """The server, why, and the groups of its name's pattern. `by_default`: no name fitted."""

    server: Server
    reasons: tuple[Reason, ...]
    by_default: bool
    captured: dict[str, str]
    doubts: tuple[str, ...] = ()


def listening(configuration: Configuration, port: int) -> list[Server]:
    """The servers that listen on a port, in the order in which they stand."""
    return [each for each in configuration.servers if any(listen.port == port for listen in each.listens)]


def usual_request(configuration: Configuration) -> tuple[str, str, int]:
    """Scheme, host and port of a visitor about whom nothing is said: https where some server has it."""
    served = [each for each in configuration.servers if any(listen.port for listen in each.listens)]
    secure = [each for each in served if any(listen.secure for listen in each.listens)]
    for server in secure or served:
        listen = next(each for each in server.listens if each.port and (each.secure or not secure))
        name = next((_plain(name) for name in server.names if _plain(name)), "")
        if name or server is (secure or served)[-1]:
            return ("https" if secure else "http"), name or "localhost", listen.port
    return "http", "localhost", 80


def _plain(name: str) -> str:
    """A host of this name; "" for `_`, patterns and wildcards in the middle."""
    if name.startswith("~") or name in ("_", "", '""') or "$" in name:
        return ""
    return name.removeprefix(".") if name.startswith(".") else name.replace("*", "www")


def choose_server(configuration: Configuration, request: Request) -> ChosenServer | None:
    """The server that takes the request; None when none listens on its port."""
    port = request.arrives_at
    here = listening(configuration, port)
    if not here:
        return None
    host = request.host.lower().rstrip(".")
    doubts = _addresses(here, port)
    for found in (_exact(here, host), _leading(here, host), _trailing(here, host)):
        if found is not None:
            server, name = found
            text = f"The name {host} is served by {server.words}, which stands at {server.place}"
            if name != host:
                text += f", as {name}"
            return ChosenServer(server, (Reason(f"{text}.", server.place),), False, {}, doubts)
    for server in here:
        for name in server.names:
            if name.startswith("~") and (match := _pattern(name, server).search(host)):
                text = f"The name {host} fits {name}, the first pattern that does."
                groups = {key: value or "" for key, value in match.groupdict().items()}
                return ChosenServer(server, (Reason(text, server.place),), False, groups, doubts)
    server, marked = default_server(here, port)
    why = "it is marked default_server" if marked else f"it is the first that listens on port {port}"
    text = (
        f"The only server of port {port} takes every name."
        if len(here) == 1
        else f"No server_name is {host or 'empty'}: the default takes it, {server.words} at {server.place}, as {why}."
    )
    # What the pattern of its name would have caught is empty.
    empty: dict[str, str] = {}
    for name in server.names:
        if name.startswith("~"):
            empty |= dict.fromkeys(_pattern(name, server).groupindex, "")
            doubts += (f"{host or 'An empty name'} does not fit {name}; --host gives another name.",)
    return ChosenServer(server, (Reason(text, server.place),), True, empty, doubts)


def default_server(here: list[Server], port: int) -> tuple[Server, bool]:
    """The default of a port, and whether it says so itself."""
    for server in here:
        if any(listen.default and listen.port == port for listen in server.listens):
            return server, True
    return here[0], False


def _addresses(here: list[Server], port: int) -> tuple[str, ...]:
    four = {
        listen.address
        for server in here
        for listen in server.listens
        if listen.port == port and not listen.address.startswith("[")
    }
    every = {"*", "0.0.0.0"}  # noqa: S104  # what a configuration says, nothing is bound
    if four - every and len(four) > 1:
        return (
            f"Servers listen on several addresses of port {port} ({', '.join(sorted(four))}): only those of the "
            "address that a visitor reaches are asked. All are taken together here.",
        )
    return ()


def _names(here: list[Server]) -> list[tuple[Server, str]]:
    return [(server, name.lower()) for server in here for name in server.names]


def _exact(here: list[Server], host: str) -> tuple[Server, str] | None:
    for server, name in _names(here):
        if name == host or (name.startswith(".") and name[1:] == host):
            return server, name
    return None


def _leading(here: list[Server], host: str) -> tuple[Server, str] | None:
    """The longest of *.shop.test and .shop.test."""
    fits = [
        (server, name)
        for server, name in _names(here)
        if name.startswith(("*.", "."))
        and host.endswith(name.removeprefix("*"))
        and host != name.lstrip("*.")
    ]
    return max(fits, key=lambda each: len(each[1].lstrip("*.")), default=None)


def _trailing(here: list[Server], host: str) -> tuple[Server, str] | None:
    """The longest of www.shop.*."""
    fits = [
        (server, name)
        for server, name in _names(here)
        if name.endswith(".*") and not name.startswith("~") and host.startswith(name[:-1])
    ]
    return max(fits, key=lambda each: len(each[1]), default=None)


def _pattern(name: str, server: Server):  # type: ignore[no-untyped-def]
    return compiled(name[1:], server.place, ignore_case=True)


def duplicate_names(configuration: Configuration) -> list[tuple[str, int, Server]]:
    """Names that a second server of the same port has too: nginx ignores the second, and only warns."""
    found, seen = [], set()
    for server in configuration.servers:
        for listen in server.listens:
            for name in server.names:
                key = (name.lower(), listen.port, listen.address)
                if key in seen:
                    found.append((name, listen.port, server))
                seen.add(key)
    return found


__all__ = [
    "ChosenServer",
    "ConfigError",
    "choose_server",
    "default_server",
    "duplicate_names",
    "listening",
    "usual_request",
]
