"""A Flask application that says how many requests were inside of it at once, in this process."""

from __future__ import annotations

import os
import threading

from flask import Flask

from labs.wsgi.apps.together_words import PATIENCE_S, TOGETHER

app = Flask(__name__)
_changed = threading.Condition()
_inside = _most = 0


@app.get("/together")
def together() -> dict[str, int]:
    global _inside, _most
    with _changed:
        _inside += 1
        _most = max(_most, _inside)
        _changed.notify_all()
        _changed.wait_for(lambda: _most >= TOGETHER, PATIENCE_S)
        _inside -= 1
        return {"most": _most, "pid": os.getpid()}


@app.get("/")
def home() -> dict[str, int]:
    return {"pid": os.getpid()}
