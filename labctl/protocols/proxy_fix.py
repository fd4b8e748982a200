"""Which counts of Werkzeug's ProxyFix a proxy's configuration allows: those of the fields that it sets, no others.

The visitor fills in a field that no proxy sets, and an app that counts on it believes him.
"""

from __future__ import annotations

from collections.abc import Collection
from itertools import islice

from labctl.protocols import apache_scopes
from labctl.protocols.apache_answering import answer as apache_answer
from labctl.protocols.apache_traps import MOST_LINES, passes
from labctl.protocols.nginx_forwarding import read_proxy_pass
from labctl.protocols.nginx_scopes import Configuration, Location
from labctl.protocols.nginx_variables import names_in
from labctl.protocols.proxy_answers import Fields, Request

# In the order of ProxyFix's arguments. Without a word from the learner x_for and x_proto are 1, the others 0.
COUNTS = {
    "x_for": "X-Forwarded-For",
    "x_proto": "X-Forwarded-Proto",
    "x_host": "X-Forwarded-Host",
    "x_prefix": "X-Forwarded-Prefix",
}


def counted(honest: Fields, lying: Fields) -> frozenset[str]:
    """The counts that may be 1, of what a backend gets of an honest visitor and of one who writes the fields himself.

    The last value counts, as in ProxyFix: the proxy's own when it is the same for both.
    """
    last = [{name: _last(fields, field) for name, field in COUNTS.items()} for fields in (honest, lying)]
    return frozenset(name for name in COUNTS if last[0][name] and last[0][name] == last[1][name])


def _last(fields: Fields, wanted: str) -> str:
    values = [value for name, value in fields if name.lower() == wanted.lower()]
    return ",".join(values).rpartition(",")[2].strip()


def nginx_counted(configuration: Configuration) -> dict[str, frozenset[str]]:
    """By backend, the counts that may be 1 in all locations that pass to it. Not of one whose fields are not known."""
    found: dict[str, frozenset[str]] = {}
    unknown: set[str] = set()
    for server in configuration.servers:
        for location in server.every_location():
            for each in location.own("proxy_pass"):
                backend = read_proxy_pass(each.first).host
                counts = _set_in(location)
                found[backend] = found.get(backend, counts) & counts
                if location.not_here() is not None:
                    unknown.add(backend)
    return {backend: counts for backend, counts in found.items() if backend not in unknown}


def _set_in(location: Location) -> frozenset[str]:
    values = {
        each.first.lower(): each.arguments[1]
        for each in location.holding("proxy_set_header")
        if len(each.arguments) == 2
    }
    return frozenset(
        name
        for name, field in COUNTS.items()
        if (value := values.get(field.lower(), ""))
        and f"http_{field.lower().replace('-', '_')}" not in names_in(value)
    )


def apache_counted(configuration: apache_scopes.Configuration, lies: Fields) -> dict[str, frozenset[str]]:
    """The same for Apache, by the URL of each backend; `lies` is what a visitor writes who fills in all fields."""
    found: dict[str, frozenset[str]] = {}
    unknown: set[str] = set()
    for host in configuration.hosts or [configuration.main]:
        port = next((port for _, port in host.addresses if port), 80)
        for path, url, _ in islice(passes(configuration, host), MOST_LINES):
            request = Request(path.rstrip("/") + "/labctl-probe", host.name or "localhost", port=port)
            honest, lying = (
                apache_answer(configuration, request._replace(fields=fields), lambda _: None)
                for fields in ((), lies)
            )
            backend = url.rstrip("/")
            if honest.kind != "proxy" or any("is not here" in doubt for doubt in honest.doubts):
                unknown.add(backend)
            counts = counted(honest.sent, lying.sent)
            found[backend] = found.get(backend, counts) & counts
    return {backend: counts for backend, counts in found.items() if backend not in unknown}


def line(counts: Collection[str]) -> str:
    """The line for the app; "" when no field is the proxy's own."""
    if not counts:
        return ""
    words = [f"{name}={int(name in counts)}" for name in ("x_for", "x_proto")]
    words += [f"{name}=1" for name in ("x_host", "x_prefix") if name in counts]
    return f"app.wsgi_app = ProxyFix(app.wsgi_app, {', '.join(words)})"
