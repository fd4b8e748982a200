"""Plain and repaired nginx and Apache: what each tells the app, and whether a visitor's own line gets through."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, NamedTuple

from labctl.events import Event, Hue, Row
from labctl.internet import Internet
from labctl.protocols.http1 import Fields
from labctl.sandbox.proxy_configuration import Configuration
from labctl.sandbox.proxy_headers import MANNERS
from labctl.sandbox.proxy_street import HOST
from labs.proxy.arguments import With
from labs.proxy.claims import ADDED, PASSED
from labs.proxy.front import Front, in_yours, other_fronts, stand_ins
from labs.proxy.real import Apps, apache_text, nginx_text
from labs.proxy.way import address_of, environ_at, stand_app, street_of
from labs.telling import about, command, opening, result, table

_TITLES = {
    "nginx-default": "nginx",
    "nginx-recommended": "nginx repaired",
    "apache-default": "Apache",
    "apache-repaired": "Apache repaired",
}
_ROWS = (
    ("Host", "HTTP_HOST"),
    ("...-For", "HTTP_X_FORWARDED_FOR"),
    ("...-Proto", "HTTP_X_FORWARDED_PROTO"),
    ("...-Host", "HTTP_X_FORWARDED_HOST"),
    ("...-Server", "HTTP_X_FORWARDED_SERVER"),
    ("...-Prefix", "HTTP_X_FORWARDED_PREFIX"),
)
# What each adds by itself, without a line that says so.
_BY_ITSELF = {
    "nginx-default": set(),
    "apache-default": {"HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_HOST", "HTTP_X_FORWARDED_SERVER"},
}
_SPOOF: Fields = (("X-Forwarded-Proto", "https"),)


class Told(NamedTuple):
    """The environs of an honest request over http, and of one that says https itself."""

    plain: dict[str, Any]
    spoofed: dict[str, Any]


def show(internet: Internet, with_: With) -> Iterator[Event]:
    """Raises CannotRun when an app or a proxy cannot stand."""
    front = Front(with_)
    yield opening("who adds which header?", front.name)
    with contextlib.ExitStack() as stack:
        street = stack.enter_context(street_of(internet))
        app = stack.enter_context(stand_app(internet, "environ"))
        to_app, _ = street.tap(address_of(app), source="peer")
        apps: Apps = {"app": [to_app]}
        inner = f"{to_app[0]}:{to_app[1]}"
        found: dict[str, Told] = {}
        source = street.visitor if street.own_addresses else ""
        for manners in MANNERS:
            proxy = front.for_manners(manners).stand(stack, street, Configuration(manners), apps)
            found[manners] = Told(
                environ_at(proxy, (("Host", HOST),), source=source),
                environ_at(proxy, (("Host", HOST), *_SPOOF), source=source),
            )

        def named(value: str) -> str:
            return {inner: "the app's", street.visitor: "you"}.get(value, value)

        rows = [
            _row(title, key, {m: str(t.plain.get(key, "")) for m, t in found.items()}, named)
            for title, key in _ROWS
        ]
        rows.append(_scheme("scheme", {m: t.plain for m, t in found.items()}))
        rows.append(_scheme("scheme, you lie", {m: t.spoofed for m, t in found.items()}))
        yield table(
            "headers",
            "What the app gets, by who stands before it",
            ("X-Forwarded-...", *(_TITLES[m] for m in found)),
            rows,
        )
        yield from stand_ins(front)
        yield about("the app's", f"{inner}, the address that the proxy asks: redirects and links get it too")
        yield from _judged(found)
        yield _lines(apps)
    yield result("Set every X-Forwarded field that your app reads: what you leave out, visitors write.")
    yield in_yours(with_, "grep -n proxy_set_header", "RequestHeader|ProxyPreserveHost", "what yours sets")
    yield command("next", "labctl proxy --show gunicorn-trust", "who believes it, without ProxyFix")
    yield from other_fronts(with_, "headers")


def _row(title: str, key: str, values: dict[str, str], named: Any) -> Row:
    said = "; ".join(f"{_TITLES[m]}: {value or 'none'}" for m, value in values.items())
    whole = _field(key)
    hues: list[Hue] = [""]
    for value in values.values():
        inner = key == "HTTP_HOST" and value != HOST
        hues.append("bad" if inner else "ok" if value else "mute")
    return Row(f"{whole}. {said}.", (title, *(named(v) or "none" for v in values.values())), hues=tuple(hues))


def _scheme(title: str, environs: dict[str, dict[str, Any]]) -> Row:
    values = {m: str(environ.get("wsgi.url_scheme", "")) for m, environ in environs.items()}
    said = "; ".join(f"{_TITLES[m]}: {value}" for m, value in values.items())
    hues: list[Hue] = ["", *("ok" if value == "http" else "bad" for value in values.values())]
    return Row(f"{title}. {said}.", (title, *values.values()), hues=tuple(hues))


def _judged(found: dict[str, Told]) -> Iterator[Event]:
    plain = {m: told for m, told in found.items() if m in _BY_ITSELF}
    added = {
        m: {
            key
            for key in told.plain
            if key.startswith("HTTP_X_FORWARDED_") and key != "HTTP_X_FORWARDED_PREFIX"
        }
        for m, told in plain.items()
    }
    said = "; ".join(
        f"{_TITLES[m]} added {', '.join(sorted(_field(key) for key in keys)) or 'nothing'}"
        for m, keys in added.items()
    )
    yield ADDED.judged(all(keys == _BY_ITSELF[m] for m, keys in added.items()), f"Asked over http, {said}.")
    through = {m: told.spoofed.get("HTTP_X_FORWARDED_PROTO") for m, told in plain.items()}
    passed = "; ".join(f"{_TITLES[m]} passed on {value or 'nothing'}" for m, value in through.items())
    yield PASSED.judged(
        all(value == "https" for value in through.values()), f"You wrote X-Forwarded-Proto: https; {passed}."
    )


def _field(key: str) -> str:
    return "-".join(part.capitalize() for part in key.removeprefix("HTTP_").split("_"))


def _lines(apps: Apps) -> Event:
    """What repairs each, in its own words."""
    rows = []
    for manners, text in (("nginx-recommended", nginx_text), ("apache-repaired", apache_text)):
        server = MANNERS[manners].server
        name = "Apache" if server == "apache" else "nginx"
        for line in text(Configuration(manners), apps).splitlines():
            if any(word in line for word in ("proxy_set_header", "RequestHeader", "ProxyPreserveHost")):
                rows.append(Row(f"{name}: {line.strip()}", (name, line.strip()), hues=("mute",)))
    return table("repairs", "The lines that repair it", ("server", "line"), rows, named=False)
