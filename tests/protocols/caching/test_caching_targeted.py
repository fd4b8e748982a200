"""Targeted fields: RFC 9213. No published proxy gets all of them right."""

import pytest

from labctl.protocols import caching
from labctl.protocols.caching_directives import parse_targeted

CASES = [
    ("max-age=3600", None, True),
    ("max-age=2147483648", None, True),
    ("max-age=99999999999", None, True),
    ("foobar, max-age=3600", None, True),
    ("max-age=3600", "max-age=1", True),
    ("max-age=10000", "no-store", True),
    ("max-age=1", "max-age=3600", False),
    ("max-age=0", "max-age=3600", False),
    ("private", "max-age=10000", False),
    ("no-cache", "max-age=10000", False),
    ("no-store", "max-age=10000", False),
    ("max-age=10000, &&&&&", "no-store", False),
    ('max-age="10000"', "no-store", False),
    ("max-age=10000.0", "no-store", False),
    ("max-age=-1", "max-age=10000", True),
    ("MaX-aGe=3600", "max-age=1", False),
    ("max-age =3600", "max-age=1", False),
    ("max-age= 3600", "max-age=1", False),
    ("no-store=1", "max-age=10000", True),
    ("", "max-age=10000", True),
    ("no-store=?0, max-age=10000", "no-store", True),
    ("max-age=1, max-age=3600", None, True),
    ("max-age=3600;ext=1", None, True),
]


@pytest.mark.parametrize(("targeted", "plain", "fresh"), CASES)
def test_section_2_2_of_9213_a_valid_targeted_field_decides_alone(shared, targeted, plain, fresh):
    answers = [("CDN-Cache-Control", targeted), ("Date", shared.date())]
    if plain is not None:
        answers.append(("Cache-Control", plain))
        if fresh is False:
            answers.append(("Expires", shared.date(10_000)))
    shared.ask(answers=tuple(answers))
    shared.wait(3)
    assert shared.ask(answers=tuple(answers), not_modified=False).from_cache is fresh


def test_section_2_2_of_9213_expires_does_not_count_beside_it(shared):
    answers = (("CDN-Cache-Control", "max-age=3600"), ("Expires", "0"), ("Date", shared.date()))
    shared.ask(answers=answers)
    assert shared.ask().from_cache


def test_section_4_2_3_age_counts_for_it_too(shared):
    shared.ask(answers=(("CDN-Cache-Control", "max-age=3600"), ("Age", "7200")))
    assert not shared.ask().from_cache


def test_a_browser_does_not_know_it(browser):
    browser.ask(answers=(("CDN-Cache-Control", "max-age=3600"),))
    assert not browser.ask().from_cache


def test_it_goes_on_to_the_client(shared):
    shared.ask(answers=(("CDN-Cache-Control", "max-age=3600"),))
    assert shared.ask().fields["cdn-cache-control"] == "max-age=3600"


def test_cloudflare_prefers_its_own_field(cloudflare):
    both = (("Cloudflare-CDN-Cache-Control", "max-age=3600"), ("CDN-Cache-Control", "max-age=1"))
    cloudflare.ask(answers=both)
    cloudflare.wait(3)
    assert cloudflare.ask().word == "HIT"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("max-age=10, &&", "it is no structured dictionary"),
        ('max-age="10"', "max-age is no whole number"),
        ("no-store=1", "no-store takes no value"),
        ("", "it is empty"),
    ],
)
def test_the_reason_why_a_field_does_not_count_is_said(text, why):
    read = parse_targeted(text)
    assert isinstance(read, str)
    assert read.startswith(why)
    response = caching.CacheResponse(200, (("CDN-Cache-Control", text), ("Cache-Control", "max-age=9")))
    advice = caching.what_to_change(
        caching.RFC9111_SHARED, caching.CacheRequest("GET", "http://a/"), response, 0.0
    )
    assert any("cdn-cache-control does not count" in each.words for each in advice)
