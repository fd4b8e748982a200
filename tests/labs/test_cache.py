"""The cache lab: what it explains is what the edge and the browser do, and bad input is one clear sentence."""

from __future__ import annotations

import http.server
import json
import math
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labctl import quiz
from labctl.cli import run as command_line
from labctl.errors import CannotRun, UsageError
from labctl.protocols import caching
from labctl.protocols.caching import CacheRequest, CacheResponse, CacheRules, Explained
from labctl.protocols.http1_fields import Fields
from labctl.protocols.url import parse_url
from labctl.sandbox.cache_faults import CACHE_FAULTS
from labctl.sandbox.loopback import LoopbackInternet
from labctl.sandbox.town import healthy_town
from labs.cache.browser import ACCEPTS, Browser
from labs.cache.claims import CLAIMS
from labs.cache.header import explained, read_fields, unread
from labs.cache.lab import LAB, place
from labs.cache.network import Network, Timetable
from labs.cache.told import word_of
from labs.cache.verdict import fields_row, gathered
from labs.cache.whole import moments
from labs.cache.words import microseconds, span

RFC, CLOUDFLARE, ORIGIN = "http://cdn.shop.test", "http://www.shop.test", "http://origin.shop.test"


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABCTL_HOME", str(tmp_path))


def document(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, Any]]:
    capsys.readouterr()
    code = command_line(["cache", *words, "--json", "--sandbox"])
    return code, json.loads(capsys.readouterr().out)


def table(told: dict[str, Any], id: str) -> list[list[str]]:
    return next(
        [row["cells"] for row in e["rows"]] for e in told["events"] if e.get("id") == id and "rows" in e
    )


# The whole answer.


def test_the_five_visits_are_answered_as_in_the_picture(capsys: pytest.CaptureFixture[str]) -> None:
    code, told = document(capsys)
    assert code == 0
    assert [row[:6] for row in table(told, "visits")] == [
        ["0 s", "Ana", "MISS", "MISS", "200", "origin"],
        ["5 s", "Ana", "HIT", "──", "──", "browser"],
        ["9 s", "Ben", "MISS", "HIT", "──", "CDN"],
        ["75 s", "Ana", "STALE", "HIT", "──", "browser"],
        ["700 s", "Ana", "EXPIRED", "REVALIDATED", "304", "CDN"],
    ]


def test_each_of_the_eight_words_is_said_for_its_reason(capsys: pytest.CaptureFixture[str]) -> None:
    _, told = document(capsys)
    rows = {row[2]: row for row in table(told, "words")}
    assert list(rows) == ["MISS", "HIT", "UPDATING", "REVALIDATED", "EXPIRED", "STALE", "BYPASS", "DYNAMIC"]
    # word: Age, and what the origin said to this request
    said = {word: (row[3], row[4]) for word, row in rows.items()}
    assert said == {
        "MISS": ("──", "200"),
        "HIT": ("5 s", "──"),
        "UPDATING": ("15 s", "──"),
        "REVALIDATED": ("──", "304"),
        "EXPIRED": ("──", "200"),
        "STALE": ("70 s", "──"),
        "BYPASS": ("──", "200"),
        "DYNAMIC": ("──", "200"),
    }


@pytest.mark.parametrize(
    ("url", "browser", "cdn"),
    [
        ("https://www.shop.test/style.css", "yes", "yes"),
        ("https://www.shop.test/no-store.css", "no", "no"),
        ("https://www.shop.test/private.css", "yes", "no"),
        ("https://www.shop.test/", "yes, each use asks", "no"),
        ("http://cdn.shop.test/", "yes, each use asks", "yes, each use asks"),
        ("https://api.shop.test/", "no", "no"),
    ],
)
def test_a_url_of_the_town_is_explained_and_visited(
    url: str, browser: str, cdn: str, capsys: pytest.CaptureFixture[str]
) -> None:
    _, told = document(capsys, url)
    row = table(told, "verdict")[0]
    assert [cell.split("\n")[0].split(" ", 1)[-1] for cell in row[1:]] == [browser, cdn]
    assert len(table(told, "visits")) == 5


def test_a_url_without_a_server_is_told_in_one_sentence() -> None:
    with pytest.raises(CannotRun) as told:
        command_line(["cache", "https://nobody.shop.test/", "--sandbox", "--plain"])
    assert told.value.code == "name-not-found"


@pytest.mark.parametrize("path", ["bad-chunk", "short-body", "gigabyte", "unasked-gzip", "two-lengths"])
def test_a_broken_response_is_evidence(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, told = document(capsys, f"http://raw.shop.test/{path}", "--timeout", "2")
    assert code == 0
    assert len(table(told, "visits")) == 5


@pytest.mark.parametrize("path", ["garbage", "reset", "no-answer", "half-header"])
def test_what_is_no_response_is_evidence(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, told = document(capsys, f"http://raw.shop.test/{path}", "--timeout", "2")
    assert (code, told["error"]) == (4, None)
    (result,) = [e["text"] for e in told["events"] if e.get("role") == "result"]
    assert result.endswith(". So there is no response that somebody could keep.")


@given(st.floats(0, 4e7), st.floats(0, 1e6), st.floats(0, 4e7), st.floats(0, 1e6))
def test_visits_come_one_after_the_other_whatever_the_lifetimes(
    a: float, b: float, c: float, d: float
) -> None:
    def of(fresh: float, stale: float) -> Explained:
        found = caching.explain(caching.BROWSER, CacheRequest("GET", "http://x/"), CacheResponse(200), 0.0)
        return found._replace(fresh_s=fresh, stale_s=stale)

    when = moments(of(a, b), of(c, d))
    assert list(when) == sorted(set(when))
    assert when[0] > 0


# What --header explains is what the edge does. One sandbox for all examples: its clock only goes on.


@pytest.fixture(scope="module")
def town() -> Iterator[LoopbackInternet]:
    with LoopbackInternet(healthy_town(), latency=False) as internet:
        yield internet
        assert not internet.crashes


@pytest.fixture(scope="module")
def network(town: LoopbackInternet) -> Iterator[Network]:
    with Network(town) as opened:
        yield opened


seconds = st.sampled_from(
    ["0", "1", "5", "60", "90", "600", "31536000", "2147483648", "-1", "1.5", '"60"', "x", ""]
)
directive = st.one_of(
    st.sampled_from(
        [
            *(
                "no-store",
                "no-cache",
                "private",
                "public",
                "must-revalidate",
                "proxy-revalidate",
                "immutable",
            ),
            *(
                "no-transform",
                "must-understand",
                "MAX-AGE=30",
                "Private",
                'no-cache="Set-Cookie"',
                "unheard-of",
                "",
            ),
        ]
    ),
    st.builds("max-age={}".format, seconds),
    st.builds("s-maxage={}".format, seconds),
    st.builds("stale-while-revalidate={}".format, st.sampled_from(["0", "30", "x"])),
    st.builds("stale-if-error={}".format, st.sampled_from(["30", "x"])),
)
other = st.sampled_from(
    [
        ("ETag", '"1"'),
        ("ETag", 'W/"1"'),
        ("Vary", "Accept-Language"),
        ("Vary", "*"),
        ("Vary", "  , ,"),
        ("Age", "20"),
        ("Age", "soon"),
        ("Age", "20, 3"),
        ("Expires", "0"),
        ("Expires", "Thu, 01 Jan 2099 00:00:00 GMT"),
        ("Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT"),
        ("Last-Modified", "yesterday"),
        ("Set-Cookie", "a=1"),
        ("CDN-Cache-Control", "max-age=45"),
        ("CDN-Cache-Control", "max-age=x y"),
        ("Pragma", "no-cache"),
    ]
)
responses = st.tuples(
    st.lists(directive, max_size=4).map(", ".join), st.lists(other, max_size=3, unique_by=lambda f: f[0])
)
COUNT = iter(range(1_000_000))


def asked_for(host: str, said: tuple[str, list[tuple[str, str]]]) -> str:
    """A URL of the shop that answers with these fields, and that nobody has asked for before."""
    control, fields = said
    query = "&".join(f"{quote(name)}={quote(value)}" for name, value in [("cc", control), *fields])
    return f"{host}/cache.css?{query}&X-Number={next(COUNT)}"


def view(town: LoopbackInternet, network: Network, rules: CacheRules, url: str, host: str) -> Explained:
    """What we say about the response, as the origin gives it to whoever asks it itself."""
    answer = network.ask(parse_url(url.replace(host, ORIGIN))).answer
    assert answer is not None
    response = CacheResponse(answer.status, answer.fields, len(answer.body))
    now = float(math.floor(town.date()))
    return caching.explain(rules, CacheRequest("GET", url, ACCEPTS), response, now)


def settled(town: LoopbackInternet) -> None:
    """Wait for what edges ask behind an answer."""
    deadline = time.monotonic() + 5
    while any(edge.running for edge in town.web().edges.values()) and time.monotonic() < deadline:
        time.sleep(0.001)


@pytest.mark.parametrize(
    ("rules", "host"),
    [(caching.RFC9111_SHARED, RFC), (caching.CLOUDFLARE, CLOUDFLARE)],
    ids=["rfc9111", "cloudflare"],
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(said=responses)
def test_what_is_explained_is_what_the_edge_does(
    rules: CacheRules,
    host: str,
    said: tuple[str, list[tuple[str, str]]],
    town: LoopbackInternet,
    network: Network,
) -> None:
    url = asked_for(host, said)
    clock = Timetable(town)
    explained = view(town, network, rules, url, host)

    def word(when: float) -> str:
        clock.until(when)
        answer = network.ask(parse_url(url)).answer
        assert answer is not None
        settled(town)
        return word_of(answer.fields)

    assert word(0.0) not in ("HIT", "UPDATING", "STALE"), "nobody has asked before"
    if not explained.may_store.yes:
        assert word(0.5) in ("BYPASS", "MISS", "DYNAMIC", "EXPIRED")
        return
    # A third of a year is as good as a century, and the town keeps its date for all examples.
    fresh, stale = min(explained.fresh_s, 1e7), explained.stale_s
    if fresh >= 2:
        assert word(fresh - 1.0) == "HIT"
    if fresh == 1e7:
        return
    if stale >= 2:
        assert word(fresh + stale - 1.0) == "UPDATING"
    else:
        assert word(fresh + 1.0) in ("REVALIDATED", "EXPIRED", "MISS", "BYPASS")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(said=responses)
def test_what_is_explained_is_what_our_browser_does(
    said: tuple[str, list[tuple[str, str]]], town: LoopbackInternet, network: Network
) -> None:
    url = asked_for(ORIGIN, said)
    clock = Timetable(town)
    explained = view(town, network, caching.BROWSER, url, ORIGIN)
    browser = Browser(network.ask, town.date)

    def load(when: float) -> tuple[bool, bool]:
        clock.until(when)
        loaded = browser.load(parse_url(url))
        return loaded.asked_network, loaded.behind is not None

    assert load(0.0) == (True, False)
    fresh, stale = min(explained.fresh_s, 1e7), explained.stale_s
    if fresh >= 2:
        assert load(fresh - 1.0) == (False, False)
    if fresh == 1e7:
        return
    if stale >= 2:
        assert load(fresh + stale - 1.0) == (False, True)
    else:
        assert load(fresh + 1.0) == (True, False)


# Without a network.


@given(
    st.lists(
        st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\0"), min_size=1),
        min_size=1,
        max_size=5,
    )
)
def test_whatever_the_fields_say_is_explained_or_refused_in_one_sentence(lines: list[str]) -> None:
    try:
        fields = read_fields(lines)
    except UsageError:
        return
    events = list(explained(fields, "https://www.shop.test/style.css"))
    assert events
    assert all(event.text for event in events)


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ("public, max-age=3600", ("Cache-Control", "public, max-age=3600")),
        ("max-age=60", ("Cache-Control", "max-age=60")),
        ("Cache-Control: no-store", ("Cache-Control", "no-store")),
        ("vary:*", ("vary", "*")),
        ('private="a:b"', ("Cache-Control", 'private="a:b"')),
        ("ETag:", ("ETag", "")),
        ("Expires: Thu, 01 Jan 2099 00:00:00 GMT", ("Expires", "Thu, 01 Jan 2099 00:00:00 GMT")),
    ],
)
def test_a_field_is_read_as_it_is_meant(typed: str, field: tuple[str, str]) -> None:
    assert read_fields([typed]) == (field,)


@pytest.mark.parametrize(
    "typed", ["max-age=1\r\nSet-Cookie: a=1", "a: b\nc", "a\0: b", "", "  ", "na{me: x", "X: \u4e2d"]
)
def test_what_can_be_no_field_is_told_at_once(typed: str) -> None:
    with pytest.raises(UsageError) as told:
        command_line(["cache", "--header", typed, "--plain"])
    assert told.value.code == "header-unreadable"


def test_an_explanation_needs_no_network_and_ends_well(capsys: pytest.CaptureFixture[str]) -> None:
    code, told = document(capsys, "--header", "public, max-age=3600", "--header", "Vary: *")
    assert code == 0
    assert not told["claims"]


@pytest.mark.parametrize("url", ["https://www.python.org/a.css", "http://127.0.0.1:1/a.css"])
def test_a_header_is_explained_wherever_its_url_is(url: str) -> None:
    assert place({"header": ["max-age=60"], "url": url}) == "sandbox"


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("max-stale=5", "a directive of requests"),
        ("Vary", "with a colon and a value"),
        ("public max-age=60", "separated by commas"),
        ("maxage=60", "was max-age meant?"),
        ("x" * 20_000, "no directive that caches know"),
    ],
)
def test_a_word_that_says_nothing_is_named_with_what_was_meant(typed: str, said: str) -> None:
    told = list(unread(read_fields([typed])))
    assert said in " ".join(told)
    assert len(" ".join(told)) < 300


def test_a_very_long_value_is_cut_on_the_screen() -> None:
    row = fields_row((("Cache-Control", "x" * 20_000),))
    assert len(row.rows[0].text) < 400


def test_garbage_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    fields: Fields = read_fields(["maxage=5, public", "Age: soon", "Pragma: no-cache"])
    words = " ".join(unread(fields))
    assert "'maxage'" in words
    assert "was max-age meant?" in words
    assert "'soon'" in words
    assert "Pragma" in words


@pytest.mark.parametrize(
    "words",
    [
        ("https://www.shop.test/", "--show", "words"),
        ("--header", "no-store", "--show", "words"),
        ("--show", "busting", "--redis", "redis://127.0.0.1/"),
        ("https://www.shop.test/", "--redis", "redis://127.0.0.1/"),
        ("--show", "aside", "--cdn", "cloudflare"),
        ("ftp://www.shop.test/",),
        ("http://www.shop.test:0/",),
        ("http://www.shop.test:70000/",),
        ("https://",),
        ("https://a b/",),
    ],
)
def test_what_makes_no_sense_together_is_told_before_anything_runs(words: tuple[str, ...]) -> None:
    with pytest.raises(UsageError):
        command_line(["cache", *words, "--sandbox", "--plain"])


def test_a_url_lives_where_its_host_lives() -> None:
    assert place({"url": None}) == "sandbox"
    assert place({"url": "www.shop.test/logo.svg"}) == "sandbox"
    assert place({"url": "https://example.com/"}) == "both"
    assert place({"url": "https://www.rfc-editor.org/"}) == "live"
    assert place({"url": "http://127.0.0.1:8000/"}) == "local"
    assert place({"url": "localhost:8000"}) == "local"
    assert place({"redis": "redis://127.0.0.1/"}) == "local"


# Words.


def test_documents_are_named_once_with_their_sections_in_order() -> None:
    rules = [
        "RFC 9111 section 5.2.2.10",
        "RFC 9111 section 3",
        "cf-docs edge-ttl",
        "RFC 9111 section 4.2.1",
        "RFC 5861 section 3",
    ]
    assert gathered(rules) == "RFC 9111 sections 3, 4.2.1 and 5.2.2.10, cf-docs edge-ttl, RFC 5861 section 3"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0, "0 s"),
        (60, "60 s"),
        (3600, "1 h"),
        (5400, "5,400 s"),
        (7200, "2 h"),
        (31_536_000, "1 year"),
        (31_535_999, "1 year"),
        (2 * 31_536_000, "2 years"),
        (30 * 86_400, "30 days"),
        (2**31, "68 years"),
        (0.5, "0.5 s"),
    ],
)
def test_a_span_is_said_as_one_says_it(value: float, said: str) -> None:
    assert span(value) == said


@pytest.mark.parametrize(("value", "said"), [(1.9e-7, "0.19 µs"), (1.6e-5, "16 µs"), (0.0012, "1.2 ms")])
def test_a_very_short_time_keeps_two_digits(value: float, said: str) -> None:
    assert microseconds(value) == said


def test_the_questions_keep_the_rules_and_ask_about_claims_of_this_lab() -> None:
    items = quiz.read(LAB.words("quiz.toml"))
    assert not quiz.check(items)
    assert {item.phase for item in items} == {"predict", "observe", "recall"}
    assert len(items) >= 10
    assert {item.claim for item in items if item.claim} <= {claim.id for claim in CLAIMS}


def test_every_fault_of_caches_breaks_a_claim_of_this_lab() -> None:
    assert {fault.name for fault in CACHE_FAULTS} == {claim.broken_by for claim in CLAIMS}


def outcomes(told: dict[str, Any]) -> dict[str, str]:
    return {claim["claim"]: claim["outcome"] for claim in told["claims"]}


def test_what_is_a_habit_of_cloudflare_is_not_asked_of_another_cdn(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, told = document(capsys, f"{RFC}/cookie.css")
    assert code == 0
    assert "cache.set-cookie" not in outcomes(told)
    assert "hands one visitor's cookie to everybody" in " ".join(e["text"] for e in told["events"])


def test_a_redirect_that_is_kept_for_good_says_nothing_about_last_modified(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, told = document(capsys, "https://origin.shop.test/redirect/301")
    assert code == 0
    assert "cache.heuristic" not in outcomes(told)
    assert any("68 years" in e["text"] for e in told["events"])


def test_a_cookie_on_a_file_is_judged_where_cloudflare_answers(capsys: pytest.CaptureFixture[str]) -> None:
    code, told = document(capsys, f"{CLOUDFLARE}/cookie.css")
    assert (code, outcomes(told)["cache.set-cookie"]) == (0, "HELD")


@pytest.mark.parametrize(("fault", "outcome"), [("", "HELD"), ("edge-keeps-everything", "REFUTED")])
def test_an_api_behind_cloudflare_is_judged_by_what_the_cdn_said(
    fault: str, outcome: str, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = ("--break", fault) if fault else ()
    _, told = document(capsys, f"{CLOUDFLARE}/api/products", *broken)
    assert outcomes(told)["cache.extension"] == outcome


@pytest.mark.parametrize(
    ("show", "fault", "claim"),
    [
        ("write-through", "store-is-full", "cache.through-race"),
        ("ttl", "store-is-full", "cache.window"),
        ("types", "store-is-full", "cache.types"),
        ("deploy", "server-ignores-hash", "cache.deploy-order"),
    ],
)
def test_a_fault_of_another_claim_leaves_nothing_to_see_and_refutes_nothing(
    show: str, fault: str, claim: str, capsys: pytest.CaptureFixture[str]
) -> None:
    _, told = document(capsys, "--show", show, "--break", fault)
    assert outcomes(told)[claim] == "NOT_SEEN"


def test_what_was_not_asked_of_the_origin_is_not_said_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    _, told = document(capsys, "--show", "words")
    rows = next([row["text"] for row in e["rows"]] for e in told["events"] if e.get("id") == "words")
    said = {row.split(" is ")[1].split(",")[0]: row for row in rows}
    assert "the origin was not asked" in said["HIT"]
    assert "the origin was asked behind it" in said["UPDATING"]
    assert "the origin gave no answer" in said["STALE"]


def test_what_to_do_by_hand_asks_twice_in_one_sandbox(capsys: pytest.CaptureFixture[str]) -> None:
    _, told = document(capsys)
    lines = [e["title"] for e in told["events"] if e.get("role") == "command"]
    assert "labctl shell -- curl -sI https://www.shop.test/logo.svg{,}" in lines
    _, told = document(capsys, "--break", "edge-hides-age")
    lines = [e["title"] for e in told["events"] if e.get("role") == "command"]
    assert "labctl shell --break edge-hides-age -- curl -sI https://www.shop.test/logo.svg{,}" in lines


def test_who_waits_for_a_real_server_waits_as_long_as_was_said(monkeypatch: pytest.MonkeyPatch) -> None:
    internet = LoopbackInternet(healthy_town())
    try:
        internet.timeout = 0.25
        with Network(internet, most=100) as network:
            limits = network._visitor._limits
            assert limits is not None
            assert (limits.most, limits.seconds) == (100, 0.25)
    finally:
        internet.close()


# The real internet's part, in front of a server on this machine.


class Cdn(http.server.BaseHTTPRequestHandler):
    """A server that says what a CDN says: MISS, then HIT with an Age, and 304 to whoever has the tag."""

    protocol_version = "HTTP/1.1"
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        again = bool(self.asked)
        self.asked.append(self.headers.get("If-None-Match") or "")
        known = self.headers.get("If-None-Match") == '"1"'
        body = b"" if known else b"body\n"
        self.send_response(304 if known else 200)
        self.send_header("Cache-Control", "public, max-age=600")
        self.send_header("ETag", '"1"')
        self.send_header("CF-Cache-Status", "HIT" if again else "MISS")
        if again:
            self.send_header("Age", "7")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def cdn(request: pytest.FixtureRequest) -> Iterator[str]:
    Cdn.asked.clear()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), getattr(request, "param", Cdn)) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/logo.svg"
        finally:
            server.shutdown()
            thread.join()


def test_a_real_server_is_asked_three_times_and_no_more(cdn: str, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    code = command_line(["cache", cdn, "--json", "--no-input"])
    told = json.loads(capsys.readouterr().out)
    assert code == 0
    assert Cdn.asked == ["", "", '"1"']
    assert [row[1:4] for row in table(told, "live.asked")] == [
        ["200", "MISS", "──"],
        ["200", "HIT", "7"],
        ["304", "HIT", "7"],
    ]
    assert {c["claim"]: c["outcome"] for c in told["claims"]} == {"cache.words": "HELD"}
    assert told["internet"] == "live"


class Ruled(Cdn):
    """A CDN that keeps what says no-store, and compares nothing."""

    def do_GET(self) -> None:
        self.send_response(200)
        for name, value in (
            ("Cache-Control", "no-store"),
            ("ETag", '"1"'),
            ("CF-Cache-Status", "HIT"),
            ("Age", "90"),
            ("Server", "cloudflare"),
            ("Content-Length", "0"),
        ):
            self.send_header(name, value)
        self.end_headers()


@pytest.mark.parametrize("cdn", [Ruled], indirect=True)
def test_a_cdn_with_a_rule_of_its_own_is_told_from_what_the_header_says(
    cdn: str, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert command_line(["cache", cdn, "--json", "--no-input"]) == 0
    said = [event["text"] for event in json.loads(capsys.readouterr().out)["events"]]
    assert any("it has a rule of its own" in text for text in said)
    assert any("it compares nothing" in text for text in said)
    assert any("when the cache on the way asks the origin again" in text for text in said)
    assert any(text.endswith("the CDN did otherwise.") for text in said)
