"""What the sender of a response would change: every obstacle, for the browser and the CDN, the most important first.

`caching.why_not_cached` names the first obstacle. Here each one gets a line to send that keeps what was right in the
old one: what says `private` stays private, and what a CDN reads in a field of its own is changed there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from labctl.protocols import caching
from labctl.protocols.caching import Because, CacheRequest, CacheResponse, CacheRules, Explained
from labctl.protocols.caching_cloudflare import DYNAMIC
from labctl.protocols.caching_directives import choose, delta_seconds
from labctl.protocols.caching_keys import vary_names
from labs.cache.file_names import same_name_for_long
from labs.cache.words import span
from labs.words import listed

# Canonical names of the fields that are meant for CDNs.
_FIELDS = {
    "cdn-cache-control": "CDN-Cache-Control",
    "cloudflare-cdn-cache-control": "Cloudflare-CDN-Cache-Control",
}
# Directives that stay as they are when the lifetime of a response is changed.
_KEPT = ("must-revalidate", "immutable", "stale-while-revalidate", "stale-if-error", "no-transform")
_USUAL = "max-age=3600"
_PUBLIC = f"Cache-Control: public, {_USUAL}"
_SHARED_ANSWER = (
    "Do not set a cookie on an answer that many people may share; set it on the page that needs it."
)


class Advice(NamedTuple):
    """One thing to change, as sentences; `header` is the line to send, "" when it is no line."""

    words: str
    header: str = ""


def why(explained: Explained, request: CacheRequest, response: CacheResponse, now: float) -> Because | None:
    """Why this cache does not answer by itself with this response; None if it does, for a while."""
    if explained.fresh_s or explained.stale_s:
        return None
    found = caching.why_not_cached(explained.rules, request, response, now)
    if found is None:
        # It had a lifetime, and comes too old.
        return explained.fresh_for.because
    field = targeted_field(explained.rules, response)
    if field and found.directive and field.lower() not in found.words.lower():
        return found._replace(words=f"{field} says {found.words}")
    return found


def targeted_field(rules: CacheRules, response: CacheResponse) -> str:
    """The field of its own that a CDN goes by, as it is written; "" when it goes by Cache-Control."""
    return _FIELDS.get(choose(rules.targeted, response.named).field, "")


def what_to_change(
    request: CacheRequest, response: CacheResponse, now: float, browser: Explained, shared: Explained
) -> tuple[Advice, ...]:
    """What to send instead, for both caches; a line to send is named once. () when nothing is to be gained."""
    found: dict[str, Advice] = {}
    for advice in (
        *_of_the_browser(request, response, now, browser, shared),
        *_of_the_cdn(request, response, now, shared),
        *_of_the_lifetime(response, browser, shared),
        *_of_vary(response, shared),
        *_of_the_name(request, response, browser),
        *_of_comparing(response, browser, shared),
    ):
        found.setdefault(advice.header or advice.words, advice)
    return tuple(found.values())


def _line(response: CacheResponse, *, private: bool = False) -> str:
    """A Cache-Control with a lifetime; what is one person's stays so, and what was right is kept."""
    said = choose((), response.named).directives
    private = private or "private" in said or ("set-cookie" in response.named and "public" not in said)
    parts = ["private"] if private else ["public"] if "public" in said else []
    parts.append(_USUAL)
    if "s-maxage" in said and not private and delta_seconds(said["s-maxage"]):
        parts.append(f"s-maxage={said['s-maxage']}")
    parts += [name if said[name] is None else f"{name}={said[name]}" for name in _KEPT if name in said]
    return f"Cache-Control: {', '.join(parts)}"


def _of_the_browser(
    request: CacheRequest, response: CacheResponse, now: float, browser: Explained, shared: Explained
) -> Iterator[Advice]:
    because = why(browser, request, response, now)
    if because is None:
        return
    said = choose((), response.named).directives
    name = because.directive.partition("=")[0]
    cookie = "set-cookie" in response.named
    only_cdn = bool(shared.fresh_s)
    if name == "no-store":
        yield Advice(
            "no-store keeps nothing at all. If it may be kept, and asked about before each use, that is no-cache.",
            f"Cache-Control: {'private, ' if cookie or 'private' in said else ''}no-cache",
        )
        if not cookie and "private" not in said and not only_cdn:
            yield Advice("If everybody may see it, say for how long instead of no-store.", _PUBLIC)
    elif name == "no-cache":
        yield Advice(
            "no-cache means: kept, and asked about before each use. Give it a time if it may be used without asking.",
            _line(response),
        )
    elif name == "max-age" and delta_seconds(said.get("max-age")) == 0:
        yield Advice(
            "max-age=0 means: old at once, so each use asks. Give it a time if browsers may use it without asking.",
            _line(response),
        )
    elif name == "max-age" and delta_seconds(said.get("max-age")):
        yield Advice(
            "It comes older than browsers may use it: a cache on the way keeps it for longer than max-age. Give"
            " that cache a shorter time, or send a longer max-age."
        )
    elif name in ("max-age", "expires", "vary"):
        yield from _plain(browser, request, response, now, _line(response) if name != "vary" else "")
    elif response.status in (200, 203, 206, 301, 308) or browser.may_store.yes:
        yield Advice("Say how long it is fresh.", _line(response))


def _plain(
    each: Explained, request: CacheRequest, response: CacheResponse, now: float, line: str = ""
) -> Iterator[Advice]:
    """The advice of the protocol itself, with `line` as the line to send."""
    for advice in caching.what_to_change(each.rules, request, response, now)[:1]:
        yield Advice(advice.words, line or advice.header)


def _of_the_cdn(
    request: CacheRequest, response: CacheResponse, now: float, shared: Explained
) -> Iterator[Advice]:
    chosen = choose(shared.rules.targeted, response.named)
    for field, reason in chosen.ignored:
        name = _FIELDS.get(field, field)
        yield Advice(f"{name} does not count: {reason}. It is read strictly.", f"{name}: {_USUAL}")
    because = why(shared, request, response, now)
    if because is None:
        if "set-cookie" in response.named and shared.may_store.yes:
            yield Advice(
                "A CDN by the RFC keeps the Set-Cookie with it, and hands one visitor's cookie to everybody"
                f" (RFC 9111 section 7.3). {_SHARED_ANSWER}",
                _line(response, private=True),
            )
        return
    name = because.directive.partition("=")[0]
    if because.rule == DYNAMIC:
        if request.method not in ("GET", "HEAD"):
            yield from _plain(shared, request, response, now)
            return
        yield Advice(
            "If it is the same for everybody, make a Cache Rule for this URL (Eligible for cache); headers alone do"
            " not help here."
        )
        if "set-cookie" in response.named:
            yield Advice(_SHARED_ANSWER)
        return
    if chosen.targeted and name in ("no-store", "no-cache", "private", "max-age", "s-maxage"):
        field = _FIELDS.get(chosen.field, chosen.field)
        yield Advice(
            f"This CDN goes by {field}, and by nothing that Cache-Control says: if the answer is the same for"
            " everybody, change it there.",
            f"{field}: {_USUAL}",
        )
    elif name == "private":
        yield Advice(
            "If it is the same for everybody, say public instead of private; else leave it to the browsers.",
            _PUBLIC,
        )
    elif name == "set-cookie":
        yield Advice(_SHARED_ANSWER)
    elif name not in ("no-store", "no-cache", "max-age", "expires", "vary", ""):
        yield from _plain(shared, request, response, now)


def _of_the_lifetime(response: CacheResponse, browser: Explained, shared: Explained) -> Iterator[Advice]:
    said = choose((), response.named).directives
    for each in (browser, shared):
        explicit = {"max-age", "s-maxage"} & set(said) or "expires" in response.named
        chosen = choose(each.rules.targeted, response.named)
        if each.fresh_s and not explicit and not chosen.targeted:
            yield Advice("Say yourself how long it is fresh, now each cache guesses.", _line(response))
        because = each.then_stale.because
        if "overrules stale-while-revalidate" in because.words and each.may_store.yes:
            where = " in a CDN" if each.rules.shared and because.directive != "must-revalidate" else ""
            yield Advice(
                f"{because.directive} overrules stale-while-revalidate{where}; leave one of them out."
            )


def _of_vary(response: CacheResponse, shared: Explained) -> Iterator[Advice]:
    names = vary_names(response.named.get("vary", ""))
    if not names or "*" in names or not shared.may_store.yes:
        return
    unseen = [name.title() for name in names if name not in shared.varies_by]
    if unseen:
        yield Advice(
            f"Cloudflare takes no notice of Vary: {', '.join(unseen)}, and gives everybody the copy of the first."
            " Put what differs into the URL, or say private."
        )
    elif many := [name.title() for name in names if name in ("user-agent", "cookie")]:
        yield Advice(
            f"Vary: {', '.join(many)} makes a copy for almost every visitor, so a CDN seldom has yours. Leave it out"
            f" of files that are the same for all{', and say private for the rest' if 'Cookie' in many else ''}."
        )


def _of_comparing(response: CacheResponse, browser: Explained, shared: Explained) -> Iterator[Advice]:
    lacks = response.get("etag") is None and response.get("last-modified") is None
    kept = browser.may_store.yes or shared.may_store.yes
    # Whose name changes with its content is never asked about.
    if lacks and kept and "immutable" not in choose((), response.named).directives and response.status == 200:
        yield Advice("With an ETag, asking again costs a 304 and no body.", 'ETag: "v1"')


def _of_the_name(request: CacheRequest, response: CacheResponse, browser: Explained) -> Iterator[Advice]:
    if same_name_for_long(request, response, browser):
        yield Advice(
            f"Within {span(browser.fresh_s)} nobody asks again: give the file a new name (hash) for each change, or a"
            " short max-age with an ETag."
        )


def told_otherwise(words: tuple[str, ...], shared: Explained) -> str:
    """What a CDN did although the header says something else, as sentences; "" when they agree.

    `words` are what it said to requests one after the other.
    """
    if not any(words):
        return ""
    last = words[-1]
    if last in ("HIT", "STALE", "UPDATING", "REVALIDATED") and not (shared.fresh_s or shared.stale_s):
        return (
            f"The CDN said {last} although by this header it would not answer by itself: it has a rule of its own"
            " (a cache rule, an edge TTL), and that decides there. Look for it in its settings."
        )
    if set(words) <= {"BYPASS", "DYNAMIC", "NONE"} and shared.fresh_s:
        return (
            f"The CDN said {listed(list(dict.fromkeys(words)))} although this header lets it keep the response: a rule"
            " of its own decides, or the origin's header is another one than what you see."
        )
    if set(words) == {"MISS"} and len(words) > 1 and shared.fresh_s:
        return (
            "It was a MISS each time although it may be kept: another of the CDN's servers may have answered, or"
            " it had no time to store it. Ask again in a moment."
        )
    return ""


def compares_nothing(first: CacheResponse, conditional: CacheResponse | None = None) -> str:
    """A server that was asked with its own tag, and sent everything again, as sentences; "" for any other."""
    tag = first.get("etag")
    if conditional is None or conditional.status != 200 or not tag or conditional.get("etag") != tag:
        return ""
    return (
        "Asked whether it has changed, the server sent the same ETag and the whole body: it compares nothing, so"
        " asking never costs less than fetching. Let it answer 304."
    )
