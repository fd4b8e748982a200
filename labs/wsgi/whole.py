"""The run without arguments: one request through the whole contract, and the same application under each server."""

from __future__ import annotations

from collections.abc import Iterator

from labctl.events import Event
from labctl.internet import Internet
from labctl.serving.asking import Ask
from labs.by_hand import of_python
from labs.telling import about, command, measured, note, opening, result
from labs.words import count
from labs.wsgi.claims import CLOSE, ITERABLE
from labs.wsgi.ladder import ladder
from labs.wsgi.stage import Seen, observed, staged
from labs.wsgi.telling import environ_table, wire_table
from labs.wsgi.words import a

TARGET = "/hello?name=Ada"
BODY = b"Hello, Ada!\n"
FIELDS = (("User-Agent", "labctl"),)


def whole(internet: Internet) -> Iterator[Event]:
    from labs.wsgi.servers import side_by_side

    with staged(internet) as stage:
        toy = stage.stand("hello", "toy", trace=True)
        seen = observed(toy, Ask(TARGET, fields=FIELDS))
        yield opening("from the socket to the application, and back", f"{seen.calls} calls seen")
        yield from ladder(seen, TARGET)
        yield about("environ", "is a dict; the server made it from the bytes of the request.")
        yield about("sr", "is start_response: it keeps status and headers, and sends nothing.")
        yield about("body", "is what is returned: the server takes item after item of bytes.")
        yield wire_table(TARGET, "GET", FIELDS, seen)
        yield environ_table(seen, "What the application was given")
        yield from _judged(seen)
        yield from side_by_side(stage)
    yield result("A server, a dict, a callback, an iterable of bytes: that is all of WSGI.")
    yield command(
        "by hand",
        f"{of_python('gunicorn')} labs.wsgi.apps.hello:app",
        "then curl -i 'http://127.0.0.1:8000/?name=Ada'",
    )
    yield command("your own", "labctl wsgi MODULE:APP --path /", "traced, not changed")
    yield command("break it", "labctl wsgi --violate all")
    yield command("next", "labctl wsgi --show environ")


def _judged(seen: Seen) -> Iterator[Event]:
    items, answer = seen.of("item"), seen.answer
    sent = sum(event.data["bytes"] for event in items)
    yield measured("wsgi.hello.items", len(items), f"The server took {count(len(items), 'item')}.")
    yield measured(
        "wsgi.hello.bytes", len(answer.body), f"The client got {len(answer.body)} bytes of body.", "B"
    )
    kind = a(seen.of("returned")[0].data["type"])
    yield ITERABLE.judged(
        answer.body == BODY and len(items) == 3,
        f"The application returned {kind}; the server took {count(len(items), 'item')} of it,"
        f" {sent} bytes, and the client got {len(answer.body)} of the {len(BODY)}.",
    )
    closes = seen.of("close")
    last = items[-1].at_ns if items else 0
    after = bool(closes) and closes[0].at_ns >= last
    times = len(closes)
    yield CLOSE.judged(
        times == 1 and after,
        f"close() was called {'once' if times == 1 else f'{times} times'}{', after the last item' if after else ''}.",
    )
    said = seen.said
    if said == "":
        yield note("wsgiref.validate, which watched all of it, has nothing to say.")
    elif said:
        yield note(f"wsgiref.validate says: {said}")
