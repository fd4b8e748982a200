"""The Cache-Status field: each cache on the way says what it did (RFC 9211)."""

from __future__ import annotations

import math
from typing import NamedTuple

from labctl.protocols.caching_model import Outcome, Stored, Use
from labctl.protocols.structured_fields import BareItem, Member, NotStructured, Token, parse_list, write_list


class CacheStatus(NamedTuple):
    """What one cache says. `ttl` seconds left (negative: stale for so long), `forwarded` the reason or ""."""

    cache: str
    hit: bool = False
    forwarded: str = ""
    forwarded_status: int | None = None
    ttl: int | None = None
    stored: bool = False
    collapsed: bool = False
    key: str | None = None
    detail: str | None = None


def read(text: str) -> tuple[CacheStatus, ...]:
    """The caches of a Cache-Status value, nearest to the origin first; () if it cannot be read."""
    try:
        members = parse_list(text)
    except NotStructured:
        return ()
    return tuple(_read(member) for member in members if isinstance(member.value, str))


def _read(member: Member) -> CacheStatus:
    given = member.parameters
    return CacheStatus(
        cache=str(member.value),
        hit=given.get("hit") is True,
        forwarded=_text(given.get("fwd")) or "",
        forwarded_status=_whole(given.get("fwd-status")),
        ttl=_whole(given.get("ttl")),
        stored=given.get("stored") is True,
        collapsed=given.get("collapsed") is True,
        key=_text(given.get("key")),
        detail=_text(given.get("detail")),
    )


def _text(value: BareItem | None) -> str | None:
    return str(value) if isinstance(value, str) else None


def _whole(value: BareItem | None) -> int | None:
    return value if type(value) is int else None


def seconds_left(stored: Stored, now: float) -> int:
    """The ttl of a stored response (section 2.4): Age and ttl add up to its lifetime; below 0 once it is stale."""
    age = now - stored.born_at
    left = stored.lifetime.seconds - (age if age > 0.0 else 0.0)
    return math.ceil(left) if left > 0.0 else math.floor(left)


def hit(cache: str, ttl: float) -> str:
    """The member of a plain hit, quickly: "edge; hit; ttl=59". `cache` must be a token."""
    return f"{cache}; hit; ttl={math.ceil(ttl) if ttl > 0 else math.floor(ttl)}"


def write(status: CacheStatus) -> str:
    """The member for `status`; the name is written as a token where it is one (RFC 9211 section 2)."""
    parameters: dict[str, BareItem] = {}
    if status.hit:
        parameters["hit"] = True
    if status.forwarded:
        parameters["fwd"] = Token(status.forwarded)
    if status.forwarded_status is not None:
        parameters["fwd-status"] = status.forwarded_status
    if status.ttl is not None:
        parameters["ttl"] = status.ttl
    if status.stored:
        parameters["stored"] = True
    if status.collapsed:
        parameters["collapsed"] = True
    for name, text in (("key", status.key), ("detail", status.detail)):
        if text is not None:
            parameters[name] = _printable(text)
    try:
        return write_list((Member(Token(status.cache), parameters),))
    except NotStructured:
        return write_list((Member(_printable(status.cache), parameters),))


def _printable(text: str) -> str:
    """A String holds printable ASCII only (RFC 9651 section 3.3.3)."""
    return "".join(char if " " <= char <= "~" else "?" for char in text)


def of_use(cache: str, use: Use) -> CacheStatus:
    """What a cache says when it answers out of its store without asking first.

    A stale response that is refreshed behind the answer is still a hit, with a negative ttl (section 2.4).
    """
    if use.stored is None:
        return CacheStatus(cache)
    return CacheStatus(cache, hit=True, ttl=seconds_left(use.stored, use.stored.born_at + use.age))


def of_outcome(
    cache: str, use: Use, outcome: Outcome, *, answered: int | None, now: float, collapsed: bool = False
) -> CacheStatus:
    """What a cache says when it went on to the origin; `answered` is the origin's status, None if none came."""
    kept = outcome.store
    ttl = None
    if kept is not None:
        ttl = seconds_left(kept, now)
    elif outcome.serve == "stale" and use.stored is not None:
        ttl = seconds_left(use.stored, now)
    return CacheStatus(
        cache,
        forwarded=use.forwarded or "miss",
        forwarded_status=answered,
        ttl=ttl,
        stored=kept is not None and kept not in outcome.drop,
        collapsed=collapsed,
        detail=_detail(outcome) if outcome.serve in ("stale", "error") or kept is None else None,
    )


def _detail(outcome: Outcome) -> str | None:
    return outcome.because.words or None
