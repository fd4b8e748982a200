"""The session cookie on the screen: what anybody reads in it; and the cookies that a client keeps."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

from labctl.events import Event, Row
from labctl.protocols.flask_session import NoSession, SessionCookie, read_session
from labctl.protocols.http1_fields import Fields
from labctl.protocols.http_cookies import Cookie, read_set_cookie
from labctl.protocols.url import Url, parse_url
from labs.telling import table

SITE = "http://shop.test/"


class Jar:
    """Cookies by name, as a browser would keep them for one site. What it refuses is in `refused`."""

    def __init__(self) -> None:
        self.cookies: dict[str, str] = {}
        self.refused: dict[str, str] = {}
        self._url: Url = parse_url(SITE)

    def take(self, fields: Fields) -> None:
        """Keep what an answer sets."""
        for name, value in fields:
            if name.lower() != "set-cookie":
                continue
            found = read_set_cookie(value, self._url)
            if not isinstance(found, Cookie):
                self.refused[found.name] = found.why
            elif _is_over(value):
                self.cookies.pop(found.name, None)
            else:
                self.cookies[found.name] = found.value

    def fields(self) -> Fields:
        """The Cookie field of the next request."""
        said = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        return (("Cookie", said),) if said else ()


def _is_over(line: str) -> bool:
    lowered = line.lower().replace(" ", "")
    return ";max-age=0" in lowered or "expires=thu,01jan1970" in lowered


def set_cookies(fields: Fields) -> list[tuple[str, str]]:
    """Names and values of what an answer sets."""
    found = []
    for name, value in fields:
        if name.lower() == "set-cookie":
            key, _, rest = value.partition("=")
            found.append((key.strip(), rest.partition(";")[0].strip('"')))
    return found


def session_in(fields: Fields) -> tuple[str, str, SessionCookie] | None:
    """The name and value of the first cookie that is a session of Flask's, and what is in it."""
    for name, value in set_cookies(fields):
        try:
            return name, value, read_session(value)
        except NoSession:
            continue
    return None


def cookie_table(name: str, value: str, found: SessionCookie, id: str = "cookie") -> Iterator[Event]:
    """The parts of a cookie, and what each says."""
    body, stamp, signature = value.rsplit(".", 2)
    when = _date(found.signed_at)
    packed = "base64 of zlib" if found.compressed else "base64"
    values = ", ".join(f"{key} = {said}" for key, said in found.values.items())
    rows = [
        Row(
            f"Payload {_short(body)}: {values}.",
            ("payload", _short(body), values),
            hues=("", "mute", "warn"),
            bold=(2,),
        ),
        Row(f"Time stamp {stamp}: {when}.", ("time", stamp, when), hues=("", "mute", "")),
        Row(
            f"Signature {_short(signature)}: HMAC-SHA1, made with SECRET_KEY.",
            ("signature", _short(signature), "HMAC-SHA1, made with SECRET_KEY"),
            hues=("", "mute", ""),
        ),
    ]
    note = f"{packed}, no key needed"
    yield table(id, f"The cookie {name!r}, read by anybody", ("part", "as sent", "what it says"), rows, note)


def _short(text: str) -> str:
    return text if len(text) <= 24 else f"{text[:21]}..."


def _date(signed_at: int) -> str:
    try:
        return datetime.datetime.fromtimestamp(signed_at, datetime.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (ValueError, OverflowError, OSError):
        return "no time of a calendar"
