"""Cloudflare's documented defaults (facts/network.md 3a), and that they never mix with RFC 9111's."""

import pytest

from labctl.protocols import caching
from labctl.protocols.caching_cloudflare import EXTENSIONS, eligibility

SITE = "https://www.shop.test"


def test_there_are_56_extensions():
    assert len(EXTENSIONS) == 56
    assert not {"html", "htm", "json", "txt", "xml"} & EXTENSIONS


@pytest.mark.parametrize(
    ("path", "eligible"),
    [
        ("/style.css", True), ("/a.b/LOGO.SVG", True), ("/app.3f9a1c.js?v=2", True), ("/robots.txt", True),
        ("/x.zst", True), ("/", False), ("", False), ("/page.html", False), ("/api/cart", False),
        ("/data.json", False), ("/notes.txt", False), ("/a.css/", False), ("/a?x=.css", False), ("/css", False),
        ("/deep/robots.txt", False), ("/.css.", False),
    ],
)  # fmt: skip
def test_the_extension_decides(path, eligible):
    assert eligibility(SITE + path).yes is eligible


@pytest.mark.parametrize(
    ("answers", "word", "then"),
    [
        ((), "MISS", "HIT"),
        ((("Cache-Control", "public, max-age=60"),), "MISS", "HIT"),
        ((("Cache-Control", "private"),), "BYPASS", "BYPASS"),
        ((("Cache-Control", "private, max-age=60"),), "BYPASS", "BYPASS"),
        ((("Cache-Control", "no-store"),), "BYPASS", "BYPASS"),
        ((("Cache-Control", "no-cache"),), "BYPASS", "BYPASS"),
        ((("Cache-Control", "max-age=0"),), "BYPASS", "BYPASS"),
        ((("Cache-Control", "s-maxage=0, max-age=60"),), "BYPASS", "BYPASS"),
        ((("Cache-Control", "max-age=60"), ("Set-Cookie", "a=b")), "BYPASS", "BYPASS"),
        ((("Set-Cookie", "a=b"),), "BYPASS", "BYPASS"),
        ((("Vary", "*"),), "BYPASS", "BYPASS"),
        ((("Expires", "0"),), "BYPASS", "BYPASS"),
        ((("Cache-Control", 'private="x-a", max-age=60'),), "MISS", "HIT"),
        ((("CDN-Cache-Control", "no-store"), ("Cache-Control", "max-age=60")), "BYPASS", "BYPASS"),
        ((("CDN-Cache-Control", "private"), ("Cache-Control", "max-age=60")), "BYPASS", "BYPASS"),
        ((("CDN-Cache-Control", "no-cache"), ("ETag", '"a"')), "MISS", "REVALIDATED"),
        ((("CDN-Cache-Control", "max-age=0"), ("ETag", '"a"')), "MISS", "REVALIDATED"),
        ((("CDN-Cache-Control", "max-age=0"),), "MISS", "EXPIRED"),
        ((("CDN-Cache-Control", "max-age=60"), ("Cache-Control", "no-store")), "MISS", "HIT"),
        (
            (("Cloudflare-CDN-Cache-Control", "no-store"), ("CDN-Cache-Control", "max-age=60")),
            "BYPASS",
            "BYPASS",
        ),
        ((("Surrogate-Control", "x"), ("Cache-Control", "no-store")), "MISS", "HIT"),
    ],
)
def test_what_the_first_and_the_second_request_get(cloudflare, answers, word, then):
    first = cloudflare.ask(answers=answers)
    assert first.word == word
    assert cloudflare.ask(answers=answers).word == then
    if word == "BYPASS":
        assert first.because.rule.endswith("cf-docs cache-responses#bypass")


@pytest.mark.parametrize(
    ("status", "minutes"),
    [
        (200, 120),
        (206, None),
        (301, 120),
        (302, 20),
        (303, 20),
        (404, 3),
        (410, 3),
        (307, 0),
        (403, 0),
        (500, 0),
    ],
)
def test_the_edge_ttl_by_status(cloudflare, status, minutes):
    if minutes is None:
        response = caching.CacheResponse(206, (("Content-Range", "bytes 0-4/10"),), 5)
        assert caching.lifetime(caching.CLOUDFLARE, response, 0.0).seconds == 7200
        return
    assert cloudflare.ask(status=status).word == "MISS"
    cloudflare.wait(minutes * 60 - 1)
    assert cloudflare.ask(status=status).word == ("HIT" if minutes else "MISS")
    cloudflare.wait(1)
    assert cloudflare.ask(status=status).word == ("EXPIRED" if minutes else "MISS")


@pytest.mark.parametrize("url", [SITE + "/", SITE + "/api/cart", SITE + "/page.html"])
def test_dynamic_leaves_the_answer_alone(cloudflare, url):
    answers = (("Cache-Control", "public, max-age=3600"), ("Set-Cookie", "a=b"), ("Age", "7"))
    for _ in range(2):
        seen = cloudflare.ask(url=url, answers=answers)
        assert (seen.word, seen.fields["set-cookie"], seen.fields["age"]) == ("DYNAMIC", "a=b", "7")


def test_post_is_dynamic(cloudflare):
    assert cloudflare.ask(method="POST").word == "DYNAMIC"


def test_head_becomes_get_and_fills_the_cache(cloudflare):
    first = cloudflare.ask(method="HEAD")
    assert first.asked is not None
    assert (first.asked[":method"], first.word, first.body) == ("GET", "MISS", b"")
    assert cloudflare.ask().word == "HIT"


@pytest.mark.parametrize(
    ("value", "word"),
    [
        ("max-age=60", "BYPASS"),
        ("public, max-age=60", "MISS"),
        ("max-age=60, must-revalidate", "MISS"),
        ("s-maxage=60", "MISS"),
    ],
)
def test_authorization(cloudflare, value, word):
    assert cloudflare.ask(("Authorization", "x"), answers=(("Cache-Control", value),)).word == word


@pytest.mark.parametrize(
    ("value", "word"),
    [
        ("max-age=2, stale-while-revalidate=60", "UPDATING"),
        ("max-age=2, stale-while-revalidate=60, must-revalidate", "EXPIRED"),
        ("max-age=2, stale-while-revalidate=60, proxy-revalidate", "EXPIRED"),
        ("s-maxage=2, stale-while-revalidate=60", "EXPIRED"),
        ("max-age=2", "EXPIRED"),
    ],
)
def test_when_it_is_too_old(cloudflare, value, word):
    cloudflare.ask(answers=(("Cache-Control", value),))
    cloudflare.wait(3)
    assert cloudflare.ask(answers=(("Cache-Control", value),)).word == word


def test_stale_when_the_origin_is_gone(cloudflare):
    cloudflare.ask(answers=(("Cache-Control", "max-age=2"),))
    cloudflare.wait(3)
    assert cloudflare.ask(down=True).word == "STALE"


@pytest.mark.parametrize(
    ("word", "sends"),
    [("HIT", True), ("STALE", True), ("UPDATING", True), ("MISS", False), ("REVALIDATED", False)],
)
def test_age_goes_with_answers_from_the_cache(word, sends):
    assert caching.sends_age(caching.CLOUDFLARE, word) is sends
    assert caching.sends_age(caching.RFC9111_SHARED, word)


def test_the_two_profiles_differ_where_the_documents_differ(shared, cloudflare):
    cookie = (("Cache-Control", "max-age=60"), ("Set-Cookie", "a=b"))
    for cache, word in ((shared, "HIT"), (cloudflare, "BYPASS")):
        cache.ask(answers=cookie)
        assert cache.ask(answers=cookie).word == word
    for cache, word in ((shared, "MISS"), (cloudflare, "HIT")):
        cache.ask(url=SITE + "/a.css", status=200)
        seen = cache.ask(url=SITE + "/a.css", not_modified=False)
        assert seen.word in (word, "EXPIRED")
