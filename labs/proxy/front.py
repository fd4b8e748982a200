"""Which reverse proxy takes part: the embedded one, or the real nginx or Apache of this machine."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import NamedTuple

from labctl.capabilities.tools import tool
from labctl.events import Event
from labctl.sandbox.proxy_configuration import Configuration
from labctl.sandbox.proxy_headers import MANNERS
from labctl.sandbox.proxy_street import Street
from labs.proxy.arguments import With
from labs.proxy.real import Apps, real
from labs.telling import about, command

# The manners of a proxy that somebody has configured with care.
_CAREFUL = {"embedded": "nginx-recommended", "nginx": "nginx-recommended", "apache": "apache-repaired"}


class Front(NamedTuple):
    """Makes proxies of one kind. `with_` is what was typed."""

    with_: With

    @property
    def careful(self) -> str:
        """The manners of one that is configured with care."""
        return _CAREFUL[self.with_]

    def plays(self, manners: str) -> bool:
        """Whether it can have these manners: the embedded one has all."""
        return self.with_ in ("embedded", MANNERS[manners].server)

    def for_manners(self, manners: str) -> Front:
        """Itself where it can have these manners; else labctl's own, which has them all: a claim about two servers
        wants both."""
        return self if self.plays(manners) else Front("embedded")

    def stand(
        self,
        stack: contextlib.ExitStack,
        street: Street,
        configuration: Configuration,
        apps: Apps,
        *,
        secure: bool = False,
    ) -> tuple[str, int]:
        """A proxy of this configuration for as long as the stack and the street last; where it listens."""
        if self.with_ == "embedded":
            return street.proxy(configuration, apps, secure=secure)[0]
        return real(self.with_, stack, street, configuration, apps, secure=secure).address

    @property
    def name(self) -> str:
        """What stands there: "nginx 1.22.1", "embedded proxy"."""
        if self.with_ == "nginx":
            from labctl.serving.nginx import nginx_version

            return nginx_version()
        if self.with_ == "apache":
            from labctl.serving.apache import apache_version

            return apache_version()
        return "embedded proxy"


def stand_ins(front: Front) -> Iterator[Event]:
    """Who plays the server that is not there by itself."""
    if front.with_ != "embedded":
        other = "Apache" if front.with_ == "nginx" else "nginx"
        yield about(other, f"labctl's own proxy plays it here; {front.name} is the real one")


def in_yours(with_: With, nginx: str, apache: str, remark: str) -> Event:
    """What to type to see the same in a configuration of one's own: an nginx -T filter, a search of Apache's files."""
    line = f"grep -rnE '{apache}' /etc/apache2" if with_ == "apache" else f"nginx -T | {nginx}"
    return command("by hand", line, remark)


def other_fronts(with_: With, show: str = "", app: str = "") -> Iterator[Event]:
    """The same with the real servers of this machine, as lines to type. `app` as it is typed, options and all."""
    options = f" --show {show}" if show else f" {app}" if app else ""
    for server, program in (("nginx", "nginx"), ("apache", "apache2")):
        if server != with_ and tool(program).have:
            name = "Apache" if server == "apache" else "nginx"
            yield command("the real", f"labctl proxy{options} --with {server}", f"this machine's {name}")
