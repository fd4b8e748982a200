"""Ranges: RFC 9111 sections 3.3 and 3.4, RFC 9110 section 14."""

import pytest

from labctl.protocols.caching import CacheResponse
from labctl.protocols.caching_ranges import Span, asked_span

LASTING = ("Cache-Control", "max-age=3600")


@pytest.mark.parametrize(
    ("value", "complete", "span"),
    [
        ("bytes=0-1", 10, Span(0, 1)),
        ("bytes=1-", 10, Span(1, 9)),
        ("bytes=-1", 10, Span(9, 9)),
        ("bytes=-20", 10, Span(0, 9)),
        ("bytes=5-500", 10, Span(5, 9)),
        ("Bytes = 0-1", 10, Span(0, 1)),
        ("bytes=10-", 10, "unsatisfiable"),
        ("bytes=-0", 10, "unsatisfiable"),
        ("bytes=5-4", 10, None),
        ("bytes=0-1,3-4", 10, None),
        ("bytes=-", 10, None),
        ("lines=0-1", 10, None),
        ("bytes=a-b", 10, None),
        ("", 10, None),
        ("bytes=0-1", None, Span(0, 1)),
        ("bytes=1-", None, None),
        ("bytes=" + "9" * 40 + "-", 10, None),
    ],
)
def test_section_14_1_of_9110_what_a_range_asks_for(value, complete, span):
    assert asked_span(value, complete) == span


@pytest.mark.parametrize(
    ("value", "body", "content_range"),
    [
        ("bytes=0-1", b"01", "bytes 0-1/11"),
        ("bytes=1-", b"123456789A", "bytes 1-10/11"),
        ("bytes=-1", b"A", "bytes 10-10/11"),
    ],
)
def test_section_3_4_a_range_is_served_out_of_a_whole_response(shared, value, body, content_range):
    shared.ask(answers=(LASTING, ("A", "1")), body=b"0123456789A")
    seen = shared.ask(("Range", value))
    assert (seen.status, seen.body, seen.fields["content-range"]) == (206, body, content_range)
    assert (seen.fields["content-length"], seen.fields["a"]) == (str(len(body)), "1")


def test_section_15_5_17_of_9110_a_range_behind_the_end(shared):
    shared.ask(answers=(LASTING,))
    seen = shared.ask(("Range", "bytes=10-"))
    assert (seen.status, seen.body, seen.fields["content-range"]) == (416, b"", "bytes */10")


@pytest.mark.parametrize("value", ["bytes=0-1,3-4", "lines=1-2", "garbage"])
def test_section_14_2_of_9110_a_range_that_we_do_not_serve_is_ignored(shared, value):
    shared.ask(answers=(LASTING,))
    assert shared.ask(("Range", value)).status == 200


@pytest.mark.parametrize(
    ("condition", "status"),
    [('"a"', 206), ('"b"', 200), ('W/"a"', 200), ("Thu, 18 Aug 2022 02:01:18 GMT", 206), ("garbage", 200)],
)
def test_section_13_1_5_of_9110_if_range(shared, condition, status):
    shared.ask(answers=(LASTING, ("ETag", '"a"'), ("Last-Modified", "Thu, 18 Aug 2022 02:01:18 GMT")))
    assert shared.ask(("Range", "bytes=0-1"), ("If-Range", condition)).status == status


def part(cache, value, content_range, body, *extra):
    return cache.ask(
        ("Range", value), status=206, body=body, answers=(LASTING, ("Content-Range", content_range), *extra)
    )


@pytest.mark.parametrize(
    ("value", "body", "content_range"),
    [
        ("bytes=-6", b"456789", "bytes 4-9/10"),
        ("bytes=6-8", b"678", "bytes 6-8/10"),
        ("bytes=6-", b"6789", "bytes 6-9/10"),
        ("bytes=-1", b"9", "bytes 9-9/10"),
    ],
)
def test_section_3_4_a_stored_part_answers_what_lies_within_it(shared, value, body, content_range):
    part(shared, "bytes=-6", "bytes 4-9/10", b"456789")
    seen = shared.ask(("Range", value))
    assert (seen.from_cache, seen.status, seen.body) == (True, 206, body)
    assert seen.fields["content-range"] == content_range


@pytest.mark.parametrize("value", ["bytes=3-8", "bytes=0-", "bytes=-7"])
def test_section_3_4_a_stored_part_answers_nothing_else(shared, value):
    part(shared, "bytes=-6", "bytes 4-9/10", b"456789")
    seen = shared.ask(("Range", value), status=206, answers=(LASTING, ("Content-Range", "bytes 0-9/10")))
    assert seen.asked is not None
    assert seen.asked["range"] == value


def test_section_3_4_a_stored_part_is_no_answer_to_a_request_for_all(shared):
    part(shared, "bytes=-6", "bytes 4-9/10", b"456789")
    seen = shared.ask(answers=(LASTING,))
    assert (seen.asked is not None, seen.status, seen.body) == (True, 200, b"0123456789")
    assert shared.ask().from_cache


def test_section_3_4_a_part_with_a_strong_tag_is_completed(shared):
    part(shared, "bytes=0-4", "bytes 0-4/10", b"01234", ("ETag", '"a"'))
    rest = (LASTING, ("Content-Range", "bytes 5-9/10"), ("ETag", '"a"'))
    seen = shared.ask(status=206, body=b"56789", answers=rest)
    assert seen.asked is not None
    assert (seen.asked["range"], seen.asked["if-range"]) == ("bytes=5-", '"a"')
    assert (seen.status, seen.body) == (200, b"0123456789")
    assert "content-range" not in seen.fields
    assert shared.ask().body == b"0123456789"


def test_section_3_4_parts_of_two_versions_are_not_joined(shared):
    part(shared, "bytes=0-4", "bytes 0-4/10", b"01234", ("ETag", '"a"'))
    rest = (LASTING, ("Content-Range", "bytes 5-9/10"), ("ETag", '"b"'))
    whole = CacheResponse(200, (LASTING, ("ETag", '"b"')), 3)
    seen = shared.ask(status=206, body=b"new", answers=rest, again=whole)
    assert (seen.status, seen.body) == (200, b"new")


def test_section_3_4_without_a_strong_tag_the_whole_is_asked_for(shared):
    part(shared, "bytes=0-4", "bytes 0-4/10", b"01234", ("ETag", 'W/"a"'))
    seen = shared.ask(answers=(LASTING,))
    assert seen.asked is not None
    assert "range" not in seen.asked


@pytest.mark.parametrize(
    ("first", "second", "whole"),
    [
        (("bytes 0-4/10", b"01234"), ("bytes 5-9/10", b"56789"), b"0123456789"),
        (("bytes 5-9/10", b"56789"), ("bytes 0-4/10", b"01234"), b"0123456789"),
        (("bytes 0-6/10", b"0123456"), ("bytes 5-9/10", b"56789"), b"0123456789"),
        (("bytes 5-9/10", b"56789"), ("bytes 0-6/10", b"0123456"), b"0123456789"),
        (("bytes 3-5/10", b"345"), ("bytes 0-9/10", b"0123456789"), b"0123456789"),
    ],
)
def test_section_15_3_7_3_of_9110_parts_that_clients_fetched_are_joined(shared, first, second, whole):
    for text, body in (first, second):
        asked = "bytes=" + text.split()[1].partition("/")[0]
        part(shared, asked, text, body, ("ETag", '"a"'))
    seen = shared.ask()
    assert (seen.from_cache, seen.status, seen.body) == (True, 200, whole)


@pytest.mark.parametrize(
    "content_range", ["", "bytes */10", "bytes 9-4/10", "bytes 4-10/10", "bytes x", "lines 0-1/2"]
)
def test_section_3_3_a_206_that_says_nothing_of_use_is_not_stored(shared, content_range):
    part(shared, "bytes=4-", content_range, b"456789")
    assert not any(shared.kept.values())


def test_section_4_3_a_stale_whole_response_is_validated_whole(shared):
    shared.ask(answers=(("Cache-Control", "max-age=1"), ("ETag", '"a"')))
    shared.wait(2)
    seen = shared.ask(("Range", "bytes=0-1"))
    assert seen.asked is not None
    assert "range" not in seen.asked
    assert (seen.status, seen.body, seen.word) == (206, b"01", "REVALIDATED")
