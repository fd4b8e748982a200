"""What caches on the way say about a response, in the words of one vocabulary, and which CDN they belong to.

Each CDN has a header and words of its own (facts/network.md 3a.6); here all become the words of CF-Cache-Status:
HIT MISS EXPIRED STALE BYPASS REVALIDATED UPDATING DYNAMIC, or "" for a word that nobody documents. Text from
peers is data: `raw` is cut and never interpreted further.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from labctl.protocols import cache_status
from labctl.protocols.caching_directives import delta_seconds
from labctl.protocols.caching_model import by_name
from labctl.protocols.http1_fields import Fields

# What each word means, as a sentence.
MEANING = {
    "HIT": "It came out of the cache, fresh.",
    "MISS": "The cache did not have it and asked the origin.",
    "EXPIRED": "The cache had it, too old; the origin sent it again.",
    "STALE": "It came out of the cache although it was too old, because the origin did not help.",
    "BYPASS": "The origin said that this cache must not keep it, or the request went past the cache.",
    "REVALIDATED": "The cache asked the origin, which answered 304, and then used its own copy.",
    "UPDATING": "It came out of the cache, too old, while a newer one is being fetched.",
    "DYNAMIC": "This kind of URL is not cached by default.",
    "NONE": "No cache was asked: the answer was made at the edge.",
}
_SAME = {word: word for word in MEANING}
_CLOUDFLARE = {**_SAME, "UNKNOWN": "NONE", "IGNORED": "BYPASS"}
_CLOUDFRONT = {
    "hit": "HIT", "refreshhit": "REVALIDATED", "originshieldhit": "HIT", "miss": "MISS", "error": "MISS",
    "redirect": "NONE", "lambdageneratedresponse": "NONE", "functiongeneratedresponse": "NONE",
    "limitexceeded": "NONE",
}  # fmt: skip
_AKAMAI = {
    "TCP_HIT": "HIT", "TCP_MEM_HIT": "HIT", "TCP_IMS_HIT": "HIT", "TCP_NEGATIVE_HIT": "HIT", "TCP_MISS": "MISS",
    "TCP_REFRESH_HIT": "REVALIDATED", "TCP_REFRESH_MISS": "EXPIRED", "TCP_EXPIRED_HIT": "STALE",
    "TCP_EXPIRED_MISS": "EXPIRED", "TCP_REFRESH_FAIL_HIT": "STALE", "TCP_DENIED": "NONE",
    "TCP_COOKIE_DENY": "NONE", "HIT": "HIT", "MISS": "MISS", "REFRESHHIT": "REVALIDATED", "HITSTALE": "STALE",
    "CONSTRUCTED": "NONE", "REDIRECT": "NONE", "ERROR": "NONE",
}  # fmt: skip
_VERCEL = {**_SAME, "PRERENDER": "HIT"}
_FASTLY_NOTE = "Fastly says HIT for stale and made-up answers too, and MISS for what it passed on."
_FORWARDED = {
    "bypass": "BYPASS", "method": "BYPASS", "uri-miss": "MISS", "vary-miss": "MISS", "miss": "MISS",
    "request": "BYPASS", "stale": "EXPIRED", "partial": "MISS",
}  # fmt: skip
# Why a cache went past its store (RFC 9211 section 2.2): the origin has no part in any of them.
_WHY_PAST = {
    "bypass": "The cache was configured to pass this request on (RFC 9211 section 2.2).",
    "method": "The method of the request made the cache pass it on (RFC 9211 section 2.2).",
    "request": "The request itself said that the copy would not do (RFC 9211 section 2.2).",
}
_MOST = 20


class Told(NamedTuple):
    """What one cache said. `word` is of our vocabulary, `because` a sentence, `raw` the field as it was."""

    by: str
    word: str
    because: str
    raw: str


class Recognised(NamedTuple):
    """A CDN and the field that gives it away."""

    name: str
    field: str


def decode(fields: Fields) -> tuple[Told, ...]:
    """Everything that caches say in these response fields; the one nearest to us comes first where known."""
    named = by_name(fields)
    found: list[Told] = []
    for reader in _READERS:
        found.extend(reader(named))
        if len(found) >= _MOST:
            break
    return tuple(found[:_MOST])


def verdict(fields: Fields) -> Told | None:
    """The most telling of `decode`: the first with a word we know, else the first, None without any."""
    told = decode(fields)
    return next((each for each in told if each.word), told[0] if told else None)


def identify_cdn(fields: Fields) -> tuple[Recognised, ...]:
    """Which CDNs the response came through, by the headers that only they send; once each."""
    named = by_name(fields)
    found: dict[str, Recognised] = {}
    for name, field, pattern in _MARKS:
        value = named.get(field)
        if value is not None and name not in found and re.search(pattern, value, re.IGNORECASE):
            found[name] = Recognised(name, field)
    return tuple(found.values())


_MARKS = (
    ("Cloudflare", "cf-ray", ""),
    ("Cloudflare", "cf-cache-status", ""),
    ("Cloudflare", "server", r"^cloudflare\b"),
    ("Fastly", "x-served-by", r"\bcache-[a-z0-9-]{1,40}-[A-Z]{3}\b"),
    ("Fastly", "fastly-debug-ttl", ""),
    ("CloudFront", "x-amz-cf-id", ""),
    ("CloudFront", "x-amz-cf-pop", ""),
    ("CloudFront", "via", r"\(CloudFront\)"),
    ("Akamai", "server", r"^AkamaiGHost\b"),
    ("Akamai", "x-akamai-request-id", ""),
    ("Akamai", "akamai-grn", ""),
    ("Azure Front Door", "x-azure-ref", ""),
    ("Vercel", "x-vercel-cache", ""),
    ("Vercel", "server", r"^Vercel\b"),
    ("Netlify", "x-nf-request-id", ""),
    ("Bunny", "server", r"^BunnyCDN\b"),
    ("Google", "via", r"\b1\.1 google\b"),
    ("KeyCDN", "server", r"^keycdn\b"),
)


def _cut(text: str) -> str:
    return text if len(text) <= 120 else text[:117] + "..."


def _told(by: str, word: str, field: str, value: str, note: str = "") -> Told:
    because = MEANING.get(word, "This word is not in the vendor's documents.")
    return Told(by, word, f"{because} {note}".strip(), _cut(f"{field}: {value}"))


def _cloudflare(named: Mapping[str, str]) -> Iterator[Told]:
    value = named.get("cf-cache-status")
    if value is not None:
        yield _told("cloudflare", _CLOUDFLARE.get(value.strip().upper(), ""), "cf-cache-status", value)


def _rfc9211(named: Mapping[str, str]) -> Iterator[Told]:
    value = named.get("cache-status")
    if value is None:
        return
    for status in reversed(cache_status.read(value)):
        if status.hit:
            word = "UPDATING" if status.ttl is not None and status.ttl < 0 else "HIT"
        elif status.forwarded_status == 304 and status.forwarded in ("stale", "request"):
            word = "REVALIDATED"
        else:
            word = _FORWARDED.get(status.forwarded, "MISS" if status.forwarded else "")
        told = _told(_cut(status.cache), word, "cache-status", value, _of_status(status))
        if not status.hit and status.forwarded in _WHY_PAST:
            because = f"{_WHY_PAST[status.forwarded]} {_of_status(status)}".strip()
            told = told._replace(because=because)
        yield told


def _of_status(status: cache_status.CacheStatus) -> str:
    notes = []
    if status.ttl is not None:
        left = status.ttl
        notes.append(f"It is fresh for {left} s more." if left >= 0 else f"It is stale since {-left} s.")
    if status.stored:
        notes.append("It is stored now.")
    if status.collapsed:
        notes.append("It waited for another request for the same.")
    if status.detail:
        notes.append(f"It says why: {_cut(status.detail)}.")
    return " ".join(notes)


def _x_cache(named: Mapping[str, str]) -> Iterator[Told]:
    value = named.get("x-cache")
    if value is None:
        return
    if " from cloudfront" in value.lower():
        first = value.split(" ", 1)[0].lower()
        yield _told("cloudfront", _CLOUDFRONT.get(first, ""), "x-cache", value)
    elif value.strip().upper().startswith("TCP_") or " from child" in value.lower():
        first = re.split(r"[ ,(]", value.strip(), maxsplit=1)[0].upper()
        yield _told("akamai", _AKAMAI.get(first, ""), "x-cache", value)
    elif "x-served-by" in named or "x-timer" in named:
        # Two words: the shield first, then the cache that we talk to.
        words = [part.strip().upper() for part in value.split(",") if part.strip()]
        for place, word in zip(("the edge", "the shield"), reversed(words), strict=False):
            note = f"This is {place}. {_FASTLY_NOTE}" if len(words) > 1 else _FASTLY_NOTE
            yield _told("fastly", _SAME.get(word, ""), "x-cache", value, note)
    else:
        word = re.split(r"[ ,:]", value.strip(), maxsplit=1)[0].upper()
        word = {"CACHED": "HIT", "UNCACHED": "MISS", "PASS": "BYPASS"}.get(word, word)
        yield _told("a cache", _SAME.get(word.removeprefix("TCP_"), ""), "x-cache", value)


def _own_fields(named: Mapping[str, str]) -> Iterator[Told]:
    for field, by, words in (
        ("x-vercel-cache", "vercel", _VERCEL),
        ("cdn-cache", "bunny", _SAME),
        ("x-cache-status", "nginx", _SAME),
        ("x-proxy-cache", "nginx", _SAME),
        ("x-nginx-cache", "nginx", _SAME),
        ("x-fastcgi-cache", "nginx", _SAME),
    ):
        if field in named:
            yield _told(by, words.get(named[field].strip().upper(), ""), field, named[field])
    value = named.get("x-varnish")
    if value is not None and "x-cache" not in named:
        # One number: this request. Two: this request and the one that filled the cache.
        numbers = value.replace(",", " ").split()
        yield _told("varnish", "HIT" if len(numbers) > 1 else "MISS", "x-varnish", value)


_METRIC = re.compile(r'([A-Za-z0-9_-]{1,40})[ \t]*(?:;[^,"]*?desc[ \t]*=[ \t]*"?([A-Za-z_-]{1,40})"?)?')


def _server_timing(named: Mapping[str, str]) -> Iterator[Told]:
    value = named.get("server-timing")
    if value is None:
        return
    for part in value[:4096].split(","):
        match = _METRIC.match(part.strip())
        if match is None or not match[2]:
            continue
        if match[1].lower() in ("cfcachestatus", "cdn-cache", "cache"):
            by = "cloudflare" if match[1].lower() == "cfcachestatus" else "a cache"
            yield _told(by, _CLOUDFLARE.get(match[2].upper(), ""), "server-timing", part.strip())


def _age(named: Mapping[str, str]) -> Iterator[Told]:
    value = named.get("age")
    if value is None:
        return
    seconds = delta_seconds(value.split(",", 1)[0].strip())
    if seconds is None:
        yield Told(
            "a cache", "", "Age is no number of seconds, so it counts for nothing.", _cut(f"age: {value}")
        )
    else:
        because = f"A cache on the way had it; it was made {seconds} s ago."
        yield Told("a cache", "HIT" if seconds else "", because, _cut(f"age: {value}"))


_READERS: tuple[Callable[[Mapping[str, str]], Iterator[Told]], ...] = (
    _cloudflare,
    _rfc9211,
    _x_cache,
    _own_fields,
    _server_timing,
    _age,
)
