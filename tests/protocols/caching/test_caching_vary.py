"""Variants: Vary and the fields that it names, RFC 9111 section 4.1."""

import pytest

LASTING = ("Cache-Control", "max-age=5000")


def reused(cache, vary, first, second):
    cache.ask(*first, answers=(LASTING, *(("Vary", value) for value in vary)))
    return cache.ask(*second, answers=(LASTING, *(("Vary", value) for value in vary))).from_cache


FOO = ("Foo", "1")


@pytest.mark.parametrize(
    ("vary", "first", "second", "expected"),
    [
        (["Foo"], [FOO], [FOO], True),
        (["fOO"], [FOO], [("foo", "1")], True),
        (["Foo"], [FOO], [("Foo", "2")], False),
        (["Foo"], [], [FOO], False),
        (["Foo"], [FOO], [], False),
        (["Foo"], [FOO, ("Other", "2")], [FOO, ("Other", "3")], True),
        (["Foo, Bar"], [FOO, ("Bar", "abc")], [FOO, ("Bar", "abc")], True),
        (["Foo", "Bar"], [FOO, ("Bar", "abc")], [("Bar", "abc"), FOO], True),
        (["Foo, Bar"], [FOO, ("Bar", "abc")], [("Foo", "2"), ("Bar", "abc")], False),
        (["Foo, Bar"], [FOO, ("Bar", "abc")], [], False),
        (["Foo, Bar, Baz"], [FOO, ("Baz", "789")], [FOO, ("Baz", "789")], True),
        (
            ["Foo, Bar, Baz"],
            [FOO, ("Bar", "abc"), ("Baz", "7")],
            [FOO, ("Baz", "7"), ("Bar", "abcde")],
            False,
        ),
        (["Foo"], [("Foo", "1, 2")], [("Foo", "1"), ("Foo", "2")], True),
        (["Foo"], [("Foo", "1,2")], [("Foo", "1 ,  2")], True),
        (["Foo"], [("Foo", "1, 2")], [("Foo", "2, 1")], False),
        (["Foo"], [("Foo", "a")], [("Foo", "A")], False),
        (["Foo"], [("Foo", "")], [], False),
        (["Accept-Language"], [("Accept-Language", "en, de")], [("Accept-Language", "de, en")], True),
        (["Accept-Language"], [("Accept-Language", "en, de")], [("Accept-Language", "eN,   De")], True),
        (
            ["Accept-Language"],
            [("Accept-Language", "en;q=0.5, de")],
            [("Accept-Language", "de, en; q=0.5")],
            True,
        ),
        (
            ["Accept-Language"],
            [("Accept-Language", "en;q=0.5, de")],
            [("Accept-Language", "en, de;q=0.5")],
            False,
        ),
        (["Accept-Encoding"], [("Accept-Encoding", "gzip, br")], [("Accept-Encoding", "br,gzip")], True),
        (["*"], [FOO], [FOO], False),
        (["*, *"], [FOO], [FOO], False),
        (["*", "*"], [FOO], [FOO], False),
        ([", *"], [FOO], [FOO], False),
        (["", "*"], [FOO], [FOO], False),
        (["*, Foo"], [FOO], [FOO], False),
        (["Foo, *"], [FOO], [FOO], False),
        (["*"], [("*", "1")], [("*", "1")], False),
        ([""], [FOO], [], True),
        ([",,"], [FOO], [], True),
    ],
)
def test_section_4_1_a_variant_fits_when_the_named_fields_are_the_same(shared, vary, first, second, expected):
    assert reused(shared, vary, first, second) is expected


def test_section_4_1_two_variants_lie_beside_each_other(shared):
    answers = (LASTING, ("Vary", "Foo"))
    shared.ask(FOO, answers=answers, body=b"one")
    assert shared.ask(("Foo", "2"), answers=answers, body=b"two").asked is not None
    assert shared.ask(FOO).body == b"one"
    assert shared.ask(("Foo", "2")).body == b"two"


def test_section_4_the_variant_with_the_latest_date_is_used(shared):
    shared.ask(answers=(LASTING, ("Date", shared.date(-50))), body=b"old")
    shared.ask(
        FOO,
        ("Cache-Control", "no-cache"),
        answers=(LASTING, ("Vary", "Foo"), ("Date", shared.date())),
        body=b"new",
    )
    assert shared.ask(FOO).body == b"new"


def test_section_4_3_1_the_named_fields_go_along_with_the_condition(shared):
    answers = (("Cache-Control", "max-age=1"), ("ETag", '"a"'), ("Vary", "Abc"))
    shared.ask(("Abc", "123"), answers=answers)
    shared.wait(3)
    asked = shared.ask(("Abc", "123"), answers=answers).asked
    assert asked is not None
    assert asked["abc"] == "123"
    assert asked["if-none-match"] == '"a"'


def test_cloudflare_heeds_accept_encoding_alone(cloudflare):
    answers = (("Cache-Control", "max-age=100"), ("Vary", "Accept-Encoding, User-Agent"))
    cloudflare.ask(("User-Agent", "a"), ("Accept-Encoding", "gzip"), answers=answers)
    assert cloudflare.ask(("User-Agent", "b"), ("Accept-Encoding", "gzip")).word == "HIT"
    assert cloudflare.ask(("User-Agent", "b"), answers=answers).word == "MISS"


def test_cloudflare_bypasses_vary_star(cloudflare):
    assert cloudflare.ask(answers=(("Cache-Control", "max-age=100"), ("Vary", "*"))).word == "BYPASS"
