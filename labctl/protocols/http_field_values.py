"""What a field says with this very value; "" where the general sentence says as much."""

from __future__ import annotations

import re
from collections.abc import Callable

from labctl.protocols.http1_fields import list_items
from labctl.protocols.http_dates import parse_http_date

# More digits are no number that anybody means, and Python refuses to read 4,300 of them.
_DIGITS = 18


def _number(value: str) -> int | None:
    return int(value) if value.isascii() and value.isdigit() and len(value) <= _DIGITS else None


def _content_length(value: str) -> str:
    number = _number(value)
    if number is None:
        return "This is no length: where the content ends is not said."
    return "1 byte of content follows." if number == 1 else f"{number:,} bytes of content follow."


def _transfer_encoding(value: str) -> str:
    codings = list_items(value)
    if not codings or codings[-1] != "chunked":
        return "The last coding is not chunked: a response goes on until the close, a request is refused."
    if len(codings) > 1:
        return f"Chunks, the last of size 0; what they carry is {' over '.join(codings[-2::-1])}."
    return ""


_CACHE_WORDS = {
    "no-store": "no cache may keep it",
    "no-cache": "a cache must ask before each use",
    "private": "for the browser's cache alone",
    "public": "any cache may keep it",
    "must-revalidate": "never used when it is stale",
    "proxy-revalidate": "a shared cache never uses it when it is stale",
    "immutable": "it does not change while it is fresh",
    "no-transform": "no proxy may change it",
    "must-understand": "only for caches that know its status",
    "only-if-cached": "from a cache, or not at all",
}
_CACHE_SECONDS = {
    "max-age": "fresh for {} s",
    "s-maxage": "in a shared cache for {} s",
    "stale-while-revalidate": "then {} s more while it is asked for",
    "stale-if-error": "then {} s more if the origin fails",
    "max-stale": "{} s too old is good enough",
    "min-fresh": "for {} s more it must be fresh",
}


def _cache_control(value: str) -> str:
    """The directives in words, the first few that are known."""
    told = []
    for item in list_items(value):
        name, _, said = (part.strip() for part in item.partition("="))
        seconds = _number(said.strip('"'))
        if name in _CACHE_SECONDS and seconds is not None:
            told.append(_CACHE_SECONDS[name].format(f"{seconds:,}"))
        elif name in _CACHE_WORDS and not said:
            told.append(_CACHE_WORDS[name])
    if not told:
        return ""
    text = ", ".join(told[:4])
    return f"{text[:1].upper()}{text[1:]}."


def _expires(value: str) -> str:
    if parse_http_date(value) is None:
        return "This is no date of HTTP: it counts as a time in the past."
    return ""


def _date(value: str) -> str:
    return "This is no date of HTTP: it says nothing." if parse_http_date(value) is None else ""


def _retry_after(value: str) -> str:
    seconds = _number(value)
    if seconds is None:
        return (
            ""
            if parse_http_date(value) is not None
            else "Neither seconds nor a date of HTTP: it says nothing."
        )
    return f"It is worth trying again in {seconds:,} s."


def _if_none_match(value: str) -> str:
    return "Only if there is nothing here yet: * is any version." if value == "*" else ""


def _if_match(value: str) -> str:
    return "Only if there is something here: * is any version." if value == "*" else ""


def _connection(value: str) -> str:
    options = list_items(value)
    if "close" in options:
        return "Close the connection after this exchange."
    if "upgrade" in options:
        return "Upgrade stands for this connection alone."
    return "Keep the connection open." if "keep-alive" in options else ""


def _content_encoding(value: str) -> str:
    codings = list_items(value)
    return (
        f"The content is {' over '.join(reversed(codings))}: undo it to have the media type."
        if codings
        else ""
    )


def _content_type(value: str) -> str:
    kind, _, parameters = value.partition(";")
    found = re.search(r'charset="?([\w-]+)', parameters, re.IGNORECASE)
    return f"The content is {kind.strip()}" + (f", its characters are {found[1]}." if found else ".")


def _etag(value: str) -> str:
    if value.startswith("W/"):
        return "A weak tag: the same tag means equivalent content."
    if len(value) > 1 and value[0] == value[-1] == '"':
        return "A strong tag: the same tag, the same bytes."
    return "A tag stands in double quotes: this is none, and caches may ignore it."


def _age(value: str) -> str:
    number = _number(value.partition(",")[0].strip())
    if number is None:
        return "This is no number of seconds: a cache ignores it."
    return f"A cache answered; the origin made or confirmed this {number:,} s ago."


def _set_cookie(value: str) -> str:
    pair, *attributes = (part.strip() for part in value.split(";"))
    name, equals, _ = pair.partition("=")
    if not equals or not name.strip():
        return "A cookie without a name: one client keeps it, another does not."
    words = {part.partition("=")[0].strip().lower(): part.partition("=")[2].strip() for part in attributes}
    seconds, until = words.get("max-age", ""), parse_http_date(words.get("expires", "").replace("-", " "))
    if (
        (seconds.startswith("-") and seconds[1:].isdigit())
        or seconds == "0"
        or (not seconds and until is not None and until < 86_400)
    ):
        return f"Forget {name}: it is over."
    told = [
        f"to {words['domain'].lstrip('.')} and all hosts below"
        if words.get("domain")
        else "to this host alone"
    ]
    if words.get("path", "/").startswith("/") and words.get("path", "/") != "/":
        told.append(f"under {words['path']}")
    if (lasts := _number(seconds)) is not None:
        told.append(f"for {lasts:,} s")
    elif until is not None:
        told.append(f"until {words['expires']}")
    if "secure" in words:
        told.append("by https alone")
    if "httponly" in words:
        told.append("scripts cannot read it")
    if words.get("samesite"):
        told.append(f"SameSite {words['samesite']}")
    return f"Bring {name} back {', '.join(told)}."


def _hsts(value: str) -> str:
    found = re.search(r'max-age\s*=\s*"?(\d{1,12})', value, re.IGNORECASE)
    if not found:
        return "max-age is missing: it says nothing."
    seconds = int(found[1])
    if not seconds:
        return "Forget that this host wanted https only."
    below = " and all hosts below" if "includesubdomains" in value.lower() else ""
    lasts = f"{seconds // 86400:,} days" if seconds >= 2 * 86400 else f"{seconds:,} s"
    return f"For {lasts}, come to this host{below} by https only."


def announces_http3(value: str) -> bool:
    """Whether this Alt-Svc names an alternative that speaks HTTP/3 (RFC 7838 section 3)."""
    return re.search(r'(^|[\s,])h3(-\d+)?="', value) is not None


def _alt_svc(value: str) -> str:
    if value.strip() == "clear":
        return "Forget all alternatives."
    return "HTTP/3 is spoken there too: a later visit may use it." if announces_http3(value) else ""


def _vary(value: str) -> str:
    names = [part.strip() for part in value.split(",") if part.strip()]
    if "*" in names:
        return "Something else than the request chose this: no stored copy fits another request."
    return f"{', '.join(names)} may have chosen this version: caches compare it." if names else ""


def _location(value: str) -> str:
    return f"Go to {value}." if value and len(value) <= 60 else ""


def _accept_ranges(value: str) -> str:
    return {"bytes": "Parts may be asked for, in bytes.", "none": "Do not ask for parts."}.get(
        value.lower(), ""
    )


def _expect(value: str) -> str:
    return "Wait for 100 Continue before sending the content." if value.lower() == "100-continue" else ""


SENTENCES: dict[str, Callable[[str], str]] = {
    "content-length": _content_length,
    "transfer-encoding": _transfer_encoding,
    "cache-control": _cache_control,
    "cdn-cache-control": _cache_control,
    "expires": _expires,
    "date": _date,
    "last-modified": _date,
    "retry-after": _retry_after,
    "if-match": _if_match,
    "if-none-match": _if_none_match,
    "connection": _connection,
    "content-encoding": _content_encoding,
    "content-type": _content_type,
    "etag": _etag,
    "age": _age,
    "set-cookie": _set_cookie,
    "strict-transport-security": _hsts,
    "alt-svc": _alt_svc,
    "vary": _vary,
    "location": _location,
    "accept-ranges": _accept_ranges,
    "expect": _expect,
}
