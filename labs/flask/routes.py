"""The map of an application's URLs: which method and path leads to which view, and where that is."""

from __future__ import annotations

import os
from collections.abc import Iterator
from shlex import quote

from labctl.errors import CannotRun
from labctl.events import Event, Row
from labctl.internet import Internet
from labs.by_hand import of_python
from labs.flask.target import Target
from labs.flask.words import place
from labs.telling import command, measured, opening, result, table
from labs.words import count

_TOLD_S = 5.0


def listed_routes(internet: Internet, target: Target, boot_s: float) -> Iterator[Event]:
    """Raises CannotRun for an application that cannot be served, and app-not-flask for one without a URL map."""
    from labctl.serving.standing import stand

    app = target.app
    folder = os.path.join(app.folder, "labs", "flask", "apps") if target.is_ours else app.folder
    tell = "labctl.serving.flask_trace_prepare:routes"
    with stand(app, "toy", trace=tell, watched=False, boot_timeout_s=boot_s) as standing:
        standing.wait_for("flask-routes-end", timeout_s=_TOLD_S)
        events = standing.events()
    told = [event.data for event in events if event.kind == "flask-route"]
    is_flask = any(event.kind == "flask-routes-end" and event.data.get("flask") for event in events)
    if not told:
        raise CannotRun(
            "app-not-flask",
            f"{app.target} has no map of URLs: it is not an application of Flask's",
            evidence=(("looked for", "app.url_map"),),
            fixes=(f"labctl wsgi {app.target}",),
        )
    yield opening("the map of URLs", count(len(told), "route"))
    rows = []
    for each in sorted(told, key=lambda each: str(each["rule"])):
        name, file, line = each["view"]
        methods, at = " ".join(each["methods"]), place(file, line, folder)
        view = f"{name} {at}".strip()
        rows.append(
            Row(
                f"{methods} {each['rule']}: {each['endpoint']}, {view or 'no view'}.",
                (methods, str(each["rule"]), str(each["endpoint"]), view or "──"),
                hues=("mute", "accent", "", "mute"),
                bold=(1,),
            )
        )
    yield table("routes", "Routes", ("method", "URL", "endpoint", "view"), rows)
    yield measured("flask.routes", len(told), f"The map has {count(len(told), 'route')}.")
    yield result("Werkzeug takes the most specific rule that fits; of equal ones the first registered.")
    shown = "yourmodule" if target.is_ours else quote(app.target)
    if is_flask:
        yield command("by hand", f"{of_python('flask', app.python)} --app {shown} routes")
    yield command("next", f"{target.command} GET /")
