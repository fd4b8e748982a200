"""Validators: comparing entity tags and dates, asking with them, and answering 304 (RFC 9110 section 13)."""

from __future__ import annotations

import re

from labctl.protocols.caching_model import CacheRequest, Stored
from labctl.protocols.http1_fields import Fields
from labctl.protocols.http_dates import parse_http_date
from labctl.protocols.remembering import remembered

# What a client's own conditions are called; an origin's answer to them is about the client's copy.
CONDITIONS = frozenset({"if-none-match", "if-modified-since", "if-match", "if-unmodified-since", "if-range"})
_TAG = re.compile(r'[ \t,]*((?:W/)?"[^"]*"|[^",]+)')


@remembered
def parse_tags(text: str) -> tuple[str, ...]:
    """The entity tags of an If-None-Match value as they stand, with W/ and quotes; ("*",) for "*"."""
    return tuple(tag for match in _TAG.finditer(text) if (tag := match[1].strip(" \t")))


def weak_equal(one: str, other: str) -> bool:
    """RFC 9110 section 8.8.3.2, weak comparison: the opaque parts are the same."""
    return one.removeprefix("W/") == other.removeprefix("W/")


def is_strong(tag: str | None) -> bool:
    """True for an entity tag that promises the same bytes."""
    return tag is not None and tag.startswith('"')


def not_modified(request: CacheRequest, stored: Stored) -> bool:
    """Does the client already hold what is stored (RFC 9111 section 4.3.2)? If-None-Match goes first."""
    tags = request.get("if-none-match")
    if tags is not None:
        if tags.strip(" \t") == "*":
            return stored.status < 300
        etag = stored.etag
        return etag is not None and any(weak_equal(tag, etag) for tag in parse_tags(tags))
    since = request.get("if-modified-since")
    if since is None or stored.status != 200:
        return False
    moment = parse_http_date(since)
    if moment is None:
        return False
    # Without Last-Modified the Date of the stored response stands for it, as section 4.3.2 allows.
    changed = stored.last_modified if stored.last_modified is not None else stored.date
    return changed <= moment


def conditions_for(stored: Stored) -> Fields:
    """The fields with which a cache asks whether the stored response is still right (section 4.3.1)."""
    asked = []
    if stored.etag is not None:
        asked.append(("If-None-Match", stored.etag))
    if (modified := stored.named.get("last-modified")) is not None and stored.last_modified is not None:
        asked.append(("If-Modified-Since", modified))
    return tuple(asked)
