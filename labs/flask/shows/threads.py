"""A thread that a view starts: it has no request, unless it is given a copy of the context."""

from __future__ import annotations

import json
from collections.abc import Iterator

from labctl.events import Event, Row
from labctl.internet import Internet
from labs.flask.claims import THREADS
from labs.flask.habits import habits_of
from labs.flask.shows.footer import footer
from labs.flask.stage import Stage
from labs.telling import measured, opening, result, table


def show(internet: Internet) -> Iterator[Event]:
    from labctl.serving.application import own_app

    with Stage(own_app("labs.flask.apps.contexts"), habits_of(internet)) as stage:
        yield opening("a thread of your own", "print(request.path), three times")
        answer = stage.ask("/thread").answer
    if answer.status != 200:
        yield THREADS.not_seen(f"The view answered {answer.status or answer.failure}.")
        return
    found = json.loads(answer.body)
    rows = []
    for key, what in (
        ("here", "in the view"),
        ("bare", "in a new thread"),
        ("copied", "in a new thread, with copy_current_request_context"),
    ):
        failed = str(found[key]).startswith("RuntimeError")
        rows.append(
            Row(
                f"{what}: {found[key].rstrip('.')}.", (what, found[key]), hues=("", "bad" if failed else "ok")
            )
        )
    yield table("threads", "What request.path is", ("", "what comes"), rows, named=False)
    bare = str(found["bare"]).partition(":")[0]
    yield measured("flask.threads.bare", bare, f"In a bare thread request.path gave {bare}.")
    yield THREADS.judged(
        bare == "RuntimeError" and found["copied"] == found["here"],
        f"The bare thread got {found['bare'].rstrip('.')}; with a copy it got {found['copied']}."
        if bare == "RuntimeError"
        else f"The bare thread got {found['bare']}: it began with a copy of the view's context.",
    )
    yield result(
        "Better still: give the thread what it needs as arguments. The request ends before the thread may."
    )
    yield from footer("threads")
