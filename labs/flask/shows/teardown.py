"""What the first byte waits for: teardown comes before it, call_on_close behind it."""

from __future__ import annotations

from collections.abc import Iterator

from labctl.events import Event, Row
from labctl.internet import Internet
from labctl.serving.flask_trace_reading import Record
from labs.flask.apps import SLOW_S
from labs.flask.claims import TEARDOWN
from labs.flask.habits import habits_of
from labs.flask.picture import picture
from labs.flask.shows.footer import footer
from labs.flask.stage import Seen, Stage
from labs.telling import measured, opening, result, table
from labs.words import ms


def show(internet: Internet) -> Iterator[Event]:
    from labctl.serving.application import own_app

    app = own_app("labs.flask.apps.streaming")
    with Stage(app, habits_of(internet)) as stage:
        yield opening("what the first byte waits for", f"{ms(SLOW_S * 1000)} of work after the view")
        stage.ask("/usual")
        usual, teardown, close = (stage.ask(path) for path in ("/usual", "/slow-teardown", "/slow-close"))
    yield from picture(teardown, f"{app.folder}/labs/flask/apps")
    rows = [
        _row(words, seen)
        for words, seen in (
            ("nothing slow", usual),
            ("slow in teardown_request", teardown),
            ("slow in call_on_close", close),
        )
    ]
    yield table("bytes", "When the visitor has it", ("", "first byte", "application done"), rows)
    yield measured(
        "flask.teardown.first",
        round(teardown.answer.first_byte_ms, 1),
        f"With a slow teardown the first byte came after {ms(teardown.answer.first_byte_ms)}.",
        "ms",
    )
    yield measured(
        "flask.teardown.close",
        round(close.answer.first_byte_ms, 1),
        f"With a slow call_on_close it came after {ms(close.answer.first_byte_ms)}.",
        "ms",
    )
    tidied, sent = (_when(teardown, kind) for kind in ("teardown_request", "item"))
    closed, sent_before = (_when(close, kind) for kind in ("call_on_close", "item"))
    if not (tidied and sent and closed and sent_before):
        yield TEARDOWN.not_seen("The application did not tell of its teardown.")
        return
    # By the order in the application: what the server has not been given cannot be at the client.
    waits, behind = tidied.began_ms < sent.began_ms, closed.began_ms > sent_before.began_ms
    yield TEARDOWN.judged(
        waits and behind,
        f"The first byte came after {ms(teardown.answer.first_byte_ms)} with a slow teardown, "
        f"after {ms(close.answer.first_byte_ms)} with a slow call_on_close."
        if waits
        else f"The first byte came after {ms(teardown.answer.first_byte_ms)}, and teardown ended behind it.",
    )
    yield result(
        "Slow things that the visitor need not wait for: response.call_on_close, or a job of its own."
    )
    yield from footer("teardown")


def _when(seen: Seen, kind: str) -> Record | None:
    return seen.traced.first(kind) if seen.traced is not None else None


def _row(words: str, seen: Seen) -> Row:
    first = ms(seen.answer.first_byte_ms)
    close = seen.traced.first("close") if seen.traced is not None else None
    # On the client's axis: from the beginning of the asking.
    ahead_ms = seen.answer.first_byte_ms - seen.first_byte_ms
    done = ms(close.ended_ms + ahead_ms) if close is not None and close.ended_ms is not None else "never"
    return Row(
        f"With {words}: first byte after {first}, the application was done after {done}.",
        (words, first, done),
        hues=("", "warn" if seen.answer.first_byte_ms > 500 * SLOW_S else "ok", "mute"),
        bold=(1,),
    )
