"""Validation: RFC 9111 section 4.3, conditions of clients and of the cache, and what a 304 changes."""

import pytest

LONG = ("Cache-Control", "max-age=3600")
SHORT = ("Cache-Control", "max-age=2")


@pytest.mark.parametrize(
    ("etag", "condition", "status"),
    [
        ('"abcdef"', '"abcdef"', 304),
        ('"abcdef"', 'W/"abcdef"', 304),
        ('W/"abcdef"', 'W/"abcdef"', 304),
        ('W/"abcdef"', '"abcdef"', 304),
        ('"abcdef"', '"abcdef", "1234", "5678"', 304),
        ('"abcdef"', '"1234", "abcdef", "5678"', 304),
        ('"abcdef"', '"1234","5678",W/"abcdef"', 304),
        ('"abcdef"', "*", 304),
        ('"abc\xfcdef"', '"abc\xfcdef"', 304),
        ('"a,b"', '"x", "a,b"', 304),
        ("abcdef", "abcdef", 304),
        ('"abcdef"', '"abcde"', 200),
        ('"abcdef"', "abcdef", 200),
        ('"abcdef"', '"ABCDEF"', 200),
        ('"a"', '"x, "a"', 200),
        (None, '"abcdef"', 200),
        ('"abcdef"', "", 200),
    ],
)
def test_section_4_3_2_if_none_match_is_answered_out_of_the_store(shared, etag, condition, status):
    answers = (LONG, ("ETag", etag)) if etag is not None else (LONG,)
    shared.ask(answers=answers)
    shared.wait(3)
    seen = shared.ask(("If-None-Match", condition))
    assert seen.from_cache
    assert seen.status == status
    assert seen.fields.get("etag") == etag


@pytest.mark.parametrize(
    ("modified", "since", "status"),
    [(-3000, -3000, 304), (-3000, -2000, 304), (-3000, -3001, 200), (None, 10, 304), (None, -3000, 200)],
)
def test_section_4_3_2_if_modified_since_is_compared_with_last_modified_else_date(
    shared, modified, since, status
):
    answers = [LONG, ("Date", shared.date())]
    if modified is not None:
        answers.append(("Last-Modified", shared.date(modified)))
    condition = ("If-Modified-Since", shared.date(since))
    shared.ask(answers=tuple(answers))
    assert shared.ask(condition).status == status


def test_section_4_3_2_an_old_form_of_the_date_will_do(shared):
    shared.ask(answers=(LONG, ("Last-Modified", "Thu, 18 Aug 2022 02:01:18 GMT")))
    assert shared.ask(("If-Modified-Since", "Thursday, 18-Aug-22 02:01:18 GMT")).status == 304
    assert shared.ask(("If-Modified-Since", "2022-08-18")).status == 200


def test_section_4_3_2_if_none_match_goes_before_if_modified_since(shared):
    shared.ask(answers=(LONG, ("ETag", '"a"'), ("Last-Modified", shared.date(-5000))))
    assert shared.ask(("If-None-Match", '"a"'), ("If-Modified-Since", shared.date(-9000))).status == 304
    assert shared.ask(("If-None-Match", '"b"'), ("If-Modified-Since", shared.date(0))).status == 200


@pytest.mark.parametrize("name", ["If-Match", "If-Unmodified-Since"])
def test_section_4_3_2_conditions_for_the_origin_are_left_to_it(shared, name):
    shared.ask(answers=(LONG, ("ETag", '"a"')))
    seen = shared.ask((name, '"b"'), status=412)
    assert seen.asked is not None
    assert seen.asked[name.lower()] == '"b"'
    assert seen.status == 412


@pytest.mark.parametrize("etag", ['"abcdef"', 'W/"abcdef"', "abcdef"])
def test_section_4_3_1_a_stale_response_is_asked_about_by_its_etag(shared, etag):
    shared.ask(answers=(SHORT, ("ETag", etag)))
    shared.wait(3)
    seen = shared.ask(answers=(SHORT, ("ETag", etag)))
    assert seen.asked is not None
    assert seen.asked["if-none-match"] == etag
    assert (seen.status, seen.word, seen.body) == (200, "REVALIDATED", b"0123456789")
    assert shared.ask().word == "HIT"


def test_section_4_3_1_and_by_its_last_modified(shared):
    then = shared.date(-3000)
    shared.ask(answers=(SHORT, ("Last-Modified", then)))
    shared.wait(3)
    seen = shared.ask(("If-Modified-Since", then), answers=(SHORT,))
    assert seen.asked is not None
    assert seen.asked["if-modified-since"] == then
    assert seen.status == 304


def test_section_4_3_1_the_clients_condition_does_not_take_the_place_of_ours(shared):
    shared.ask(answers=(SHORT, ("ETag", '"a"')), body=b"one")
    shared.wait(3)
    seen = shared.ask(
        ("If-None-Match", '"b"'), answers=(SHORT, ("ETag", '"b"')), body=b"two", not_modified=False
    )
    assert seen.asked is not None
    assert seen.asked["if-none-match"] == '"a"'
    assert seen.status == 304
    assert shared.ask().body == b"two"


def test_section_4_3_1_without_anything_stored_the_clients_condition_goes_on(shared):
    seen = shared.ask(("If-None-Match", '"abc"'), status=304, answers=(("ETag", '"abc"'),))
    assert seen.asked is not None
    assert seen.asked["if-none-match"] == '"abc"'
    assert seen.status == 304
    assert not shared.kept["http://www.shop.test/style.css"]


def test_cloudflare_keeps_the_clients_condition_to_itself_on_a_miss(cloudflare):
    seen = cloudflare.ask(("If-None-Match", '"a"'), answers=(LONG, ("ETag", '"a"')))
    assert seen.asked is not None
    assert "if-none-match" not in seen.asked
    assert (seen.status, seen.word) == (304, "MISS")


@pytest.mark.parametrize("value", ["no-cache", "max-age=10000, no-cache", "max-age=10000, No-CaChE"])
def test_section_5_2_2_4_no_cache_is_stored_and_asked_about_each_time(shared, value):
    answers = (("Cache-Control", value), ("ETag", '"abcd"'))
    shared.ask(answers=answers)
    for _ in range(2):
        seen = shared.ask(answers=answers)
        assert seen.asked is not None
        assert seen.asked["if-none-match"] == '"abcd"'
        assert seen.word == "REVALIDATED"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Test-Header", "B"), ("X-Test-Header", "B"), ("Content-Foo", "B"), ("Content-Type", "B"),
        ("Content-Location", "B"), ("Set-Cookie", "B"), ("Expires", "B"), ("Cache-Control", "max-age=3601"),
        ("Content-Length", "10"), ("Content-Encoding", "A"), ("Content-Range", "A"),
    ],
)  # fmt: skip
def test_section_3_2_what_a_304_updates(shared, name, expected):
    old = "max-age=2" if name == "Cache-Control" else "10" if name == "Content-Length" else "A"
    new = "max-age=3601" if name == "Cache-Control" else "20" if name == "Content-Length" else "B"
    lasting = () if name == "Cache-Control" else (("Cache-Control", "max-age=2"),)
    shared.ask(answers=((name, old), ("ETag", '"a"'), *lasting))
    shared.wait(3)
    seen = shared.ask(answers=((name, new), ("ETag", '"a"'), *lasting))
    again = shared.ask()
    assert again.from_cache
    assert seen.fields[name.lower()] == again.fields[name.lower()] == expected


def test_section_3_2_what_a_304_does_not_name_stays(shared):
    shared.ask(answers=(SHORT, ("ETag", '"a"'), ("Test-Header", "A"), ("Age", "1")))
    shared.wait(3)
    assert shared.ask(answers=(("ETag", '"a"'),)).fields["test-header"] == "A"
    assert shared.ask().fields["age"] == "0"


@pytest.mark.parametrize("repeats", [True, False])
def test_section_3_2_a_304_does_not_bring_back_what_is_not_stored(shared, repeats):
    value = ("Cache-Control", 'max-age=2, no-cache="secret"')
    shared.ask(answers=(value, ("ETag", '"a"'), ("Secret", "1"), ("Connection", "hop"), ("Hop", "1")))
    shared.wait(3)
    again = (value,) if repeats else ()
    shared.ask(
        answers=(*again, ("ETag", '"a"'), ("Secret", "2"), ("Connection", "hop"), ("Hop", "2"), ("TE", "2"))
    )
    seen = shared.ask()
    assert seen.from_cache
    assert not {"secret", "hop", "te"} & seen.fields.keys()


def test_section_4_3_4_a_304_about_another_version_is_not_used(shared):
    from labctl.protocols.caching import CacheResponse

    shared.ask(answers=(SHORT, ("ETag", '"a"')))
    shared.wait(3)
    whole = CacheResponse(200, (SHORT, ("ETag", '"b"')), 10)
    seen = shared.ask(answers=(("ETag", '"b"'),), again=whole, body=b"new")
    assert (seen.status, seen.body) == (200, b"new")


@pytest.mark.parametrize("value", ["no-store", "private", "no-store, max-age=100"])
def test_section_4_3_4_a_304_that_forbids_storing_is_obeyed_from_then_on(shared, value):
    shared.ask(answers=(SHORT, ("ETag", '"a"')))
    shared.wait(3)
    for _ in range(2):
        seen = shared.ask(answers=(("Cache-Control", value), ("ETag", '"a"')))
        assert (seen.status, seen.word) == (200, "REVALIDATED")
    assert shared.ask(down=True).status == 504


def test_section_4_3_3_a_new_response_takes_the_old_ones_place(shared):
    shared.ask(answers=(SHORT, ("ETag", '"a"')), body=b"one")
    shared.wait(3)
    seen = shared.ask(answers=(LONG, ("ETag", '"b"')), body=b"two", not_modified=False)
    assert (seen.word, seen.body) == ("EXPIRED", b"two")
    assert shared.ask().body == b"two"


def test_section_4_3_5_a_head_is_answered_out_of_the_store(shared):
    shared.ask(answers=(LONG,))
    seen = shared.ask(method="HEAD")
    assert (seen.from_cache, seen.status, seen.body, seen.fields["content-length"]) == (True, 200, b"", "10")


def test_section_4_3_5_the_answer_to_head_freshens_what_is_stored(shared):
    shared.ask(answers=(SHORT, ("Template-A", "1"), ("Template-B", "1")))
    shared.wait(3)
    seen = shared.ask(method="HEAD", answers=(LONG, ("Template-A", "2")))
    assert seen.asked is not None
    assert seen.asked[":method"] == "HEAD"
    again = shared.ask()
    assert (again.from_cache, again.fields["template-a"], again.fields["template-b"]) == (True, "2", "1")


@pytest.mark.parametrize(
    "other", [("ETag", '"b"'), ("Content-Length", "11"), ("Last-Modified", "Thu, 18 Aug 2022 02:01:18 GMT")]
)
def test_section_4_3_5_a_head_about_another_version_makes_us_forget(shared, other):
    modified = ("Last-Modified", "Thu, 11 Aug 2022 02:01:18 GMT")
    shared.ask(answers=(SHORT, ("ETag", '"a"'), modified))
    shared.wait(3)
    shared.ask(method="HEAD", answers=(LONG, other))
    assert not shared.kept["http://www.shop.test/style.css"]


def test_section_4_3_5_only_a_200_to_head_counts(shared):
    shared.ask(answers=(SHORT, ("Template-A", "1")))
    shared.wait(3)
    shared.ask(method="HEAD", status=410, answers=(LONG, ("Template-A", "2")))
    assert not shared.ask(answers=(LONG,)).from_cache
