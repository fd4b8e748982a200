"""The one JSON codec of events: `labctl/event/1`. Within /1, changes only add."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any, cast

from labctl.events import Event, Exchange, Json, Measure, Row, Rows, Span, Step, Verdict

EVENT_SCHEMA = "labctl/event/1"
RESULT_SCHEMA = "labctl/result/1"

KINDS: dict[str, type[Event]] = {
    "step": Step,
    "exchange": Exchange,
    "span": Span,
    "rows": Rows,
    "measure": Measure,
    "verdict": Verdict,
}
_KIND_OF = {cls: kind for kind, cls in KINDS.items()}


def encode(event: Event) -> dict[str, Json]:
    """An event as a JSON object; `kind` says which, defaults are written out so that readers need no table."""
    plain = _plain(event)
    assert isinstance(plain, dict)
    if isinstance(event, Verdict):
        # A claim has a kind of its own, and `kind` is taken by the event's.
        plain["claim_kind"] = plain.pop("kind")
    return {"kind": _KIND_OF[type(event)], **plain}


def decode(document: Mapping[str, Json]) -> Event:
    """The event that `encode` wrote. Unknown keys are ignored: a newer labctl may have added them.

    Raises ValueError for anything else than an event.
    """
    kind = document.get("kind")
    cls = KINDS.get(kind) if isinstance(kind, str) else None
    if cls is None:
        raise ValueError(f"not an event: kind is {kind!r}")
    known = {f.name for f in dataclasses.fields(cls)}
    values: dict[str, Any] = {k: v for k, v in document.items() if k in known}
    if cls is Verdict:
        values["kind"] = document.get("claim_kind", "law")
    if cls is Rows:
        for key in ("columns", "hues"):
            values[key] = tuple(cast(list[str], values.get(key, ())))
        values["rows"] = tuple(_row(r) for r in cast(list[dict[str, Any]], values.get("rows", ())))
    try:
        return cls(**values)
    except TypeError as error:
        raise ValueError(f"not a complete {kind}: {error}") from error


def _row(document: dict[str, Any]) -> Row:
    known = {f.name for f in dataclasses.fields(Row)}
    values: dict[str, Any] = {
        k: tuple(v) if k in ("cells", "hues", "bold") else v for k, v in document.items() if k in known
    }
    return Row(**values)


def _plain(value: object) -> Json:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        # Not `asdict`: it deep-copies, and it would refuse a Mapping that is not a dict.
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, float):
        # JSON has no NaN; three decimals are microseconds when the unit is ms.
        return round(value, 3) if math.isfinite(value) else None
    if value is None or isinstance(value, (bool, int, str)):
        return value
    return str(value)
