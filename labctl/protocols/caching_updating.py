"""What the origin's answer does to the store: replace, freshen, join, serve stale (RFC 9111 sections 3.2 to 4.3)."""

from __future__ import annotations

import dataclasses

from labctl.protocols.caching_failing import after_failure, stale_if_error
from labctl.protocols.caching_freshening import after_304, after_head
from labctl.protocols.caching_joining import joined
from labctl.protocols.caching_model import (
    Because,
    CacheRequest,
    CacheResponse,
    CacheRules,
    Failure,
    Outcome,
    Stored,
    Use,
)
from labctl.protocols.caching_storing import BY_REQUEST, may_store, store
from labctl.protocols.caching_validators import not_modified

# The answers that stale-if-error is for (RFC 5861 section 4).
ERRORS = frozenset({500, 502, 503, 504})


def after_origin(
    rules: CacheRules,
    request: CacheRequest,
    use: Use,
    answer: CacheResponse | Failure,
    request_time: float,
    response_time: float,
) -> Outcome:
    """What to serve and what to keep, once the head of the origin's answer is there (or never came).

    The body may still be on its way: give `with_body` its length before the outcome's `store` is used.
    """
    if isinstance(answer, Failure):
        return after_failure(rules, request, use, answer, response_time)
    stored = use.stored
    if stored is not None and answer.status in ERRORS:
        stale = stale_if_error(rules, request, use, stored, answer.status, response_time)
        if stale is not None:
            return stale
    if answer.status == 304 and use.kind in ("validate", "stale-refresh-behind"):
        return after_304(rules, request, use, answer, request_time, response_time)
    if stored is not None and request.method == "HEAD" and not use.method:
        return after_head(rules, request, stored, answer, request_time, response_time)
    if stored is not None and any(name == "Range" for name, _ in use.conditions):
        return _after_rest(rules, request, stored, answer, request_time, response_time)
    return _after_full(rules, request, use, answer, request_time, response_time)


def with_body(stored: Stored, length: int) -> Stored:
    """`stored` with the length of its body, once all of it is there."""
    return dataclasses.replace(stored, body_length=length)


def _after_full(
    rules: CacheRules,
    request: CacheRequest,
    use: Use,
    answer: CacheResponse,
    request_time: float,
    response_time: float,
) -> Outcome:
    asked = CacheRequest(use.method, request.url, request.fields) if use.method else request
    allowed = may_store(rules, asked, answer)
    if not allowed.yes:
        # An error says nothing about what is stored; any other response has taken its place.
        replaced = use.stored is not None and answer.status < 500 and answer.status != 304
        if not replaced or use.kind == "bypass" or allowed.because.rule == BY_REQUEST:
            return Outcome("origin", allowed.because)
        return Outcome("origin", allowed.because, drop=(use.stored,) if use.stored is not None else ())
    kept = store(rules, asked, answer, request_time, response_time, allowed.because)
    if answer.status == 206 and use.stored is not None:
        one = joined(use.stored, kept)
        if one is not None:
            return Outcome("origin", allowed.because, *one)
    holds_already = answer.status == 200 and not_modified(request, kept)
    return Outcome("stored" if use.method or holds_already else "origin", allowed.because, kept)


def _after_rest(
    rules: CacheRules,
    request: CacheRequest,
    stored: Stored,
    answer: CacheResponse,
    request_time: float,
    response_time: float,
) -> Outcome:
    """We asked for the bytes behind the stored ones, the client wants all."""
    rule = "RFC 9111 section 3.4"
    if answer.status == 206:
        asked = may_store(rules, request, answer)
        kept = store(rules, request, answer, request_time, response_time, asked.because)
        one = joined(stored, kept) if asked.yes else None
        if one is not None and one[0].part is None:
            return Outcome("stored", Because("the rest came, both parts have the same tag", rule), *one)
    if answer.status in (206, 416):
        return Outcome("again", Because("the rest does not fit the stored part", rule), drop=(stored,))
    plain = Use("forward", stored, Because("", rule), forwarded="partial")
    return _after_full(rules, request, plain, answer, request_time, response_time)
