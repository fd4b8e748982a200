"""What a browser sees: the page, and how one logs in and out."""

from __future__ import annotations

from pathlib import Path

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from labctl.jobs.access import SESSION_S, Access, use_link
from labctl.jobs.settings import Settings


class Pages:
    """The routes of one application."""

    def __init__(self, settings: Settings, access: Access) -> None:
        self._settings = settings
        self._access = access

    def blueprint(self) -> Blueprint:
        """Everything outside of /api."""
        found = Blueprint(
            "pages", __name__, template_folder="page", static_folder="page/static", static_url_path="/static"
        )
        found.get("/")(self.page)
        found.get("/login")(self.ask)
        found.post("/login")(self.login)
        found.post("/logout")(self.logout)
        found.get("/healthz")(self.health)
        return found

    def page(self) -> AnyResponse:
        """The jobs of whoever is logged in."""
        fields = {name.lower(): value for name, value in request.headers.items()}
        user = self._access.user(fields, {})
        if user is None:
            return redirect(url_for("pages.ask"), 303)
        return make_response(render_template("jobs.html", user=user))

    def ask(self) -> AnyResponse:
        """The form, or the use of a link."""
        once = request.args.get("once")
        if once is None:
            return make_response(render_template("login.html", problem=""))
        # A page of somebody else's must not log us in as somebody.
        if request.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
            return _again("Open the link from where it was printed, not from another page.", 403)
        user = use_link(Path(self._settings.folder), once)
        if user is None:
            return _again("This link was used already, or is older than a minute.", 401)
        return self._begin(user)

    def login(self) -> AnyResponse:
        """With a token. It is in the body: URLs are written to logs."""
        user = self._access.of_token(request.form.get("token", "").strip())
        if user is None:
            return _again("Nobody has this token.", 401)
        return self._begin(user)

    def logout(self) -> AnyResponse:
        """The browser forgets."""
        response = redirect(url_for("pages.ask"), 303)
        response.delete_cookie(self._access.cookie, httponly=True, samesite="Strict")
        return response

    def health(self) -> Response:
        """That this process answers; nothing is asked of the store."""
        return Response("ok\n", mimetype="text/plain")

    def _begin(self, user: str) -> AnyResponse:
        response = redirect(url_for("pages.page"), 303)
        # A proxy may speak TLS for us: the browser's Origin says so.
        secure = request.is_secure or request.headers.get("Origin", "").startswith("https://")
        response.set_cookie(
            self._access.cookie,
            self._access.session(user),
            max_age=SESSION_S,
            httponly=True,
            samesite="Strict",
            secure=secure,
        )
        return response


def _again(problem: str, status: int) -> AnyResponse:
    return make_response(render_template("login.html", problem=problem), status)
