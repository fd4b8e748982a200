"""A URL that nobody has: which hooks run for it, and who answers."""

from __future__ import annotations

from collections.abc import Iterator

from labctl.events import Event, Row
from labctl.internet import Internet
from labctl.serving.flask_trace_reading import Request
from labs.flask.claims import ERROR_404, NOT_FOUND
from labs.flask.habits import habits_of
from labs.flask.picture import picture
from labs.flask.shows.footer import footer
from labs.flask.stage import Stage
from labs.telling import measured, opening, result, table
from labs.words import listed

NOWHERE, IN_VIEW = "/no/such/page", "/missing-product"


def show(internet: Internet) -> Iterator[Event]:
    from labctl.serving.application import own_app

    app = own_app("labs.flask.apps.errors")
    with Stage(app, habits_of(internet)) as stage:
        yield opening("a URL that nobody has", "two ways to a 404")
        stage.ask("/fine")
        nowhere, in_view = stage.ask(NOWHERE), stage.ask(IN_VIEW)
    if nowhere.traced is None or in_view.traced is None:
        yield NOT_FOUND.not_seen("The application did not tell of its requests.")
        return
    yield from picture(nowhere, f"{app.folder}/labs/flask/apps")
    before = nowhere.traced.names("before_request")
    yield measured(
        "flask.not-found.before", len(before), f"{len(before)} before_request ran for a URL without a route."
    )
    late = _raised_late(nowhere.traced)
    yield NOT_FOUND.judged(
        late and nowhere.traced.first("view") is None,
        f"{listed(before)} ran, and then the {nowhere.answer.status} that routing had found was raised."
        if before
        else f"No before_request ran; the answer was {nowhere.answer.status}.",
    )
    rows, own = [], []
    for path, why, seen in ((NOWHERE, "no route", nowhere), (IN_VIEW, "abort(404)", in_view)):
        handler = seen.traced.first("error_handler") if seen.traced is not None else None
        own.append(handler is not None)
        who = handler.name if handler is not None else "Flask's own page"
        rows.append(
            Row(
                f"{path}: {why}, {seen.answer.status}, {who}.",
                (path, why, str(seen.answer.status), who),
                hues=("", "mute", "", "ok" if handler else "warn"),
            )
        )
    yield table("404s", "The two 404s", ("URL", "why", "status", "who answers"), rows)
    yield ERROR_404.judged(
        all(own),
        "The handler of 404 answered for both."
        if all(own)
        else "A blueprint's handler of 404 answers for no URL without a route: there is no blueprint for it."
        if not any(own)
        else "The handler answered for one of the two.",
    )
    yield result(
        "Count and log in before_request, and you count the scanners' URLs too."
        if late
        else "Here a wrong URL meets no hook, and no log in before_request has it."
    )
    yield from footer("not-found")


def _raised_late(request: Request) -> bool:
    """Whether routing found no route first, then before_request ran, and then the exception was raised."""
    match, hook, raised = (request.first(kind) for kind in ("match", "before_request", "raised"))
    if match is None or hook is None or raised is None or hook.ended_ms is None:
        return False
    return (
        bool(match.notes.get("raised")) and match.began_ms < hook.began_ms < hook.ended_ms <= raised.began_ms
    )
