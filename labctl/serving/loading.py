"""Look at an application in a child: what it is, and whether it can be served at all."""

from __future__ import annotations

import time
from typing import NamedTuple

from labctl import children
from labctl.serving.application import App
from labctl.serving.booting import Boot
from labctl.serving.child import start_child
from labctl.serving.interpreter import check_python
from labctl.serving.refusals import not_callable


class AppReport(NamedTuple):
    """`kind` is flask, wsgi or asgi; `target` is complete, "shop:create_app()". `name` is the type, or the function:
    "flask.app.Flask", "shop.application"; `value` how it shows itself.

    `printed` is what it wrote to stdout and stderr at import. `threads` are names of threads that the import left
    behind, `children` the number of its processes. `python` is "3.11.7".
    """

    kind: str
    target: str
    name: str
    value: str
    printed: str
    import_ms: float
    threads: tuple[str, ...]
    children: int
    python: str


def inspect_app(app: App, *, boot_timeout_s: float = 10) -> AppReport:
    """Import the application in a child, look at it, and end the child.

    Raises CannotRun: app-not-found, app-raises, app-exits, app-hangs, app-not-callable, python-unusable,
    python-too-old. An ASGI application is reported, not refused.
    """
    check_python(app.python)
    began = time.monotonic()
    job = {
        "kind": "inspection",
        "target": app.target,
        "module": app.module,
        "attribute": app.attribute,
        "folder": app.folder,
    }
    process, hearing = start_child(app, job)
    try:
        boot = Boot(app, "inspection", process, hearing, began + boot_timeout_s, boot_timeout_s)
        boot.until(lambda events: any(event.kind == "inspected" for event in events))
    finally:
        children.end(process, 0)
        hearing.close()
    told = {event.kind: event.data for event in hearing.take()}
    seen = told["inspected"]
    if seen["app"] == "none":
        raise not_callable(app, str(seen["target"]), str(seen["name"]), str(seen["value"]))
    return AppReport(
        str(seen["app"]),
        str(seen["target"]),
        str(seen["name"]),
        str(seen["value"]),
        hearing.log(),
        float(seen["import_ms"]),
        tuple(map(str, seen["threads"])),
        int(seen["children"]),
        str(told["started"]["python"]),
    )
