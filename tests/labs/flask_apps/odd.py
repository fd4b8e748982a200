"""An application with what is rarer: a subclass with its own dispatch, a session interface, middleware, async hooks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flask import (
    Blueprint,
    Flask,
    Response,
    after_this_request,
    current_app,
    g,
    jsonify,
    render_template_string,
    request,
    request_started,
)
from flask.sessions import SessionInterface, SessionMixin
from flask.views import MethodView, View
from werkzeug.middleware.proxy_fix import ProxyFix


class Mine(Flask):
    def dispatch_request(self) -> Any:
        return "own dispatch" if request.path == "/own" else super().dispatch_request()


class Kept(dict[str, Any], SessionMixin):
    pass


class Sessions(SessionInterface):
    def open_session(self, app: Flask, request: Any) -> Kept:
        return Kept()

    def save_session(self, app: Flask, session: Any, response: Any) -> None:
        response.set_cookie("sid", "1")


app = Mine(__name__)
app.session_interface = Sessions()
api, first = Blueprint("api", __name__, url_prefix="/api"), Blueprint("first", __name__, url_prefix="/v1")
exempt_views = set()
late: list[int] = []


@app.before_request
def look_at_the_view() -> None:
    known = [current_app.view_functions.get(request.endpoint or ""), None]
    if request.endpoint:
        known[1] = current_app.view_functions[request.endpoint]
    g.exempt = [view in exempt_views for view in known]


@api.before_request
def want_a_key() -> tuple[dict[str, str], int] | None:
    return ({"error": "no key"}, 403) if request.headers.get("X-Key") == "wrong" else None


@first.after_request
def say_the_version(response: Response) -> Response:
    response.headers["X-Version"] = "1"
    return response


class Users(MethodView):
    def get(self) -> list[int]:
        return [1, 2]

    def post(self) -> tuple[dict[str, int], int]:
        return {}, 201


class Greeting(View):
    def dispatch_request(self, name: str) -> str:
        return f"Hello, {name}."


@app.get("/exempt")
def exempt() -> Response:
    return jsonify(g.exempt)


exempt_views.add(exempt)


@app.get("/lazy")
def lazy() -> str:
    if not late:
        late.append(1)
        app.before_request_funcs.setdefault(None, []).append(come_late)
        app.after_request_funcs.setdefault(None, []).append(leave_late)
    return str(g.get("late"))


def come_late() -> None:
    g.late = True


def leave_late(response: Response) -> Response:
    return response


@app.get("/inner")
def inner() -> bytes:
    return app.test_client().get("/own").data


@app.get("/stream")
def stream() -> Iterator[str]:
    return (str(number % 10) for number in range(5000))


@app.get("/many")
def many() -> str:
    return "".join(render_template_string("a") for _ in range(200))


@app.get("/none-after")
def none_after() -> str:
    after_this_request(lambda response: None)  # type: ignore[arg-type, return-value]
    return "x"


@app.get("/fails")
def fails() -> str:
    raise ValueError("as expected")


@app.errorhandler(ValueError)
def on_value_error(error: ValueError) -> tuple[str, int]:
    return str(error), 400


@app.get("/async")
async def later() -> str:
    return "later"


@app.get("/file")
def file() -> Response:
    from flask import send_file

    return send_file(__file__)


def on_started(sender: Flask, **_: Any) -> None:
    g.signalled = True


request_started.connect(on_started, app)
first.add_url_rule("/users", view_func=Users.as_view("users"))
api.register_blueprint(first)
app.register_blueprint(api)
app.add_url_rule("/greeting/<name>", view_func=Greeting.as_view("greeting"))
inner_app = app.wsgi_app


def middleware(environ: Any, start_response: Any) -> Any:
    if environ["PATH_INFO"] == "/health":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"fine"]
    return inner_app(environ, start_response)


app.wsgi_app = middleware  # type: ignore[method-assign]
behind_proxy = ProxyFix(app)
