"""Cookies as a browser keeps them: what Set-Cookie says, where a cookie may go (RFC 6265 and its successor 6265bis)."""

from __future__ import annotations

from typing import NamedTuple

from labctl.protocols.ip_addresses import is_address
from labctl.protocols.url import Url

# Domains under which anybody may register: no cookie is for all of one. The real list is publicsuffix.org's.
PUBLIC_SUFFIXES = frozenset({"com", "net", "org", "test", "example", "localhost", "co.uk", "github.io"})
# Bytes of name and value together (RFC 6265bis section 5.6).
LONGEST = 4096


class Cookie(NamedTuple):
    """`host_only`: for `domain` alone, not for hosts below it."""

    name: str
    value: str
    domain: str
    path: str
    host_only: bool
    secure: bool = False
    http_only: bool = False
    same_site: str = "Lax"


class Refused(NamedTuple):
    """A cookie that is not kept, and why, as a clause."""

    name: str
    why: str


def read_set_cookie(line: str, url: Url) -> Cookie | Refused:
    """One Set-Cookie value of a response from `url` (RFC 6265 sections 5.2 and 5.3)."""
    pair, _, rest = line.partition(";")
    name, equals, value = (part.strip(" \t") for part in pair.partition("="))
    if not equals or not name:
        return Refused(name or value, "it has no name")
    if len(name) + len(value) > LONGEST:
        return Refused(name, f"it is longer than {LONGEST:,} bytes")
    domain, path, flags, same_site = "", "", set(), "Lax"
    for part in rest.split(";"):
        key, _, said = (word.strip(" \t") for word in part.partition("="))
        match key.lower():
            case "domain":
                domain = said.lstrip(".").lower()
            case "path":
                path = said if said.startswith("/") else ""
            case "secure" | "httponly" as flag:
                flags.add(flag)
            case "samesite" if said.capitalize() in ("Strict", "Lax", "None"):
                same_site = said.capitalize()
    secure = "secure" in flags
    if domain and (why := _not_for(domain, url.host)):
        return Refused(name, why)
    if secure and url.scheme != "https":
        return Refused(name, "Secure was said over http")
    if same_site == "None" and not secure:
        return Refused(name, "SameSite=None needs Secure")
    path = path or _directory(url.path)
    if name.startswith("__Host-") and not (secure and not domain and path == "/"):
        return Refused(name, "__Host- needs Secure, Path=/ and no Domain")
    if name.startswith("__Secure-") and not secure:
        return Refused(name, "__Secure- needs Secure")
    return Cookie(name, value, domain or url.host, path, not domain, secure, "httponly" in flags, same_site)


def _not_for(domain: str, host: str) -> str:
    if domain != host and domain in PUBLIC_SUFFIXES:
        return f"{domain} is everybody's"
    if domain != host and not (host.endswith(f".{domain}") and not is_address(host)):
        return f"{host} may not speak for {domain}"
    return ""


def _directory(target: str) -> str:
    """The default path (RFC 6265 section 5.1.4)."""
    path = target.partition("?")[0]
    return path[: path.rindex("/")] or "/" if path.startswith("/") else "/"


def why_not(cookie: Cookie, url: Url, *, from_site: str = "") -> str:
    """Why the cookie does not go along to `url`, as a clause; "" when it does.

    `from_site` is the host of the page that sends the request, "" for the same site.
    """
    host = url.host
    if cookie.host_only and host != cookie.domain:
        return f"only {cookie.domain}"
    if host != cookie.domain and not host.endswith(f".{cookie.domain}"):
        return f"only under {cookie.domain}"
    path = url.path.partition("?")[0]
    if not (path == cookie.path or path.startswith(cookie.path.rstrip("/") + "/")):
        return f"only {cookie.path}"
    if cookie.secure and url.scheme != "https":
        return "only https"
    if from_site and cookie.same_site == "Strict":
        return f"Strict, and {from_site} asks"
    return ""


class Jar:
    """The cookies of one client. A cookie of the same name, domain and path replaces the one before."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str, str], Cookie] = {}

    def take(self, line: str, url: Url) -> Cookie | Refused:
        """Keep what Set-Cookie says, or not."""
        found = read_set_cookie(line, url)
        if isinstance(found, Cookie):
            self._kept[found.name, found.domain, found.path] = found
        return found

    def for_url(self, url: Url) -> tuple[Cookie, ...]:
        """What goes along, longest path first (RFC 6265 section 5.4)."""
        found = [cookie for cookie in self._kept.values() if not why_not(cookie, url)]
        return tuple(sorted(found, key=lambda cookie: -len(cookie.path)))

    @property
    def cookies(self) -> tuple[Cookie, ...]:
        """All of them, in the order in which they came."""
        return tuple(self._kept.values())


def cookie_field(cookies: tuple[Cookie, ...]) -> str:
    """The value of Cookie."""
    return "; ".join(f"{cookie.name}={cookie.value}" for cookie in cookies)
