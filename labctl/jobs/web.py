"""The web server of the jobs: a Flask application for gunicorn's threads, `labctl.jobs.web:create_app()`."""

from __future__ import annotations

import logging
from urllib.parse import urlsplit

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from labctl.jobs.access import Access
from labctl.jobs.settings import Settings
from labctl.jobs.store import Store, StoreUnavailable
from labctl.jobs.web_answers import Refusal, store_unavailable
from labctl.jobs.web_input import MOST_BYTES
from labctl.jobs.web_jobs import Backend, Jobs
from labctl.jobs.web_pages import Pages

_CODES = {404: "not-found", 405: "method-not-allowed", 413: "too-large"}


def create_app(settings: Settings | None = None, *, store: Store | None = None) -> Flask:
    """The application. `settings` None: those that the service left in the environment. `store`: one that is open
    already. `app.extensions["jobs"]` is the Backend, `["places"]` the streams' places."""
    found = settings if settings is not None else Settings.from_environment()
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MOST_BYTES
    access, backend = Access(found), Backend(found, store)
    jobs = Jobs(found, access, backend)
    app.extensions["jobs"] = backend
    app.extensions["places"] = jobs.places
    app.register_blueprint(jobs.blueprint())
    app.register_blueprint(Pages(found, access).blueprint())
    _guard(app, access)
    _answer_errors(app)
    policy = _policy(found)

    @app.after_request
    def protect(response: Response) -> Response:
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers["Content-Security-Policy"] = policy
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["X-Frame-Options"] = "DENY"
        # Not no-referrer: a form would be sent with "Origin: null" then.
        response.headers["Referrer-Policy"] = "same-origin"
        response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
        response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        return response

    return app


def _guard(app: Flask, access: Access) -> None:
    """Host and Origin, for every request, before anything else is looked at."""

    @app.before_request
    def check() -> None:
        fields = {"host": request.environ.get("HTTP_HOST", "")}
        if "Origin" in request.headers:
            fields["origin"] = request.headers["Origin"]
        refused = access.refused(fields)
        if refused == "host":
            raise Refusal(421, "unknown-host", "This server is not called by that name.")
        # Another port of this machine is the same site, and would be sent with our cookie: only the Origin differs.
        elsewhere = request.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin")
        if refused == "origin" or (elsewhere and request.path.startswith("/api/")):
            raise Refusal(403, "foreign-origin", "Pages of another origin may not ask here.")


def _answer_errors(app: Flask) -> None:
    @app.errorhandler(Refusal)
    def refuse(refusal: Refusal) -> Response:
        return refusal.answer()

    @app.errorhandler(StoreUnavailable)
    def unavailable(problem: StoreUnavailable) -> Response:
        return store_unavailable(problem.why).answer()

    @app.errorhandler(HTTPException)
    def failed(problem: HTTPException) -> Response:
        status = problem.code or 500
        code = _CODES.get(status, "bad-request" if status < 500 else "internal-error")
        allow = dict(problem.get_headers()).get("Allow")
        sentence = str(problem.description or problem.name)
        return Refusal(status, code, sentence, {"Allow": allow} if allow else None).answer()

    @app.errorhandler(Exception)
    def broken(problem: Exception) -> Response:
        logging.getLogger("labctl.jobs.web").error("A request failed.", exc_info=problem)
        return Refusal(500, "internal-error", "Something went wrong here; the log says what.").answer()


def _policy(settings: Settings) -> str:
    """Scripts and styles are files of ours; requests go to us and to the stream server, by each of its names."""
    connect = ["'self'"]
    if settings.stream_url:
        there = urlsplit(settings.stream_url)
        hosts = [host for host in settings.hosts if host.endswith(f":{there.port}")]
        connect += [f"{there.scheme}://{host}" for host in dict.fromkeys([there.netloc, *hosts])]
    return "; ".join(
        [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self'",
            f"connect-src {' '.join(connect)}",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
        ]
    )
