"""Whatever stands in the fields: nothing fails, and nothing stale passes for fresh."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labctl.protocols import cache_status, cache_vocabulary, caching
from labctl.protocols.caching import BROWSER, CLOUDFLARE, RFC9111_SHARED, CacheRequest, CacheResponse
from labctl.protocols.caching_directives import LONGEST, parse_cache_control, parse_targeted
from labctl.protocols.http_dates import parse_http_date, write_http_date

URL = "http://www.shop.test/style.css"
NOW = 1_800_000_000.0
RULES = st.sampled_from([RFC9111_SHARED, BROWSER, CLOUDFLARE])
latin = st.text(st.characters(max_codepoint=0xFF, exclude_characters="\r\n\0"), max_size=40)
seconds = st.one_of(st.integers(0, 200).map(str), st.sampled_from(["", "-1", "1.5", "9" * 30, '"30"', "x"]))
directive = st.one_of(
    st.sampled_from(
        ["no-store", "no-cache", "private", "public", "must-revalidate", "proxy-revalidate", "immutable",
         "must-understand", 'no-cache="set-cookie"', 'private="a"', "foo", "", 'x="a, b', "max-age", "only-if-cached"]
    ),
    st.tuples(
        st.sampled_from(["max-age", "s-maxage", "stale-while-revalidate", "stale-if-error", "min-fresh", "max-stale"]),
        seconds,
    ).map("=".join),
    latin,
)  # fmt: skip
cache_control = st.lists(directive, max_size=5).map(", ".join)
dates = st.one_of(st.integers(-5000, 5000).map(lambda offset: write_http_date(NOW + offset)), latin)
value_of = {
    "Cache-Control": cache_control,
    "CDN-Cache-Control": cache_control,
    "Cloudflare-CDN-Cache-Control": cache_control,
    "Age": st.one_of(seconds, latin),
    "Expires": dates,
    "Date": dates,
    "Last-Modified": dates,
    "ETag": st.one_of(st.sampled_from(['"a"', 'W/"a"', "a", '"']), latin),
    "Vary": st.one_of(st.sampled_from(["*", "Accept-Encoding", "Foo, Bar"]), latin),
    "Content-Range": st.one_of(st.sampled_from(["bytes 0-4/10", "bytes 2-9/10", "bytes 0-1/*"]), latin),
    "Set-Cookie": latin,
    "Connection": latin,
    "Location": latin,
    "Content-Location": latin,
}
response_fields = st.lists(
    st.sampled_from(sorted(value_of)).flatmap(lambda name: st.tuples(st.just(name), value_of[name])),
    max_size=7,
).map(tuple)
request_fields = st.lists(
    st.one_of(
        st.tuples(st.just("Cache-Control"), cache_control),
        st.tuples(st.just("Range"), st.one_of(st.sampled_from(["bytes=0-4", "bytes=-3", "bytes=5-"]), latin)),
        st.tuples(st.sampled_from(["If-None-Match", "If-Range"]), st.one_of(st.just('"a"'), latin)),
        st.tuples(st.sampled_from(["If-Modified-Since", "If-Unmodified-Since"]), dates),
        st.tuples(st.sampled_from(["Foo", "Authorization", "Accept-Encoding", "Connection"]), latin),
    ),
    max_size=4,
).map(tuple)
methods = st.sampled_from(["GET", "GET", "HEAD", "POST", "DELETE", "FOO"])
statuses = st.sampled_from([200, 200, 200, 204, 206, 301, 302, 304, 404, 416, 500, 503, 599])
responses = st.builds(CacheResponse, statuses, response_fields, st.integers(0, 20))
requests = st.builds(
    CacheRequest, methods, st.sampled_from([URL, "http://www.shop.test/", "nonsense"]), request_fields
)


@given(RULES, requests, responses, requests, responses, st.floats(0, 400), st.booleans())
@settings(max_examples=400, deadline=None)
def test_two_requests_with_anything_in_their_fields(rules, first, answer, second, later, wait, down):
    use = caching.decide(rules, first, [], NOW)
    outcome = caching.after_origin(rules, first, use, answer, NOW, NOW)
    caching.invalidates(first, answer)
    caching.explain(rules, first, answer, NOW)
    caching.what_to_change(rules, first, answer, NOW)
    kept = [] if outcome.store is None else [outcome.store]
    use = caching.decide(rules, second, kept, NOW + wait)
    assert use.because.words
    assert use.because.rule
    if use.kind in ("fresh", "stale", "stale-refresh-behind"):
        assert use.stored is kept[0]
        reply = caching.reply_from(kept[0], second, NOW + wait)
        assert 0 <= reply.start <= reply.stop <= kept[0].body_length
        assert all("\r" not in value and "\n" not in value for _, value in reply.fields)
    if use.kind in ("validate", "forward", "stale-refresh-behind", "bypass"):
        failed = caching.Failure("timeout")
        outcome = caching.after_origin(
            rules, second, use, failed if down else later, NOW + wait, NOW + wait + 1
        )
        assert outcome.because.words
        caching.cf_cache_status(rules, use, outcome)
        cache_status.write(cache_status.of_outcome("edge", use, outcome, answered=None, now=NOW))


@given(RULES, response_fields, st.floats(0, 10_000))
@settings(max_examples=400, deadline=None)
def test_a_stored_response_is_never_served_as_fresh_after_its_lifetime(rules, fields, wait):
    request, response = CacheRequest("GET", URL), CacheResponse(200, fields, 10)
    allowed = caching.may_store(rules, request, response)
    if not allowed.yes:
        return
    stored = caching.store(rules, request, response, NOW, NOW, allowed.because)
    use = caching.decide(rules, request, [stored], NOW + wait)
    age = caching.current_age(stored, NOW + wait)
    assert (use.kind == "fresh") <= (age < caching.lifetime(rules, response, NOW).seconds)
    named = [parse_cache_control(value) for name, value in fields if name == "Cache-Control"]
    if rules is not CLOUDFLARE and not any("cdn-cache-control" in name.lower() for name, _ in fields):
        assert not (
            use.kind == "fresh" and any("no-cache" in each and not each["no-cache"] for each in named)
        )


@given(RULES, response_fields, st.floats(0, 10_000))
@settings(max_examples=400, deadline=None)
def test_what_is_explained_is_what_is_done_at_every_age(rules, fields, wait):
    request, response = CacheRequest("GET", URL), CacheResponse(200, fields, 10)
    explained = caching.explain(rules, request, response, NOW)
    use = caching.decide(rules, request, [], NOW)
    outcome = caching.after_origin(rules, request, use, response, NOW, NOW)
    assert explained.may_store.yes is (outcome.store is not None)
    if outcome.store is None:
        return
    use = caching.decide(rules, request, [outcome.store], NOW + wait)
    if not outcome.store.selecting or outcome.store.selecting == ():
        _agrees(explained, use, wait)


def _agrees(explained, use, wait):
    # One millisecond on either side of an end is floating point, not caching.
    if abs(wait - explained.fresh_s) < 1e-3 or abs(wait - explained.fresh_s - explained.stale_s) < 1e-3:
        return
    if wait < explained.fresh_s:
        assert use.kind == "fresh"
    elif wait < explained.fresh_s + explained.stale_s:
        assert use.kind == "stale-refresh-behind"
    else:
        assert use.kind in ("validate", "forward")
        says_condition = explained.after_that.text.startswith("ask,")
        assert bool(use.conditions) is says_condition


@given(latin)
def test_cache_control_parses_to_short_lower_case_names(text):
    for name in parse_cache_control(text):
        assert name == name.lower().strip(" \t")
    parse_targeted(text)


@given(st.text(max_size=60))
def test_no_text_is_a_date_by_accident(text):
    parsed = parse_http_date(text)
    assert parsed is None or isinstance(parsed, float)


@given(st.integers(0, 253_402_300_799))
def test_a_date_that_is_written_is_read_again(moment):
    assert parse_http_date(write_http_date(moment)) == moment


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["x-cache", "age", "cache-status", "server-timing", "via", "server"]), latin
        )
    )
)
def test_the_vocabulary_reads_anything(fields):
    for told in cache_vocabulary.decode(tuple(fields)):
        assert told.because.endswith(".")
        assert len(told.raw) <= 120
    cache_vocabulary.identify_cdn(tuple(fields))


@pytest.mark.parametrize(
    "text", ['a="' * 20_000, 'a="\\' * 20_000, "," * 60_000, '"' * 60_000, "=" * 60_000, "a" * 60_000]
)
def test_long_nonsense_is_read_in_a_moment(text):
    assert len(parse_cache_control(text)) <= 20_001


def test_no_number_of_seconds_is_longer_than_the_longest():
    response = CacheResponse(200, (("Cache-Control", "max-age=" + "9" * 300),))
    assert caching.lifetime(RFC9111_SHARED, response, NOW).seconds == LONGEST
