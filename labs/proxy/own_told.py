"""What is said of a learner's own app: whom it took for the visitor, which line mends that, which checks failed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from labctl.events import Event, Hue, Measure, Row
from labctl.sandbox.proxy_street import LOCAL
from labctl.serving.application import App
from labs.proxy.hops import LIE
from labs.proxy.way import Way
from labs.proxy.words import RIGHT, WRONG
from labs.telling import about, measured, note, result, table, warning
from labs.words import count as counted

_LINE = "{0} = ProxyFix({0}, x_for={1}, x_proto=1)"
_IMPORT = "from werkzeug.middleware.proxy_fix import ProxyFix"
_UNSEEN = "A view that reads X-Forwarded-For by itself is seen here only where its answer shows whom it took."
_OUTSIDE = "This was seen from outside: what the app does with X-Forwarded-For further in cannot be told."
_HOST = (
    "x_host=1 belongs there only if your proxy sets X-Forwarded-Host; else visitors do. To find out: "
    "labctl proxy --config FILE."
)
_HOPS = {1: "one proxy", 2: "with CDN"}


class Case(NamedTuple):
    """One request: what stood before the app, whether the visitor lied, and whom the app took for the visitor.

    `by`: the framework that told it; "" when it was seen from outside. `believes`: the page names the address that
    the visitor made up, and not his own. `endless`: the answer had no end.
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
    believes: bool = False
    endless: bool = False

    @property
    def right(self) -> bool:
        """Whether that is who asked."""
        return self.took == self.wanted


class Facts(NamedTuple):
    """What the app is made of: its layers of middleware, and where a ProxyFix belongs.

    `place` is "app.wsgi_app" for a Flask, "application" for what has no such place. `factory` is the function in which
    that line belongs, "" when the app is a name in its module.
    """

    layers: tuple[Mapping[str, Any], ...]
    place: str
    factory: str

    @classmethod
    def of(cls, app: App, heard: Mapping[str, Any]) -> Facts:
        """By what the spy in the app's process told."""
        name = str(dict(heard.get("names") or {}).get(app.module, ""))
        call = app.attribute.partition("(")[0].strip()
        factory = "" if name else (call or "the factory")
        within = ".wsgi_app" if heard.get("flask") else ""
        return cls(tuple(heard.get("layers") or ()), f"{name or 'app'}{within}", factory)

    @property
    def fixes(self) -> list[Mapping[str, Any]]:
        """Its ProxyFix, outermost first."""
        return [layer for layer in self.layers if layer.get("name") == "ProxyFix"]


def told(road: Way, cases: Sequence[Case], facts: Facts, target: str) -> Iterator[Event]:
    """The table, and what stands out in it."""
    rows = []
    for case in cases:
        good = case.right and not case.believes
        hue: Hue = "ok" if good else "bad"
        chain = case.chain or "nothing"
        page = f", and its page names {LIE}" if case.believes else ""
        rows.append(
            Row(
                f"Behind {case.title}: X-Forwarded-For is {chain}, and the app takes {case.took or 'nobody'} for the "
                f"visitor{page}: {'right' if good else 'wrong'}.",
                (
                    case.title,
                    road.name(case.chain),
                    road.name(case.took) or "nobody",
                    case.scheme,
                    RIGHT if good else WRONG,
                ),
                hues=(
                    "",
                    "mute",
                    "ok" if case.right else "bad",
                    "" if case.scheme == "https" else "bad",
                    hue,
                ),
            )
        )
    yield table(
        "own",
        f"GET {target}, asked over https: what the app behind its middleware has",
        ("behind", "X-Forwarded-For", "remote_addr", "scheme", ""),
        rows,
    )
    right = sum(1 for case in cases if case.right)
    text = f"In {right} of {len(cases)} cases the app took the one who asked for the visitor."
    yield measured("proxy.own.right", right, text)
    statuses = sorted({case.status for case in cases})
    said = " and ".join(str(status or "nothing") for status in statuses)
    yield about("answers", said)
    yield measured("proxy.own.status", max(statuses), f"The app answered {max(statuses)}.")
    layers = ", ".join(_layer(layer) for layer in facts.layers)
    yield about("layers", layers or "no middleware that can be seen")
    if any(case.scheme != "https" for case in cases):
        yield note("The scheme is http although you asked over https: x_proto=1 is missing.")
    if len(facts.fixes) > 1:
        yield note(f"{len(facts.fixes)} ProxyFix do not add up: each of them counts in the same list.")
    if any(not status or status >= 400 for status in statuses):
        yield note(
            "What the app had before it answered so is told all the same. --path asks for another page."
        )
    for name, field in (("x_host", "Host"), ("x_prefix", "Prefix"), ("x_port", "Port")):
        if any(layer.get(name) for layer in facts.fixes):
            yield warning(
                f"{name}={max(layer.get(name, 0) for layer in facts.fixes)} believes X-Forwarded-{field}: right only "
                "if your proxy sets it, else visitors do. labctl proxy --config FILE tells."
            )


def checks(cases: Sequence[Case], hops: int) -> Iterator[Event]:
    """What `--hops` requires: the right visitor behind so many proxies, and answers. `cases` are of those alone."""
    wrong = sum(1 for case in cases if not case.right or case.believes)
    where = f"behind {counted(hops, 'proxy', 'proxies')}"
    whom = f"the app takes somebody else for the visitor in {wrong} of {len(cases)} cases, 0 allowed"
    yield Measure(
        f"Check visitor, {where}: {whom}: {'exceeded' if wrong else 'kept'}.",
        "proxy.own.mistaken",
        wrong,
        "cases",
        at_most=0,
    )
    failed = sum(1 for case in cases if not case.status or case.status >= 500)
    yield Measure(
        f"Check answers, {where}: {failed} of {len(cases)} were 5xx or none, 0 allowed: "
        f"{'exceeded' if failed else 'kept'}.",
        "proxy.own.failed",
        failed,
        "answers",
        at_most=0,
    )


def _layer(layer: Mapping[str, Any]) -> str:
    counts = ", ".join(f"{name}={value}" for name, value in layer.items() if name.startswith("x_") and value)
    return f"{layer.get('name', '?')}({counts})" if counts else str(layer.get("name", "?"))


def advice(cases: Sequence[Case], facts: Facts, hops: int | None) -> Iterator[Event]:
    """What to write, and what this app is right for. `hops`: that many proxies alone are asked about."""
    near, far = (all(case.right for case in cases if case.cdn is cdn) for cdn in (False, True))
    asked = (1, 2) if hops is None else (hops,)
    wanted = [each for each in asked if not (near, far)[each - 1]]
    if hops is not None or not far:  # who is right behind a CDN is not asked to count less
        yield from _lines(facts, wanted)
    if any(case.believes for case in cases):
        yield result(
            f"A page of this app names {LIE}, which the visitor made up: its view reads X-Forwarded-For by itself. "
            "request.remote_addr behind ProxyFix is right.",
            "bad",
        )
    elif hops is not None:
        good = not wanted
        yield result(
            f"This app {'is right' if good else 'takes somebody else for the visitor'} behind "
            f"{counted(hops, 'proxy', 'proxies')}.",
            "ok" if good else "bad",
        )
    elif near and far:
        yield result("This app was right with one proxy and with two, whatever it counts.")
    elif far:
        yield result("This app is right behind a CDN and a proxy. Let nobody reach it past the CDN.")
    elif near:
        yield result(
            "This app is right behind one proxy. Behind a CDN too, all visitors would have its address."
        )
    else:
        yield from _neither(cases, facts)


def _lines(facts: Facts, wanted: Sequence[int]) -> Iterator[Event]:
    if not wanted:
        return
    if facts.fixes:
        for count in wanted:
            yield about(
                _HOPS[count], f"x_for={count} in its ProxyFix, instead of x_for={facts.fixes[0].get('x_for')}"
            )
        return
    yield about("import", _IMPORT)
    for count in wanted:
        yield about(_HOPS[count], _LINE.format(facts.place, count))
    if facts.factory:
        yield about("where", f"inside {facts.factory}, before its return, with its own name for the app")
    yield note(_HOST)


def _neither(cases: Sequence[Case], facts: Facts) -> Iterator[Event]:
    if facts.fixes:
        believed = any(case.took == LIE for case in cases)
        lie = " and believes what visitors write" if believed else ""
        yield result(f"This app has a count that fits neither one proxy nor two{lie}.", "warn")
    elif all(case.took == LOCAL for case in cases):
        yield note(_UNSEEN if all(case.by for case in cases) else _OUTSIDE)
        yield result("This app takes the proxy for the visitor: REMOTE_ADDR is the proxy's address.", "warn")
    else:
        yield result("This app takes somebody else for the visitor, with one proxy and with two.", "warn")
