"""A learner's own app behind a CDN and a proxy: whom it takes for the visitor, and which count would be right."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from shlex import quote
from typing import Any, NamedTuple

from labctl.errors import CannotRun
from labctl.events import Event, Hue, Row
from labctl.internet import Internet
from labctl.sandbox.proxy_street import LOCAL
from labctl.serving.application import App
from labctl.serving.standing import Standing, stand
from labs.proxy.front import Front, With, other_fronts
from labs.proxy.hops import LIE, NO_ADDRESSES
from labs.proxy.way import Way, way_to
from labs.proxy.words import RIGHT, WRONG
from labs.telling import about, command, measured, note, opening, result, table, warning

_LINE = "{0} = ProxyFix({0}, x_for={1}, x_proto=1, x_host=1)"
_LIES = (("X-Forwarded-For", LIE),)
_UNSEEN = "A view that reads X-Forwarded-For by itself is not seen here: it believes what visitors write."
_OUTSIDE = "This was seen from outside: what the app does with X-Forwarded-For further in cannot be told."
# How long an app may take for a request, and what it has told for coming to us.
_PATIENCE_S, _TELLS_S = 10.0, 0.5


class Case(NamedTuple):
    """One request: what stood before the app, whether the visitor lied, and whom the app took for the visitor.

    `by`: the framework that told it; "" when it was seen from outside.
    """

    title: str
    cdn: bool
    lies: bool
    wanted: str
    took: str
    scheme: str
    host: str
    chain: str
    by: str
    status: int

    @property
    def right(self) -> bool:
        """Whether that is who asked."""
        return self.took == self.wanted


def own_app(internet: Internet, app: App, target: str, with_: With, boot_timeout_s: float) -> Iterator[Event]:
    """Raises CannotRun as `stand` does, and when no request gets to the app, or no answer from it in time."""
    front = Front(with_)
    patience_s = internet.timeout or _PATIENCE_S
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(
            stand(app, "sync", trace="labs.proxy.apps.spying:traced", boot_timeout_s=boot_timeout_s)
        )
        road = stack.enter_context(way_to(internet, front, server))
        told = server.wait_for("layers", timeout_s=_PATIENCE_S)
        layers: list[dict[str, Any]] = list(told.data.get("layers", ())) if told is not None else []
        yield opening(f"{app.target}: who is the visitor?", front.name)
        if not road.street.own_addresses:
            yield warning(NO_ADDRESSES)
        cases = [
            _case(road, server, app, target, title, patience_s, cdn=cdn, lies=lies)
            for title, cdn, lies in (
                ("a proxy", False, False),
                ("a proxy, you lie", False, True),
                ("a CDN and a proxy", True, False),
                ("a CDN, a proxy, you lie", True, True),
            )
        ]
    yield from _told(road, cases, layers, target)
    yield from _advice(cases, layers, _place(app, cases))
    yield command("next", "labctl proxy --show grid", "every count, and visitors who lie")
    yield from other_fronts(with_, app=app.target)


def _case(
    road: Way,
    server: Standing,
    app: App,
    target: str,
    title: str,
    patience_s: float,
    *,
    cdn: bool,
    lies: bool,
) -> Case:
    since = time.monotonic_ns()
    answer = road.answer(_LIES if lies else (), cdn=cdn, target=target, timeout_s=patience_s)
    if answer.failure == "timeout":
        server.end(0)  # what hangs would not let it end by itself
        raise CannotRun(
            "view-hangs",
            f"GET {target} has no answer after {patience_s:g} s, and its process was ended",
            evidence=(("asked", f"GET {target} behind {title}"),),
            fixes=(
                f"labctl proxy {quote(app.target)} --path /other   a path that answers",
                f"labctl wsgi {quote(app.target)}   where it hangs",
            ),
        )
    # The last one counts: what stands further in has the last word.
    server.wait_for("end", timeout_s=_TELLS_S, since_ns=since)
    inside = server.wait_for("saw", timeout_s=0.0, since_ns=since, where=lambda event: event.data["by"] != "")
    saw = inside or server.wait_for("saw", timeout_s=_TELLS_S, since_ns=since)
    if saw is None:
        raise CannotRun(
            "app-not-reached",
            f"GET {target} did not get to the app: it was answered before",
            evidence=(
                ("asked", f"GET {target} behind {title}"),
                ("got", f"{answer.status or answer.failure}"),
            ),
            fixes=(f"labctl proxy {quote(app.target)} --path /",),
        )
    told = {name: str(saw.data.get(name, "")) for name in ("remote_addr", "scheme", "host", "chain", "by")}
    took = told.pop("remote_addr")
    return Case(title, cdn, lies, road.street.visitor, took, **told, status=answer.status)


def _place(app: App, cases: list[Case]) -> str:
    """Where a ProxyFix belongs: "app.wsgi_app" for a Flask, "application" for what has no such place."""
    name = app.attribute if app.attribute.isidentifier() else "app"
    return f"{name}.wsgi_app" if any(case.by == "Flask" for case in cases) else name


def _told(road: Way, cases: list[Case], layers: list[dict[str, Any]], target: str) -> Iterator[Event]:
    rows = []
    for case in cases:
        hue: Hue = "ok" if case.right else "bad"
        chain = case.chain or "nothing"
        rows.append(
            Row(
                f"Behind {case.title}: X-Forwarded-For is {chain}, and the app takes {case.took or 'nobody'} for the "
                f"visitor: {'right' if case.right else 'wrong'}.",
                (
                    case.title,
                    road.name(case.chain),
                    road.name(case.took) or "nobody",
                    case.scheme,
                    RIGHT if case.right else WRONG,
                ),
                hues=("", "mute", hue, "" if case.scheme == "https" else "bad", hue),
            )
        )
    yield table(
        "own",
        f"GET {target}, asked over https: what the app behind its middleware has",
        ("behind", "X-Forwarded-For", "remote_addr", "scheme", ""),
        rows,
    )
    right = sum(1 for case in cases if case.right)
    told = f"In {right} of {len(cases)} cases the app took the one who asked for the visitor."
    yield measured("proxy.own.right", right, told)
    if any(case.scheme != "https" for case in cases):
        yield note("The scheme is http although you asked over https: x_proto=1 is missing.")
    fixes = [layer for layer in layers if layer.get("name") == "ProxyFix"]
    yield about(
        "middleware", ", ".join(_layer(layer) for layer in layers) if layers else "none that can be seen"
    )
    if len(fixes) > 1:
        yield note(f"{len(fixes)} ProxyFix do not add up: each of them counts in the same list.")
    failed = next((case.status for case in cases if case.status >= 500 or not case.status), None)
    if failed is not None:
        yield note(f"The app answered {failed or 'nothing'}; what it had before it did is told all the same.")


def _layer(layer: dict[str, Any]) -> str:
    counts = ", ".join(f"{name}={value}" for name, value in layer.items() if name.startswith("x_") and value)
    return f"{layer.get('name', '?')}({counts})" if counts else str(layer.get("name", "?"))


def _advice(cases: list[Case], layers: list[dict[str, Any]], place: str) -> Iterator[Event]:
    near, far = (all(case.right for case in cases if case.cdn is cdn) for cdn in (False, True))
    if near and far:
        yield result("This app was right with one proxy and with two, whatever it counts.")
        return
    if far:
        yield result("This app is right behind a CDN and a proxy. Let nobody reach it past the CDN.")
        return
    if near:
        yield about("behind a CDN too", _LINE.format(place, 2))
        yield result(
            "This app is right behind one proxy. Behind a CDN too, all visitors would have its address."
        )
        return
    for where, count in (("behind one proxy", 1), ("behind a CDN too", 2)):
        yield about(where, _LINE.format(place, count))
    if any(layer.get("name") == "ProxyFix" for layer in layers):
        believed = any(case.took == LIE for case in cases)
        lie = " and believes what visitors write" if believed else ""
        yield result(f"This app has a count that fits neither one proxy nor two{lie}.", "warn")
    elif all(case.took == LOCAL for case in cases):
        yield note(_UNSEEN if all(case.by for case in cases) else _OUTSIDE)
        yield result("This app takes the proxy for the visitor: REMOTE_ADDR is the proxy's address.", "warn")
    else:
        yield result("This app takes somebody else for the visitor, with one proxy and with two.", "warn")
