"""What Apache sends to a backend: the fields that mod_proxy and mod_headers make (mod_proxy_http.c, proxy_util.c)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from labctl.protocols.apache_grammar import Directive
from labctl.protocols.apache_state import State
from labctl.protocols.proxy_answers import Fields

_HOP_BY_HOP = frozenset(
    (
        "connection",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "proxy-authorization",
        "host",
    )
)
_FORMAT = re.compile(r"%\{([^}]+)\}([es])|%(%)")


def holding(state: State, *keys: str) -> list[Directive]:
    """Directives that hold for a proxied path: of the servers, of <Proxy>, of <Location>, as merged."""
    found = state.both(*keys)
    for section in state.host.proxies + (
        state.configuration.main.proxies if state.host is not state.configuration.main else []
    ):
        if section.path == "*":
            found += section.own(*keys)
    for section, _ in state.locations():
        found += section.own(*keys)
    return found


def last(state: State, key: str, default: str) -> str:
    """The first argument of what holds."""
    found = holding(state, key)
    return found[-1].first if found else default


def forwarded(state: State, backend: str) -> Fields:
    """The fields that the backend gets. `backend` is its host and port as in the URL."""
    fields = [(name, value) for name, value in state.request.fields if name.lower() != "host"]
    fields.insert(0, ("Host", state.request.host_field))
    given_host = state.request.host_field
    for each in holding(state, "setenv"):
        # Later than SetEnvIf: too late for no-proxy, in time for these fields.
        state.environment[each.first] = each.arguments[1] if len(each.arguments) > 1 else ""
    for each in holding(state, "requestheader"):
        fields = list(_changed(fields, each, state))
        given_host = next((value for name, value in fields if name.lower() == "host"), given_host)
    preserve = last(state, "proxypreservehost", "off").lower() == "on"
    host = given_host if preserve else re.sub(r":80$", "", backend)
    out = [("Host", host), *((name, value) for name, value in fields if name.lower() not in _HOP_BY_HOP)]
    if last(state, "proxyaddheaders", "on").lower() != "off":
        server = state.host.name or state.configuration.main.name or state.request.host
        for name, value in (
            ("X-Forwarded-For", state.request.visitor),
            ("X-Forwarded-Host", given_host),
            ("X-Forwarded-Server", server),
        ):
            out = _merged(out, name, value)
    return tuple(out)


def _merged(fields: list[tuple[str, str]], name: str, value: str) -> list[tuple[str, str]]:
    """Behind what is there, with a comma; the lines of one name become one."""
    old = [each for key, each in fields if key.lower() == name.lower()]
    rest = [each for each in fields if each[0].lower() != name.lower()]
    return [*rest, (name, ", ".join((*old, value)))]


def _changed(fields: list[tuple[str, str]], each: Directive, state: State) -> Iterator[tuple[str, str]]:
    """What one RequestHeader makes of the fields."""
    words = [word for word in each.arguments if word.lower() != "early"]
    action = words.pop(0).lower() if words else ""
    if not words:
        yield from fields
        return
    name, value = words[0].removesuffix(":"), words[1] if len(words) > 1 else ""
    condition = words[2] if len(words) > 2 else (value if action == "unset" else "")
    same = [given for key, given in fields if key.lower() == name.lower()]
    if condition.startswith("env="):
        wanted = condition[4:]
        if (wanted.lstrip("!") in state.environment) == wanted.startswith("!"):
            yield from fields
            return
    elif condition.startswith("expr="):
        state.doubt(
            f"{each} at {each.place} depends on an expression that is not followed here; taken as true."
        )
    if action in ("edit", "edit*", "note", "echo"):
        state.doubt(f"{each} at {each.place} is not followed here.")
        yield from fields
        return
    others = [pair for pair in fields if pair[0].lower() != name.lower()]
    if action == "unset":
        yield from others
        return
    value = _value(value, each, state)
    if action == "set" or (action == "setifempty" and not same):
        yield from others
        yield name, value
    elif action == "add":
        yield from fields
        yield name, value
    elif action in ("append", "merge") and not (action == "merge" and value in ", ".join(same).split(", ")):
        yield from _merged(fields, name, value)
    else:
        yield from fields


def _value(text: str, each: Directive, state: State) -> str:
    expression = text.startswith("expr=")

    def replace(found: re.Match[str]) -> str:
        if found[3]:
            return "%"
        name, kind = found[1], found[2]
        if kind == "e":
            # What mod_rewrite and SetEnvIf set; variables of CGI are not made for a proxy.
            return state.environment.get(name, "(null)")
        value = {"HTTPS": "on" if state.request.scheme == "https" else "off"}.get(name)
        value = value if value is not None else state.variable(name)
        if value is None:
            state.doubt(f"%{{{name}}}s at {each.place} is not known here.")
        return value or "(null)"

    if expression:
        return state.expand(text[5:], None, None)
    return _FORMAT.sub(replace, text)
