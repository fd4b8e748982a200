"""Directives of requests: RFC 9111 section 5.2.1. Most CDNs ignore them; Cloudflare does."""

import pytest

CASES = [
    ("max-age=0", "max-age=3600", None, 3, False, "5.2.1.1"),
    ("max-age=1", "max-age=3600", None, 3, False, "5.2.1.1"),
    ("max-age=600", "max-age=3600", "1800", 0, False, "5.2.1.1"),
    ("max-age=2000", "max-age=3600", "1800", 0, True, ""),
    ("max-age=x", "max-age=3600", None, 3, True, ""),
    ("max-stale=1000", "max-age=1", None, 3, True, "5.2.1.2"),
    ("max-stale", "max-age=1", None, 3, True, "5.2.1.2"),
    ("max-stale=1", "max-age=1", None, 3, False, ""),
    ("max-stale=x", "max-age=1", None, 3, False, ""),
    ("max-stale=1000", "max-age=1500", "2000", 0, True, "5.2.1.2"),
    ("max-stale=1000", "max-age=1, must-revalidate", None, 3, False, ""),
    ("max-stale=1000", "no-cache", None, 0, False, ""),
    ("min-fresh=2000", "max-age=1500", None, 0, False, "5.2.1.3"),
    ("min-fresh=1000", "max-age=1500", "1000", 0, False, "5.2.1.3"),
    ("min-fresh=400", "max-age=1500", "1000", 0, True, ""),
    ("no-cache", "max-age=3600", None, 0, False, "5.2.1.4"),
    ("no-store", "max-age=3600", None, 0, True, ""),
    ("unknown=1", "max-age=3600", None, 0, True, ""),
]


@pytest.mark.parametrize(("asked", "value", "age", "wait", "from_cache", "section"), CASES)
def test_section_5_2_1_what_the_request_asks_for(shared, asked, value, age, wait, from_cache, section):
    answers = [("Cache-Control", value)]
    if age is not None:
        answers.append(("Age", age))
    shared.ask(answers=tuple(answers))
    shared.wait(wait)
    seen = shared.ask(("Cache-Control", asked))
    assert seen.from_cache is from_cache
    if section and from_cache:
        assert seen.because.rule == f"RFC 9111 section {section}"


@pytest.mark.parametrize("validator", [("ETag", '"abc"'), ("Last-Modified", "Thu, 18 Aug 2022 02:01:18 GMT")])
def test_section_5_2_1_4_no_cache_asks_about_the_fresh_response(shared, validator):
    shared.ask(answers=(("Cache-Control", "max-age=3600"), validator))
    seen = shared.ask(("Cache-Control", "no-cache"), answers=(validator,))
    assert seen.asked is not None
    assert {"if-none-match", "if-modified-since"} & seen.asked.keys()
    assert seen.word == "REVALIDATED"


def test_section_5_2_1_7_only_if_cached(shared):
    asked = ("Cache-Control", "only-if-cached")
    assert shared.ask(asked).status == 504
    shared.ask(answers=(("Cache-Control", "max-age=2"),))
    assert shared.ask(asked).status == 200
    shared.wait(3)
    assert shared.ask(asked).status == 504
    assert shared.ask(("Cache-Control", "only-if-cached, max-stale")).status == 200
    assert shared.ask(("Cache-Control", "only-if-cached, no-cache")).status == 504


def test_section_5_4_pragma_is_history(shared):
    shared.ask(answers=(("Cache-Control", "max-age=3600"),))
    assert shared.ask(("Pragma", "no-cache")).from_cache


def test_cloudflare_takes_no_orders_from_clients(cloudflare):
    cloudflare.ask(answers=(("Cache-Control", "max-age=3600"),))
    assert cloudflare.ask(("Cache-Control", "no-cache, no-store, max-age=0")).word == "HIT"


def test_section_9_3_of_9110_other_methods_go_to_the_origin(shared):
    shared.ask(answers=(("Cache-Control", "max-age=3600"),))
    for method in ("POST", "PUT", "OPTIONS", "FOO"):
        assert shared.ask(method=method, status=500).asked is not None


def test_a_request_that_no_cache_answered_is_not_answered_by_a_stale_one(shared):
    shared.ask(answers=(("Cache-Control", "max-age=3600"),))
    assert shared.ask(("Cache-Control", "no-cache"), down=True).status == 504


def test_section_5_2_1_4_no_cache_wants_no_stale_answer_when_the_origin_fails(shared):
    shared.ask(answers=(("Cache-Control", "max-age=1, stale-if-error=100"),))
    shared.wait(3)
    assert shared.ask(("Cache-Control", "no-cache"), down=True).status == 504
    assert shared.ask(("Cache-Control", "no-cache"), status=503).status == 503
    assert shared.ask(("Cache-Control", "max-age=0"), down=True).word == "STALE"


def test_a_request_that_goes_past_a_fresh_response_is_called_a_bypass(shared):
    shared.ask(answers=(("Cache-Control", "max-age=3600"),))
    seen = shared.ask(
        ("Cache-Control", "no-cache"), answers=(("Cache-Control", "max-age=3600"),), body=b"new"
    )
    assert (seen.word, seen.body) == ("BYPASS", b"new")
    assert shared.ask().body == b"new"
