"""What a field says with this very value; "" where the general sentence says as much."""

from __future__ import annotations

import re
from collections.abc import Callable

from labctl.protocols.http1_fields import list_items


def _content_length(value: str) -> str:
    return f"{int(value):,} bytes of content follow." if value.isascii() and value.isdigit() else ""


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
    return "A strong tag: the same tag, the same bytes." if value.startswith('"') else ""


def _age(value: str) -> str:
    if not (value.isascii() and value.isdigit()):
        return ""
    return f"A cache answered; the origin made or confirmed this {int(value):,} s ago."


def _set_cookie(value: str) -> str:
    name, *attributes = (part.strip() for part in value.split(";"))
    words = {part.partition("=")[0].strip().lower(): part.partition("=")[2].strip() for part in attributes}
    told = []
    told.append(f"to {words['domain']} and all hosts below" if words.get("domain") else "to this host alone")
    if words.get("path", "/") != "/":
        told.append(f"under {words['path']}")
    if "secure" in words:
        told.append("by https alone")
    if "httponly" in words:
        told.append("scripts cannot read it")
    if words.get("samesite"):
        told.append(f"SameSite {words['samesite']}")
    return f"Bring {name.partition('=')[0]} back {', '.join(told)}."


def _hsts(value: str) -> str:
    found = re.search(r'max-age\s*=\s*"?(\d{1,12})', value, re.IGNORECASE)
    if not found:
        return ""
    days = int(found[1]) // 86400
    below = " and all hosts below" if "includesubdomains" in value.lower() else ""
    return f"For {days:,} days, come to this host{below} by https only." if days else ""


def _alt_svc(value: str) -> str:
    if value.strip() == "clear":
        return "Forget all alternatives."
    if re.search(r"(^|[\s,])h3(-\d+)?=", value):
        return "HTTP/3 is spoken there too: a later visit may use it."
    return ""


def _vary(value: str) -> str:
    if value.strip() == "*":
        return "Something else than the request chose this: no stored copy fits another request."
    return f"{value} chose this version: caches compare it."


def _location(value: str) -> str:
    return f"Go to {value}." if len(value) <= 60 else ""


def _accept_ranges(value: str) -> str:
    return {"bytes": "Parts may be asked for, in bytes.", "none": "Do not ask for parts."}.get(
        value.lower(), ""
    )


def _expect(value: str) -> str:
    return "Wait for 100 Continue before sending the content." if value.lower() == "100-continue" else ""


SENTENCES: dict[str, Callable[[str], str]] = {
    "content-length": _content_length,
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
