"""A before_request that answers itself: what does not run then, and what still does."""

from __future__ import annotations

from collections.abc import Iterator

from labctl.events import Event, Row
from labctl.internet import Internet
from labctl.serving.flask_trace_reading import Request
from labs.flask.claims import SHORT_CIRCUIT
from labs.flask.cookies import Jar
from labs.flask.habits import habits_of
from labs.flask.picture import picture
from labs.flask.shows.footer import footer
from labs.flask.stage import Stage
from labs.flask.target import SHOP
from labs.flask.whole import AFTER
from labs.telling import measured, opening, result, table
from labs.words import count


def show(internet: Internet) -> Iterator[Event]:
    from labctl.serving.application import own_app

    app = own_app(SHOP)
    with Stage(app, habits_of(internet)) as stage:
        yield opening("a hook that answers itself", "GET /account/ twice")
        stage.ask("/whoami")
        refused = stage.ask("/account/")
        jar = Jar()
        jar.take(stage.ask("/login", "POST").answer.fields)
        allowed = stage.ask("/account/", fields=jar.fields())
    if refused.traced is None or allowed.traced is None:
        yield SHORT_CIRCUIT.not_seen("The application did not tell of its requests.")
        return
    yield from picture(refused, f"{app.folder}/labs/flask/apps", title="GET /account/ without a session")
    rows = []
    for kind, name in (
        ("before_request", "load_user"),
        ("before_request", "require_login"),
        ("view", "show_account"),
        *(("after_request", name) for name in reversed(AFTER)),
        ("teardown_request", "roll_back"),
    ):
        ran = [_ran(each.traced, kind, name) for each in (refused, allowed)]
        rows.append(
            Row(
                f"{kind} {name}: {ran[0]} without a session, {ran[1]} with one.",
                (kind, name, *ran),
                hues=("mute", "", *("mute" if each == "skipped" else "ok" for each in ran)),
            )
        )
    statuses = (refused.answer.status, allowed.answer.status)
    rows.append(
        Row(
            f"The status is {statuses[0]} without a session, {statuses[1]} with one.",
            ("status", "", str(statuses[0]), str(statuses[1])),
            hues=("mute", "", "", ""),
        )
    )
    yield table("short", "The same URL, twice", ("", "", "logged out", "logged in"), rows)
    view = refused.traced.first("view") is not None
    after = [name for name in refused.traced.names("after_request") if name in AFTER]
    yield measured(
        "flask.short.after",
        len(after),
        f"{count(len(after), 'after_request function')} of the app ran without the view.",
    )
    if allowed.traced.first("view") is None:
        yield SHORT_CIRCUIT.not_seen(f"The view did not run with a session either: {statuses[1]}.")
        return
    yield SHORT_CIRCUIT.judged(
        not view and len(after) == len(AFTER) and statuses[0] == 401,
        f"require_login returned {statuses[0]}; the view was skipped, and {' and '.join(after)} ran."
        if not view
        else f"require_login returned 401, and the view ran all the same: the visitor got {statuses[0]}.",
    )
    yield result(
        "Authentication in before_request guards every view behind it."
        if not view
        else "Here a before_request function cannot refuse anybody.",
        "warn" if view else "ok",
    )
    yield from footer("short-circuit")


def _ran(request: Request | None, kind: str, name: str) -> str:
    return "ran" if request is not None and request.first(kind, name) is not None else "skipped"
