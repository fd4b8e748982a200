"""What to change: every obstacle is named, and no line that is recommended gives away what was private."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labctl.protocols import caching
from labctl.protocols.caching import CLOUDFLARE, RFC9111_SHARED, CacheRequest, CacheResponse, CacheRules
from labctl.protocols.caching_directives import parse_cache_control
from labctl.protocols.http1_fields import Fields, get
from labctl.protocols.http_dates import write_http_date
from labs.cache.advice import Advice, compares_nothing, told_otherwise, what_to_change, why
from labs.cache.header import NOW, in_short, read_fields
from labs.cache.verdict import reach, verdict

STYLE, PAGE, API = ("https://www.shop.test/" + path for path in ("style.css", "blog/", "api/products"))


def asked(url: str, *typed: str) -> tuple[CacheRequest, CacheResponse]:
    fields = (*read_fields(typed), ("Date", write_http_date(NOW)))
    return CacheRequest("GET", url), CacheResponse(200, fields)


def advice(url: str, rules: CacheRules, *typed: str) -> tuple[Advice, ...]:
    request, response = asked(url, *typed)
    browser, shared = verdict(request, response, NOW, rules)
    return what_to_change(request, response, NOW, browser, shared)


def words(found: tuple[Advice, ...]) -> str:
    return " ".join(each.words for each in found)


def lines(found: tuple[Advice, ...]) -> list[str]:
    return [each.header for each in found if each.header]


# The commonest cases of real sites.


def test_a_page_of_php_with_a_session_is_never_told_to_be_public() -> None:
    php = (
        "no-store, no-cache, must-revalidate",
        "Expires: Thu, 19 Nov 1981 08:52:00 GMT",
        "Pragma: no-cache",
        "Set-Cookie: PHPSESSID=1; path=/",
    )
    for rules in (RFC9111_SHARED, CLOUDFLARE):
        found = advice(PAGE, rules, *php)
        assert lines(found) == ["Cache-Control: private, no-cache"]
        assert "ETag" not in words(found)
    assert "Cache Rule" in words(advice(PAGE, CLOUDFLARE, *php))
    assert "Do not set a cookie" in words(advice(PAGE, CLOUDFLARE, *php))


def test_what_is_private_stays_private_when_it_gets_a_lifetime() -> None:
    for typed in ("private", "no-cache, private", "private, max-age=0, must-revalidate"):
        first = next(line for line in lines(advice(STYLE, RFC9111_SHARED, typed)))
        assert first.startswith("Cache-Control: private, max-age=3600")


def test_a_file_that_says_nothing_but_sets_a_cookie_gets_a_private_lifetime() -> None:
    assert lines(advice(STYLE, CLOUDFLARE, "Set-Cookie: a=b"))[0] == "Cache-Control: private, max-age=3600"


def test_a_cookie_that_a_shared_cache_would_keep_is_warned_of() -> None:
    found = advice(STYLE, RFC9111_SHARED, "public, max-age=600", "Set-Cookie: a=b")
    assert "hands one visitor's cookie to everybody" in words(found)
    assert "hands" not in words(advice(STYLE, CLOUDFLARE, "public, max-age=600", "Set-Cookie: a=b"))


def test_max_age_0_is_no_mistake_and_the_lifetime_of_the_cdn_is_kept() -> None:
    found = advice(STYLE, RFC9111_SHARED, "max-age=0, s-maxage=600")
    assert found[0].words.startswith("max-age=0 means")
    assert found[0].header == "Cache-Control: max-age=3600, s-maxage=600"


@pytest.mark.parametrize("rules", [RFC9111_SHARED, CLOUDFLARE])
@pytest.mark.parametrize("directive", ["no-store", "private", "no-cache"])
def test_a_field_of_the_cdns_own_is_changed_where_it_stands(rules: CacheRules, directive: str) -> None:
    typed = (f"CDN-Cache-Control: {directive}", "public, max-age=600")
    found = advice(STYLE, rules, *typed)
    assert lines(found)[0] == "CDN-Cache-Control: max-age=3600"
    request, response = asked(STYLE, *typed)
    shared = verdict(request, response, NOW, rules)[1]
    because = why(shared, request, response, NOW)
    assert because is not None
    assert "cdn-cache-control" in because.words.lower()


@pytest.mark.parametrize("value", ['max-age="60"', "max-age=60.0", "no-store=1"])
def test_a_field_that_is_read_strictly_and_does_not_count_is_named_as_it_is_written(value: str) -> None:
    found = advice(STYLE, RFC9111_SHARED, f"CDN-Cache-Control: {value}", "max-age=5")
    assert found[0].words.startswith("CDN-Cache-Control does not count")


@pytest.mark.parametrize(
    ("vary", "rules", "said"),
    [
        ("User-Agent", RFC9111_SHARED, "almost every visitor"),
        ("Cookie", RFC9111_SHARED, "say private"),
        ("User-Agent", CLOUDFLARE, "takes no notice of Vary: User-Agent"),
        ("Accept-Encoding, Origin", CLOUDFLARE, "takes no notice of Vary: Origin,"),
        ("*", RFC9111_SHARED, "instead of *"),
    ],
)
def test_what_vary_costs_or_fails_to_do_is_said(vary: str, rules: CacheRules, said: str) -> None:
    assert said in words(advice(STYLE, rules, "max-age=600", f"Vary: {vary}"))


def test_a_vary_that_does_its_work_needs_no_advice() -> None:
    for rules in (RFC9111_SHARED, CLOUDFLARE):
        assert advice(STYLE, rules, "max-age=600", "Vary: Accept-Encoding", 'ETag: "1"') == ()


def test_a_copy_that_comes_older_than_max_age_is_explained() -> None:
    request, response = asked(STYLE, "max-age=3600", "Age: 7200", 'ETag: "1"')
    browser, shared = verdict(request, response, NOW, CLOUDFLARE)
    because = why(browser, request, response, NOW)
    assert because is not None
    assert "7200 s old already" in because.words
    assert "a cache on the way keeps it for longer" in words(
        what_to_change(request, response, NOW, browser, shared)
    )


def test_json_behind_cloudflare_needs_a_rule_and_no_header() -> None:
    found = advice(API, CLOUDFLARE, "public, max-age=3600", 'ETag: "1"')
    assert len(found) == 1
    assert "Cache Rule" in found[0].words
    assert found[0].header == ""


def test_a_hashed_file_that_is_kept_for_a_year_is_left_alone() -> None:
    assert advice(STYLE, RFC9111_SHARED, "public, max-age=31536000, immutable") == ()


_LINES = st.lists(
    st.sampled_from(
        [
            *(
                "no-store",
                "no-cache",
                "private",
                "public",
                "max-age=0",
                "max-age=60",
                "s-maxage=60",
                "max-age=x",
            ),
            *("must-revalidate", "stale-while-revalidate=30", "immutable", "CDN-Cache-Control: max-age=60"),
            *(
                "CDN-Cache-Control: no-store",
                "Set-Cookie: a=b",
                "Vary: Cookie",
                "Vary: *",
                "Expires: 0",
                "Age: 90",
            ),
            *('ETag: "1"', "Surrogate-Control: max-age=1", "Last-Modified: Mon, 02 Nov 2026 00:00:00 GMT"),
        ]
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=300)
@given(_LINES, st.sampled_from([STYLE, PAGE]), st.sampled_from([RFC9111_SHARED, CLOUDFLARE]))
def test_every_line_to_send_is_named_once_and_gives_its_cache_what_it_promises(
    typed: list[str], url: str, rules: CacheRules
) -> None:
    found = advice(url, rules, *typed)
    assert len(lines(found)) == len(set(lines(found)))
    request, response = asked(url, *typed)
    said = parse_cache_control(get(response.fields, "Cache-Control") or "")
    for each in found:
        assert each.words.endswith(".")
        name, _, value = each.header.partition(": ")
        if name == "Cache-Control" and "max-age" in value:
            told = parse_cache_control(value)
            assert "no-store" not in told
            # Only who asks whether it is the same for everybody may say public of what was private.
            assert ("private" not in said or "private" in told) or "everybody" in each.words
            fields: Fields = (*((n, v) for n, v in response.fields if n.lower() in ("date",)), (name, value))
            assert caching.explain(caching.BROWSER, request, CacheResponse(200, fields), NOW).fresh_s > 0


# Whom new bytes reach, and the last line.


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (("max-age=60",), "up to 60 s. A new URL"),
        (
            ("max-age=60, s-maxage=600",),
            "reach a person after up to 600 s: a browser asks after 60 s, and the CDN",
        ),
        (("max-age=0, s-maxage=600",), "when the CDN's copy has run out, after up to 600 s"),
        (("private, max-age=7200",), "no purge gets into browsers"),
        (("no-cache",), "at once"),
        (
            ("max-age=60", "Age: 90", "CF-Cache-Status: HIT"),
            "when the cache on the way asks the origin again",
        ),
    ],
)
def test_it_is_said_when_new_bytes_are_seen(typed: tuple[str, ...], said: str) -> None:
    request, response = asked(STYLE, *typed)
    browser, shared = verdict(request, response, NOW, RFC9111_SHARED)
    assert said in reach(browser, shared, came_from_store="CF-Cache-Status: HIT" in typed)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (("no-store",), "A browser and a CDN keep nothing."),
        (("no-cache", 'ETag: "1"'), "A browser and a CDN keep it and ask before each use."),
        (("no-cache",), "A browser and a CDN have nothing to compare and fetch it anew each time."),
        (
            ("max-age=0, stale-while-revalidate=60",),
            "A browser and a CDN answer with an old one for 60 s and refresh behind it.",
        ),
        (("private, max-age=3600",), "A browser answers by itself for 1 h, a CDN keeps nothing."),
    ],
)
def test_the_last_line_says_what_both_do(typed: tuple[str, ...], said: str) -> None:
    request, response = asked(STYLE, *typed)
    assert in_short(*verdict(request, response, NOW, RFC9111_SHARED)) == said


# Of what came back from a real server.


@pytest.mark.parametrize(
    ("typed", "cdn", "said"),
    [
        ("no-store", ("MISS", "HIT"), "a rule of its own"),
        ("max-age=600", ("DYNAMIC", "DYNAMIC"), "although this header lets it"),
        ("max-age=600", ("MISS", "MISS"), "another of the CDN's servers"),
        ("max-age=600", ("MISS", "HIT"), ""),
        ("no-store", ("BYPASS", "BYPASS"), ""),
        ("max-age=600", ("", ""), ""),
    ],
)
def test_a_cdn_that_does_not_do_what_the_header_says_has_a_rule_of_its_own(
    typed: str, cdn: tuple[str, ...], said: str
) -> None:
    request, response = asked(STYLE, typed)
    told = told_otherwise(cdn, verdict(request, response, NOW, CLOUDFLARE)[1])
    assert bool(told) == bool(said)
    assert said in told


@pytest.mark.parametrize(
    ("status", "tag", "said"), [(200, '"1"', True), (304, '"1"', False), (200, '"2"', False)]
)
def test_a_server_that_compares_nothing_is_found_out(status: int, tag: str, said: bool) -> None:
    first = CacheResponse(200, (("ETag", '"1"'),))
    again = CacheResponse(status, (("ETag", tag),))
    assert bool(compares_nothing(first, again)) == said
    assert compares_nothing(first) == ""


def test_the_column_of_the_cdn_names_the_field_that_it_goes_by() -> None:
    request, response = asked(STYLE, "max-age=60", "CDN-Cache-Control: no-store")
    browser, shared = verdict(request, response, NOW, RFC9111_SHARED)
    assert browser.may_store.yes
    assert shared.may_store.because.words == "CDN-Cache-Control says no-store"
