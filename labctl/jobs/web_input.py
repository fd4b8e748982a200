"""What a POST of a job says: read strictly, before anything is stored."""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from labctl.events import Json
from labctl.jobs.web_answers import Refusal

MOST_BYTES = 65536
_KEY = re.compile(r"[\x21-\x7e]{1,255}")


class Wanted(NamedTuple):
    """A job as it was asked for."""

    kind: str
    given: Mapping[str, Json]


def read_job(body: bytes, *, own_kinds: frozenset[str] = frozenset()) -> Wanted:
    """`own_kinds`: the jobs of the service's own file, see `kinds_in`. Raises Refusal 400."""
    try:
        document = json.loads(body.decode("utf-8"), parse_constant=_refuse_constant, parse_float=_finite)
        json.dumps(document, ensure_ascii=False).encode("utf-8")  # a lone surrogate is JSON, and no text
    except (ValueError, RecursionError):
        raise Refusal(400, "body-malformed", "The body is not JSON.") from None
    if not isinstance(document, dict) or not isinstance(document.get("kind"), str):
        raise _invalid('The body is an object such as {"kind": "report", "input": {"steps": 10}}.')
    if unknown := sorted(document.keys() - {"kind", "input"}):
        raise _invalid(f"The body has a member that means nothing here: {unknown[0][:40]!r}.")
    given = document.get("input", {})
    if not isinstance(given, dict):
        raise _invalid("The input is a JSON object.")
    kind = document["kind"]
    if kind == "report":
        return Wanted(kind, _report(given))
    if kind not in own_kinds:
        raise Refusal(400, "kind-unknown", f"There is no kind of job {kind[:40]!r}.")
    return Wanted(kind, given)


def kinds_in(path: str) -> frozenset[str]:
    """The names of the jobs in a user's file, `def name(job, ...)`. It is read, not run: only workers run it."""
    if not path:
        return frozenset()
    try:
        tree = ast.parse(Path(path).read_bytes())
    except (OSError, SyntaxError, ValueError):
        return frozenset()
    return frozenset(
        each.name
        for each in tree.body
        if isinstance(each, ast.FunctionDef)
        and not each.name.startswith("_")
        and [argument.arg for argument in (*each.args.posonlyargs, *each.args.args)][:1] == ["job"]
    )


def read_key(text: str | None) -> str:
    """An Idempotency-Key, with or without quotes around it; "" without one. Raises Refusal 400."""
    if text is None:
        return ""
    key = text[1:-1] if len(text) > 2 and text[0] == text[-1] == '"' else text
    if not _KEY.fullmatch(key):
        raise Refusal(400, "key-invalid", "An Idempotency-Key has 1 to 255 visible ASCII characters.")
    return key


def _report(given: Mapping[str, Json]) -> Mapping[str, Json]:
    """`steps` 1 to 1000, `step_s` 0 to 60; `fail_at` and `crash_at` are steps or null."""
    if unknown := sorted(given.keys() - {"steps", "step_s", "fail_at", "crash_at"}):
        raise _invalid(f"A report has no input {unknown[0][:40]!r}.")
    steps = given.get("steps", 10)
    if isinstance(steps, bool) or not isinstance(steps, int) or not 1 <= steps <= 1000:
        raise _invalid("steps is a whole number from 1 to 1000.")
    step_s = given.get("step_s", 0.5)
    if isinstance(step_s, bool) or not isinstance(step_s, int | float) or not 0 <= step_s <= 60:
        raise _invalid("step_s is a number of seconds from 0 to 60.")
    read: dict[str, Json] = {"steps": steps, "step_s": step_s}
    for name in ("fail_at", "crash_at"):
        at = given.get(name)
        if at is not None and (isinstance(at, bool) or not isinstance(at, int) or not 0 <= at <= 1000):
            raise _invalid(f"{name} is the number of a step, or null.")
        if at is not None:
            read[name] = at
    return read


def _invalid(sentence: str) -> Refusal:
    return Refusal(400, "input-invalid", sentence)


def _finite(text: str) -> float:
    """1e999 would be Infinity, which is no JSON for those who read it later."""
    if not math.isfinite(value := float(text)):
        raise ValueError(text)
    return value


def _refuse_constant(name: str) -> None:
    raise ValueError(name)
