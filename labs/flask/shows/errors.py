"""An exception in each place: who hears of it, what still runs, and what the visitor gets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from labctl.events import Event, Row, Rows
from labctl.internet import Internet
from labs.flask.claims import CATCH_ALL, ORIGINAL, PROPAGATES
from labs.flask.habits import habits_of
from labs.flask.shows.footer import footer
from labs.flask.stage import Seen, Stage
from labs.telling import measured, note, opening, result, table
from labs.words import listed

PLACES = ("before", "view", "after", "teardown", "generator")
WHO = ("errorhandler", "after_request", "teardown")
CALLED = {
    "before": "before_request",
    "view": "the view",
    "after": "after_request",
    "teardown": "teardown_request",
    "generator": "a generator",
}


def show(internet: Internet) -> Iterator[Event]:
    from labctl.serving.application import own_app

    app = own_app("labs.flask.apps.errors")
    with Stage(app, habits_of(internet)) as stage:
        yield opening("an exception in each place", "as it is, with TESTING, with DEBUG")
        stage.ask("/fine")
        plain = {place: stage.ask(f"/{place}") for place in PLACES}
        testing = {place: stage.ask(f"/testing/{place}") for place in PLACES}
        debug = {place: stage.ask(f"/debug/{place}") for place in PLACES}
        aborted = stage.ask("/abort-500")
        everything = stage.ask("/all/no/such/page")
    yield _places("plain", "As it is", plain)
    same = all(_did(testing[place]) == _did(debug[place]) for place in PLACES)
    yield _places("testing", "With TESTING; with DEBUG the same" if same else "With TESTING", testing)
    if not same:
        yield _places("debug", "With DEBUG", debug)
    yield from _propagates(plain["view"], testing["view"], debug["view"])
    yield from _original(plain["view"], aborted)
    yield from _catch_all(everything)
    yield result("In production a 500 is a response like others; in tests you want the exception itself.")
    yield from footer("errors")


def ran(seen: Seen) -> list[str]:
    """Which of the three ran, in words."""
    if seen.traced is None:
        return []
    kinds = {record.kind for record in seen.traced.records}
    words = zip(("error_handler", "after_request", "teardown_request"), WHO, strict=True)
    return [word for kind, word in words if kind in kinds]


def _did(seen: Seen) -> tuple[str, list[str]]:
    return _answer(seen), ran(seen)


def _places(id: str, title: str, found: Mapping[str, Seen]) -> Rows:
    rows = []
    for place, seen in found.items():
        did = ran(seen)
        answer = _answer(seen)
        rows.append(
            Row(
                f"Raised in {CALLED[place]}: {answer}; {listed(did)} ran.",
                (CALLED[place], *("ran" if each in did else "──" for each in WHO), answer),
                hues=(
                    "",
                    *("ok" if each in did else "mute" for each in WHO),
                    "" if seen.answer.status == 500 else "warn",
                ),
            )
        )
    return table(id, title, ("raised in", *WHO, "the visitor gets"), rows)


def _answer(seen: Seen) -> str:
    if seen.answer.failure:
        return f"{seen.answer.status or 'no status'}, cut off"
    through = seen.traced is not None and "raised" in seen.traced.records[0].notes
    return f"{seen.answer.status}, the server's" if through else str(seen.answer.status)


def _propagates(plain: Seen, testing: Seen, debug: Seen) -> Iterator[Event]:
    first, second, third = ran(plain), ran(testing), ran(debug)
    if not first or not second or not third:
        yield PROPAGATES.not_seen("The application did not tell of its requests.")
        return
    yield measured("flask.errors.testing", listed(second), f"With TESTING {listed(second)} ran.")
    yield PROPAGATES.judged(
        second == third == ["teardown"] and first == ["errorhandler", "after_request", "teardown"],
        f"As it is: {listed(first)}; with TESTING and with DEBUG: {listed(second)} alone."
        if second == third == ["teardown"]
        else f"With TESTING there ran {listed(second)}, with DEBUG {listed(third)}.",
    )


def _original(seen: Seen, aborted: Seen) -> Iterator[Event]:
    parts, of_abort = (each.answer.text.strip().split("|") for each in (seen, aborted))
    if len(parts) != 3:
        yield ORIGINAL.not_seen(f"The handler did not answer: {seen.answer.status or seen.answer.failure}.")
        return
    kind, text, original = parts
    rows = [
        Row(f"type(e) is {kind}.", ("type(e)", kind), hues=("mute", "")),
        Row(f"str(e) is {text[:46]}...", ("str(e)", f"{text[:46]}..."), hues=("mute", "warn")),
        Row(f"e.original_exception is {original}.", ("e.original_exception", original), hues=("mute", "ok")),
        Row(
            f"After abort(500) e.original_exception is {of_abort[-1]}.",
            ("the same after abort(500)", of_abort[-1]),
            hues=("mute", ""),
        ),
    ]
    yield table(
        "handler", "What errorhandler(500) gets", ("", "for the view's ValueError"), rows, named=False
    )
    yield measured("flask.errors.type", kind, f"errorhandler(500) got an {kind}.")
    yield ORIGINAL.judged(
        kind == "InternalServerError" and "ValueError" in original and of_abort[-1] == "None",
        f"The view raised ValueError, the handler got {kind}, and original_exception was {original}."
        if kind == "InternalServerError"
        else f"The handler got the {kind} itself, and nothing was wrapped.",
    )


def _catch_all(seen: Seen) -> Iterator[Event]:
    status = seen.answer.status
    yield measured(
        "flask.errors.catch-all", status, f"With errorhandler(Exception) a wrong URL gave {status}."
    )
    yield note(
        f"With errorhandler(Exception), which answers 500 to everything, GET /no/such/page gave {status}."
    )
    yield CATCH_ALL.judged(
        status == 500,
        "A URL that nobody has gave 500: NotFound is an Exception, too."
        if status == 500
        else f"The handler gave HTTPExceptions back as they were: {status}.",
    )
