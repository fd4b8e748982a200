"""Stale answers: RFC 9111 section 4.2.4, RFC 5861, and the directives that forbid them."""

import pytest


def after(cache, value, *, wait=3.0, etag=None, **ask):
    answers = [("Cache-Control", value)]
    if etag:
        answers.append(("ETag", etag))
    cache.ask(answers=tuple(answers), body=b"old")
    cache.wait(wait)
    return cache.ask(**ask)


def test_section_4_2_4_an_origin_that_cannot_be_reached_is_no_reason_to_answer_nothing(shared):
    seen = after(shared, "max-age=2", down=True)
    assert (seen.status, seen.body, seen.word, seen.fields["age"]) == (200, b"old", "STALE", "3")


def test_a_browser_shows_its_error_instead(browser):
    assert after(browser, "max-age=2, stale-if-error=60", down=True).status == 504


@pytest.mark.parametrize(
    "value",
    [
        "max-age=2, must-revalidate",
        "max-age=2, proxy-revalidate",
        "max-age=2, no-cache",
        "max-age=2, s-maxage=2",
        "max-age=2, must-revalidate, stale-if-error=100",
        "max-age=2, must-revalidate, stale-while-revalidate=100",
        "max-age=2, s-maxage=2, stale-while-revalidate=100",
    ],
)
def test_section_4_2_4_directives_that_forbid_stale_answers(shared, value):
    seen = after(shared, value, down=True)
    assert seen.status == 504
    assert seen.word in ("EXPIRED", "MISS", "NONE")
    assert after(shared, value, status=503).status == 503


@pytest.mark.parametrize("value", ["max-age=2, proxy-revalidate", "max-age=2, s-maxage=2"])
def test_section_5_2_2_8_some_of_them_are_for_shared_caches_only(browser, value):
    assert after(browser, value + ", stale-while-revalidate=60").word == "UPDATING"


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_section_4_of_5861_stale_if_error(shared, status):
    seen = after(shared, "max-age=2, stale-if-error=60", status=status)
    assert (seen.status, seen.body, seen.word) == (200, b"old", "STALE")
    assert seen.because.words == f"the origin answered {status}, stale-if-error=60"
    assert after(shared, "max-age=2, stale-if-error=60", down=True).word == "STALE"


@pytest.mark.parametrize("status", [404, 501, 429, 200])
def test_section_4_of_5861_other_answers_are_answers(shared, status):
    assert after(shared, "max-age=2, stale-if-error=60", status=status).body != b"old"


def test_section_4_of_5861_the_window_ends(shared):
    assert after(shared, "max-age=0, stale-if-error=1", status=500).status == 500
    assert after(shared, "max-age=0, stale-if-error=1", down=True).status == 504


def test_section_4_of_5861_a_request_may_say_it_too(shared):
    shared.ask(answers=(("Cache-Control", "max-age=0"),), body=b"old")
    shared.wait(3)
    assert shared.ask(("Cache-Control", "stale-if-error=3600"), status=500).body == b"old"
    assert shared.ask(("Cache-Control", "stale-if-error=1"), status=500).status == 500


def test_section_4_2_4_a_5xx_without_permission_goes_to_the_client(shared):
    assert after(shared, "max-age=2", status=503).status == 503


def test_section_4_3_3_a_5xx_does_not_push_out_what_is_stored(shared):
    after(shared, "max-age=2", status=503)
    assert shared.ask(down=True).body == b"old"


def test_section_3_of_5861_stale_while_revalidate_answers_first_and_asks_behind(shared):
    seen = after(
        shared, "max-age=1, stale-while-revalidate=3600", etag='"abc"', not_modified=False,
        answers=(("Cache-Control", "max-age=3600"), ("ETag", '"def"')), body=b"new",
    )  # fmt: skip
    assert (seen.from_cache, seen.body, seen.word) == (True, b"old", "UPDATING")
    assert shared.background[0]["if-none-match"] == '"abc"'
    again = shared.ask()
    assert (again.word, again.body, again.fields["etag"]) == ("HIT", b"new", '"def"')


def test_section_3_of_5861_the_window_ends(shared):
    assert after(shared, "max-age=1, stale-while-revalidate=4", wait=4.5).word == "UPDATING"
    seen = after(shared, "max-age=1, stale-while-revalidate=4", wait=5.0)
    assert seen.asked is not None


def test_section_3_of_5861_a_head_refreshes_the_whole_response(shared):
    after(shared, "max-age=1, stale-while-revalidate=3600", method="HEAD")
    assert shared.background[0][":method"] == "GET"


def test_section_5_2_2_2_must_revalidate_is_nothing_while_it_is_fresh(shared):
    assert after(shared, "max-age=10, must-revalidate").word == "HIT"
    shared.wait(10)
    assert shared.ask(answers=()).asked is not None


def test_nothing_stored_and_no_origin_is_an_error(shared):
    seen = shared.ask(down=True)
    assert seen.status == 504
    assert "nothing stored helps" in seen.because.words


def test_a_stale_answer_says_so_in_no_warning_field(shared):
    assert "warning" not in after(shared, "max-age=2", down=True).fields
