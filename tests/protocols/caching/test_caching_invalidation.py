"""Invalidation after a change: RFC 9111 section 4.4."""

import pytest

from labctl.protocols.caching import CacheRequest, CacheResponse, invalidates

URL = "http://www.shop.test/basket/1"
LASTING = (("Cache-Control", "max-age=3600"),)
METHODS = ["POST", "PUT", "DELETE", "PATCH", "M-SEARCH", "FOO"]


@pytest.mark.parametrize("method", METHODS)
def test_section_4_4_a_successful_change_makes_us_forget(shared, method):
    shared.ask(answers=LASTING)
    shared.ask(method=method)
    assert not shared.ask(answers=LASTING).from_cache


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("status", [400, 500])
def test_section_4_4_a_change_that_failed_changes_nothing(shared, method, status):
    shared.ask(answers=LASTING)
    shared.ask(method=method, status=status)
    assert shared.ask().from_cache


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "TRACE"])
def test_section_4_4_safe_methods_change_nothing(method):
    assert invalidates(CacheRequest(method, URL), CacheResponse(200)) == ()


@pytest.mark.parametrize("name", ["Location", "Content-Location"])
@pytest.mark.parametrize(
    ("value", "also"),
    [
        ("/other", "http://www.shop.test/other"),
        ("2", "http://www.shop.test/basket/2"),
        ("http://www.shop.test:80/other#part", "http://www.shop.test:80/other"),
        ("http://evil.test/other", None),
        ("https://www.shop.test/other", None),
        ("http://www.shop.test:8080/other", None),
        ("", None),
        ("http://[", None),
        ("//evil.test/", None),
    ],
)
def test_section_4_4_the_places_that_the_answer_names_go_too_if_they_are_of_one_origin(name, value, also):
    gone = invalidates(CacheRequest("POST", URL, (), True), CacheResponse(201, ((name, value),)))
    assert gone == ((URL, also) if also else (URL,))


def test_section_9_3_3_of_9110_an_answer_to_post_may_be_kept_for_get(shared):
    answers = (*LASTING, ("Content-Location", ""))
    shared.ask(method="POST", answers=answers, body=b"made")
    assert shared.ask().body == b"made"
