"""What nginx sends to a backend: the URL that proxy_pass makes of a path, and the fields (ngx_http_proxy_module)."""

from __future__ import annotations

import re
from typing import NamedTuple

from labctl.protocols.nginx_scopes import Location
from labctl.protocols.nginx_state import State, shown
from labctl.protocols.nginx_uri import escape
from labctl.protocols.nginx_variables import has_variables
from labctl.protocols.proxy_answers import Fields

_UNIX = re.compile(r"(unix:[^:]*):?(.*)", re.DOTALL)
# Not passed on unless proxy_set_header says so.
_NOT_PASSED = frozenset(
    ("connection", "keep-alive", "te", "expect", "upgrade", "transfer-encoding", "content-length")
)


class Passed(NamedTuple):
    """A proxy_pass, taken apart: `host` "app:8000", `uri` "" when none is written."""

    scheme: str
    host: str
    uri: str
    variable: bool


def read_proxy_pass(text: str) -> Passed:
    """The parts of a proxy_pass, variables already replaced or not."""
    variable = has_variables(text)
    scheme, mark, rest = text.partition("://")
    if not mark:
        return Passed("http", text, "", variable)
    if rest.startswith("unix:") and (found := _UNIX.fullmatch(rest)):
        return Passed(scheme.lower(), found[1], found[2], variable)
    end = min((at for at in (rest.find("/"), rest.find("?")) if at >= 0), default=len(rest))
    return Passed(scheme.lower(), rest[:end], rest[end:], variable)


def host_header(passed: Passed) -> str:
    """$proxy_host: the backend's name, its port unless it is the usual one."""
    if passed.host.startswith("unix:"):
        return "localhost"
    usual = ":443" if passed.scheme == "https" else ":80"
    return passed.host.removesuffix(usual)


def passed_uri(state: State, passed: Passed) -> tuple[str, str]:
    """The path and query that the backend is asked for, and why."""
    query = f"?{state.arguments}" if state.arguments else ""
    if passed.variable and passed.uri:
        return (
            passed.uri,
            "proxy_pass has variables and a path, so exactly this path is asked for, nothing is put behind",
        )
    if not passed.uri and state.as_sent:
        return state.target.raw, "proxy_pass has no path of its own, so the path goes on as it was sent"
    quoted = state.target.quoted or state.internal
    whole = not passed.uri or not state.in_location
    prefix = "" if whole else _prefix(state)
    rest = state.uri[len(prefix) :]
    rest = escape(rest) if quoted else rest
    if not passed.uri:
        return (
            rest + query,
            "proxy_pass has no path of its own, and the path was changed, so the changed one goes on",
        )
    if not state.in_location:
        return (
            rest + query,
            "The path was changed by rewrite ... break, so proxy_pass's own path does not count",
        )
    reason = f"proxy_pass has a path, so {passed.uri} takes the place of {prefix}"
    return passed.uri + rest + query, reason


def _prefix(state: State) -> str:
    location = state.location
    return location.name if isinstance(location, Location) and location.pattern is None else ""


def forwarded(state: State, passed: Passed) -> Fields:
    """The fields that the backend gets: those that are set here, and what the visitor sent besides."""
    state.proxy_host = host_header(passed)
    setting = state.scope.holding("proxy_set_header")
    out: list[tuple[str, str]] = []
    named: set[str] = set()
    for each in setting:
        if len(each.arguments) == 2:
            named.add(each.first.lower())
            out.append((each.first, state.expand(each.arguments[1])))
    if "host" not in named:
        out.insert(0, ("Host", state.proxy_host))
    if "connection" not in named:
        out.append(("Connection", "close"))
    if state.scope.value("proxy_pass_request_headers", "on") != "off":
        underscores = state.scope.value("underscores_in_headers", "off") == "on"
        out += [
            (name, value)
            for name, value in state.request.fields
            if name.lower() not in named | _NOT_PASSED | {"host"} and (underscores or "_" not in name)
        ]
    return shown(out)
