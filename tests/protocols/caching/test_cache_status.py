"""RFC 9211, written and read."""

import pytest

from labctl.protocols import cache_status, caching
from labctl.protocols.cache_status import CacheStatus
from labctl.protocols.caching import RFC9111_SHARED, CacheRequest, CacheResponse, Failure

ALL = CacheStatus("edge", True, "stale", 304, -3, True, True, "/a?b", "because")


@pytest.mark.parametrize(
    "status",
    [
        CacheStatus("edge", hit=True, ttl=59),
        CacheStatus("edge", forwarded="uri-miss", forwarded_status=200, stored=True),
        CacheStatus("Netlify Edge", hit=True),
        ALL,
    ],
)
def test_what_is_written_is_read_again(status):
    assert cache_status.read(cache_status.write(status)) == (status,)


def test_a_list_of_caches_the_origins_neighbour_first():
    text = 'ReverseProxy; hit, "far edge"; fwd=stale; fwd-status=304; ttl=-5;unknown=1, (a b)'
    near, far = cache_status.read(text)
    assert (near.cache, near.hit) == ("ReverseProxy", True)
    assert far == CacheStatus("far edge", forwarded="stale", forwarded_status=304, ttl=-5)


@pytest.mark.parametrize("text", ["", "a; hit, &&", 'a; detail="', "\xff", "a; ttl=1.5; hit=1; fwd=3; key=4"])
def test_nonsense_says_nothing(text):
    for status in cache_status.read(text):
        assert status == CacheStatus("a")


def test_the_quick_member_of_a_hit():
    assert cache_status.read(cache_status.hit("edge", 58.1)) == (CacheStatus("edge", hit=True, ttl=59),)
    assert cache_status.read(cache_status.hit("edge", -3.1)) == (CacheStatus("edge", hit=True, ttl=-4),)


def test_text_that_cannot_stand_in_a_string_is_replaced():
    written = cache_status.write(CacheStatus("the edg\xe9", detail="f\xfcr\n"))
    assert cache_status.read(written) == (CacheStatus("the edg?", detail="f?r?"),)


def test_what_the_decisions_say():
    request = CacheRequest("GET", "http://a/")
    miss = caching.decide(RFC9111_SHARED, request, [], 100.0)
    answer = CacheResponse(200, (("Cache-Control", "max-age=60"), ("ETag", '"a"')), 3)
    outcome = caching.after_origin(RFC9111_SHARED, request, miss, answer, 100.0, 101.0)
    status = cache_status.of_outcome("edge", miss, outcome, answered=200, now=101.0)
    assert status == CacheStatus("edge", forwarded="uri-miss", forwarded_status=200, ttl=59, stored=True)
    hit = caching.decide(RFC9111_SHARED, request, [outcome.store], 110.0)
    assert cache_status.of_use("edge", hit) == CacheStatus("edge", hit=True, ttl=50)
    old = caching.decide(RFC9111_SHARED, request, [outcome.store], 200.0)
    assert old.forwarded == "stale"
    gone = caching.after_origin(RFC9111_SHARED, request, old, Failure("refused"), 200.0, 200.0)
    status = cache_status.of_outcome("edge", old, gone, answered=None, now=200.0)
    assert (status.forwarded, status.forwarded_status, status.ttl, status.stored) == (
        "stale",
        None,
        -40,
        False,
    )
    assert status.detail is not None


@pytest.mark.parametrize(
    ("age", "ttl"), [(0.0, 60), (0.4, 60), (1.0, 59), (59.5, 1), (60.0, 0), (60.2, -1), (70.0, -10)]
)
def test_age_and_ttl_add_up_to_the_lifetime(age, ttl):
    request, answer = CacheRequest("GET", "http://a/"), CacheResponse(200, (("Cache-Control", "max-age=60"),))
    because = caching.may_store(RFC9111_SHARED, request, answer).because
    stored = caching.store(RFC9111_SHARED, request, answer, 100.0, 100.0, because)
    assert cache_status.seconds_left(stored, 100.0 + age) == ttl
    if age < 60.0:
        fields = dict(caching.reply_from(stored, request, 100.0 + age).fields)
        assert int(fields["Age"]) + ttl == 60
