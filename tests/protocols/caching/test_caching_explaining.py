"""The verdict table: who may keep it, for how long, and why. `test_caching_fuzz` compares it with what is done."""

import pytest

from labctl.protocols import caching
from labctl.protocols.caching import BROWSER, CLOUDFLARE, RFC9111_SHARED, CacheRequest, CacheResponse
from labctl.protocols.caching_explaining import duration

LOGO = CacheRequest("GET", "https://www.shop.test/logo.svg")


def cells(rules, *fields):
    explained = caching.explain(rules, LOGO, CacheResponse(200, fields), 0.0)
    return {question: (cell.text, cell.because.words) for question, cell in explained.rows}


def test_the_two_columns_of_the_screen():
    fields = (
        ("Cache-Control", "public, max-age=60, s-maxage=600, stale-while-revalidate=30"),
        ("ETag", '"a1b2"'),
    )
    assert cells(BROWSER, *fields) == {
        "may store it": ("yes", "max-age, and no no-store"),
        "fresh for": ("60 s", "max-age=60"),
        "then stale, but": ("30 s more, refresh behind", "stale-while-revalidate=30"),
        "after that": ('ask, If-None-Match "a1b2"', "an etag to compare"),
    }
    assert cells(RFC9111_SHARED, *fields) == {
        "may store it": ("yes", "public"),
        "fresh for": ("600 s", "s-maxage=600 wins here"),
        "then stale, but": ("not a second more", "s-maxage overrules stale-while-revalidate"),
        "after that": ('ask, If-None-Match "a1b2"', "an etag to compare"),
    }


def test_nothing_is_kept():
    table = cells(RFC9111_SHARED, ("Cache-Control", "private, max-age=60"))
    assert table["may store it"] == ("no", "private")
    assert table["after that"][0] == "ask the origin each time"


def test_the_age_that_it_came_with_is_taken_off():
    table = cells(BROWSER, ("Cache-Control", "max-age=60"), ("Age", "50"))
    assert table["fresh for"] == ("10 s", "max-age=60, and it is 50 s old already")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"), (59.4, "59 s"), (3599, "3599 s"), (3600, "3600 s (1 hour)"), (5400, "5400 s (1.5 hours)"),
        (86400, "86400 s (1 day)"), (31536000, "31536000 s (1 year)"),
    ],
)  # fmt: skip
def test_seconds_in_words(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("rules", "fields", "words"),
    [
        (RFC9111_SHARED, (("Cache-Control", "no-store"),), "instead of no-store"),
        (RFC9111_SHARED, (("Cache-Control", "private"),), "public instead of private"),
        (RFC9111_SHARED, (("Cache-Control", "no-cache"),), "ask before each use"),
        (RFC9111_SHARED, (("Cache-Control", "max-age=a"),), "whole number"),
        (RFC9111_SHARED, (("Expires", "0"),), "instead of Expires"),
        (RFC9111_SHARED, (("Vary", "*"),), "instead of *"),
        (RFC9111_SHARED, (), "Say how long"),
        (CLOUDFLARE, (("Set-Cookie", "a=b"),), "Do not set a cookie"),
        (BROWSER, (("Last-Modified", "Thu, 18 Aug 1960 02:01:18 GMT"),), "Say yourself"),
        (RFC9111_SHARED, (("Cache-Control", "s-maxage=9, stale-while-revalidate=9"),), "s-maxage overrules"),
        (RFC9111_SHARED, (("Cache-Control", "max-age=9"),), "Send an ETag"),
    ],
)
def test_what_to_change(rules, fields, words):
    advice = caching.what_to_change(rules, LOGO, CacheResponse(200, fields), 1.0)
    assert any(words in each.words for each in advice)
    assert all(each.words.endswith(".") for each in advice)


def test_what_to_change_when_the_url_is_not_eligible():
    request = CacheRequest("GET", "https://www.shop.test/api")
    advice = caching.what_to_change(
        CLOUDFLARE, request, CacheResponse(200, (("Cache-Control", "max-age=9"),)), 0.0
    )
    assert "Cache Rule" in advice[0].words


def test_there_is_nothing_to_change_about_a_good_response():
    fields = (("Cache-Control", "public, max-age=31536000, immutable"), ("ETag", '"a"'))
    assert caching.what_to_change(RFC9111_SHARED, LOGO, CacheResponse(200, fields), 0.0) == ()
    assert caching.why_not_cached(RFC9111_SHARED, LOGO, CacheResponse(200, fields), 0.0) is None
