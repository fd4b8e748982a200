"""A stored response made fresh again: by a 304, or by the answer to a HEAD (RFC 9111 sections 3.2, 4.3.4, 4.3.5)."""

from __future__ import annotations

import dataclasses

from labctl.protocols.caching_model import (
    Because,
    CacheRequest,
    CacheResponse,
    CacheRules,
    Cut,
    Outcome,
    Stored,
    Use,
)
from labctl.protocols.caching_storing import (
    NEVER_FRESH,
    may_store,
    storable_fields,
    stored_form,
    unstored_names,
)
from labctl.protocols.caching_validators import is_strong, weak_equal
from labctl.protocols.http1_fields import Fields

OLD = (Cut("old"),)
# They describe the stored bytes, which a 304 does not change (RFC 9111 section 3.2).
_NOT_UPDATED = frozenset({"content-length", "content-encoding", "content-range"})


def after_304(
    rules: CacheRules,
    request: CacheRequest,
    use: Use,
    answer: CacheResponse,
    request_time: float,
    response_time: float,
) -> Outcome:
    """The origin answered our condition with 304 (section 4.3.4)."""
    stored = use.stored
    if stored is None or not _same_validators(stored, answer):
        words = "the 304 is about another version than the stored one"
        return Outcome("again", Because(words, "RFC 9111 section 4.3.4", "etag"))
    fresh = freshened(rules, request, stored, answer, request_time, response_time)
    because = Because(
        "304: it is still right", "RFC 9111 section 4.3.4", "etag" if stored.etag else "last-modified"
    )
    refused = may_store(
        rules, _as_get(request), CacheResponse(stored.status, fresh.fields, stored.body_length)
    )
    if not refused.yes and stored.part is None:
        # The 304 says no-store or private now: what is stored already stays, but is never used unasked again.
        lasts = fresh.lifetime._replace(always_validate=refused.because, never_stale=refused.because)
        fresh = dataclasses.replace(fresh, lifetime=lasts, fresh_until=NEVER_FRESH)
        because = refused.because
    return Outcome("updated", because, fresh, OLD)


def after_head(
    rules: CacheRules,
    request: CacheRequest,
    stored: Stored,
    answer: CacheResponse,
    request_time: float,
    response_time: float,
) -> Outcome:
    """The origin answered a HEAD for what is stored (section 4.3.5)."""
    rule = "RFC 9111 section 4.3.5"
    if answer.status != 200 or stored.status != 200 or stored.part is not None:
        return Outcome("origin", Because("the answer to HEAD says nothing about what is stored", rule))
    length = answer.get("content-length")
    modified = answer.get("last-modified")
    same = (
        _same_validators(stored, answer)
        and (modified is None or modified == stored.named.get("last-modified", modified))
        and (length is None or length == str(stored.body_length))
    )
    if not same:
        words = "the answer to HEAD is about another version: forget the stored one"
        return Outcome("origin", Because(words, rule), drop=(stored,))
    fresh = freshened(rules, _as_get(request), stored, answer, request_time, response_time)
    return Outcome("origin", Because("the answer to HEAD freshens the stored one", rule), fresh, OLD)


def freshened(
    rules: CacheRules,
    request: CacheRequest,
    stored: Stored,
    answer: CacheResponse,
    request_time: float,
    response_time: float,
) -> Stored:
    """`stored` with the fields of a 304, or of a 200 to HEAD, in place of its own (RFC 9111 section 3.2)."""
    new = tuple(pair for pair in storable_fields(rules, answer) if pair[0].lower() not in _NOT_UPDATED)
    if answer.get("cache-control") is None:
        # The stored Cache-Control is still the one that says which fields are not stored.
        hidden = unstored_names(rules, stored.response)
        new = tuple(pair for pair in new if pair[0].lower() not in hidden)
    replaced = {name.lower() for name, _ in new} | {"age"}
    old = tuple(pair for pair in stored.fields if pair[0].lower() not in replaced)
    if answer.get("date") is None:
        # Without a Date the old one would make the freshened response as old as before.
        old = tuple(pair for pair in old if pair[0].lower() != "date")
    fields: Fields = old + new
    updated = CacheResponse(stored.status, fields, stored.body_length, stored.reason)
    form = stored_form(
        rules, request, updated, request_time, response_time, stored.stored_because, stored.part
    )
    return dataclasses.replace(form, url=stored.url, range_asked=stored.range_asked)


def _same_validators(stored: Stored, answer: CacheResponse) -> bool:
    etag = answer.get("etag")
    if etag is None or stored.etag is None:
        return True
    if is_strong(etag) and is_strong(stored.etag):
        return etag == stored.etag
    return weak_equal(etag, stored.etag)


def _as_get(request: CacheRequest) -> CacheRequest:
    return request if request.method == "GET" else CacheRequest("GET", request.url, request.fields)
