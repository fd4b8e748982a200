"""Round robin over three apps, and how many requests each of them got."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator

from labctl.events import Event, Row, Rows
from labctl.internet import Internet
from labctl.sandbox.proxy_configuration import Configuration
from labctl.sandbox.site import SiteAnswer, text
from labctl.serving.asking import ask
from labs.proxy.arguments import With
from labs.proxy.claims import BALANCE
from labs.proxy.front import Front, in_yours, other_fronts
from labs.proxy.way import street_of
from labs.telling import command, measured, note, opening, result
from labs.words import count as counted

NAMES = ("A", "B", "C")
_REQUESTS = 30


def show(internet: Internet, with_: With) -> Iterator[Event]:
    """Raises CannotRun when a proxy cannot stand."""
    front = Front(with_)
    yield opening("whose turn is it?", front.name)
    with contextlib.ExitStack() as stack:
        street = stack.enter_context(street_of(internet))
        apps = [street.app(lambda request, name=name: _named(name)) for name in NAMES]  # type: ignore[misc]
        proxy = front.stand(stack, street, Configuration(front.careful), {"app": apps})
        # Two visitors, by turns: nobody gets an app of his own.
        visitors = (street.visitor, street.attacker) if street.own_addresses else ("",)
        answers = [
            ask(proxy, f"/{number}", source=visitors[number % len(visitors)]) for number in range(_REQUESTS)
        ]
    got = [answer.text.strip() for answer in answers]
    counts = Counter(got)
    rows = [
        Row(
            f"App {name} answered {counts[name]} of {_REQUESTS} requests.",
            (f"app {name}", str(counts[name]), "".join("#" if each == name else "." for each in got)),
            share=counts[name] / _REQUESTS,
            data={"requests": counts[name]},
        )
        for name in NAMES
    ]
    yield Rows(
        f"{_REQUESTS} requests of {counted(len(visitors), 'visitor')}, one after the other.",
        "balance",
        f"{_REQUESTS} requests of {counted(len(visitors), 'visitor')}, one after the other",
        ("app", "requests", "which of them"),
        tuple(rows),
        form="shares",
    )
    yield measured("proxy.balance.first", counts["A"], f"App A answered {counts['A']} of {_REQUESTS}.")
    yield BALANCE.judged(
        all(counts[name] == _REQUESTS // len(NAMES) for name in NAMES),
        ", ".join(f"{name} answered {counts[name]}" for name in NAMES) + f" of {_REQUESTS}.",
    )
    yield note(
        "Turns, not load: an app that is slow gets as many requests as one that is quick (least_conn minds that)."
    )
    yield result(
        "State in one app's memory is in a third of the answers: keep sessions where all apps see them."
    )
    yield in_yours(with_, "grep -A6 upstream", "balancer://|BalancerMember", "whose turns you have")
    yield command("next", "labctl proxy --show health", "and when one of them dies")
    yield from other_fronts(with_, "balance")


def _named(name: str) -> SiteAnswer:
    return text(200, name)
