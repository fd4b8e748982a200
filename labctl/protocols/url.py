"""URLs of http and https as people type them and as a Location carries them (RFC 3986, RFC 9110 section 4.2).

What goes on the wire is ASCII: names in A-labels, everything else percent-encoded as UTF-8. What a client could
only guess at (a backslash, a name and password, `127.1`) is refused instead.
"""

from __future__ import annotations

import contextlib
import re
from ipaddress import IPv6Address, ip_address
from typing import NamedTuple
from urllib.parse import quote

from labctl.errors import UsageError

PORTS = {"http": 80, "https": 443}
# Longer than what servers take, and short enough for every message about it.
LONGEST = 60_000

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(?!\d)")
# RFC 3986 appendix B, behind the scheme.
_PARTS = re.compile(r"(?://([^/?#]*))?([^?#]*)(\?[^#]*)?(?:#(.*))?", re.DOTALL)
_UNRESERVED_AND_DELIMITERS = "!$&'()*+,;=:@/?-._~%[]|"
_BAD_ESCAPE = re.compile("%(?![0-9A-Fa-f]{2})")
_CONTROLS = re.compile(r"[\x00-\x20\x7f]")


class Url(NamedTuple):
    """`host` is an A-label name in lower case without its last dot, or an address without brackets.

    `path` holds the query too and begins with "/"; `fragment` is what follows "#", which no server ever sees.
    """

    scheme: str
    host: str
    port: int
    path: str = "/"
    fragment: str = ""

    @property
    def authority(self) -> str:
        """Host and port as the Host field has them: the port only when the scheme does not say it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if PORTS.get(self.scheme) == self.port else f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        """Scheme, host and port: what connections, HSTS and cookies are kept for."""
        return f"{self.scheme}://{self.authority}"

    @property
    def text(self) -> str:
        """The URL, without a port that its scheme says anyway."""
        return f"{self.origin}{self.path}" + (f"#{self.fragment}" if self.fragment else "")

    @property
    def is_address(self) -> bool:
        """Whether the host is an IP address: then nothing is looked up."""
        return _address(self.host) is not None

    def with_scheme(self, scheme: str) -> Url:
        """The same place under another scheme; a default port becomes the other's default (RFC 6797 8.3)."""
        port = PORTS[scheme] if self.port == PORTS.get(self.scheme) else self.port
        return self._replace(scheme=scheme, port=port)

    def __str__(self) -> str:
        return self.text


def parse_url(text: str, *, default_scheme: str = "https") -> Url:
    """Read a URL; one without a scheme gets `default_scheme`.

    Raises UsageError: url-scheme-unknown, url-invalid, port-out-of-range, and what `dns_names` says of a name.
    """
    given = _printable(text)
    scheme, rest = default_scheme, given
    if found := _SCHEME.match(given):
        scheme, rest = found[1].lower(), given[found.end() :]
        if scheme not in PORTS:
            raise _unknown_scheme(given, scheme, rest)
        if not rest.startswith("//"):
            raise _invalid(text, "two slashes belong behind the scheme", f"{scheme}://{rest.lstrip('/')}")
    if not rest.startswith("//"):
        rest = f"//{rest}"
    authority, path, query, fragment = _split(rest)
    host, port = _host_and_port(text, authority or "", scheme)
    return _url(scheme, host, port, path, query, fragment)


def join(base: Url, location: str) -> Url:
    """Where `location` leads from `base` (RFC 3986 section 5.2); without a fragment it inherits the base's.

    `location` is a field value: octets as latin-1, which are read as UTF-8 where they are UTF-8. Raises UsageError
    like `parse_url`.
    """
    with contextlib.suppress(UnicodeError):
        location = location.encode("latin-1").decode("utf-8")
    given = _printable(location)
    if _SCHEME.match(given):
        found = parse_url(given)
    else:
        authority, path, query, fragment = _split(given)
        if authority is not None:
            found = parse_url(f"{base.scheme}:{given}")
        else:
            own_path, _, own_query = base.path.partition("?")
            if not path:
                path, query = own_path, query or (f"?{own_query}" if own_query else "")
            elif not path.startswith("/"):
                path = own_path[: own_path.rindex("/") + 1] + path
            found = _url(base.scheme, base.host, base.port, path, query, fragment)
    if not found.fragment and "#" not in given:
        return found._replace(fragment=base.fragment)  # RFC 9110 section 10.2.2
    return found


def _printable(text: str) -> str:
    """The text without the blanks around it. Raises UsageError for what no URL may hold."""
    given = text.strip(" \t\r\n")
    if not given:
        raise _invalid(text, "there is nothing in it")
    if len(given) > LONGEST:
        raise _invalid(given, f"it has {len(given):,} characters, and {LONGEST:,} are the most")
    if found := _CONTROLS.search(given):
        what = "a space" if found[0] == " " else f"the control character 0x{ord(found[0]):02x}"
        before, _, rest = given.rpartition("//")[2].partition("/")
        fix = given.replace(" ", "%20") if " " in rest and " " not in before else ""
        raise _invalid(given, f"it holds {what}, and a URL has none", "" if _CONTROLS.search(fix) else fix)
    if "\\" in given:
        raise _invalid(given, "it holds a backslash; slashes lean the other way", given.replace("\\", "/"))
    return given


def _split(rest: str) -> tuple[str | None, str, str, str]:
    found = _PARTS.fullmatch(rest)
    assert found is not None, "the pattern matches every text"
    return found[1], found[2], found[3] or "", found[4] or ""


def _url(scheme: str, host: str, port: int, path: str, query: str, fragment: str) -> Url:
    encoded = _without_dots(_encoded(path)) + (_encoded(query) if len(query) > 1 else query)
    return Url(scheme, host, port, encoded, _encoded(fragment))


def _encoded(part: str) -> str:
    """Every octet that may not stand there by itself as %XX; what is encoded already stays."""
    quoted = quote(part, safe=_UNRESERVED_AND_DELIMITERS, errors="surrogatepass")
    return _BAD_ESCAPE.sub("%25", quoted)


def _without_dots(path: str) -> str:
    """RFC 3986 section 5.2.4, on an absolute path ("" counts as one)."""
    kept: list[str] = []
    parts = path.split("/")[1:] if path.startswith("/") else path.split("/")
    for place, part in enumerate(parts):
        last = place == len(parts) - 1
        plain = part.lower().replace("%2e", ".")
        if plain == "..":
            kept = kept[:-1]
        elif plain != ".":
            kept.append(part)
        if plain in (".", "..") and last:
            kept.append("")
    return "/" + "/".join(kept)


def _host_and_port(text: str, authority: str, scheme: str) -> tuple[str, int]:
    if "@" in authority:
        # Not repeated here: what stands before the @ may be a password.
        raise UsageError(
            "url-invalid",
            "the URL names a user before an @: everybody who reads a log would read the password too",
            fixes=_fixes(f"{scheme}://{authority.rpartition('@')[2]}"),
        )
    if authority.startswith("["):
        host, closed, rest = authority[1:].partition("]")
        if not closed or (rest and not rest.startswith(":")) or not isinstance(_address(host), IPv6Address):
            raise _invalid(text, "an IPv6 address stands between two brackets, and a port behind them")
        return str(_address(host)), _port(text, rest[1:], scheme)
    host, colon, digits = authority.partition(":")
    if ":" in digits:
        whole = authority if _address(authority) is not None else ""
        raise _invalid(
            text, "an IPv6 address stands between two brackets", f"{scheme}://[{whole}]" if whole else ""
        )
    return _host(text, host), _port(text, digits if colon else "", scheme)


def _host(text: str, host: str) -> str:
    from labctl.protocols.dns_names import parse_name

    if not host.strip("."):
        raise _invalid(text, "it names no host")
    if (address := _address(host)) is not None:
        return str(address)
    try:
        name = parse_name(host).ascii.rstrip(".")
    except UsageError as error:
        raise UsageError(error.code, error.headline, evidence=error.evidence) from error
    if _address(name) is not None:  # digits of another script
        return name
    last = name.rpartition(".")[2]
    if last.isdigit() or re.fullmatch(r"0x[0-9a-f]*", last):
        raise _invalid(text, f"{name} ends in a number and is no IPv4 address")
    return name


def _port(text: str, digits: str, scheme: str) -> int:
    if not digits:
        return PORTS[scheme]
    if not (digits.isascii() and digits.isdigit()):
        raise _invalid(text, f"{digits} is no port")
    number = int(digits[:9])
    if not 1 <= number <= 65535:
        raise UsageError("port-out-of-range", f"{digits[:20]} is no port: ports are 1 to 65535")
    return number


def _address(text: str) -> object | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return None if "%" in text else address


def _unknown_scheme(given: str, scheme: str, rest: str) -> UsageError:
    near = {
        "htp": "http",
        "htttp": "http",
        "hhtp": "http",
        "htps": "https",
        "httpss": "https",
        "hppts": "https",
    }
    fix = f"{near[scheme]}:{rest}" if scheme in near else ""
    return UsageError(
        "url-scheme-unknown",
        f"{scheme}: is no scheme that is fetched here; http and https are",
        evidence=(("got", _shown(given)),),
        fixes=_fixes(fix),
    )


def _invalid(text: str, why: str, meant: str = "") -> UsageError:
    headline = f"{_shown(text.strip()) or '(nothing)'} is no URL: {why}"
    return UsageError("url-invalid", headline, fixes=_fixes(meant))


def _fixes(meant: str) -> tuple[str, ...]:
    """A command to paste: nothing that a shell would act on."""
    if len(meant) > 200 or re.fullmatch(r"[\w.:/%=~+,-]+", meant) is None:
        return ()
    return (f"labctl url {meant}",)


def _shown(text: str) -> str:
    short = text if len(text) <= 60 else text[:59] + "…"
    return short if short.isprintable() else ascii(short)
