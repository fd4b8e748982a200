"""A small app that tells its environ. Runs in a child only; no framework, so that it starts at once."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    """Everything in the environ that is text, as JSON."""
    told = {key: value for key, value in environ.items() if isinstance(value, str)}
    body = json.dumps(told).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]
