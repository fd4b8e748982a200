"""The other contract on one screen: what ASGI is, and what happens when the two are mixed up."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

from labctl.events import Event, Exchange, Hue, Row
from labctl.internet import Internet
from labctl.serving.asking import Answer, Ask
from labctl.serving.standing import Kind, Standing
from labs.by_hand import of_python
from labs.telling import about, command, heading, measured, note, opening, result, table
from labs.words import count
from labs.wsgi.claims import ASGI
from labs.wsgi.stage import NAMES, Stage, asked, staged
from labs.wsgi.words import cut, status_of

# What a server logs comes a moment after its answer.
_LOG_S = 2.0
KINDS: tuple[Kind, ...] = ("toy", "flask", "sync")
_MESSAGES = {
    "scope": "what environ is: a dict of the request, without its content",
    "receive": "the content, in messages",
    "send": "status and headers, then the body, in messages",
}


def show(internet: Internet) -> Iterator[Event]:
    with staged(internet) as stage:
        standings = stage.stand_all("asgi", KINDS, checked=False)
        found = {kind: asked(standing) for kind, standing in standings.items()}
        said = {kind: _type_error(standing, found[kind]) for kind, standing in standings.items()}
        tools = stage.stand("asgi_tools", "toy", habits=frozenset())
        reverse = asked(tools, Ask("/reversed")).text
        told = json.loads(asked(tools, Ask("/cart?id=7")).body)
        yield opening("the other contract", "async def app(scope, receive, send)")
        yield from _ladder(told)
        for what, meaning in _MESSAGES.items():
            yield about(what, f"{meaning}.")
        rows = [_row(NAMES[kind], found[kind], said[kind]) for kind in standings]
        rows.append(
            Row(
                f"The reverse, a WSGI application called with scope, receive and send: {reverse}.",
                ("the reverse", "-", _short(reverse)),
                hues=("accent", "bad", "mute"),
            )
        )
        title = "An ASGI application under WSGI servers, and the reverse"
        yield table("mixed", title, ("server", "answer", "TypeError"), rows)
        yield from _left_out(stage)
        yield about("FastAPI", "and Starlette are ASGI; Flask is WSGI; Django has both, wsgi.py and asgi.py.")
        yield about(
            "servers", "gunicorn and waitress speak WSGI, uvicorn and Daphne ASGI; gunicorn -k asgi, too."
        )
        yield about("adapters", "a2wsgi makes one of the other; the driver here has 20 lines.")
        yield from _judged(found, said)
    yield result("WSGI is one call that returns; ASGI is a coroutine that sends and receives messages.")
    yield command(
        "by hand",
        f"{of_python('gunicorn')} -k asgi labs.wsgi.apps.asgi:app",
        "since gunicorn 24; without -k asgi 500",
    )
    yield command("next", "labctl wsgi --show dev-server")


def _ladder(told: dict[str, Any]) -> Iterator[Event]:
    yield heading("One request of ASGI", f"{count(len(told['messages']), 'message')}, driven by our 20 lines")
    lanes = {"server": "the driver", "application": "async def app"}
    for at_ms, what, message in told["messages"]:
        to_app = what != "send"
        label = _label(what, message)
        yield Exchange(
            f"{'The server hands over' if to_app else 'The application sends'} {label}.",
            float(at_ms),
            "server" if to_app else "application",
            "application" if to_app else "server",
            label,
            role=what,
            hue="accent" if to_app else "ok",
            heavy=message.get("type") == "http.response.body",
            evidence="observed",
            lanes=lanes,
        )


def _label(what: str, message: dict[str, Any]) -> str:
    if what == "scope":
        return f"scope: {message['method']} {message['path']}"
    if message["type"] == "http.response.start":
        return f"{message['type']}, {message['status']}"
    return f"{message['type']}, {count(len(message.get('body', '')), 'byte')}"


def _type_error(standing: Standing, answer: Answer) -> str:
    """The last line of the server's log that names a TypeError, waited for after a 500; "" when there is none."""
    until = time.monotonic() + (_LOG_S if answer.status == 500 else 0)
    while True:
        lines = [line.strip() for line in standing.log().splitlines() if "TypeError: " in line]
        if lines or time.monotonic() > until:
            return lines[-1] if lines else ""
        time.sleep(0.005)


def _row(who: str, answer: Answer, said: str) -> Row:
    hue: Hue = "bad" if answer.status == 500 else "warn"
    return Row(
        f"{who}: {status_of(answer)}; {said.rstrip('.') or 'no TypeError'}.",
        (who, str(answer.status or "none"), _short(said) or "none"),
        hues=("accent", hue, "mute"),
    )


def _short(said: str) -> str:
    """What stands behind `TypeError: app() `."""
    return cut(said.partition("() ")[2] or said, 52)


def _left_out(stage: Stage) -> Iterator[Event]:
    for each in stage.missing:
        yield note(f"{NAMES[each.kind]} is left out: {each.why}.")


def _judged(found: dict[Kind, Answer], said: dict[Kind, str]) -> Iterator[Event]:
    errors = [kind for kind, text in said.items() if "send" in text]
    refused = [kind for kind, answer in found.items() if answer.status == 500]
    yield measured("wsgi.asgi.refused", len(refused), f"{count(len(refused), 'WSGI server')} answered 500.")
    yield ASGI.judged(
        len(refused) == len(found) == len(errors),
        f"{len(refused)} of {count(len(found), 'WSGI server')} answered 500 to an ASGI application,"
        f" {len(errors)} with a TypeError about send in the log.",
    )
