"""The same few bytes from Flask: `app` is the callable that a server calls."""

from __future__ import annotations

from flask import Flask, Response

from labs.wsgi.apps.spellings import BODY

app = Flask(__name__)


@app.get("/")
def page() -> Response:
    return Response(BODY, content_type="text/plain")
