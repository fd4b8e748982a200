"""Freshness and age: RFC 9111 section 4.2 and the fields that it reads. The corner cases are those that caches in the
wild get wrong, in the words of the HTTP cache test suite's subjects."""

import pytest

from labctl.protocols import caching
from labctl.protocols.caching import CacheRequest, CacheResponse

DAY = 86_400


def second_is_from_cache(cache, *answers, wait=3.0, status=200):
    cache.ask(answers=answers, status=status)
    cache.wait(wait)
    return cache.ask(answers=answers, status=status, not_modified=False).from_cache


@pytest.mark.parametrize(
    ("value", "fresh"),
    [
        ("max-age=3600", True),
        ("MaX-aGe=3600", True),
        ("foobar, max-age=3600", True),
        ("max-age=003600", True),
        ('max-age="3600"', True),
        ("max-age=2147483647", True),
        ("max-age=2147483648", True),
        ("max-age=2147483649", True),
        ("max-age=99999999999", True),
        ("max-age=" + "9" * 5000, True),
        ("max-age=1800, max-age=1", True),
        (",, max-age=3600,,", True),
        ("max-age=0", False),
        ("max-age=3", False),
        ("max-age=1, max-age=1800", False),
        ("max-age='3600'", False),
        ("max-age=-3600", False),
        ("max-age=a3600", False),
        ("max-age=3600a", False),
        ("max-age=3600.0", False),
        ("max-age=", False),
        ("max-age", False),
        ("max-age =3600", False),
        ("max-age= 3600", False),
        ("max-age=\u0663600", False),
        ('extension="max-age=3600", max-age=1', False),
        ('max-age=1, extension="max-age=3600"', False),
        ('extension="\\"max-age=3600", max-age=1', False),
        ('unfinished="max-age=3600, max-age=1', False),
        ("s-maxage=3600", True),
        ("max-age=1, s-maxage=3600", True),
        ("max-age=0, s-maxage=3600", True),
        ("max-age=3600, s-maxage=1", False),
        ("s-maxage=1, max-age=3600", False),
        ("", False),
    ],
)
def test_section_5_2_2_max_age_and_s_maxage_of_a_shared_cache(shared, value, fresh):
    assert second_is_from_cache(shared, ("Cache-Control", value)) is fresh


def test_section_5_3_two_lines_of_cache_control_are_one_list(shared):
    lines = (("Cache-Control", "max-age=3600"), ("cache-control", "s-maxage=1"))
    assert not second_is_from_cache(shared, *lines)


@pytest.mark.parametrize("value", ["s-maxage=3600, max-age=1", "s-maxage=3600"])
def test_section_5_2_2_10_a_browser_does_not_know_s_maxage(browser, value):
    assert not second_is_from_cache(browser, ("Cache-Control", value))


@pytest.mark.parametrize(
    ("expires", "fresh"),
    [
        (30 * DAY, True),
        (-30 * DAY, False),
        (0, False),
    ],
)
def test_section_5_3_expires_counts_from_date(shared, expires, fresh):
    answers = (("Expires", shared.date(expires)), ("Date", shared.date()))
    assert second_is_from_cache(shared, *answers, wait=0) is fresh


@pytest.mark.parametrize(
    ("text", "fresh"),
    [
        ("Tue, 19 Jan 2038 14:14:08 GMT", True),
        ("Sun, 21 Nov 2286 04:46:39 GMT", True),
        ("Thursday, 18-Aug-50 02:01:18 GMT", True),
        ("Thu Aug  8 02:01:18 2050", True),
        ("THU, 18 Aug 2050 02:01:18 GMT", True),
        ("Thu, 18 AUG 2050 02:01:18 GMT", True),
        ("Thu, 18 Aug 2050 02:01:18 gMT", True),
        ("0", False),
        ("", False),
        ("Thu, 18 Aug 2050 02:01:18 UTC", False),
        ("Thu, 18 Aug 2050 02:01:18 AEST", False),
        ("Thu, 18 Aug 50 02:01:18 GMT", False),
        ("Thu 18 Aug 2050 02:01:18 GMT", False),
        ("Thu, 18  Aug  2050 02:01:18 GMT", False),
        ("Thu, 18-Aug-2050 02:01:18 GMT", False),
        ("Thu, 18 Aug 2050 02.01.18 GMT", False),
        ("Thu, 18 Aug 2050 2:01:18 GMT", False),
        ("Thu, 18 Aug 2050 02:01:18 GMT, Thu, 18 Aug 2050 02:01:19 GMT", False),
    ],
)
def test_section_5_3_an_expires_that_is_no_date_is_past(shared, text, fresh):
    assert second_is_from_cache(shared, ("Expires", text), ("Date", shared.date())) is fresh


@pytest.mark.parametrize(
    ("date", "expires", "age", "fresh"),
    [
        ("foo", 10, None, True),
        (400, 300, None, False),
        (-10, 10, "25", False),
        (10, 20, "15", False),
        (-7200, None, None, False),
    ],
)
def test_section_4_2_3_clocks_that_differ(shared, date, expires, age, fresh):
    answers = [("Date", date if isinstance(date, str) else shared.date(date))]
    if expires is not None:
        answers.append(("Expires", shared.date(expires)))
    else:
        answers.append(("Cache-Control", "max-age=3600"))
    if age is not None:
        answers.append(("Age", age))
    assert second_is_from_cache(shared, *answers, wait=0) is fresh


@pytest.mark.parametrize(
    ("value", "expires", "fresh"),
    [("max-age=3600", "0", True), ("max-age=0", None, False), ("max-age=0, s-maxage=3600", "0", True)],
)
def test_section_5_3_max_age_goes_before_expires(shared, value, expires, fresh):
    answers = (("Cache-Control", value), ("Expires", expires or shared.date(3600)), ("Date", shared.date()))
    assert second_is_from_cache(shared, *answers) is fresh


@pytest.mark.parametrize(
    ("ages", "fresh"),
    [
        (("abc",), True),
        (("-7200",), True),
        (("7200.0",), True),
        (("",), True),
        (("0, 7200",), True),
        (("0", "7200"), True),
        (("0, 0",), True),
        (("3599",), False),
        (("7200",), False),
        (("7200, 0",), False),
        (("7200", "0"), False),
        (("2147483647",), False),
        (("2147483648",), False),
        (("2147483649",), False),
        (("9" * 40,), False),
    ],
)
def test_section_5_1_the_first_age_counts_and_garbage_does_not(shared, ages, fresh):
    answers = (("Date", shared.date()), ("Cache-Control", "max-age=3600"), *(("Age", age) for age in ages))
    assert second_is_from_cache(shared, *answers) is fresh


def test_section_4_2_1_even_the_longest_lifetime_is_over_for_the_greatest_age(shared):
    assert not second_is_from_cache(shared, ("Cache-Control", "max-age=99999999999"), ("Age", "99999999999"))


def test_section_5_1_age_goes_on_from_what_came_with_the_response(shared):
    shared.ask(answers=(("Cache-Control", "max-age=600"), ("Age", "30"), ("Date", shared.date())))
    shared.wait(3)
    assert shared.ask().fields["age"] == "33"


def test_section_4_2_3_the_time_that_the_answer_took_is_age_too(shared):
    shared.ask(answers=(("Cache-Control", "max-age=600"), ("Age", "30")), delay=5)
    assert shared.ask().fields["age"] == "35"


@pytest.mark.parametrize(
    ("status", "fresh"),
    [
        (200, True), (203, True), (204, True), (300, True), (301, True), (308, True), (404, True), (405, True),
        (410, True), (414, True), (501, True), (201, False), (202, False), (302, False), (307, False),
        (403, False), (500, False), (502, False), (503, False), (504, False), (599, False),
    ],
)  # fmt: skip
def test_section_4_2_2_which_statuses_may_be_guessed_about(shared, status, fresh):
    answers = (("Last-Modified", shared.date(-DAY)), ("Date", shared.date()))
    assert second_is_from_cache(shared, *answers, status=status) is fresh


def test_section_5_2_2_9_public_allows_to_guess_about_any_status(shared):
    answers = (("Last-Modified", shared.date(-DAY)), ("Date", shared.date()), ("Cache-Control", "public"))
    assert second_is_from_cache(shared, *answers, status=599)


@pytest.mark.parametrize(("wait", "fresh"), [(0, True), (99, True), (100, False), (1001, False)])
def test_section_4_2_2_a_tenth_of_the_time_since_the_change(shared, wait, fresh):
    answers = (("Last-Modified", shared.date(-1000)), ("Date", shared.date()))
    assert second_is_from_cache(shared, *answers, wait=wait) is fresh


@pytest.mark.parametrize(
    "status", [200, 203, 204, 299, 301, 302, 303, 307, 308, 400, 404, 410, 499, 500, 502, 599]
)
def test_section_3_a_lifetime_makes_any_final_status_storable(shared, status):
    assert second_is_from_cache(shared, ("Cache-Control", "max-age=3600"), status=status)


@pytest.mark.parametrize("status", [200, 204, 299, 301, 404, 500, 599])
def test_section_4_2_a_stale_one_is_not_reused_whatever_its_status(shared, status):
    answers = (("Expires", shared.date(-5000)), ("Last-Modified", shared.date(-DAY)), ("Date", shared.date()))
    assert not second_is_from_cache(shared, *answers, status=status)


def test_the_reason_names_the_directive_that_won():
    response = CacheResponse(200, (("Cache-Control", "public, max-age=60, s-maxage=600"),))
    because = caching.lifetime(caching.RFC9111_SHARED, response, 0.0).because
    assert because == ("s-maxage=600 wins here", "RFC 9111 section 5.2.2.10", "s-maxage=600")
    assert caching.lifetime(caching.BROWSER, response, 0.0).because.words == "max-age=60"


def test_section_4_2_3_age_is_never_negative():
    request, response = (
        CacheRequest("GET", "http://a/"),
        CacheResponse(200, (("Cache-Control", "max-age=9"),)),
    )
    allowed = caching.may_store(caching.RFC9111_SHARED, request, response)
    stored = caching.store(caching.RFC9111_SHARED, request, response, 100.0, 100.0, allowed.because)
    assert caching.current_age(stored, 50.0) == 0.0
    assert ("Age", "0") in caching.reply_from(stored, request, 50.0).fields


def test_section_4_2_3_the_seconds_that_date_cuts_off_are_no_age(shared):
    shared.wait(0.9)
    shared.ask(answers=(("Cache-Control", "max-age=60"), ("Date", shared.date())))
    shared.wait(59.95)
    assert shared.ask().word == "HIT"
    shared.wait(0.05)
    assert shared.ask().word == "EXPIRED"
