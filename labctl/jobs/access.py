"""Who asks: a bearer token, a session cookie, or a ticket for one stream; links that log in once; Host and Origin.

Secrets stand in the service's folder, which only its user can read: `tokens.json` (user to token), `session.key` (signs
cookies and tickets), `links/` (a file for each login link; whoever removes it has used it).
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import os
import re
import secrets
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from labctl.errors import UsageError
from labctl.jobs.settings import Settings

if TYPE_CHECKING:
    from itsdangerous import URLSafeTimedSerializer

SESSION_S = 12 * 3600
TICKET_S = 30
LINK_S = 60
_TOKENS, _KEY, _LINKS = "tokens.json", "session.key", "links"
_USER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}")
_SECRET = re.compile(r"[A-Za-z0-9_-]{43}")


def make_tokens(folder: Path, users: Sequence[str]) -> dict[str, str]:
    """The token of each of these users, 256 bits each; one that is there is kept. The file has mode 0600.

    Raises UsageError user-invalid, OSError.
    """
    for user in users:
        if not _USER.fullmatch(user):
            raise UsageError("user-invalid", f"{user!r} is no name of a user")
    there = _read_tokens(folder)
    tokens = {user: there.get(user) or secrets.token_urlsafe(32) for user in users}
    everybody = {**there, **tokens}
    if everybody != there:
        _write(folder / _TOKENS, json.dumps(everybody, indent=1).encode() + b"\n")
    return tokens


def login_link(folder: Path, url: str, user: str) -> str:
    """A link that logs a browser in as `user`, once, within a minute. The folder keeps only its hash."""
    links = folder / _LINKS
    links.mkdir(mode=0o700, exist_ok=True)
    _forget_old(links)
    secret = secrets.token_urlsafe(32)
    _write(links / _name(secret), user.encode())
    return f"{url.rstrip('/')}/login?once={secret}"


def use_link(folder: Path, secret: str) -> str | None:
    """Who is logged in by it. None: it was used, is too old, or never was."""
    if not _SECRET.fullmatch(secret):
        return None
    path = folder / _LINKS / _name(secret)
    try:
        user, made = path.read_text(encoding="utf-8"), path.stat().st_mtime
        path.unlink()  # of two at once, one gets FileNotFoundError
    except OSError:
        return None
    return user if abs(time.time() - made) <= LINK_S and user in _read_tokens(folder) else None


class Access:
    """The users of one service. Thread safe; a token that is added or changed counts at once."""

    def __init__(self, settings: Settings) -> None:
        self._folder = Path(settings.folder)
        self._hosts = frozenset(host.lower() for host in settings.hosts)
        self._origins = frozenset(
            f"{scheme}://{host}" for host in self._hosts for scheme in ("http", "https")
        )
        self._in_urls = "token-in-url" in settings.faults
        self._key = _key(self._folder)
        # Cookies know no ports: a second service on this machine must not take ours for its own.
        self.cookie = "labctl_jobs_" + hashlib.sha256(b"cookie" + self._key).hexdigest()[:8]
        self._read: tuple[object, dict[str, str]] = (None, {})

    def user(self, fields: Mapping[str, str], query: Mapping[str, str], job_id: str = "") -> str | None:
        """Who asks; None when nobody knows. `fields` are the request's, by lower-case name; `job_id`: whose stream is
        asked for, "" for anything else, where a ticket is worth nothing. A token counts in Authorization only."""
        tokens = self._tokens()
        if "authorization" in fields:
            kind, _, token = fields["authorization"].partition(" ")
            return self.of_token(token.strip()) if kind.lower() == "bearer" else None
        if self._in_urls and "token" in query:
            return self.of_token(query["token"])
        if job_id and "ticket" in query:
            found = self._loaded("ticket", query["ticket"], TICKET_S)
            if len(found) == 3 and found[2] == job_id and self._current(tokens, found):
                return found[0]
            return None
        for part in fields.get("cookie", "").split(";"):
            name, _, value = part.strip().partition("=")
            if name == self.cookie:
                found = self._loaded("session", value, SESSION_S)
                if len(found) == 2 and self._current(tokens, found):
                    return found[0]
        return None

    def of_token(self, token: str) -> str | None:
        """Whose token it is."""
        wanted, found = hashlib.sha256(token.encode()).digest(), None
        for user, known in self._tokens().items():
            if hmac.compare_digest(hashlib.sha256(known.encode()).digest(), wanted):
                found = user
        return found

    def session(self, user: str) -> str:
        """The value of a cookie that logs `user` in for SESSION_S seconds, or until the user's token changes."""
        return self._signer("session").dumps([user, _fingerprint(self._tokens()[user])])

    def ticket(self, user: str, job_id: str) -> str:
        """What opens the stream of this job, and nothing else, for TICKET_S seconds: `?ticket=`."""
        return self._signer("ticket").dumps([user, _fingerprint(self._tokens()[user]), job_id])

    def refused(self, fields: Mapping[str, str]) -> Literal["host", "origin"] | None:
        """What is wrong with where a request says that it goes to, and comes from. DNS rebinding brings a Host of
        its own; a page of another origin brings an Origin, or Sec-Fetch-Site."""
        if fields.get("host", "").lower() not in self._hosts:
            return "host"
        origin = fields.get("origin")
        return "origin" if origin is not None and origin.lower() not in self._origins else None

    def _tokens(self) -> dict[str, str]:
        try:
            found = (self._folder / _TOKENS).stat()
        except OSError:
            return {}
        changed = (found.st_mtime_ns, found.st_ino, found.st_size)
        if self._read[0] != changed:
            self._read = (changed, _read_tokens(self._folder))
        return self._read[1]

    def _current(self, tokens: Mapping[str, str], found: Sequence[str]) -> bool:
        return found[0] in tokens and hmac.compare_digest(found[1], _fingerprint(tokens[found[0]]))

    def _signer(self, what: str) -> URLSafeTimedSerializer:
        from itsdangerous import URLSafeTimedSerializer

        return URLSafeTimedSerializer(self._key, salt=what, signer_kwargs={"digest_method": hashlib.sha256})

    def _loaded(self, what: str, text: str, most_s: int) -> list[str]:
        from itsdangerous import BadData

        try:
            found = self._signer(what).loads(text, max_age=most_s)
        except BadData:
            return []
        return [str(each) for each in found] if isinstance(found, list) else []


def _read_tokens(folder: Path) -> dict[str, str]:
    try:
        given = json.loads((folder / _TOKENS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(given, dict):
        return {}
    return {user: token for user, token in given.items() if isinstance(token, str) and token}


def _key(folder: Path) -> bytes:
    """Made by whichever process comes first."""
    path = folder / _KEY
    if not path.exists():
        own = folder / f"{_KEY}.{os.getpid()}.{secrets.token_hex(4)}"
        _write(own, secrets.token_bytes(32))
        with contextlib.suppress(FileExistsError):
            os.link(own, path)
        own.unlink()
    return path.read_bytes()


def _write(path: Path, data: bytes) -> None:
    own = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    number = os.open(own, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(number, data)
    finally:
        os.close(number)
    own.replace(path)


def _forget_old(links: Path) -> None:
    for path in links.iterdir():
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > LINK_S:
                path.unlink()


def _name(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _fingerprint(token: str) -> str:
    return hashlib.sha256(b"session" + token.encode()).hexdigest()[:16]
