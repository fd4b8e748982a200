"""A learner's own app behind a CDN and a proxy: whom it takes for the visitor, and which count would be right."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Iterator
from shlex import quote
from typing import Any, NamedTuple

from labctl.errors import CannotRun
from labctl.events import Event
from labctl.internet import Internet
from labctl.serving.application import App
from labctl.serving.standing import Standing, stand
from labs.proxy.arguments import With
from labs.proxy.front import Front, other_fronts
from labs.proxy.hops import LIE, NO_ADDRESSES
from labs.proxy.own_told import Case, Facts, advice, checks, told
from labs.proxy.way import Way, way_to
from labs.telling import command, opening, warning

# What stands before the app; whether that is a CDN as well; whether the visitor lies.
_CASES = (
    ("a proxy", False, False),
    ("a proxy, you lie", False, True),
    ("a CDN and a proxy", True, False),
    ("a CDN, a proxy, you lie", True, True),
)
_LIES = (("X-Forwarded-For", LIE),)
# How long an app may take for a request, for what follows an endless answer, and for telling what it saw.
_PATIENCE_S, _NO_END_S, _TELLS_S = 10.0, 1.0, 0.5
# Of a page so much is looked through.
_PAGE_BYTES = 1 << 20


class Wanted(NamedTuple):
    """What was typed: the app, what it is asked for, whose proxy takes part, and with how many proxies it must be
    right (None: with neither one nor two). `python` as typed, "" without."""

    app: App
    target: str = "/"
    with_: With = "embedded"
    hops: int | None = None
    python: str = ""
    boot_timeout_s: float = 10.0

    @property
    def words(self) -> str:
        """The same to be typed again, but for `--with`."""
        path = f" --path {quote(self.target)}" if self.target != "/" else ""
        hops = f" --hops {self.hops}" if self.hops is not None else ""
        python = f" --python {quote(self.python)}" if self.python else ""
        return f"{quote(self.app.target)}{path}{hops}{python}"

    @property
    def again(self) -> str:
        """The whole line."""
        return f"labctl proxy {self.words}{'' if self.with_ == 'embedded' else f' --with {self.with_}'}"


def own_app(internet: Internet, wanted: Wanted) -> Iterator[Event]:
    """Raises CannotRun as `stand` does, and when no request gets to the app, or no answer from it in time."""
    front = Front(wanted.with_)
    patience_s = internet.timeout or _PATIENCE_S
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(
            stand(
                wanted.app,
                "sync",
                trace="labs.proxy.apps.spying:traced",
                boot_timeout_s=wanted.boot_timeout_s,
            )
        )
        road = stack.enter_context(way_to(internet, front, server))
        heard = server.wait_for("layers", timeout_s=_PATIENCE_S)
        facts = Facts.of(wanted.app, dict(heard.data) if heard is not None else {})
        yield opening("who is the visitor?", front.name)
        if not road.street.own_addresses:
            if wanted.hops is not None:
                raise CannotRun("needs-addresses", NO_ADDRESSES.rstrip("."))
            yield warning(NO_ADDRESSES)
        cases: list[Case] = []
        for title, cdn, lies in _CASES:
            if wanted.hops in (None, 2 if cdn else 1):
                endless = any(case.endless for case in cases)
                most_s = min(_NO_END_S, patience_s) if endless else patience_s
                cases.append(_case(road, server, wanted, title, most_s, cdn=cdn, lies=lies))
    yield from told(road, cases, facts, wanted.target)
    if wanted.hops is not None:
        yield from checks(cases, wanted.hops)
    yield from advice(cases, facts, wanted.hops)
    yield command(
        "by hand",
        f"curl -i -H 'X-Forwarded-For: {LIE}' {quote('https://HOST' + wanted.target)}",
        "then your log",
    )
    yield command("next", "labctl proxy --config FILE", "what your proxy sets")
    yield from other_fronts(wanted.with_, app=wanted.words)


def _case(
    road: Way, server: Standing, wanted: Wanted, title: str, patience_s: float, *, cdn: bool, lies: bool
) -> Case:
    since = time.monotonic_ns()
    answer = road.answer(
        _LIES if lies else (), cdn=cdn, target=wanted.target, timeout_s=patience_s, most=_PAGE_BYTES
    )
    if answer.failure == "timeout" and not answer.status:
        where = _where(server, wanted.app)
        server.end(0)  # what hangs would not let it end by itself
        raise CannotRun(
            "view-hangs",
            f"GET {wanted.target} has no answer after {patience_s:g} s, and its process was ended",
            evidence=(("asked", f"GET {wanted.target} behind {title}"), *where),
            fixes=(f"{wanted.again} --timeout {max(1, round(patience_s * 3))}",),
        )
    # The last one counts: what stands further in has the last word.
    server.wait_for("end", timeout_s=_TELLS_S, since_ns=since)
    inside = server.wait_for("saw", timeout_s=0.0, since_ns=since, where=lambda event: event.data["by"] != "")
    saw = inside or server.wait_for("saw", timeout_s=_TELLS_S, since_ns=since)
    if saw is None:
        raise CannotRun(
            "app-not-reached",
            f"GET {wanted.target} did not get to the app: it was answered before",
            evidence=(
                ("asked", f"GET {wanted.target} behind {title}"),
                ("got", f"{answer.status or answer.failure}"),
            ),
            fixes=(wanted._replace(target="/").again,),
        )
    seen = {name: str(saw.data.get(name, "")) for name in ("remote_addr", "scheme", "host", "chain", "by")}
    took = seen.pop("remote_addr")
    visitor = road.street.visitor
    return Case(
        title,
        cdn,
        lies,
        visitor,
        took,
        **seen,
        status=answer.status,
        # A page that shows the whole list, or all fields, names the visitor as well; one that shows what the
        # middleware made is not to blame.
        believes=LIE in answer.text and visitor not in answer.text and took != LIE,
        endless=answer.failure == "timeout",
    )


def _where(server: Standing, app: App) -> tuple[tuple[str, str], ...]:
    """The line of the learner's at which the worker is, as faulthandler tells it. () when it does not."""
    from labctl.serving.evidence import hanging_in

    before = len(server.log())
    for pid in server.workers()[:1]:
        server.signal(signal.SIGTRAP, pid)
        server.says(" in <module>", timeout_s=_TELLS_S)
    lines: list[Any] = [line for line in server.log()[before:].splitlines() if "spying.py" not in line]
    return hanging_in(app, "\n".join(lines))
