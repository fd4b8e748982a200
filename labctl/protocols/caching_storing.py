"""May this response be stored, and what of it (RFC 9111 section 3)."""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import urljoin

from labctl.protocols.caching_directives import Chosen, choose, field_names
from labctl.protocols.caching_freshness import (
    HEURISTIC_STATUSES,
    explicit_lifetime,
    initial_age_of,
    lifetime,
)
from labctl.protocols.caching_keys import selecting, vary_names
from labctl.protocols.caching_model import (
    Because,
    CacheRequest,
    CacheResponse,
    CacheRules,
    Decision,
    Part,
    Stored,
    by_name,
)
from labctl.protocols.caching_ranges import content_range
from labctl.protocols.http1_fields import Fields
from labctl.protocols.http_dates import parse_http_date, write_http_date

# Never stored, never passed on (RFC 9110 section 7.6.1, RFC 9111 section 3.1).
HOP_BY_HOP = frozenset(
    {
        "connection", "keep-alive", "proxy-authenticate", "proxy-authentication-info", "proxy-authorization",
        "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
    }
)  # fmt: skip
# The final statuses whose meaning this cache knows: all of RFC 9110 section 15, and the registered others.
UNDERSTOOD = frozenset(
    {200, 201, 202, 203, 204, 205, 206, 207, 208, 226, 300, 301, 302, 303, 304, 305, 307, 308}
    | set(range(400, 419)) | {421, 422, 423, 424, 425, 426, 428, 429, 431, 451}
    | {500, 501, 502, 503, 504, 505, 506, 507, 508, 511}
)  # fmt: skip
# The rule of a refusal that says nothing about the response.
BY_REQUEST = "RFC 9111 section 5.2.1.5"
NEVER_FRESH = float("-inf")
_SECTION_3 = "RFC 9111 section 3"


def may_store(rules: CacheRules, request: CacheRequest, response: CacheResponse) -> Decision:
    """May a cache with these rules keep `response`, which answers `request`? And why."""
    if rules.name == "cloudflare":
        from labctl.protocols.caching_cloudflare import may_store_at_edge

        return may_store_at_edge(rules, request, response)
    return may_store_by_rfc(rules, request, response)


def may_store_by_rfc(rules: CacheRules, request: CacheRequest, response: CacheResponse) -> Decision:
    """RFC 9111 section 3, in the order of its list."""
    chosen = choose(rules.targeted, response.named)
    directives = chosen.directives
    status = response.status
    refused = refused_outright(rules, request, response, chosen)
    if refused is not None:
        return Decision(False, refused)
    if "must-understand" in directives and status not in UNDERSTOOD:
        words = f"must-understand, and {status} is no status that this cache knows"
        return Decision(False, Because(words, "RFC 9111 section 5.2.2.3", "must-understand"))
    if "no-store" in directives and "must-understand" not in directives:
        return Decision(False, Because("no-store", "RFC 9111 section 5.2.2.5", "no-store"))
    if rules.shared and "private" in directives and not field_names(directives["private"]):
        return Decision(False, Because("private", "RFC 9111 section 5.2.2.7", "private"))
    if rules.shared and "authorization" in request.named:
        allowed = next((name for name in ("public", "must-revalidate", "s-maxage") if name in directives), "")
        if not allowed:
            words = "the request has Authorization, and nothing makes the answer public"
            return Decision(False, Because(words, "RFC 9111 section 3.5", "authorization"))
    return _worth_storing(rules, request, response, chosen)


def refused_outright(
    rules: CacheRules, request: CacheRequest, response: CacheResponse, chosen: Chosen
) -> Because | None:
    status = response.status
    if status < 200:
        return Because(f"{status} is an interim response", _SECTION_3)
    if request.method == "POST":
        if refused := _post_refused(rules, request, response, chosen):
            return refused
    elif request.method != "GET":
        return Because(f"the answer to {request.method} is not reused", "RFC 9110 section 9.2.3")
    if status == 304:
        return Because("a 304 has no body of its own, it only updates", "RFC 9111 section 4.3.4")
    if not response.complete:
        return Because("the body ended too early", "RFC 9111 section 3.3")
    if status == 206 and content_range(response) is None:
        return Because("it is no single byte range that can be used later", "RFC 9111 section 3.3")
    if rules.heeds_requests and "cache-control" in request.named:
        asked = choose((), request.named).directives
        if "no-store" in asked:
            return Because("the request says no-store", BY_REQUEST, "no-store")
    if "vary" in response.named and vary_names(response.named["vary"]) == ("*",):
        return Because("Vary: * fits no later request", "RFC 9111 section 4.1", "vary")
    return None


def _post_refused(
    rules: CacheRules, request: CacheRequest, response: CacheResponse, chosen: Chosen
) -> Because | None:
    rule = "RFC 9110 section 9.3.3"
    location = response.get("content-location")
    if location is None or urljoin(request.url, location) != request.url:
        return Because("the answer to POST is not what GET would bring", rule)
    if response.status != 200 or explicit_lifetime(rules.shared, chosen, response, 0.0) is None:
        return Because("the answer to POST says nothing about its lifetime", rule)
    return None


def _worth_storing(
    rules: CacheRules, request: CacheRequest, response: CacheResponse, chosen: Chosen
) -> Decision:
    directives = chosen.directives
    where = "RFC 9213 section 2.2" if chosen.targeted else _SECTION_3
    if "public" in directives and (rules.shared or "max-age" not in directives):
        return Decision(True, Because("public", "RFC 9111 section 5.2.2.9", "public"))
    if "private" in directives and not rules.shared:
        return Decision(True, Because("private: this cache is", "RFC 9111 section 5.2.2.7", "private"))
    for name in ("s-maxage", "max-age") if rules.shared else ("max-age",):
        if name in directives:
            return _lasting(name, where)
    if "expires" in response.named and not chosen.targeted:
        return Decision(True, Because("Expires, and no no-store", "RFC 9111 section 5.3", "expires"))
    if response.status in HEURISTIC_STATUSES:
        words = f"a {response.status} may be kept by default"
        if "no-cache" in directives:
            return Decision(True, Because("no-cache: kept, and asked about each time", where, "no-cache"))
        return Decision(True, Because(words, "RFC 9110 section 15.1"))
    return Decision(False, Because(f"nothing allows to keep a {response.status}", _SECTION_3))


@lru_cache(maxsize=16)
def _lasting(name: str, where: str) -> Decision:
    return Decision(True, Because(f"{name}, and no no-store", where, name))


def unstored_names(rules: CacheRules, response: CacheResponse) -> frozenset[str]:
    """The fields that stay out of the store, lower case (RFC 9111 section 3.1): of one connection, or named by
    Connection, by a qualified no-cache, or (shared caches) by a qualified private."""
    directives = choose(rules.targeted, response.named).directives
    listed = [response.get("connection"), directives.get("no-cache")]
    if rules.shared:
        listed.append(directives.get("private"))
    if not any(listed):
        return HOP_BY_HOP
    out = HOP_BY_HOP.union(*[field_names(value) for value in listed])
    # Without these nothing could be decided any more.
    return out - {"cache-control", "date", *rules.targeted}


def storable_fields(rules: CacheRules, response: CacheResponse) -> Fields:
    """The fields that are stored."""
    out = unstored_names(rules, response)
    if out.isdisjoint(response.named):
        return response.fields
    return tuple(pair for pair in response.fields if pair[0].lower() not in out)


def store(
    rules: CacheRules,
    request: CacheRequest,
    response: CacheResponse,
    request_time: float,
    response_time: float,
    because: Because,
) -> Stored:
    """Make the stored form, with everything worked out that a later `decide` needs. `may_store` said yes."""
    fields = storable_fields(rules, response)
    kept = response
    if fields is not response.fields:
        kept = CacheResponse(response.status, fields, response.body_length, response.reason)
    part = content_range(response) if response.status == 206 else None
    return stored_form(rules, request, kept, request_time, response_time, because, part)


def stored_form(
    rules: CacheRules,
    request: CacheRequest,
    response: CacheResponse,
    request_time: float,
    response_time: float,
    because: Because,
    part: Part | None,
) -> Stored:
    """The stored form of fields that have been cleaned already. Age is taken out, a missing Date is put in."""
    lasts = lifetime(rules, response, response_time)
    fields, named = response.fields, response.named
    text, age = named.get("date"), named.get("age")
    date = parse_http_date(text) if text is not None else None
    undated = date is None
    if date is None:
        date = response_time
    born_at = response_time - initial_age_of(date, age, request_time, response_time)
    if undated or age is not None:
        fields = tuple(pair for pair in fields if pair[0].lower() != "age")
        if undated:
            # RFC 9110 section 6.6.1: who caches a response without a date gives it one.
            dated = ("Date", write_http_date(response_time))
            fields = (*(pair for pair in fields if pair[0].lower() != "date"), dated)
        named = by_name(fields)
    modified = named.get("last-modified")
    # In the order of `Stored`: by name it takes longer.
    return Stored(
        request.url,
        response.status,
        response.reason,
        fields,
        named,
        selecting(rules, request, named["vary"]) if "vary" in named else (),
        request_time,
        response_time,
        date,
        born_at,
        # One that must be validated each time is never fresh, however long its lifetime.
        born_at + lasts.seconds if lasts.always_validate is None else NEVER_FRESH,
        lasts,
        response.body_length,
        named.get("etag"),
        parse_http_date(modified) if modified is not None else None,
        part,
        (request.named.get("range") or "") if part is not None else "",
        because,
    )
