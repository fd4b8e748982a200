"""An app that says its name and the process that it is. Runs in a child only."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    """Its name, from the environment."""
    body = os.environ.get("LABCTL_APP", "?").encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
