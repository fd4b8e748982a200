"""A learner's own app behind a CDN and a proxy: whom it takes for the visitor, and which count would be right."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

from labctl.errors import CannotRun
from labctl.events import Event, Hue, Row
from labctl.internet import Internet
from labctl.serving.application import App
from labctl.serving.standing import Standing, stand
from labs.proxy.front import Front, With, other_fronts
from labs.proxy.hops import LIE, NO_ADDRESSES
from labs.proxy.way import Way, way_to
from labs.proxy.words import RIGHT, WRONG
from labs.telling import about, command, measured, note, opening, result, table, warning

_LINE = "app.wsgi_app = ProxyFix(app.wsgi_app, x_for={}, x_proto=1, x_host=1)"
_LIES = (("X-Forwarded-For", LIE),)
# How long an app may take to look at a request.
_PATIENCE_S = 10.0


class Case(NamedTuple):
    """One request: what stood before the app, whether the visitor lied, and whom the app took for the visitor."""

    title: str
    cdn: bool
    lies: bool
    wanted: str
    took: str
    scheme: str
    host: str
    chain: str
    status: int

    @property
    def right(self) -> bool:
        """Whether that is who asked."""
        return self.took == self.wanted


def own_app(internet: Internet, app: App, target: str, with_: With, boot_timeout_s: float) -> Iterator[Event]:
    """Raises CannotRun as `stand` does, and when the app does not look at a request in time."""
    front = Front(with_)
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
            _case(road, server, target, title, cdn=cdn, lies=lies)
            for title, cdn, lies in (
                ("a proxy", False, False),
                ("a proxy, you lie", False, True),
                ("a CDN and a proxy", True, False),
                ("a CDN, a proxy, you lie", True, True),
            )
        ]
    yield from _told(road, cases, layers, target)
    yield command("next", "labctl proxy --show grid", "every count, and visitors who lie")
    yield from other_fronts(with_, app=app.target)


def _case(road: Way, server: Standing, target: str, title: str, *, cdn: bool, lies: bool) -> Case:
    since = time.monotonic_ns()
    answer = road.answer(_LIES if lies else (), cdn=cdn, target=target)
    saw = server.wait_for("saw", timeout_s=_PATIENCE_S if answer.status else 0.5, since_ns=since)
    if saw is None:
        raise CannotRun(
            "app-hangs",
            f"the app did not look at {target}",
            evidence=(
                ("asked", f"GET {target} behind {title}"),
                ("got", f"{answer.status or answer.failure}"),
            ),
            fixes=("labctl wsgi MODULE:APP",),
        )
    told = {name: str(saw.data.get(name, "")) for name in ("remote_addr", "scheme", "host", "chain")}
    took = told.pop("remote_addr")
    return Case(title, cdn, lies, road.street.visitor, took, **told, status=answer.status)


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
    failed = next((case.status for case in cases if case.status >= 500 or not case.status), None)
    if failed is not None:
        yield note(f"The app answered {failed or 'nothing'}; what it had before it did is told all the same.")
    yield from _advice(cases, fixes)


def _layer(layer: dict[str, Any]) -> str:
    counts = ", ".join(f"{name}={value}" for name, value in layer.items() if name.startswith("x_") and value)
    return f"{layer.get('name', '?')}({counts})" if counts else str(layer.get("name", "?"))


def _advice(cases: list[Case], fixes: list[dict[str, Any]]) -> Iterator[Event]:
    near, far = (all(case.right for case in cases if case.cdn is cdn) for cdn in (False, True))
    if far:
        yield result("This app is right behind a CDN and a proxy. Let nobody reach it past the CDN.")
        return
    if near:
        yield about("behind a CDN too", _LINE.format(2))
        yield result(
            "This app is right behind one proxy. Behind a CDN too, all visitors would have its address."
        )
        return
    for place, count in (("behind one proxy", 1), ("behind a CDN too", 2)):
        yield about(place, _LINE.format(count))
    if not fixes:
        yield result("This app takes the proxy for the visitor: nothing in it reads X-Forwarded-For.", "warn")
    else:
        believed = any(case.took == LIE for case in cases)
        lie = " and believes what visitors write" if believed else ""
        yield result(f"This app has a count that fits neither one proxy nor two{lie}.", "warn")
