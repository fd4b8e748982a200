"""HTTP caching without a socket or a clock: may it be stored, is it fresh, what now, and why.

The front door of the `caching_*` modules, which hold one rule of RFC 9111 each. A cache that uses it:

    use = decide(rules, request, candidates, now)      # what is stored for request.url, all variants
    reply = reply_from(use.stored, request, now)       # kind "fresh", "stale", "stale-refresh-behind"
    outcome = after_origin(rules, request, use, response, asked_at, now)     # kind "validate", "forward", ...
    for url in invalidates(request, response): ...     # after an unsafe method

Three sets of rules, never mixed. Every answer carries a `Because` with the rule that it follows.
"""

from __future__ import annotations

from labctl.protocols.caching_advice import Advice, what_to_change, why_not_cached
from labctl.protocols.caching_deciding import decide
from labctl.protocols.caching_directives import parse_cache_control
from labctl.protocols.caching_explaining import Cell, Explained, explain
from labctl.protocols.caching_freshness import current_age, initial_age, lifetime
from labctl.protocols.caching_invalidation import invalidates
from labctl.protocols.caching_keys import fits, same_variant
from labctl.protocols.caching_model import (
    Because,
    CacheRequest,
    CacheResponse,
    CacheRules,
    Cut,
    Decision,
    Failure,
    Lifetime,
    Outcome,
    Part,
    Reply,
    Stored,
    Use,
)
from labctl.protocols.caching_replying import reply_from
from labctl.protocols.caching_storing import HOP_BY_HOP, may_store, store
from labctl.protocols.caching_updating import after_origin, with_body
from labctl.protocols.caching_words import cf_cache_status, sends_age
from labctl.protocols.http1_fields import Fields

# A shared cache to the letter: RFC 9111, 5861, 9211, 9213.
RFC9111_SHARED = CacheRules("rfc9111", shared=True, targeted=("cdn-cache-control",))
# The cache of one person's browser; Chromium where a browser is free to choose.
BROWSER = CacheRules("browser", shared=False, stale_when_disconnected=False, knows_stale_if_error=False)
# Cloudflare's documented default behaviour, Origin Cache Control on.
CLOUDFLARE = CacheRules(
    "cloudflare",
    shared=True,
    targeted=("cloudflare-cdn-cache-control", "cdn-cache-control"),
    heeds_requests=False,
)

__all__ = [
    "BROWSER",
    "CLOUDFLARE",
    "HOP_BY_HOP",
    "RFC9111_SHARED",
    "Advice",
    "Because",
    "CacheRequest",
    "CacheResponse",
    "CacheRules",
    "Cell",
    "Cut",
    "Decision",
    "Explained",
    "Failure",
    "Fields",
    "Lifetime",
    "Outcome",
    "Part",
    "Reply",
    "Stored",
    "Use",
    "after_origin",
    "cf_cache_status",
    "current_age",
    "decide",
    "explain",
    "fits",
    "initial_age",
    "invalidates",
    "lifetime",
    "may_store",
    "parse_cache_control",
    "reply_from",
    "same_variant",
    "sends_age",
    "store",
    "what_to_change",
    "why_not_cached",
    "with_body",
]
