"""What five visits to any URL show about the claims: only what this response has to do with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from labctl.events import Event
from labctl.protocols.cache_vocabulary import identify_cdn
from labctl.protocols.caching import Explained, parse_cache_control
from labctl.protocols.caching_cloudflare import eligibility
from labctl.protocols.http1_fields import Fields, get
from labs.cache.claims import EXTENSION, HEURISTIC, NO_CACHE, NO_STORE, SET_COOKIE, WORDS
from labs.cache.visits import Visited
from labs.cache.words import NOT_ASKED
from labs.words import listed


def judged(visits: Sequence[Visited], browser: Explained) -> Iterator[Event]:
    """Verdicts; the first visit is the one that brought the response."""
    first = visits[0].fields
    said = parse_cache_control(get(first, "Cache-Control") or "")
    anas = [visit for visit in visits if visit.who == "Ana"]
    statuses = [
        str(v.load.over.answer.status)
        if v.load.over is not None and v.load.over.answer is not None
        else NOT_ASKED
        for v in anas
    ]
    shown = listed(statuses)
    yield from _words(visits)
    if "no-store" in said:
        yield NO_STORE.judged(NOT_ASKED not in statuses and "304" not in statuses, f"Ana's visits: {shown}.")
    elif "no-cache" in said and (get(first, "ETag") or get(first, "Last-Modified")):
        # What has changed meanwhile is sent anew, and says nothing about the claim.
        yield NO_CACHE.judged(NOT_ASKED not in statuses and "304" in statuses, f"Ana's visits: {shown}.")
    elif browser.fresh_s and not said and get(first, "Last-Modified") and get(first, "Expires") is None:
        yield HEURISTIC.judged(
            not anas[1].load.asked_network,
            f"{browser.fresh_for.because.words}: Ana's second visit asked"
            f" {'again' if anas[1].load.asked_network else 'nobody'}.",
        )
    cdn = [visit.cdn for visit in visits if visit.cdn != NOT_ASKED]
    words = f"The CDN said {listed(list(dict.fromkeys(cdn)))}."
    if not cdn or not _is_cloudflare(first):
        return
    # Both are habits of Cloudflare: of another CDN its answer says nothing about them.
    eligible = eligibility(visits[0].load.url.text)
    if eligible.yes and get(first, "Set-Cookie") is not None:
        yield SET_COOKIE.judged(set(cdn) == {"BYPASS"}, words)
    elif not eligible.yes and {"public", "max-age"} <= set(said) and get(first, "Set-Cookie") is None:
        yield EXTENSION.judged(set(cdn) == {"DYNAMIC"}, f"The response says public and max-age. {words}")


def _is_cloudflare(fields: Fields) -> bool:
    return any(each.name == "Cloudflare" for each in identify_cdn(fields))


def _words(visits: Sequence[Visited]) -> Iterator[Event]:
    hits = [visit for visit in visits if visit.cdn == "HIT"]
    if not hits:
        yield WORDS.not_seen("No CDN answered out of its store in these visits.")
        return
    ages = [get(visit.fields, "Age") for visit in hits]
    fetched = [visit for visit in visits if visit.cdn in ("MISS", "EXPIRED") and _is_cloudflare(visit.fields)]
    aged = [visit.cdn for visit in fetched if get(visit.fields, "Age") is not None]
    yield WORDS.judged(
        all(age is not None for age in ages) and not aged,
        f"{aged[0]} came with an Age, too."
        if aged
        else f"HIT came with Age: {ages[-1]}."
        if ages[-1] is not None
        else "HIT came without an Age.",
    )
