"""Anything that can be called: a function, a class, an object, and Flask's."""

from __future__ import annotations

from collections.abc import Iterator

from labctl.events import Event, Hue, Row
from labctl.internet import Internet
from labctl.serving.asking import Answer
from labs.by_hand import of_python
from labs.telling import about, command, measured, opening, result, table
from labs.words import count
from labs.wsgi.apps.spellings import BODY
from labs.wsgi.claims import CALLABLE
from labs.wsgi.stage import asked, staged
from labs.wsgi.words import status_of

SPELLINGS = (
    ("a function", "spellings", "function", "def app(environ, sr): ..."),
    ("a class", "spellings", "Class", "class App: __init__(self, environ, sr)"),
    ("an object", "spellings", "instance", "class App: __call__(self, environ, sr)"),
    ("a Flask", "of_flask", "app", "app = Flask(__name__)"),
)


def show(internet: Internet) -> Iterator[Event]:
    with staged(internet) as stage:
        found: dict[str, Answer] = {}
        for name, module, attribute, _ in SPELLINGS:
            found[name] = asked(stage.stand(module, "toy", attribute=attribute))
        yield opening("what can be an application", f"{len(SPELLINGS)} spellings, one contract")
        rows = [_row(name, code, found[name]) for name, _, _, code in SPELLINGS]
        yield table(
            "callables",
            "Called with (environ, start_response)",
            ("app is", "spelled", "answer", "body"),
            rows,
        )
        yield about("a class", "calling it makes an object, and that object is the iterable.")
        yield about("Flask", "app is the application; app.wsgi_app is what its __call__ calls.")
        yield about("so", "app.wsgi_app = Layer(app.wsgi_app) puts a layer around, and app stays app.")
        right = [name for name, answer in found.items() if answer.status == 200 and answer.body == BODY]
        yield measured("wsgi.callables", len(right), f"{count(len(right), 'spelling')} gave the same bytes.")
        yield CALLABLE.judged(
            len(right) == len(SPELLINGS),
            f"The same {len(BODY)} bytes came from {len(right)} of {len(SPELLINGS)}"
            + (f": {', '.join(right)}." if right else "."),
        )
    yield result("(environ, start_response) in, an iterable of bytes out: how it is spelled is yours.")
    yield command("by hand", f"{of_python('python')} -c 'from flask import Flask; print(Flask.__call__)'")
    yield command("next", "labctl wsgi --show environ")


def _row(name: str, code: str, answer: Answer) -> Row:
    same = answer.body == BODY
    hue: Hue = "ok" if same else "bad"
    body = f"{len(answer.body)} B" + (", the same" if same else "")
    return Row(
        f"{name}, {code} gives {status_of(answer)} and {body}.",
        (name, code, status_of(answer)[:12], body),
        hues=("accent", "", hue, "mute"),
    )
