"""The browser's column where RFC 9111 leaves it free: Chromium's habits."""

import pytest

DAY = 86_400


@pytest.mark.parametrize("status", [300, 301, 308, 410])
def test_permanent_answers_without_a_lifetime_are_kept_for_good(browser, status):
    browser.ask(status=status)
    browser.wait(3650 * DAY)
    seen = browser.ask(status=status)
    assert seen.from_cache
    assert seen.because.words == f"a {status} without a lifetime is kept for good"


def test_a_permanent_redirect_with_a_lifetime_is_kept_for_that(browser):
    browser.ask(status=301, answers=(("Cache-Control", "max-age=60"),))
    browser.wait(60)
    assert not browser.ask(status=301).from_cache


@pytest.mark.parametrize(
    ("status", "value", "from_cache"),
    [
        (200, "x", True),
        (203, "x", True),
        (200, "must-revalidate", False),
        (404, "x", False),
        (204, "x", False),
    ],
)
def test_the_tenth_since_last_modified_is_for_few_statuses(browser, status, value, from_cache):
    answers = (("Last-Modified", browser.date(-DAY)), ("Date", browser.date()), ("Cache-Control", value))
    browser.ask(status=status, answers=answers)
    browser.wait(100)
    assert browser.ask(status=status, answers=answers, not_modified=False).from_cache is from_cache


def test_pragma_of_a_response_counts(browser, shared):
    answers = (("Cache-Control", "max-age=60"), ("Pragma", "x, No-Cache"))
    for cache, from_cache in ((browser, False), (shared, True)):
        cache.ask(answers=answers)
        assert cache.ask(answers=answers).from_cache is from_cache


def test_private_responses_are_its_business(browser):
    browser.ask(answers=(("Cache-Control", "private, max-age=60"), ("Set-Cookie", "a=b")))
    assert browser.ask(("Authorization", "x")).from_cache


def test_immutable_changes_nothing(browser):
    browser.ask(answers=(("Cache-Control", "max-age=60, immutable"), ("ETag", '"a"')))
    assert browser.ask().from_cache
    assert not browser.ask(("Cache-Control", "max-age=0")).from_cache
