"""Where a response sends the client on, and with which request (RFC 9110 section 15.4, Fetch section 4.4)."""

from __future__ import annotations

from typing import NamedTuple

from labctl.errors import UsageError
from labctl.protocols.http1_fields import Fields, get_all, without
from labctl.protocols.url import Url, join

# 300 and 304 name no one place to go to.
FOLLOWED = frozenset({301, 302, 303, 307, 308})
_OF_THE_BODY = ("content-encoding", "content-language", "content-length", "content-location", "content-type")
# What was meant for one origin is not shown to another.
_CREDENTIALS = ("authorization", "cookie", "proxy-authorization")


class Next(NamedTuple):
    """The request that a redirect asks for; `changes` says what differs from the last one, in words."""

    method: str
    url: Url
    fields: Fields
    body: bytes
    changes: tuple[str, ...] = ()


class Nowhere(NamedTuple):
    """A redirect that cannot be followed; `why` is a sentence."""

    why: str


def after(
    status: int, fields: Fields, method: str, url: Url, sent: Fields, body: bytes
) -> Next | Nowhere | None:
    """What to ask next after this response to (`method`, `url`, `sent`, `body`); None when it is no redirect."""
    if status not in FOLLOWED:
        return None
    places = get_all(fields, "location")
    if not places:
        return Nowhere(f"The status is {status} and there is no Location, so there is nowhere to go.")
    if not places[0].strip():
        return Nowhere(f"The status is {status} and Location is empty, so there is nowhere to go.")
    if len(set(places)) > 1:
        return Nowhere(f"The response has {len(places)} different Locations, so there is no one place to go.")
    try:
        there = join(url, places[0])
    except UsageError as error:
        return Nowhere(f"Location cannot be followed: {error.headline}.")
    changes = []
    if (status == 303 and method != "HEAD") or (status in (301, 302) and method == "POST"):
        if method != "GET":
            changes.append(f"{method} becomes GET")
        method, body, sent = "GET", b"", without(sent, *_OF_THE_BODY)
    if there.origin != url.origin:
        kept = without(sent, *_CREDENTIALS, "host")
        if len(kept) < len(without(sent, "host")):
            changes.append("credentials stay behind")
        sent = kept
    if url.scheme == "https" and there.scheme == "http":
        changes.append("https becomes http")
    return Next(method, there, sent, body, tuple(changes))
