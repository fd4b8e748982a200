"""The result document, `labctl/result/1`: everything a run was, for programs. Units are in names."""

from __future__ import annotations

import json
from typing import cast

from labctl import __version__
from labctl.codec import RESULT_SCHEMA, encode
from labctl.events import Json
from labctl.play import Run, without_password
from labctl.render.whereabouts import place_of


def document(run: Run) -> dict[str, Json]:
    """The run as one JSON object (schema: labctl/schemas)."""
    error = run.error
    return {
        "schema": RESULT_SCHEMA,
        "labctl": __version__,
        "lab": run.lab.name,
        "title": run.lab.title,
        "command": run.command,
        "arguments": _shown(dict(run.arguments)),
        "internet": run.internet,
        "place": place_of(run),
        "fault": run.fault,
        "seed": run.seed,
        "notices": list(run.notices),
        "claims": [
            {
                "claim": v.claim,
                "outcome": v.outcome,
                "sentence": v.sentence,
                "source": v.source,
                "kind": v.kind,
                "text": v.text,
                "data": encode(v)["data"],
            }
            for v in run.verdicts
        ],
        "measures": {
            name: {"value": _plain(m.value), "unit": m.unit, "text": m.text}
            | ({} if m.at_most is None else {"at_most": m.at_most})
            for name, m in run.measures.items()
        },
        "questions": [cast(Json, answered._asdict()) for answered in run.answered],
        "events": [encode(event) for event in run.events],
        "elapsed_ms": round(run.elapsed_ms, 3),
        "exit_code": run.exit_code,
        "interrupted": run.interrupted,
        "error": None
        if error is None
        else {
            "code": error.code,
            "headline": error.headline,
            "evidence": [[label, text] for label, text in error.evidence],
            "fixes": list(error.fixes),
        },
    }


def dumps(value: Json, *, indent: int | None = None) -> str:
    """JSON in ASCII: no console can choke on it, and no control character reaches a terminal."""
    return json.dumps(value, indent=indent, allow_nan=False).replace("\x7f", "\\u007f")


def _shown(arguments: dict[str, object]) -> Json:
    """The arguments as they were given, without the passwords of URLs."""
    return _plain({name: without_password(v) if isinstance(v, str) else v for name, v in arguments.items()})


def _plain(value: object) -> Json:
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if value - value == 0 else None  # JSON has neither NaN nor infinity
    return str(value)
