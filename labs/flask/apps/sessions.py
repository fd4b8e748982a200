"""Other ways to keep a session: what the sentences about the usual one would look like if they were false."""

from __future__ import annotations

import secrets
from typing import Any

from flask.sessions import SecureCookieSession, SecureCookieSessionInterface

MOST = 4093


class Encrypted(SecureCookieSessionInterface):
    """The cookie says nothing to whoever has no key: Fernet around the JSON."""

    def __init__(self) -> None:
        from cryptography.fernet import Fernet

        self._box = Fernet(Fernet.generate_key())

    def open_session(self, app: Any, request: Any) -> SecureCookieSession:
        from cryptography.fernet import InvalidToken

        cookie = request.cookies.get(self.get_cookie_name(app))
        try:
            text = self._box.decrypt(cookie.encode()).decode() if cookie else "{}"
        except InvalidToken:
            text = "{}"
        return self.session_class(self.serializer.loads(text))

    def save_session(self, app: Any, session: Any, response: Any) -> None:
        if session.modified:
            value = self._box.encrypt(self.serializer.dumps(dict(session)).encode()).decode()
            response.set_cookie(self.get_cookie_name(app), value, httponly=True)


class Unchecked(SecureCookieSessionInterface):
    """Takes what the cookie says, whoever signed it."""

    def open_session(self, app: Any, request: Any) -> SecureCookieSession:
        serializer = self.get_signing_serializer(app)
        cookie = request.cookies.get(self.get_cookie_name(app))
        if not cookie or serializer is None:
            return self.session_class()
        _, payload = serializer.loads_unsafe(cookie)
        return self.session_class(payload if isinstance(payload, dict) else {})


class OnServer(SecureCookieSessionInterface):
    """The cookie is a number; what belongs to it is here, and is gone after logging out."""

    def __init__(self) -> None:
        self._kept: dict[str, dict[str, Any]] = {}

    def open_session(self, app: Any, request: Any) -> SecureCookieSession:
        number = request.cookies.get(self.get_cookie_name(app), "")
        return self.session_class(self._kept.get(number, {}))

    def save_session(self, app: Any, session: Any, response: Any) -> None:
        from flask import request

        if not session.modified:
            return
        number = request.cookies.get(self.get_cookie_name(app), "")
        if not session:
            self._kept.pop(number, None)
            response.delete_cookie(self.get_cookie_name(app))
            return
        if number not in self._kept:
            number = secrets.token_urlsafe(16)
        self._kept[number] = dict(session)
        response.set_cookie(self.get_cookie_name(app), number, httponly=True)


class RefusesLarge(SecureCookieSessionInterface):
    """An error now, instead of a cookie that no browser keeps."""

    def save_session(self, app: Any, session: Any, response: Any) -> None:
        serializer = self.get_signing_serializer(app)
        if session and serializer is not None:
            size = len(str(serializer.dumps(dict(session))))
            if size > MOST:
                raise ValueError(f"the session needs {size} bytes, and a cookie has room for {MOST}")
        super().save_session(app, session, response)
