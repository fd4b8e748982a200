"""`--slo total=500,wait=0.2s`: limits, each a check that fails the run. Pure.

An error page (a status from 400 on) fails it too, unless `status=500` or `status=any` allows it.
"""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING, NamedTuple

from labctl.errors import UsageError
from labctl.events import Event, Measure, Step
from labctl.fetch.legs import Visit
from labctl.fetch.phases import Spent, spent
from labs.url.words import ms, sentence

if TYPE_CHECKING:
    from labctl.fetch.exchange import Answer

# What is no error page.
LAST_GOOD = 399
# name: what it is, in words
PHASES: Mapping[str, str] = {
    "total": "from Enter to the last byte",
    "dns": "looking up names",
    "connect": "opening connections (TCP)",
    "tls": "shaking hands (TLS)",
    "setup": "DNS, TCP and TLS together",
    "request": "sending requests",
    "wait": "waiting for the first byte of each response",
    "first-byte": "from Enter to the first byte of the last response",
    "response": "receiving responses",
    "again": "the second visit, from Enter to the last byte",
}
_MAY_BE_SPARED = ("dns", "connect", "tls", "setup")
# Factors to milliseconds; longest unit first.
_UNITS = (("ms", 1.0), ("s", 1000.0), ("", 1.0))


class Limits(NamedTuple):
    """Milliseconds allowed by phase, and which response: `status` None is any below 400, 0 any at all."""

    phases: Mapping[str, float]
    status: int | None = None


NO_LIMITS = Limits({})


def read(text: str, url: str = "https://www.shop.test/") -> Limits:
    """Limits for a visit of that URL. Raises UsageError slo-invalid."""
    limits: dict[str, float] = {}
    status: int | None = None
    for part in text.split(","):
        name, equals, number = (piece.strip() for piece in part.partition("="))
        if not equals:
            raise _invalid(f"{part.strip() or 'an empty limit'} is no NAME=MILLISECONDS", url)
        if name not in PHASES and name != "status":
            near = get_close_matches(name, (*PHASES, "status"), n=1)
            meant = f"; did you mean {near[0]}?" if near else f"; there are {', '.join(PHASES)}, and status"
            raise _invalid(f"{name or '(nothing)'} is no phase{meant}", url)
        if name in limits or (name == "status" and status is not None):
            raise _invalid(f"{name} has two limits", url)
        if name == "status":
            status = _status(number, url)
        else:
            limits[name] = _milliseconds(name, number, url)
    if not limits and status == 0:
        raise _invalid("status=any alone limits nothing", url)
    return Limits(limits, status)


def _status(text: str, url: str) -> int:
    if text == "any":
        return 0
    if not (len(text) == 3 and text.isascii() and text.isdigit() and "200" <= text <= "599"):
        raise _invalid(f"status={text} is no status from 200 to 599, and not the word any", url)
    return int(text)


def _milliseconds(name: str, number: str, url: str) -> float:
    unit, factor = next(each for each in _UNITS if number.endswith(each[0]))
    plain = number.removesuffix(unit).strip()
    try:
        value = float(plain) * factor if "_" not in plain else math.nan
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise _invalid(f"{name}={number} is no number of milliseconds above 0 (500, 500ms, 0.5s)", url)
    return value


def _invalid(why: str, url: str) -> UsageError:
    return UsageError("slo-invalid", why, fixes=(f"labctl url {shlex.quote(url)} --slo total=500,wait=200",))


def values(visit: Visit, again: Visit | None) -> dict[str, float | None]:
    """What each phase took, in milliseconds; None for all of them when there was no whole response."""
    if visit.failure or visit.answer is None:
        return dict.fromkeys(PHASES)
    times: Spent = spent(visit)
    second = again.elapsed_ms if again is not None and not again.failure else None
    return {
        "total": times.total,
        "dns": times.dns,
        "connect": times.connect,
        "tls": times.tls,
        "setup": times.setting_up,
        "request": times.request,
        "wait": times.wait,
        "first-byte": times.first_byte,
        "response": times.response,
        "again": second,
    }


def checks(limits: Limits, visit: Visit, again: Visit | None) -> Iterator[Event]:
    """One check for each limit and one for the status, and a line that says which were not kept."""
    took = values(visit, again)
    over: list[str] = []
    for name, limit in limits.phases.items():
        value = took[name]
        allowed = f"{limit:,g} ms allowed"
        if value is None:
            text = f"Check {name}: there was no response to measure, {allowed}."
            over.append(f"{name} (no response)")
        else:
            kept = value <= limit
            none = ", none was needed" if not value and name in _MAY_BE_SPARED else ""
            said = f"{value:,.1f} ms{none}"
            text = f"Check {name}, {PHASES[name]}: {said}, {allowed}: {'kept' if kept else 'exceeded'}."
            if not kept:
                over.append(f"{name}: {ms(value)}, {limit:,g} ms allowed")
        rounded = None if value is None else round(value, 1)
        yield Measure(text, f"url.slo.{name}", rounded, "ms", at_most=limit)
    status = _status_check(limits.status, visit)
    if status is not None:
        yield status
    if status is not None and status.failed:
        yield Step(text=status.text, role="result", hue="bad")
    if over:
        yield Step(text=sentence(f"Over the limit: {'; '.join(over)}"), role="result", hue="bad")
    elif limits.phases:
        yield Step(text=f"Within the limits: {', '.join(limits.phases)}.", role="result", hue="ok")
    answer = visit.answer
    if status is None and answer is not None and answer.status >= 400 and not visit.failure:
        yield Step(
            text=f"What was measured is an error page: the response is {_line(answer)}.", role="warning"
        )


def _status_check(wanted: int | None, visit: Visit) -> Measure | None:
    """The check `status`; None when any will do. A value that is not the wanted one is over its limit, or None."""
    if wanted == 0:
        return None
    most = wanted or LAST_GOOD
    answer = visit.answer
    asked = f"{wanted} was wanted" if wanted else "an error page passes no limit (--slo status=any allows it)"
    if answer is None or visit.failure:
        return Measure(f"Check status: there was no response, {asked}.", "url.slo.status", None, at_most=most)
    kept = answer.status == wanted if wanted else answer.status <= LAST_GOOD
    said = f"Check status: the response is {_line(answer)}"
    if kept:
        return Measure(f"{said}: as wanted.", "url.slo.status", answer.status, at_most=most)
    value = answer.status if answer.status > most else None
    return Measure(f"{said}; {asked}.", "url.slo.status", value, at_most=most)


def _line(answer: Answer) -> str:
    return f"{answer.status} {answer.reason}".strip()
