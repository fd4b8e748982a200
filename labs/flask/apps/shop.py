"""A small shop on Flask, with a function in every place that Flask has one for. Served in a child only."""

from __future__ import annotations

import random
import string
from typing import Any

from flask import (
    Blueprint,
    Flask,
    Response,
    after_this_request,
    g,
    jsonify,
    make_response,
    render_template,
    request,
    session,
)
from jinja2 import DictLoader

app = Flask(__name__)
app.config["SECRET_KEY"] = "correct horse battery staple"  # noqa: S105  # a demonstration leaks it on purpose
app.jinja_loader = DictLoader({"basket.html": "<h1>Basket {{ number }}</h1><p>{{ user or 'nobody' }}</p>\n"})
basket = Blueprint("basket", __name__, url_prefix="/basket")
account = Blueprint("account", __name__, url_prefix="/account")


@app.url_value_preprocessor
def read_language(endpoint: str | None, values: dict[str, Any] | None) -> None:
    g.language = request.accept_languages.best or "en"


@app.before_request
def load_user() -> None:
    g.user = session.get("user")


@app.before_request
def start_timer() -> None:
    g.steps = ["started"]


@basket.before_request
def open_basket() -> None:
    g.items = 3


@basket.get("/<int:number>")
def show_basket(number: int) -> str:
    @after_this_request
    def remember_basket(response: Response) -> Response:
        session["last_basket"] = number
        return response

    return render_template("basket.html", number=number, user=g.user)


@basket.after_request
def forbid_caching(response: Response) -> Response:
    response.headers["Cache-Control"] = "private"
    return response


@account.before_request
def require_login() -> tuple[str, int] | None:
    return None if g.user else ("Log in first.\n", 401)


@account.get("/")
def show_account() -> str:
    return f"The account of {g.user}.\n"


@app.after_request
def add_server_timing(response: Response) -> Response:
    response.headers["Server-Timing"] = "app"
    response.call_on_close(write_statistics)
    return response


@app.after_request
def add_nosniff(response: Response) -> Response:
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


@app.teardown_request
def close_cursor(error: BaseException | None) -> None:
    g.pop("items", None)


@app.teardown_request
def roll_back(error: BaseException | None) -> None:
    g.pop("steps", None)


@app.teardown_appcontext
def return_connection(error: BaseException | None) -> None:
    g.pop("user", None)


def write_statistics() -> None:
    """What a shop does when the visitor has everything."""


@app.get("/")
def home() -> str:
    return "The shop.\n"


@app.post("/login")
def login() -> Response:
    session["user"] = request.form.get("user", "ana")
    session["role"] = "customer"
    return make_response("Welcome.\n")


@app.post("/logout")
def logout() -> str:
    session.clear()
    return "Bye.\n"


@app.get("/whoami")
def whoami() -> Response:
    return jsonify(dict(session))


@app.get("/remember/<int:size>")
def remember(size: int) -> str:
    # Random, so that compressing does not make it small.
    session["notes"] = "".join(random.Random(size).choices(string.ascii_letters, k=size))
    return "Remembered.\n"


@app.get("/search")
def search() -> Response:
    """What three ways of reading one argument give: the value, and its type."""
    found = {
        "get(page, 1)": request.args.get("page", 1),
        "get(page, 1, type=int)": request.args.get("page", 1, type=int),
        "[page]": request.args.get("page", 400),
    }
    return jsonify({how: [str(value), type(value).__name__] for how, value in found.items()})


app.register_blueprint(basket)
app.register_blueprint(account)
