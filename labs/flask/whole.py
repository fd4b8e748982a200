"""The lesson without arguments: one request through the shop, in order, and its session cookie."""

from __future__ import annotations

from collections.abc import Iterator

from labctl.events import Event, Verdict
from labctl.internet import Internet
from labctl.serving.flask_trace_reading import Request
from labs.by_hand import of_python
from labs.flask.claims import ORDER, SESSION_READ
from labs.flask.cookies import Jar, cookie_table, session_in, set_cookies
from labs.flask.habits import habits_of
from labs.flask.picture import HOOKS, picture
from labs.flask.stage import Seen, Stage
from labs.flask.target import SHOP
from labs.flask.words import number
from labs.telling import about, command, measured, opening, result
from labs.words import count

PATH = "/basket/7"
# In the order of registration, in labs/flask/apps/shop.py.
BEFORE = ["load_user", "start_timer", "open_basket"]
AFTER = ["add_server_timing", "add_nosniff"]


def whole(internet: Internet) -> Iterator[Event]:
    """Raises CannotRun when the shop cannot be served here."""
    from labctl.serving.application import own_app

    app = own_app(SHOP)
    with Stage(app, habits_of(internet)) as stage:
        jar = Jar()
        # The first requests of a process import what the later ones find.
        jar.take(stage.ask("/login", "POST").answer.fields)
        stage.ask("/basket/1")
        seen = stage.ask(PATH, fields=jar.fields())
    request = seen.traced
    took = f"{number(request.records[0].took_ms)} ms" if request and request.records else ""
    yield opening("one request through Flask", took)
    if request is None:
        yield ORDER.not_seen("The application did not tell of the request.")
        return
    yield from picture(seen, f"{app.folder}/labs/flask/apps")
    yield from _said_of(seen, request)
    ran = len([r for r in request.records if r.kind in HOOKS])
    yield measured("flask.order.functions", ran, f"{count(ran, 'function')} of the application ran.")
    after = _after(request)
    yield measured(
        "flask.order.first-after",
        after[0] if after else "",
        f"The first after_request of the app was {after[0] if after else 'none'}.",
    )
    yield _order(request)
    yield from _cookie(seen)
    yield result("Which hook ran, when, and why one did not: ask it of your own application.")
    yield command(
        "by hand",
        f"{of_python('flask')} --app yourmodule routes --all-methods",
        "the map that a URL is matched against",
    )
    yield command("yours", "labctl flask yourmodule:app GET /")
    yield command("next", "labctl flask --show short-circuit", "a hook that answers itself")


def _after(request: Request) -> list[str]:
    """The application's own, as they ran."""
    return [name for name in request.names("after_request") if name in AFTER]


def _said_of(seen: Seen, request: Request) -> Iterator[Event]:
    """What to look for in the picture, where it is so."""
    if request.names("before_request") == BEFORE and _after(request) == AFTER[::-1]:
        yield about("order", "app, blueprint, view, and back: blueprint, app, the last registered first.")
    teardown = request.first("teardown_request")
    if teardown is not None and teardown.began_ms < seen.first_byte_ms:
        yield about("teardown", "runs before the first byte is out: what is slow in it is waited for.")


def _order(request: Request) -> Verdict:
    before, after = request.names("before_request"), _after(request)
    if before != BEFORE or len(after) != len(AFTER):
        return ORDER.judged(False, f"before_request: {', '.join(before)}. after_request: {', '.join(after)}.")
    return ORDER.judged(
        after == AFTER[::-1],
        f"Registered {AFTER[0]}, then {AFTER[1]}; they ran as {after[0]}, then {after[1]}.",
    )


def _cookie(seen: Seen) -> Iterator[Event]:
    found = session_in(seen.answer.fields)
    if found is not None:
        name, value, session = found
        yield from cookie_table(name, value, session)
        keys = ", ".join(session.values)
        yield measured("flask.session.keys", keys, f"The cookie gives away: {keys}.")
        yield SESSION_READ.judged(True, f"Without the key the cookie says {session.payload[:120]}.")
        return
    sent = set_cookies(seen.answer.fields)
    if sent:
        yield SESSION_READ.judged(
            False,
            f"The cookie {sent[0][0]} has {len(sent[0][1])} characters that say nothing without the key.",
        )
    else:
        yield SESSION_READ.not_seen("The answer set no cookie.")
