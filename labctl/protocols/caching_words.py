"""One word for what a cache did: the vocabulary of CF-Cache-Status, which the course uses for every cache.

HIT MISS EXPIRED STALE BYPASS REVALIDATED UPDATING DYNAMIC; facts/network.md 3a.1 says what each means.
"""

from __future__ import annotations

from typing import Literal

from labctl.protocols.caching_cloudflare import BYPASS
from labctl.protocols.caching_model import CacheRules, Outcome, Use

Word = Literal["HIT", "MISS", "EXPIRED", "STALE", "BYPASS", "REVALIDATED", "UPDATING", "DYNAMIC", "NONE"]


def cf_cache_status(rules: CacheRules, use: Use, outcome: Outcome | None = None) -> Word:
    """The word for a request: `use` alone when the store answered, with the outcome when the origin was asked."""
    if use.kind == "fresh":
        return "HIT"
    if use.kind == "stale":
        return "STALE"
    if use.kind == "stale-refresh-behind":
        return "UPDATING"
    if use.kind == "bypass":
        return "DYNAMIC" if rules.name == "cloudflare" else "BYPASS"
    if outcome is None or use.kind == "only-if-cached-miss":
        return "MISS"
    if outcome.serve == "updated":
        return "REVALIDATED"
    if outcome.serve == "stale":
        return "STALE"
    if outcome.store is None and outcome.because.rule == BYPASS:
        return "BYPASS"
    if use.forwarded == "request":
        return "BYPASS"
    return "EXPIRED" if use.stored is not None and use.forwarded == "stale" else "MISS"


def sends_age(rules: CacheRules, word: Word) -> bool:
    """Does a response with this word carry an Age of this cache (cf-docs cache-responses)? RFC 9111 says: always."""
    return rules.name != "cloudflare" or word in ("HIT", "STALE", "UPDATING")
