"""The url lab: what is typed, what is told of a visit, its limits, its archive, and how it fails."""

from __future__ import annotations

import gzip
import json
import re
import socket
import threading
import xml.etree.ElementTree as ET
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labctl import quiz
from labctl.cli import run as command_line
from labctl.errors import CannotRun, UsageError
from labctl.events import Measure, Span, Step
from labctl.fetch.connecting import Attempt, Connected
from labctl.fetch.exchange import NO_FRAMING, Answer, Request, Times
from labctl.fetch.legs import Leg, Visit
from labctl.fetch.phases import spent
from labctl.fetch.secure import Secured
from labctl.fetch.stream import Chunk
from labctl.fetch.visit import Visitor
from labctl.protocols.http1 import Fields
from labctl.protocols.nearness import read_url
from labctl.protocols.url import parse_url
from labctl.quiz import rules
from labctl.sandbox.faults import town_under
from labctl.sandbox.loopback import LoopbackInternet
from labs.url import har, judging, lab, slo
from labs.url.asking import FIELDS
from labs.url.lab import LAB, place
from labs.url.picture import waterfall
from labs.url.shares import servers_own_words, told_of_the_time, where_the_time_went
from labs.url.words import less, listed, ms, percents, size

boxed = pytest.mark.usefixtures("needs_box")
NO_BOX = "LABCTL_CAPABILITY_BOX"


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABCTL_HOME", str(tmp_path))


@pytest.fixture
def near(monkeypatch: pytest.MonkeyPatch) -> None:
    """No box: the lab runs in this process, on the loopback."""
    monkeypatch.setenv(NO_BOX, "no")


def document(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, Any]]:
    """Run `labctl url` with these words; the exit code and the result document."""
    capsys.readouterr()
    code = command_line(["url", *words, "--json", "--sandbox"])
    out = capsys.readouterr().out
    return code, json.loads(out) if out else {}


def spans(told: dict[str, Any]) -> list[dict[str, Any]]:
    return [event for event in told["events"] if event["kind"] == "span"]


def claims(told: dict[str, Any]) -> dict[str, str]:
    return {claim["claim"]: claim["outcome"] for claim in told["claims"]}


def commands(told: dict[str, Any]) -> dict[str, str]:
    return {e["label"]: e["title"] for e in told["events"] if e.get("role") == "command"}


# What is typed.


@pytest.mark.parametrize(
    ("typed", "url"),
    [
        ("www.shop.test", "https://www.shop.test/"),
        ("localhost:5000", "http://localhost:5000/"),
        ("127.0.0.1:5000/x", "http://127.0.0.1:5000/x"),
        ("[::1]:5000", "http://[::1]:5000/"),
        ("https://localhost:5000", "https://localhost:5000/"),
        ("http://shop.test", "http://shop.test/"),
        ("192.0.2.1", "https://192.0.2.1/"),
    ],
)
def test_without_a_scheme_https_is_meant_and_http_on_this_machine(typed: str, url: str) -> None:
    assert read_url(typed).text == url


@pytest.mark.parametrize(
    ("arguments", "where"),
    [
        ({}, "sandbox"),
        ({"url": "https://www.shop.test/"}, "sandbox"),
        ({"url": "https://example.com/x"}, "both"),
        ({"url": "https://python.org/"}, "live"),
        ({"url": "localhost:8000"}, "local"),
        ({"url": "http://192.168.1.1/"}, "local"),
        ({"show": "slow-start"}, "sandbox"),
        ({"url": "https://example.com/", "rtt": 100}, "sandbox"),
    ],
)
def test_where_a_url_lives(arguments: dict[str, Any], where: str) -> None:
    assert place(arguments) == where


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["http://a:99999/"], "port-out-of-range"),
        (["ftp://shop.test/"], "url-scheme-unknown"),
        (["https://user:pw@shop.test/"], "url-invalid"),
        (["https://shop.test/a b"], "url-invalid"),
        (["--slo", "total"], "slo-invalid"),
        (["--slo", "tota=5"], "slo-invalid"),
        (["--slo", "total=fast"], "slo-invalid"),
        (["--slo", "total=-5"], "slo-invalid"),
        (["--slo", "total=0"], "slo-invalid"),
        (["--slo", "total=nan"], "slo-invalid"),
        (["--slo", "total=inf"], "slo-invalid"),
        (["--slo", "total=5,total=6"], "slo-invalid"),
        (["--slo", ""], "slo-invalid"),
        (["--slo", "total=5m"], "slo-invalid"),
        (["--slo", "status=any"], "slo-invalid"),
        (["--slo", "status=99"], "slo-invalid"),
        (["--slo", "status=4xx"], "slo-invalid"),
        (["--slo", "status=any,status=404"], "slo-invalid"),
        (["--slo", "again=5", "--repeat", "1"], "options-contradict"),
        (["--repeat", "0"], "repeat-out-of-range"),
        (["--repeat", "21"], "repeat-out-of-range"),
        (["--rtt", "-1"], "rtt-out-of-range"),
        (["--rtt", "5001"], "rtt-out-of-range"),
        (["--show", "slow-view", "https://www.shop.test/"], "options-contradict"),
        (["--show", "slow-view", "--har", "x.har"], "options-contradict"),
        (["--show", "slow-view", "-X", "HEAD"], "options-contradict"),
        (["--show", "slow-view", "-H", "A: b"], "options-contradict"),
        (["-X", "A B"], "method-invalid"),
        (["-X", "CONNECT"], "method-invalid"),
        (["-H", "nothing"], "header-invalid"),
        (["-H", "A: b\r\nC: d"], "header-invalid"),
        ([""], "url-invalid"),
        (["--show", "connections", "--rtt", "5"], "options-contradict"),
    ],
)
@pytest.mark.usefixtures("near")
def test_what_cannot_be_meant_is_said_at_once(words: list[str], code: str) -> None:
    with pytest.raises(UsageError) as refused:
        command_line(["url", *words, "--sandbox", "--plain"])
    assert refused.value.code == code


def test_a_file_that_cannot_be_written_is_said_before_anything_is_visited(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "no" / "x.har", ""):
        with pytest.raises(CannotRun) as refused:
            place({"har": str(path)})
        assert refused.value.code == "file-not-written"
    assert place({"har": str(tmp_path / "x.har")}) == "sandbox"


@given(st.text(max_size=60))
def test_whatever_stands_behind_slo_is_limits_or_refused(text: str) -> None:
    try:
        limits = slo.read(text)
    except UsageError:
        return
    assert limits.phases or limits.status
    assert all(name in slo.PHASES and 0 < limit < float("inf") for name, limit in limits.phases.items())


def test_limits_are_read_with_and_without_a_unit() -> None:
    assert slo.read(" total = 500 , wait=200ms,first-byte=0.5,tls=0.5s, dns = 1 s") == slo.Limits(
        {"total": 500.0, "wait": 200.0, "first-byte": 0.5, "tls": 500.0, "dns": 1000.0}
    )
    assert slo.read("status=404,total=5") == slo.Limits({"total": 5.0}, 404)
    assert slo.read("total=5,status=any").status == 0


def test_the_fix_of_a_limit_that_cannot_be_read_names_the_users_own_url() -> None:
    with pytest.raises(UsageError) as refused:
        slo.read("tot=5", "https://www.example.com/?a=1&b=2")
    assert refused.value.fixes == ("labctl url 'https://www.example.com/?a=1&b=2' --slo total=500,wait=200",)


def test_the_help_names_every_limit() -> None:
    (said,) = (str(note) for note in get_type_hints(lab.run, include_extras=True)["slo"].__metadata__)
    assert all(name in said for name in (*slo.PHASES, "status", "first visit"))


# What is told.


@pytest.mark.usefixtures("near")
def test_the_phases_of_a_visit_stand_in_order(capsys: pytest.CaptureFixture[str]) -> None:
    code, told = document(capsys)
    assert code == 0
    assert [span["track"] for span in spans(told)] == ["DNS", "TCP", "TLS", "request", "wait", "response"]
    assert [span["role"] for span in spans(told)] == ["", "", "", "", "wait", ""]
    ends = [span["end_ms"] for span in spans(told)]
    assert ends == sorted(ends)
    measures = told["measures"]
    parts = sum(measures[f"url.{name}"]["value"] for name in ("dns", "tcp", "tls", "wait"))
    assert parts <= measures["url.total"]["value"] + 1
    assert measures["url.trips"]["value"] == 3
    assert "curl" in commands(told)["by hand"]


@pytest.mark.usefixtures("near")
def test_four_numbers_say_where_the_time_went(capsys: pytest.CaptureFixture[str]) -> None:
    _, told = document(capsys)
    (rows,) = [event for event in told["events"] if event.get("id") == "time"]
    assert [row["cells"][0] for row in rows["rows"]] == [
        "setting up",
        "on the way",
        "your app",
        "moving bytes",
    ]
    assert abs(sum(row["share"] for row in rows["rows"]) - 1) < 0.002
    assert rows["form"] == "shares"


@pytest.mark.usefixtures("near")
def test_redirects_have_a_heading_for_each_leg(capsys: pytest.CaptureFixture[str]) -> None:
    code, told = document(capsys, "http://shop.test/", "--repeat", "2")
    assert code == 0
    headings = [e["title"] for e in told["events"] if e.get("role") == "heading"]
    assert headings == [
        "1  http://shop.test/",
        "2  https://shop.test/",
        "3  https://www.shop.test/",
        "1  https://shop.test/",
        "2  https://www.shop.test/",
    ]
    assert told["measures"]["url.connections"]["value"] == 3
    assert told["measures"]["url.again.connections"]["value"] == 0
    (saved,) = [event for event in told["events"] if event.get("id") == "saved"]
    # A browser keeps a permanent redirect, so that its leg needs nobody either.
    # Over an open connection nobody looks for the name, so it is not the memory of names that spared it.
    helped = ["HSTS", "browser cache", "open connection"]
    assert [row["cells"][0] for row in saved["rows"]] == helped


@pytest.mark.usefixtures("near")
def test_a_walk_asks_the_name_servers_itself(capsys: pytest.CaptureFixture[str]) -> None:
    _, told = document(capsys, "--walk", "--repeat", "1", "--http1")
    assert "from the root" in spans(told)[0]["text"]
    assert "HTTP/1.1" in spans(told)[2]["text"]
    assert "url.again" not in told["measures"]


@pytest.mark.usefixtures("near")
@pytest.mark.parametrize(
    ("url", "words", "why"),
    [
        ("https://www.shop.test:8443/", "refused the connection", "labctl tcp www.shop.test:8443"),
        ("https://expired.tls.test/", "certificate has expired", "labctl tls expired.tls.test"),
        ("https://no-tls.tls.test/", "does not speak TLS", "labctl tls no-tls.tls.test"),
    ],
)
def test_what_peers_do_is_evidence_and_nothing_is_judged(
    url: str, words: str, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, told = document(capsys, url)
    assert code == 4
    assert told["error"] is None
    (warning,) = [e["text"] for e in told["events"] if e.get("role") == "warning"]
    assert words in warning
    assert commands(told)["why"] == why


@pytest.mark.usefixtures("near")
def test_a_name_without_an_address_is_drawn_and_then_out_of_reach(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(CannotRun) as refused:
        command_line(["url", "https://nope.shop.test/", "--json", "--sandbox"])
    told = json.loads(capsys.readouterr().out)
    assert refused.value.code == told["error"]["code"] == "name-not-found"
    assert told["exit_code"] == 3
    assert [span["track"] for span in spans(told)] == ["DNS"]
    assert "nope.shop.test does not exist, and that may be remembered for 300 s." in spans(told)[0]["text"]
    assert commands(told)["why"] == "labctl dns nope.shop.test"
    assert (told["measures"]["url.legs"]["value"], "url.total" in told["measures"]) == (0, False)


@pytest.mark.usefixtures("near")
def test_a_redirect_to_a_name_without_an_address_is_evidence(capsys: pytest.CaptureFixture[str]) -> None:
    code, told = document(capsys, "http://origin.shop.test/redirect/302?to=http://nope.shop.test/")
    assert (code, told["error"]) == (4, None)
    assert told["measures"]["url.legs"]["value"] == 1
    (phase,) = [e for e in told["events"] if e.get("role") == "phase" and e["phase"] == "OBSERVE"]
    assert phase["title"] == "from Enter to where it ended"


@pytest.mark.usefixtures("near")
def test_method_and_fields_are_those_that_were_given(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    archive = tmp_path / "visit.har"
    words = ["-X", "HEAD", "-H", "Accept:", "-H", "X-Who: me", "--har", str(archive)]
    _, told = document(capsys, "https://api.shop.test/x", *words)
    assert "HEAD /x" in next(span["text"] for span in spans(told) if span["track"] == "request")
    request = json.loads(archive.read_bytes())["log"]["entries"][0]["request"]
    assert request["method"] == "HEAD"
    names = [header["name"] for header in request["headers"]]
    assert names == ["Host", "User-Agent", "Accept-Encoding", "X-Who"]
    by_hand = commands(told)["by hand"]
    assert "-I -H Accept: -H 'X-Who: me'" in by_hand
    assert commands(told)["see it"].endswith("-X HEAD -H Accept: -H 'X-Who: me' --repeat 2")


@pytest.mark.usefixtures("near")
def test_what_was_drawn_is_not_offered_again(capsys: pytest.CaptureFixture[str]) -> None:
    _, told = document(capsys, "--repeat", "2", "--http1")
    assert "see it" not in commands(told)
    assert "--http1.1" in commands(told)["by hand"]
    assert commands(told)["farther"] == "labctl url https://www.shop.test/ --http1 --rtt 100"


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=5).filter(any))
def test_shares_in_per_cent_add_up_to_a_hundred(amounts: list[float]) -> None:
    shares = [int(share.removesuffix("%")) for share in percents(amounts)]
    assert sum(shares) == 100
    assert all(
        abs(share - amount / sum(amounts) * 100) <= 1 for share, amount in zip(shares, amounts, strict=True)
    )


@pytest.mark.usefixtures("near")
def test_a_loop_of_redirects_ends_after_ten_requests_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    _, told = document(capsys, "https://origin.shop.test/loop")
    assert told["measures"]["url.legs"]["value"] == 10
    (warning,) = [e["text"] for e in told["events"] if e.get("role") == "warning"]
    assert "after 10 requests" in warning


@pytest.mark.usefixtures("near")
def test_a_server_that_closes_is_no_reason_to_call_the_claim_false(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, told = document(capsys, "--http1", "--break", "closes-always")
    assert claims(told)["url.before-dns"] == "NOT_SEEN"
    assert code == 4


def test_a_server_of_ones_own_is_visited_without_the_internet(capsys: pytest.CaptureFixture[str]) -> None:
    requests: list[bytes] = []

    def serve() -> None:
        connection, _ = listening.accept()
        with connection:
            for _ in range(2):
                requests.append(connection.recv(65536))
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(10)
        thread = threading.Thread(target=serve)
        thread.start()
        where = f"127.0.0.1:{listening.getsockname()[1]}"
        capsys.readouterr()
        code = command_line(["url", where, "--json"])
        thread.join()
    told = json.loads(capsys.readouterr().out)
    assert (code, told["internet"]) == (0, "live")
    assert [span["track"] for span in spans(told)] == ["TCP", "request", "wait", "response"]
    assert claims(told) == {"url.before-dns": "HELD"}
    assert all(request.startswith(b"GET / HTTP/1.1\r\nHost: " + where.encode()) for request in requests)
    assert commands(told)["by hand"].startswith("curl ")


# Limits.


@pytest.mark.usefixtures("near")
def test_a_limit_that_is_kept_passes_and_one_that_is_not_fails(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code, told = document(capsys, "--slo", "total=100000,again=100000")
    assert code == 0
    assert told["measures"]["url.slo.total"]["at_most"] == 100_000
    report = tmp_path / "report.xml"
    code, told = document(capsys, "--slo", "total=0.1,dns=100000", "--junit", str(report))
    assert code == told["exit_code"] == 1
    (over,) = [e for e in told["events"] if e.get("hue") == "bad" and e.get("role") == "result"]
    assert over["text"].startswith("Over the limit: total:")
    assert "dns" not in over["text"]
    cases = {case.get("name"): case for case in ET.parse(report).iter("testcase")}
    assert cases["url.slo.total"].find("failure") is not None
    assert cases["url.slo.dns"].find("failure") is None


@pytest.mark.usefixtures("near")
def test_a_visit_that_failed_keeps_no_limit(capsys: pytest.CaptureFixture[str]) -> None:
    code, told = document(capsys, "https://nope.shop.test/", "--slo", "total=100000")
    assert code == 1
    assert told["measures"]["url.slo.total"]["value"] is None
    assert "no response" in told["measures"]["url.slo.total"]["text"]


@pytest.mark.usefixtures("near")
def test_an_error_page_fails_the_run_unless_it_is_allowed(capsys: pytest.CaptureFixture[str]) -> None:
    gone, limit = "http://origin.shop.test/gone", "total=100000,tls=100000"
    code, told = document(capsys, gone, "--slo", limit)
    assert code == 1
    assert told["measures"]["url.slo.tls"]["text"].endswith(
        "0.0 ms, none was needed, 100,000 ms allowed: kept."
    )
    status = told["measures"]["url.slo.status"]
    assert (status["value"], status["at_most"]) == (410, 399)
    assert status["text"].startswith("Check status: the response is 410 Gone;")
    code, told = document(capsys, gone, "--slo", f"{limit},status=any")
    assert (code, "url.slo.status" in told["measures"]) == (0, False)
    (warning,) = [e["text"] for e in told["events"] if e.get("role") == "warning"]
    assert warning == "What was measured is an error page: the response is 410 Gone."


@pytest.mark.parametrize(
    ("status", "wanted", "failed"),
    [
        (200, None, False),
        (304, None, False),
        (401, None, True),
        (500, None, True),
        (500, 500, False),
        (503, 500, True),
        (200, 500, True),
        (200, 200, False),
        (204, 200, True),
    ],
)
def test_the_status_is_a_check_of_its_own(status: int, wanted: int | None, failed: bool) -> None:
    leg = answered((), b"x")
    assert leg.answer is not None
    visit = Visit((leg._replace(answer=leg.answer._replace(status=status)),), 1.0, 1.2)
    told = list(slo.checks(slo.Limits({}, wanted), visit, None))
    checks = [event for event in told if isinstance(event, Measure)]
    assert [check.failed for check in checks] == [failed]
    assert str(status) in checks[0].text


def test_the_first_byte_is_that_of_the_last_response(visits: list[tuple[Visit, float]]) -> None:
    legs = [answered((), b"x")._replace(started_at=start, ended_at=start + 1.0) for start in (1.0, 2.0)]
    times = [Times(start, start, start + 0.2, start + 0.2, start + 1.0) for start in (1.0, 2.0)]
    whole = Visit(
        tuple(
            leg._replace(answer=leg.answer and leg.answer._replace(times=t))
            for leg, t in zip(legs, times, strict=True)
        ),
        1.0,
        3.0,
    )
    assert round(spent(whole).first_byte) == 1200
    assert round(spent(whole).response) == 1600


def test_a_second_visit_that_is_sent_elsewhere_refutes_nothing(visits: list[tuple[Visit, float]]) -> None:
    """A site that sends each visit to another of its hosts."""
    first = visits[1][0]
    elsewhere = visits[0][0]
    (verdict,) = judging.before_dns(first, elsewhere)
    assert (verdict.outcome, "where the first had not been" in verdict.text) == ("NOT_SEEN", True)


@pytest.fixture
def secured_visit(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Visit]:
    """A visit of so many milliseconds for TCP, TLS and the wait, with so many round trips in the handshake."""

    def make(tcp: float, tls: float, wait: float, trips: int = 1, address: str = "203.0.113.10") -> Visit:
        monkeypatch.setattr(judging, "tls_round_trips", lambda leg: trips)
        at = [1.0, 1.0 + tcp / 1000, 1.0 + (tcp + tls) / 1000, 1.0 + (tcp + tls + wait) / 1000]
        attempt = Attempt(address, at[0], at[1], "won")
        leg = answered((), b"x")
        assert leg.answer is not None
        with socket.socket() as unused:
            connected = Connected(unused, address, 443, (attempt,), at[0], at[1])
        secured = Secured(Any, "1.3", "", "", False, (), at[1], at[2], "", "", 0)  # type: ignore[arg-type]
        answer = leg.answer._replace(times=Times(at[2], at[2], at[3], at[3], at[3]))
        leg = leg._replace(connected=connected, secured=secured, answer=answer, ended_at=at[3])
        return Visit((leg,), 1.0, at[3])

    return make


@pytest.mark.parametrize(
    ("phases", "live", "outcome", "words"),
    [
        ((100, 105, 110), True, "HELD", "after the name was known"),
        ((100, 400, 110), True, "HELD", "took its time with the handshake"),
        ((100, 400, 110), False, "HELD", "took its time with the handshake"),
        ((100, 205, 110, 2), True, "NOT_SEEN", "asked for another key"),
        ((1100, 105, 110), True, "NOT_SEEN", "A segment was lost"),
        ((1100, 105, 110), False, "REFUTED", "more than three round trips"),
    ],
)
def test_a_slow_server_and_a_lost_segment_refute_nothing_on_the_live_internet(
    secured_visit: Callable[..., Visit], phases: tuple[int, ...], live: bool, outcome: str, words: str
) -> None:
    (verdict,) = judging.round_trips(secured_visit(*phases), None, live=live)
    assert verdict.outcome == outcome
    assert words in verdict.text


def test_only_a_dead_ipv6_address_is_about_the_head_start_of_ipv6(
    secured_visit: Callable[..., Visit],
) -> None:
    visit = secured_visit(300, 105, 110)
    leg = visit.legs[0]
    assert leg.connected is not None

    def after(dead: str) -> list[Any]:
        attempts = (Attempt(dead, 1.0, 1.3, "called-off"), Attempt("203.0.113.10", 1.25, 1.3, "won"))
        connected = leg.connected and leg.connected._replace(attempts=attempts)
        return list(judging.happy_eyeballs(visit._replace(legs=(leg._replace(connected=connected),))))

    assert [verdict.outcome for verdict in after("2001:db8::1")] == ["HELD"]
    assert after("203.0.113.9") == []


def test_an_address_that_was_overtaken_is_not_called_dead(secured_visit: Callable[..., Visit]) -> None:
    visit = secured_visit(300, 105, 110)
    leg = visit.legs[0]
    attempts = (Attempt("2001:db8::1", 1.0, 1.3, "won"), Attempt("203.0.113.9", 1.25, 1.3, "called-off"))
    connected = leg.connected and leg.connected._replace(attempts=attempts)
    drawn = [
        s
        for s in waterfall(visit._replace(legs=(leg._replace(connected=connected, secured=None),)))
        if isinstance(s, Span)
    ]
    assert [(span.label, span.hue) for span in drawn[:2]] == [
        ("2001:db8::1", "ok"),
        ("203.0.113.9 not needed", "mute"),
    ]


def test_a_check_fails_when_it_is_over_its_limit_or_was_not_measured() -> None:
    assert not Measure("", "x", 5.0).failed
    assert not Measure("", "x", 5.0, at_most=5.0).failed
    assert Measure("", "x", 5.1, at_most=5.0).failed
    assert Measure("", "x", None, at_most=5.0).failed
    assert Measure("", "x", "fast", at_most=5.0).failed


# Where the time went.


def spread(arrivals: list[tuple[float, int]], *, wait: float = 0.1, fields: Fields = ()) -> Visit:
    """A visit whose response came in these pieces: seconds behind its first byte, and bytes."""
    leg = answered(fields, b"")
    assert leg.answer is not None
    first = 1.0 + wait
    end = first + (arrivals[-1][0] if arrivals else 0.0)
    answer = leg.answer._replace(
        times=Times(1.0, 1.0, first, first, end), body_bytes=sum(size for _, size in arrivals)
    )
    came = tuple((first + at, size) for at, size in arrivals)
    return Visit((leg._replace(answer=answer, arrivals=came, ended_at=end),), 1.0, end)


def shares(visit: Visit, rtt: float | None) -> dict[str, int]:
    rows = where_the_time_went(visit, rtt)
    assert rows is not None
    return {row.cells[0]: int(row.cells[1].removesuffix("%")) for row in rows.rows}


PIECES = [(0.0, 100), (0.15, 3), (0.30, 3), (0.45, 3), (0.60, 3)]


def test_gaps_within_a_response_are_the_apps_and_no_line_is_blamed() -> None:
    visit = spread(PIECES, wait=0.01)
    assert shares(visit, 1.0) == {"setting up": 0, "on the way": 0, "your app": 100, "moving bytes": 0}
    (note,) = [e.text for e in told_of_the_time(visit, 1.0) if isinstance(e, Step)]
    assert note == (
        "112 B in 600 ms: the server sent it in pieces, 600 ms of pauses; that is its time, not the line's."
    )
    (bar,) = [s for s in waterfall(visit, 1.0) if isinstance(s, Span) and s.track == "response"]
    assert (bar.role, bar.label) == ("wait", "200, 112 B, in pieces")


def test_a_single_gap_may_be_a_lost_segment_and_that_is_said() -> None:
    (note,) = [e.text for e in told_of_the_time(spread([(0.3, 50)]), 1.0) if isinstance(e, Step)]
    assert "a lost segment would look the same" in note


@pytest.mark.parametrize(
    ("arrivals", "rtt"),
    [
        # Slow start: a round trip between the flights.
        ([(0.0, 14_480), (0.1, 28_960), (0.2, 57_920)], 100.0),
        # A line that brings 64 kbit/s.
        ([(0.18 * n, 1_448) for n in range(20)], 30.0),
        # No round trip is known: the wait, 100 ms, holds one.
        (PIECES, None),
        # A machine that was held up.
        ([(0.015 * n, 10) for n in range(9)], 1.0),
        ([], 1.0),
    ],
)
def test_what_the_line_may_have_done_is_not_blamed_on_the_server(
    arrivals: list[tuple[float, int]], rtt: float | None
) -> None:
    assert not spent(spread(arrivals), rtt).paused.times


def test_where_more_came_than_is_kept_the_rest_is_not_taken_for_a_pause() -> None:
    visit = spread([(0.0, 100), (0.1, 100), (5.0, 100)])
    leg = visit.legs[0]
    assert spent(visit, 1.0).paused.times == 2
    assert spent(visit._replace(legs=(leg._replace(arrivals=leg.arrivals[:2]),)), 1.0).paused.times == 1


def test_the_way_there_and_back_is_a_bar_of_its_own() -> None:
    assert shares(spread([], wait=0.1), 40.0) == {
        "setting up": 0,
        "on the way": 40,
        "your app": 60,
        "moving bytes": 0,
    }


def test_without_a_round_trip_the_way_is_within_the_app_and_that_is_said() -> None:
    rows = where_the_time_went(spread([], wait=0.1))
    assert rows is not None
    assert [row.cells[2] for row in rows.rows][1] == "your code, and the way there and back"


def test_a_lost_syn_makes_the_way_no_longer(secured_visit: Callable[..., Visit]) -> None:
    visit = secured_visit(1100, 105, 300)
    leg = visit.legs[0]
    assert leg.secured is not None
    tap = [Chunk(leg.secured.started_at, True, b"?"), Chunk(leg.secured.ended_at, False, b"!")]
    secured = leg.secured._replace(stream=SimpleNamespace(tap=tap))  # type: ignore[arg-type]
    assert round(spent(visit._replace(legs=(leg._replace(secured=secured),))).way) == 105


@pytest.mark.parametrize(
    ("fields", "bar"),
    [
        ((("cf-cache-status", "HIT"),), "a cache"),
        ((("Cache-Status", "edge; hit; ttl=5"),), "a cache"),
        ((("Age", "12"),), "a cache"),
        ((("cf-cache-status", "MISS"), ("Age", "0")), "your app"),
        ((("cf-cache-status", "REVALIDATED"),), "your app"),
        ((("cf-cache-status", "DYNAMIC"),), "your app"),
        ((), "your app"),
    ],
)
def test_an_answer_out_of_a_cache_is_not_counted_to_the_app(fields: Fields, bar: str) -> None:
    visit = spread([], fields=fields)
    assert list(shares(visit, 40.0)) == ["setting up", "on the way", bar, "moving bytes"]
    rows = where_the_time_went(visit, 40.0)
    assert rows is not None
    assert ("answered by a cache: your app was not asked" in rows.rows[2].text) is (bar == "a cache")
    # After a 304 the fields are those of the copy: they say nothing of this visit.
    validated = visit._replace(legs=(visit.legs[0]._replace(cache="validated"),))
    assert "your app" in shares(validated, 40.0)


@given(
    st.lists(st.tuples(st.floats(0, 2), st.integers(1, 3000)), max_size=12).map(sorted),
    st.none() | st.floats(0, 500),
    st.floats(0.001, 2),
    st.sampled_from(["HIT", "MISS"]),
)
def test_the_parts_add_up_to_the_whole_whatever_came(
    arrivals: list[tuple[float, int]], rtt: float | None, wait: float, word: str
) -> None:
    visit = spread(arrivals, wait=wait, fields=(("cf-cache-status", word),))
    rows = where_the_time_went(visit, rtt)
    assert rows is not None
    assert sum(int(row.cells[1].removesuffix("%")) for row in rows.rows) == 100
    assert abs(sum(row.share or 0 for row in rows.rows) - 1) < 1e-6
    times = spent(visit, rtt)
    assert 0 <= times.paused.ms <= times.response + 1e-6


def test_the_servers_own_words_stand_beside_what_was_measured() -> None:
    said = (("Server-Timing", 'db;dur=53.2;desc="big, \x1b query", app;dur=12, miss'),)
    rows = servers_own_words(spread([], wait=0.1, fields=said), 20.0)
    assert rows is not None
    assert [row.cells for row in rows.rows] == [
        ("db", "53.2 ms", "big, \x1b query"),
        ("app", "12.0 ms", ""),
        ("miss", "", ""),
    ]
    assert rows.note == "65.2 ms (together) of 80.0 ms: 14.8 ms left unsaid."
    assert rows.rows[0].data == {"name": "db", "dur_ms": 53.2, "desc": "big, \x1b query"}
    assert servers_own_words(spread([]), 20.0) is None


@pytest.mark.parametrize(
    ("durations", "words"),
    [
        ("total;dur=70, db;dur=60", "70.0 ms (the longest; they overlap) of 80.0 ms: 10.0 ms left unsaid."),
        ("total;dur=900", "900 ms is more than the 80.0 ms seen from here."),
        ("miss", ""),
    ],
)
def test_times_that_contain_each_other_are_not_added_up(durations: str, words: str) -> None:
    rows = servers_own_words(spread([], wait=0.1, fields=(("Server-Timing", durations),)), 20.0)
    assert rows is not None
    assert rows.note == words


@pytest.mark.usefixtures("near")
def test_a_name_that_does_not_exist_is_told_once_on_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(CannotRun):
        command_line(["url", "https://nope.shop.test/", "--plain", "--sandbox"])
    assert capsys.readouterr().out.count("does not exist") == 1


# The archive.

STRING, NUMBER, LIST = str, (int, float), list
ENTRY: dict[str, Any] = {
    "pageref": STRING,
    "startedDateTime": STRING,
    "time": NUMBER,
    "request": {
        "method": STRING,
        "url": STRING,
        "httpVersion": STRING,
        "cookies": LIST,
        "headers": LIST,
        "queryString": LIST,
        "headersSize": NUMBER,
        "bodySize": NUMBER,
    },
    "response": {
        "status": NUMBER,
        "statusText": STRING,
        "httpVersion": STRING,
        "cookies": LIST,
        "headers": LIST,
        "content": {"size": NUMBER, "mimeType": STRING},
        "redirectURL": STRING,
        "headersSize": NUMBER,
        "bodySize": NUMBER,
    },
    "cache": {},
    "timings": {"send": NUMBER, "wait": NUMBER, "receive": NUMBER},
}


def assert_shaped(value: Any, shape: Any, where: str = "entry") -> None:
    """What HAR 1.2 requires is there and of its type."""
    if isinstance(shape, dict):
        assert isinstance(value, dict), where
        for key, inner in shape.items():
            assert key in value, f"{where}.{key}"
            assert_shaped(value[key], inner, f"{where}.{key}")
    else:
        assert isinstance(value, shape), where
        assert not isinstance(value, bool), where


@pytest.fixture(scope="module")
def visits() -> list[tuple[Visit, float]]:
    """A chain of redirects, a page with a query, one that fails, and one out of the cache."""
    from labctl.fetch.browser_cache import PrivateCache

    with (
        LoopbackInternet(town_under(""), latency=False) as internet,
        Visitor(internet, cache=PrivateCache()) as client,
    ):
        urls = [
            "http://shop.test/",
            "https://origin.shop.test/size/5?a=1&b=",
            "https://expired.tls.test/",
            "https://origin.shop.test/style.css",
            "https://origin.shop.test/style.css",
        ]
        return [(client.visit(parse_url(url), fields=FIELDS), internet.date()) for url in urls]


def test_an_archive_has_what_har_1_2_requires(visits: list[tuple[Visit, float]]) -> None:
    log = json.loads(har.archive(visits, comment="a test"))["log"]
    assert (log["version"], log["creator"]["name"], log["comment"]) == ("1.2", "labctl", "a test")
    assert [page["id"] for page in log["pages"]] == [f"visit_{n}" for n in range(1, 6)]
    assert len(log["entries"]) == sum(len(visit.legs) for visit, _ in visits)
    for entry in log["entries"]:
        assert_shaped(entry, ENTRY)
        assert datetime.fromisoformat(entry["startedDateTime"]).tzinfo is not None
        timings = entry["timings"]
        counted = sum(max(0, timings[name]) for name in ("dns", "connect", "send", "wait", "receive"))
        assert abs(entry["time"] - counted) < 0.01
        assert timings["ssl"] <= max(timings["connect"], -1)
        for header in (*entry["request"]["headers"], *entry["response"]["headers"]):
            assert set(header) == {"name", "value"}


def test_an_archive_follows_redirects_and_keeps_what_came(visits: list[tuple[Visit, float]]) -> None:
    entries = json.loads(har.archive(visits))["log"]["entries"]
    assert [e["response"]["redirectURL"] for e in entries[:3]] == [
        "https://shop.test/",
        "https://www.shop.test/",
        "",
    ]
    sized = entries[3]
    assert sized["request"]["queryString"] == [{"name": "a", "value": "1"}, {"name": "b", "value": ""}]
    assert sized["response"]["content"]["size"] == 5
    failed = entries[4]
    assert (failed["response"]["status"], failed["timings"]["ssl"] >= 0) == (0, True)
    assert "expired" in failed["comment"]
    cached = entries[6]
    assert (cached["timings"]["connect"], cached["response"]["bodySize"]) == (-1, 0)


@pytest.mark.usefixtures("near")
def test_an_archive_has_content_without_its_coding_and_cookies_with_their_flags() -> None:
    said = (
        ("Content-Type", "text/plain"),
        ("Content-Encoding", "gzip"),
        ("Set-Cookie", "a=b=c; Path=/x; Expires=Wed, 09 Jun 2027 10:18:14 GMT; HttpOnly; Secure"),
    )
    page = gzip.compress(b"hello" * 1000)
    (entry,) = _archived(answered(said, page))
    content = entry["response"]["content"]
    assert (content["size"], content["text"]) == (5000, "hello" * 1000)
    assert content["compression"] == 5000 - len(page)
    assert entry["response"]["bodySize"] == len(page)
    (cookie,) = entry["response"]["cookies"]
    assert cookie == {
        "name": "a",
        "value": "b=c",
        "path": "/x",
        "expires": "2027-06-09T10:18:14.000+00:00",
        "httpOnly": True,
        "secure": True,
    }


@pytest.mark.parametrize(
    "page",
    [b"no gzip", gzip.compress(b"hello")[:9], gzip.compress(bytes(10_000_000))],
    # gzip writes the time of day into its head: as an id it would differ between the processes of a run.
    ids=["no gzip", "cut short", "a bomb"],
)
def test_an_archive_says_why_content_has_its_coding_still(page: bytes) -> None:
    (entry,) = _archived(answered((("Content-Encoding", "gzip"),), page))
    content = entry["response"]["content"]
    assert (content["size"], "text" in content) == (len(page), False)
    assert content["comment"].startswith("Not without its coding (gzip): it ")


def test_an_archive_keeps_what_was_sent_once() -> None:
    leg = answered((("Location", "ftp://x.test/"),), b"")
    fields = (("host", "other.test"), ("Cookie", "a=b; c=d"))
    assert leg.request is not None
    (entry,) = _archived(leg._replace(request=leg.request._replace(fields=fields)))
    assert [header["name"] for header in entry["request"]["headers"]] == ["host", "Cookie"]
    assert entry["request"]["cookies"] == [{"name": "a", "value": "b"}, {"name": "c", "value": "d"}]
    assert entry["response"]["redirectURL"] == "ftp://x.test/"


def answered(fields: Fields, page: bytes) -> Leg:
    """A leg with this response."""
    answer = Answer(
        200,
        "OK",
        "1.1",
        fields,
        page,
        len(page),
        True,
        (),
        (),
        b"",
        NO_FRAMING,
        b"",
        Times(1.0, 1.0, 1.1, 1.1, 1.2),
    )
    url = parse_url("http://www.shop.test/")
    return Leg(url, answer=answer, request=Request("GET", url), started_at=1.0, ended_at=1.2)


def _archived(leg: Leg) -> list[dict[str, Any]]:
    log: dict[str, Any] = json.loads(har.archive([(Visit((leg,), 1.0, 1.2), 1_800_000_000.0)]))["log"]
    assert_shaped(log["entries"][0], ENTRY)
    entries: list[dict[str, Any]] = log["entries"]
    return entries


def test_an_archive_is_written_where_it_was_wanted(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "visit.har"
    code, told = document(capsys, "--har", str(path))
    assert code == 0
    assert len(json.loads(path.read_bytes())["log"]["entries"]) == 2
    assert any(str(path) in event["text"] for event in told["events"])


def test_a_failed_visit_is_drawn_up_to_where_it_ended(visits: list[tuple[Visit, float]]) -> None:
    failed = visits[2][0]
    drawn = [span for span in waterfall(failed) if isinstance(span, Span)]
    assert [span.track for span in drawn] == ["DNS", "TCP", "TLS"]
    assert (drawn[-1].data["failed"], drawn[-1].hue, drawn[-1].label) == (True, "bad", "certificate refused")
    assert where_the_time_went(failed) is None


def test_a_fresh_copy_is_one_span(visits: list[tuple[Visit, float]]) -> None:
    (span,) = waterfall(visits[4][0])
    assert getattr(span, "track", "") == "cache"


# Words.


def test_numbers_are_written_as_the_screens_write_them() -> None:
    assert [ms(0.01), ms(44.94), ms(99.96), ms(1234.5), ms(15_000)] == [
        "under 0.1 ms",
        "44.9 ms",
        "100 ms",
        "1,234 ms",
        "15.0 s",
    ]
    assert [size(999), size(1_200), size(2_500_000)] == ["999 B", "1.2 kB", "2.5 MB"]
    assert [less(100, 38), less(100, 100), less(100, 150), less(0, 1)] == [
        "62% less",
        "the same",
        "50% more",
        "the same",
    ]
    assert [listed([]), listed(["a"]), listed(["a", "b", "c"])] == ["nothing", "a", "a, b and c"]


def test_the_questions_follow_the_rules_and_their_keys_are_measured() -> None:
    items = quiz.read(LAB.words("quiz.toml"))
    assert rules.check(items) == []
    phases = [item.phase for item in items]
    assert phases.count("predict") >= 1
    assert phases.count("observe") == 1
    assert phases.count("recall") >= 2


# In the box: real distances.


@boxed
@pytest.mark.parametrize("rtt", [20, 100])
def test_every_phase_follows_the_distance(rtt: int, capsys: pytest.CaptureFixture[str]) -> None:
    _, told = document(capsys, "https://origin.shop.test/", "--rtt", str(rtt), "--repeat", "1")
    measures = told["measures"]
    # A lower bound: a busy machine adds to it, distance takes nothing off.
    took = {name: measures[f"url.{name}"]["value"] for name in ("tcp", "tls", "request", "wait")}
    # A thread that is held up behind its write counts to the request what belongs to the wait.
    for ms_taken in (took["tcp"], took["tls"], took["request"] + took["wait"]):
        assert ms_taken >= rtt - 0.5, measures
    assert measures["url.total"]["value"] >= 4 * rtt - 2


@boxed
def test_flights_double_from_ten_segments_on(capsys: pytest.CaptureFixture[str]) -> None:
    _, told = document(capsys, "--show", "slow-start")
    assert told["measures"]["url.first_flight"]["value"] == 14_480
    assert [told["measures"][f"url.flights.{n}"]["value"] for n in (10_000, 14_000, 15_000)] == [1, 1, 2]


@boxed
def test_curl_measures_the_same_names_for_the_same_site(capsys: pytest.CaptureFixture[str]) -> None:
    _, told = document(capsys)
    line = commands(told)["by hand"]
    assert re.match(
        r"labctl shell -- curl .* 'dns %\{time_namelookup\} tcp .* https://www\.shop\.test/$", line
    )


@pytest.mark.usefixtures("near")
def test_without_a_wire_there_is_no_distance_and_that_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(CannotRun) as refused:
        document(capsys, "--rtt", "100")
    assert refused.value.code == "needs-box"
    code, told = document(capsys, "--show", "slow-start")
    assert (code, claims(told)["url.slow-start"]) == (4, "NOT_SEEN")
