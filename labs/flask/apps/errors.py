"""The same small application four times: as it is, with TESTING, with DEBUG, and with a handler for every Exception.

`/testing/...`, `/debug/...` and `/all/...` go to the others.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flask import Blueprint, Flask, Response, abort, request
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from labs.flask.apps.prepared import HABITS


def create_app(*, testing: bool = False, debug: bool = False, catch_all: bool = False) -> Flask:
    app = Flask(__name__)
    app.config.update(TESTING=testing, DEBUG=debug)
    app.logger.disabled = True
    if "flask-never-propagates" in HABITS:
        app.config["PROPAGATE_EXCEPTIONS"] = False

    @app.before_request
    def look() -> None:
        if request.path == "/before":
            raise ValueError("raised in before_request")

    @app.get("/<where>")
    def view(where: str) -> str | Response:
        if where == "view":
            raise ValueError("raised in the view")
        if where == "generator":
            return Response(numbers())
        if where == "missing-product":
            abort(404)
        if where == "abort-500":
            abort(500)
        return "fine\n"

    def numbers() -> Iterator[str]:
        yield "one\n"
        raise ValueError("raised in the generator")

    @app.after_request
    def stamp(response: Response) -> Response:
        if request.path == "/after":
            raise ValueError("raised in after_request")
        response.headers["X-After"] = "ran"
        return response

    @app.teardown_request
    def tidy_up(error: BaseException | None) -> None:
        if request.path == "/teardown":
            raise ValueError("raised in teardown_request")

    if catch_all:
        app.register_error_handler(Exception, answer_everything)
    else:
        app.register_error_handler(500, answer_500)
        _handle_404(app)
    return app


def _handle_404(app: Flask) -> None:
    handled: Flask | Blueprint = app
    if "flask-handler-on-blueprint" in HABITS:
        handled = Blueprint("pages", __name__)
    handled.register_error_handler(404, answer_404)
    if isinstance(handled, Blueprint):
        app.register_blueprint(handled)


def answer_404(error: Any) -> tuple[str, int]:
    return "the shop's own page for 404\n", 404


def answer_500(error: Any) -> tuple[str, int]:
    original = getattr(error, "original_exception", None)
    return f"{type(error).__name__}|{error}|{original!r}\n", 500


def answer_everything(error: Exception) -> Any:
    if "flask-handler-lets-http-through" in HABITS and isinstance(error, HTTPException):
        return error
    return f"{type(error).__name__}\n", 500


plain = create_app()
app = DispatcherMiddleware(
    plain,
    {
        "/testing": create_app(testing=True),
        "/debug": create_app(debug=True),
        "/all": create_app(catch_all=True),
    },
)
