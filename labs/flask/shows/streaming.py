"""A body that is made while it is sent: g is gone by then."""

from __future__ import annotations

from collections.abc import Iterator

from labctl.events import Event, Row
from labctl.internet import Internet
from labs.flask.claims import STREAMING
from labs.flask.habits import habits_of
from labs.flask.picture import picture
from labs.flask.shows.footer import footer
from labs.flask.stage import Seen, Stage
from labs.telling import measured, opening, result, table

WAYS = (
    ("/bare", "yields g.user"),
    ("/with-context", "stream_with_context"),
    ("/read-before", "reads g before it yields"),
)


def show(internet: Internet) -> Iterator[Event]:
    from labctl.serving.application import own_app

    app = own_app("labs.flask.apps.streaming")
    with Stage(app, habits_of(internet)) as stage:
        yield opening("a body that is made later", "three generators that need g.user")
        stage.ask("/usual")
        found = [stage.ask(path) for path, _ in WAYS]
    yield from picture(found[0], f"{app.folder}/labs/flask/apps")
    rows = []
    for (path, how), seen in zip(WAYS, found, strict=True):
        raised = _raised(seen)
        got = " ".join(seen.answer.text.split())
        outcome = f"{seen.answer.status}, then cut off" if raised else str(seen.answer.status)
        rows.append(
            Row(
                f"{path}, {how}: {outcome}, the visitor got {got!r}.",
                (path, how, outcome, repr(got)),
                hues=("", "mute", "bad" if raised else "ok", ""),
            )
        )
    yield table("streams", "What the visitor got", ("", "the generator", "answer", "body"), rows)
    bare, kept = (_raised(seen) for seen in found[:2])
    if found[0].traced is None or found[0].answer.status != 200:
        yield STREAMING.not_seen(f"The bare generator's view answered {found[0].answer.status}.")
        return
    yield measured(
        "flask.streaming.bare", bare or "nothing", f"The bare generator raised {bare or 'nothing'}."
    )
    yield STREAMING.judged(
        bare == "RuntimeError" and _behind_teardown(found[0]) and not kept and "ana" in found[1].answer.text,
        "The generator ran behind teardown and met RuntimeError; with stream_with_context it read g.user."
        if bare
        else "The bare generator read g.user while it was sent: the context was still there.",
    )
    yield result(
        "Status 200 was out already: an error in a generator can only cut the answer off."
        if bare
        else "Here nothing was cut off, and each stream holds a context until its last piece.",
        "warn" if bare else "ok",
    )
    yield from footer("streaming")


def _behind_teardown(seen: Seen) -> bool:
    """Whether a generator raised when teardown was over."""
    request = seen.traced
    teardown = request.first("teardown_request") if request is not None else None
    if request is None or teardown is None or teardown.ended_ms is None:
        return False
    raised = next((r for r in request.records if r.kind == "item" and r.notes.get("raised")), None)
    return raised is not None and raised.began_ms >= teardown.ended_ms


def _raised(seen: Seen) -> str:
    """The type of what a generator raised, "" for nothing."""
    if seen.traced is None:
        return ""
    for record in seen.traced.records:
        if record.kind == "item" and record.notes.get("raised"):
            return str(record.notes["raised"]).partition(":")[0]
    return ""
