"""Three apps behind a proxy; one is killed, and comes back: what visitors see, and who is asked meanwhile."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from labctl.events import Event, Hue, Row
from labctl.internet import Internet
from labctl.sandbox.proxy_configuration import Configuration
from labctl.serving.asking import ask
from labctl.serving.standing import Standing
from labs.proxy.arguments import With
from labs.proxy.claims import HEALTH
from labs.proxy.front import Front, in_yours, other_fronts
from labs.proxy.real import real
from labs.proxy.way import address_of, stand_app, street_of
from labs.telling import command, measured, note, opening, result, table
from labs.words import count as counted

NAMES = ("A", "B", "C")
_REQUESTS = 9
# What nginx and Apache log of a connection that nobody took.
_REFUSED = "Connection refused"
# How long who failed is left alone; nginx and Apache count in whole seconds.
_ALONE_S, _REAL_ALONE_S, _PATIENCE_S = 0.4, 1.0, 4.0


class Phase(NamedTuple):
    """Some requests, one after the other: who answered how many, how many failed, how many of these in silence."""

    title: str
    answered: Counter[str]
    failed: int
    # Of those that failed: without any answer, as from a proxy that is gone itself.
    silent: int

    @property
    def requests(self) -> int:
        return sum(self.answered.values()) + self.failed


def show(internet: Internet, with_: With) -> Iterator[Event]:
    """Raises CannotRun when an app or a proxy cannot stand."""
    front = Front(with_)
    yield opening("one of three apps dies", front.name)
    with contextlib.ExitStack() as stack:
        street = stack.enter_context(street_of(internet))
        apps = {name: _stand(internet, stack, name) for name in NAMES}
        alone_s = _ALONE_S if with_ == "embedded" else _REAL_ALONE_S
        configuration = Configuration(front.careful, fail_timeout_s=alone_s)
        addresses = [address_of(app) for app in apps.values()]
        standing = None
        if with_ == "embedded":
            proxy = front.stand(stack, street, configuration, {"app": addresses})
        else:
            standing = real(with_, stack, street, configuration, {"app": addresses})
            proxy = standing.address
        phases = [_ask("all three live", proxy)]
        apps["B"].end(0)
        dead_at = time.monotonic()
        phases.append(_ask("B was killed", proxy))
        if standing is None:
            tried = street.proxies[0].upstreams["app"].backends[1].failed
        else:
            tried = standing.log().count(_REFUSED)
        # Once, and once more for each time that it had been left alone for long enough.
        allowed = 1 + int((time.monotonic() - dead_at) / alone_s)
        _stand(internet, stack, "B", bind=f"127.0.0.1:{addresses[1][1]}")
        back, back_after_s = _until_back(proxy, dead_at)
        phases.append(back)
    yield table(
        "health",
        "Requests, one after the other",
        ("", "requests", *(f"app {name}" for name in NAMES), "errors"),
        [_row(phase) for phase in phases],
    )
    yield measured(
        "proxy.health.tried",
        tried,
        f"The proxy tried dead B {counted(tried, 'time')} in {_REQUESTS} requests.",
    )
    if any(phase.silent for phase in phases):
        yield HEALTH.not_seen("The proxy itself gave no answer to some requests, so nothing can be told.")
        return
    dead = phases[1]
    told = (
        f"While B was dead, {dead.failed} of {dead.requests} requests failed, and B was tried "
        f"{counted(tried, 'time')}"
    )
    returned = back.answered["B"] > 0
    later = (
        f"B answered again {back_after_s:.1f} s after it was killed" if returned else "B was not asked again"
    )
    yield HEALTH.judged(
        dead.failed == 0 and returned and 0 < tried <= allowed,
        f"{told}; {later}.",
    )
    yield note(
        "Nobody looks after the apps: a visitor's request finds out, and pays with the time of one connection."
    )
    yield note(
        "With one app behind it a proxy has nobody else to ask: 502 from nginx, 503 from Apache, until it is back."
    )
    yield result("A POST that an app had already begun is not sent again: it may have been done.")
    defaults = "none: 60 s" if with_ == "apache" else "none: 1 failure, 10 s"
    yield in_yours(with_, "grep -nE 'max_fails|fail_timeout'", "retry=", defaults)
    yield command("next", "labctl proxy --show static", "what never reaches an app")
    yield from other_fronts(with_, "health")


def _stand(internet: Internet, stack: contextlib.ExitStack, name: str, bind: str = "127.0.0.1:0") -> Standing:
    app = stand_app(internet, "named", kind="wsgiref", env={"LABCTL_APP": name}, bind=bind)
    stack.callback(app.end, 0)
    return app


def _ask(title: str, proxy: tuple[str, int]) -> Phase:
    answers = [ask(proxy, "/") for _ in range(_REQUESTS)]
    good = [answer for answer in answers if answer.status == 200]
    silent = sum(1 for answer in answers if not answer.status)
    return Phase(title, Counter(answer.text for answer in good), len(answers) - len(good), silent)


def _until_back(proxy: tuple[str, int], dead_at: float) -> tuple[Phase, float]:
    """Ask until B answers, for some seconds at most; how many seconds after its death it did."""
    answered: Counter[str] = Counter()
    failed = silent = 0
    while not answered["B"] and time.monotonic() < dead_at + _PATIENCE_S:
        answer = ask(proxy, "/")
        if answer.status == 200:
            answered[answer.text] += 1
        else:
            failed += 1
            silent += not answer.status
        time.sleep(0.02)
    return Phase("B is back", answered, failed, silent), time.monotonic() - dead_at


def _row(phase: Phase) -> Row:
    names = ", ".join(f"{name} answered {phase.answered[name]}" for name in NAMES)
    hues: tuple[Hue, ...] = ("", "mute", "", "", "", "bad" if phase.failed else "ok")
    cells = (
        phase.title,
        str(phase.requests),
        *(str(phase.answered[name]) for name in NAMES),
        str(phase.failed),
    )
    text = f"{phase.title}: of {phase.requests} requests {names}, and {phase.failed} failed."
    return Row(text, cells, hues=hues)
