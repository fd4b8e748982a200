"""`--slo total=500,wait=200`: limits in milliseconds, each a check that fails the run. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from difflib import get_close_matches

from labctl.errors import UsageError
from labctl.events import Event, Measure, Step
from labctl.fetch.legs import Visit
from labctl.fetch.phases import Spent, spent
from labs.url.words import ms, sentence

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
_EXAMPLE = "labctl url https://www.shop.test/ --slo total=500,wait=200"


def read(text: str) -> dict[str, float]:
    """Limits by phase, in milliseconds. Raises UsageError slo-invalid."""
    limits: dict[str, float] = {}
    for part in text.split(","):
        name, equals, number = (piece.strip() for piece in part.partition("="))
        if not equals:
            raise _invalid(f"{part.strip() or 'an empty limit'} is no NAME=MILLISECONDS")
        if name not in PHASES:
            near = get_close_matches(name, PHASES, n=1)
            meant = f"; did you mean {near[0]}?" if near else f"; there are {', '.join(PHASES)}"
            raise _invalid(f"{name or '(nothing)'} is no phase{meant}")
        if name in limits:
            raise _invalid(f"{name} has two limits")
        limits[name] = _milliseconds(name, number)
    return limits


def _milliseconds(name: str, number: str) -> float:
    plain = number.removesuffix("ms").strip()
    try:
        value = float(plain) if "_" not in plain else math.nan
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise _invalid(f"{name}={number} is no number of milliseconds above 0")
    return value


def _invalid(why: str) -> UsageError:
    return UsageError("slo-invalid", why, fixes=(_EXAMPLE,))


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


def checks(limits: Mapping[str, float], visit: Visit, again: Visit | None) -> Iterator[Event]:
    """One check for each limit, and a line that says which phases were over theirs."""
    took = values(visit, again)
    over: list[str] = []
    for name, limit in limits.items():
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
    if over:
        yield Step(text=sentence(f"Over the limit: {'; '.join(over)}"), role="result", hue="bad")
    else:
        yield Step(text=f"Within the limits: {', '.join(limits)}.", role="result", hue="ok")
    answer = visit.answer
    if answer is not None and answer.status >= 400 and not visit.failure:
        status = f"{answer.status} {answer.reason}".strip()
        yield Step(text=f"What was measured is an error page: the response is {status}.", role="warning")
