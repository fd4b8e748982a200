"""What the caches of the world say, in one vocabulary (facts/network.md 3a.6)."""

import pytest

from labctl.protocols.cache_vocabulary import decode, identify_cdn, verdict


@pytest.mark.parametrize(
    ("fields", "by", "word"),
    [
        ((("CF-Cache-Status", "HIT"), ("Age", "5")), "cloudflare", "HIT"),
        ((("cf-cache-status", "dynamic"),), "cloudflare", "DYNAMIC"),
        ((("cf-cache-status", "NONE/UNKNOWN"),), "cloudflare", ""),
        ((("cf-cache-status", "UNKNOWN"),), "cloudflare", "NONE"),
        (
            (("X-Cache", "HIT, MISS"), ("X-Served-By", "cache-fra-eddf8230-FRA"), ("X-Timer", "S1")),
            "fastly",
            "MISS",
        ),
        ((("X-Cache", "MISS, HIT"), ("X-Timer", "S1")), "fastly", "HIT"),
        ((("X-Cache", "Hit from cloudfront"),), "cloudfront", "HIT"),
        ((("X-Cache", "Miss from cloudfront"),), "cloudfront", "MISS"),
        ((("X-Cache", "RefreshHit from cloudfront"),), "cloudfront", "REVALIDATED"),
        ((("X-Cache", "Error from cloudfront"),), "cloudfront", "MISS"),
        ((("X-Cache", "TCP_MEM_HIT from a23-1 (AkamaiGHost/22)"),), "akamai", "HIT"),
        ((("X-Cache", "TCP_REFRESH_MISS from a23-1"),), "akamai", "EXPIRED"),
        ((("X-Cache", "TCP_REFRESH_FAIL_HIT from a23-1"),), "akamai", "STALE"),
        ((("X-Cache", "HitStale from child, Miss from parent"),), "akamai", "STALE"),
        ((("X-Cache", "HIT from proxy.example:3128"),), "a cache", "HIT"),
        ((("X-Cache-Status", "UPDATING"),), "nginx", "UPDATING"),
        ((("X-Vercel-Cache", "PRERENDER"),), "vercel", "HIT"),
        ((("CDN-Cache", "MISS"),), "bunny", "MISS"),
        ((("X-Varnish", "12 34"),), "varnish", "HIT"),
        ((("X-Varnish", "12"),), "varnish", "MISS"),
        (
            (("Cache-Status", 'origin; hit, "Netlify Edge"; fwd=stale; fwd-status=304'),),
            "Netlify Edge",
            "REVALIDATED",
        ),
        ((("Cache-Status", "edge; hit; ttl=-4"),), "edge", "UPDATING"),
        ((("Cache-Status", "edge; fwd=method"),), "edge", "BYPASS"),
        ((("Server-Timing", 'cfCacheStatus;desc="HIT", cfEdge;dur=5'),), "cloudflare", "HIT"),
        ((("Server-Timing", "edge; dur=1, cdn-cache; desc=REVALIDATED"),), "a cache", "REVALIDATED"),
        ((("Age", "17"),), "a cache", "HIT"),
        ((("Age", "0"),), "a cache", ""),
        ((("Age", "soon"),), "a cache", ""),
    ],
)
def test_every_dialect_has_a_word(fields, by, word):
    told = verdict(fields)
    assert told is not None
    assert (told.by, told.word) == (by, word)
    assert told.because.endswith(".")


def test_without_such_fields_nothing_is_said():
    assert decode((("Content-Type", "text/css"), ("Server", "nginx"))) == ()
    assert verdict(()) is None


def test_several_voices_are_all_heard():
    fields = (("cf-cache-status", "MISS"), ("age", "9"), ("cache-status", "a; hit"))
    assert [told.by for told in decode(fields)] == ["cloudflare", "a", "a cache"]


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ((("CF-Ray", "1-FRA"),), "Cloudflare"),
        ((("Server", "cloudflare"),), "Cloudflare"),
        ((("X-Served-By", "cache-fra-eddf8230-FRA"),), "Fastly"),
        ((("Via", "1.1 abc.cloudfront.net (CloudFront)"),), "CloudFront"),
        ((("Server", "AkamaiGHost"),), "Akamai"),
        ((("Via", "1.1 google"),), "Google"),
        ((("Server", "BunnyCDN-DE1-1"),), "Bunny"),
    ],
)
def test_a_cdn_is_known_by_its_headers(fields, name):
    assert [each.name for each in identify_cdn(fields)] == [name]


def test_a_plain_server_is_no_cdn():
    assert identify_cdn((("Server", "nginx"), ("Via", "1.1 varnish"))) == ()
