"""Bodies that are made while they are sent, and what is torn down before."""

from __future__ import annotations

import time
from collections.abc import Iterator

from flask import Flask, Response, g, request, stream_with_context

from labs.flask.apps import SLOW_S

app = Flask(__name__)


@app.before_request
def know_user() -> None:
    g.user = "ana"


@app.get("/bare")
def bare() -> Response | Iterator[str]:
    return pieces()


@app.get("/with-context")
def with_context() -> Iterator[str]:
    return stream_with_context(pieces())


@app.get("/read-before")
def read_before() -> Iterator[str]:
    user = g.user

    def known() -> Iterator[str]:
        yield "Hello, "
        yield f"{user}.\n"

    return known()


def pieces() -> Iterator[str]:
    yield "Hello, "
    yield f"{g.user}.\n"


@app.get("/usual")
def usual() -> str:
    return "done\n"


@app.get("/slow-teardown")
def slow_teardown() -> str:
    return "done\n"


@app.get("/slow-close")
def slow_close() -> Response:
    response = Response("done\n")
    response.call_on_close(write_statistics)
    return response


@app.teardown_request
def write_log(error: BaseException | None) -> None:
    if request.path == "/slow-teardown":
        time.sleep(SLOW_S)


def write_statistics() -> None:
    time.sleep(SLOW_S)
