"""Which virtual host takes a request: the port, then ServerName and ServerAlias (Apache docs, vhosts/details)."""

from __future__ import annotations

import fnmatch
from typing import NamedTuple

from labctl.protocols.apache_scopes import Configuration, Host
from labctl.protocols.proxy_answers import Reason, Request


class ChosenHost(NamedTuple):
    """The host and why. `by_default`: no name fitted, and the first of the port took it."""

    host: Host
    reasons: tuple[Reason, ...]
    by_default: bool


def choose_host(configuration: Configuration, request: Request) -> ChosenHost:
    """The host that takes a request."""
    port = request.arrives_at
    here = [each for each in configuration.hosts if each.listens(port)]
    if not here:
        why = f"no VirtualHost is for port {port}" if configuration.hosts else "there is no VirtualHost"
        text = f"The main server takes it, as {why}."
        return ChosenHost(configuration.main, (Reason(text),), bool(configuration.hosts))
    name = request.host.lower().rstrip(".")
    for host in here:
        if name == host.name.lower():
            text = f"ServerName {host.name} is the name that is asked for: {host.words} at {host.place}."
            return ChosenHost(host, (Reason(text, host.place),), False)
        for alias in host.aliases:
            if fnmatch.fnmatchcase(name, alias.lower()):
                text = f"ServerAlias {alias} fits {name}: {host.words} at {host.place}."
                return ChosenHost(host, (Reason(text, host.place),), False)
    first = here[0]
    text = (
        f"The only VirtualHost of port {port} takes every name: {first.place}."
        if len(here) == 1
        else f"No ServerName or ServerAlias is {name}: the first VirtualHost of port {port} takes it, at {first.place}."
    )
    return ChosenHost(first, (Reason(text, first.place),), True)


def usual_request(configuration: Configuration) -> tuple[str, str, int]:
    """Scheme, host and port of a visitor about whom nothing is said: https where some host has it."""
    for wanted in (True, False):
        for host in configuration.hosts:
            secure = any(each.first.lower() == "on" for each in host.own("sslengine"))
            if secure == wanted:
                port = next((port for _, port in host.addresses if port), 443 if secure else 80)
                return ("https" if secure else "http"), host.name or "localhost", port
    ports = [each.first.rpartition(":")[2] for each in configuration.main.own("listen")]
    port = next((int(each) for each in ports if each.isdigit()), 80)
    return "http", configuration.main.name or "localhost", port
