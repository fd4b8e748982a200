"""What `labctl cache --header` says about a response is what the edge does with it, at any age."""

import itertools

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labctl.protocols import caching
from labctl.protocols.caching import CacheRequest, CacheResponse

small = st.integers(0, 40)
directives = st.lists(
    st.one_of(
        st.sampled_from(
            [
                "public",
                "private",
                "no-store",
                "no-cache",
                "must-revalidate",
                "proxy-revalidate",
                "immutable",
                "x=1",
            ]
        ),
        st.tuples(st.sampled_from(["max-age", "s-maxage", "stale-while-revalidate"]), small).map(
            "{0[0]}={0[1]}".format
        ),
    ),
    max_size=4,
).map(", ".join)
fields = st.fixed_dictionaries(
    {},
    optional={
        "Cache-Control": directives,
        "CDN-Cache-Control": directives,
        "Age": st.one_of(small.map(str), st.just("soon")),
        "ETag": st.sampled_from(['"a"', 'W/"a"']),
        "Vary": st.sampled_from(["*", "Accept-Encoding"]),
        "Set-Cookie": st.just("a=b"),
    },
)
numbers = itertools.count()


def agrees(cache, rules, given_fields, wait):
    url = f"http://www.shop.test/{next(numbers)}.css"
    answers = tuple(given_fields.items())
    explained = caching.explain(rules, CacheRequest("GET", url), CacheResponse(200, answers, 10), cache.now)
    cache.ask(url=url, answers=answers)
    assert bool(cache.kept.get(url)) is explained.may_store.yes
    cache.wait(wait)
    seen = cache.ask(url=url, answers=answers)
    if wait < explained.fresh_s:
        assert seen.word == "HIT"
    elif wait < explained.fresh_s + explained.stale_s:
        assert seen.word == "UPDATING"
    else:
        assert seen.word in ("MISS", "EXPIRED", "REVALIDATED", "BYPASS")
        assert (seen.word == "REVALIDATED") is explained.after_that.text.startswith("ask, If-None-Match")


quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@quick
@given(fields, small)
def test_the_explanation_and_the_edge_to_the_letter_agree(shared, given_fields, wait):
    agrees(shared, caching.RFC9111_SHARED, given_fields, wait)


@quick
@given(fields, small)
def test_the_explanation_and_the_edge_like_cloudflare_agree(cloudflare, given_fields, wait):
    agrees(cloudflare, caching.CLOUDFLARE, given_fields, wait)
