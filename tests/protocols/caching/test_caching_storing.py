"""What may be stored, and what of it: RFC 9111 section 3, and RFC 9213 for targeted fields."""

import pytest

from labctl.protocols import caching
from labctl.protocols.caching import BROWSER, RFC9111_SHARED, CacheRequest, CacheResponse

URL = "http://www.shop.test/a"
GET = CacheRequest("GET", URL)


def allowed(rules, *fields, status=200, request=GET, **more):
    return caching.may_store(rules, request, CacheResponse(status, fields, **more))


@pytest.mark.parametrize(
    ("value", "shared", "private", "section"),
    [
        ("no-store", False, False, "5.2.2.5"),
        ("No-StOrE", False, False, "5.2.2.5"),
        ("max-age=10000, no-store", False, False, "5.2.2.5"),
        ("private, max-age=3600", False, True, "5.2.2.7"),
        ('private="x-a", max-age=3600', True, True, "3"),
        ("no-cache", True, True, "3"),
        ("public", True, True, "5.2.2.9"),
        ("must-understand, no-store, max-age=1", True, True, "3"),
    ],
)
def test_section_3_directives(value, shared, private, section):
    decision = allowed(RFC9111_SHARED, ("Cache-Control", value))
    assert decision.yes is shared
    assert decision.because.rule == f"RFC 9111 section {section}"
    assert allowed(BROWSER, ("Cache-Control", value)).yes is private


def test_section_5_2_2_3_must_understand_forbids_a_status_that_we_do_not_know():
    fields = (("Cache-Control", "max-age=3600, no-store, must-understand"),)
    assert not allowed(RFC9111_SHARED, *fields, status=599).yes
    assert allowed(RFC9111_SHARED, *fields, status=200).yes


@pytest.mark.parametrize("status", [100, 102, 103, 199])
def test_section_3_interim_responses_are_not_stored(status):
    assert not allowed(RFC9111_SHARED, ("Cache-Control", "max-age=9"), status=status).yes


def test_section_3_3_a_body_that_ended_too_early_is_not_stored():
    assert not allowed(RFC9111_SHARED, ("Cache-Control", "max-age=9"), complete=False).yes


@pytest.mark.parametrize(
    ("value", "yes"),
    [("max-age=3600", False), ("public", True), ("must-revalidate, max-age=9", True), ("s-maxage=9", True)],
)
def test_section_3_5_an_answer_to_authorization_needs_permission(value, yes):
    request = CacheRequest("GET", URL, (("Authorization", "Basic x"),))
    assert allowed(RFC9111_SHARED, ("Cache-Control", value), request=request).yes is yes
    assert allowed(BROWSER, ("Cache-Control", value), request=request).yes or value == "s-maxage=9"


def test_section_5_2_1_5_a_request_may_forbid_storing():
    request = CacheRequest("GET", URL, (("Cache-Control", "no-store"),))
    assert not allowed(RFC9111_SHARED, ("Cache-Control", "max-age=9"), request=request).yes


def test_section_5_2_2_5_an_older_stored_response_stays_when_a_newer_says_no_store(shared):
    shared.ask(answers=(("Cache-Control", "max-age=100"), ("A", "1")))
    shared.wait(3)
    assert shared.ask(answers=(("Cache-Control", "no-store"), ("A", "2"))).fields["a"] == "1"


def test_section_3_1_hop_by_hop_fields_and_those_named_by_connection_are_left_out(shared):
    hop = [(name, "x") for name in ("Keep-Alive", "Proxy-Authenticate", "TE", "Upgrade", "Proxy-Connection")]
    shared.ask(
        answers=(
            ("Connection", "a, B"),
            ("a", "1"),
            ("b", "2"),
            ("c", "3"),
            ("Cache-Control", "max-age=9"),
            *hop,
        )
    )
    fields = shared.ask().fields
    assert fields["c"] == "3"
    assert not {"a", "b", "connection", "keep-alive", "te", "upgrade", "proxy-authenticate"} & fields.keys()


@pytest.mark.parametrize("name", ["no-cache", "private"])
def test_section_5_2_2_4_fields_named_by_a_qualified_directive_are_left_out(shared, name):
    shared.ask(answers=(("Cache-Control", f'{name}="a, B"'), ("A", "1"), ("b", "2"), ("c", "3"), *LASTING))
    seen = shared.ask()
    assert seen.from_cache
    assert seen.fields["c"] == "3"
    assert not {"a", "b"} & seen.fields.keys()


LASTING = (("Cache-Control", "max-age=3600"),)


@pytest.mark.parametrize(
    "field",
    [
        ("Set-Cookie", "a=b"),
        ("Content-Security-Policy", "x"),
        ("Content-Encoding", "x"),
        ("Clear-Site-Data", "x"),
        ("Content-Range", "x"),
    ],
)
def test_section_3_1_all_other_fields_are_stored(shared, field):
    shared.ask(answers=(field, *LASTING))
    assert shared.ask().fields[field[0].lower()] == field[1]


def test_section_6_6_1_of_9110_a_response_without_a_date_gets_one(shared):
    shared.ask(answers=LASTING)
    then = shared.date()
    shared.wait(30)
    assert shared.ask().fields["date"] == then


def test_section_5_1_date_is_not_touched(shared):
    then = shared.date(-5)
    shared.ask(answers=(("Date", then), *LASTING))
    shared.wait(30)
    assert shared.ask().fields["date"] == then


@pytest.mark.parametrize(
    ("location", "value", "yes"),
    [
        ("", "max-age=9", True),
        (URL, "max-age=9", True),
        ("/a", "max-age=9", True),
        ("/b", "max-age=9", False),
        (None, "max-age=9", False),
        (URL, "public", False),
    ],
)
def test_section_9_3_3_of_9110_an_answer_to_post_for_later_gets(location, value, yes):
    fields = [("Cache-Control", value)]
    if location is not None:
        fields.append(("Content-Location", location))
    assert allowed(RFC9111_SHARED, *fields, request=CacheRequest("POST", URL, (), True)).yes is yes


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "PATCH", "M-SEARCH", "HEAD"])
def test_section_3_answers_to_other_methods_are_not_stored(method):
    assert not allowed(RFC9111_SHARED, *LASTING, request=CacheRequest(method, URL)).yes


def test_section_4_query_strings_are_part_of_the_key(shared):
    shared.ask(answers=LASTING, url=URL + "?a=1")
    assert not shared.ask(answers=LASTING, url=URL + "?a=2").from_cache
    assert shared.ask(url=URL + "?a=1").from_cache


@pytest.mark.parametrize(
    "extra", [("Set-Cookie", "a=b"), ("Content-Disposition", "attachment"), ("Pragma", "no-cache")]
)
def test_section_3_fields_that_do_not_hinder(shared, extra):
    shared.ask(answers=(extra, *LASTING))
    assert shared.ask(("Cookie", "a=b"), ("Pragma", "no-cache")).from_cache


def test_section_5_2_1_5_a_request_that_forbids_storing_does_not_make_us_forget(shared):
    shared.ask(answers=(("Cache-Control", "max-age=2"), ("ETag", '"a"')))
    shared.wait(3)
    shared.ask(("Cache-Control", "no-store"), answers=LASTING, not_modified=False)
    assert shared.kept[next(iter(shared.kept))]


@pytest.mark.parametrize(("status", "forgets"), [(403, True), (404, True), (500, False), (503, False)])
def test_section_4_3_3_an_answer_that_is_not_stored_takes_the_old_ones_place_unless_it_is_an_error(
    shared, status, forgets
):
    shared.ask(answers=(("Cache-Control", "max-age=2"),))
    shared.wait(3)
    shared.ask(status=status, answers=(("Cache-Control", "no-store"),))
    assert any(shared.kept.values()) is not forgets
