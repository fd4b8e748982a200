"""The http lab: what curl and httpx do is what it says, options are curl's, and whatever comes is evidence."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, get_args

import pytest
from needed import need

from labctl import quiz
from labctl.cli import run as command_line
from labctl.errors import CannotRun, UsageError
from labctl.lab import Lab, Parameter
from labctl.sandbox.site_misbehaving import MISBEHAVIOURS
from labs.http.lab import LAB, Show, place
from labs.http.target import read_field, read_wanted

boxed = pytest.mark.usefixtures("needs_box")


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABCTL_HOME", str(tmp_path))


def document(
    capsys: pytest.CaptureFixture[str], *words: str, where: str = "--sandbox"
) -> tuple[int, dict[str, Any]]:
    """Run `labctl http` with these words; the exit code and the result document."""
    capsys.readouterr()
    try:
        code = command_line(["http", *words, "--json", *filter(None, [where])])
    except CannotRun as error:  # main() prints it; the document has it as well
        code = error.exit_code
    return code, json.loads(capsys.readouterr().out)


def cells(found: dict[str, Any], table: str) -> list[list[str]]:
    return [row["cells"] for event in found["events"] if event.get("id") == table for row in event["rows"]]


def measured(found: dict[str, Any], id: str) -> Any:
    return next(e["value"] for e in found["events"] if e["kind"] == "measure" and e["id"] == id)


class TestTheCommandLine:
    def test_options_are_called_as_in_curl(self) -> None:
        short = {p.name: p.short for p in LAB.parameters() if p.short}
        assert short == {"method": "-X", "header": "-H", "data": "-d"}

    def test_a_parameter_may_have_values_and_a_short_form_in_any_order(self) -> None:
        from typing import Annotated

        def run(internet: Any, *, kind: Annotated[str, "Which.", "-k", ("a", "b")] = "a") -> Iterator[Any]:
            yield from ()

        lab = Lab("some", "some lab", (), run, "labs")
        run.__annotations__["kind"] = Annotated[str, "Which.", "-k", ("a", "b")]
        assert lab.parameters() == (Parameter("kind", str, "a", "Which.", False, ("a", "b"), "-k"),)

    def test_method_fields_and_content_reach_the_application(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        words = (
            "http://api.shop.test/echo",
            "-X",
            "PUT",
            "-H",
            "X-Lab: one",
            "-H",
            "X-Lab: two",
            "-d",
            "a=1",
        )
        code, found = document(capsys, *words)
        sent = [row[1] for row in cells(found, "request")]
        assert code == 0
        assert sent[0].startswith("PUT /echo")
        assert {"X-Lab: one", "X-Lab: two", "Content-Length: 3", "a=1"} <= set(sent)
        assert measured(found, "http.status") == 200

    def test_content_means_post_and_a_form(self) -> None:
        wanted = read_wanted("http://a/", None, (), ("a=1",))
        assert (wanted.method, wanted.body) == ("POST", b"a=1")
        assert wanted.fields == (("Content-Type", "application/x-www-form-urlencoded"),)

    def test_an_assumed_scheme_is_said(self, capsys: pytest.CaptureFixture[str]) -> None:
        _, found = document(capsys, "www.shop.test")
        assert any("https was assumed" in event["text"] for event in found["events"])
        assert read_wanted("http://a/", None, (), ()).assumed == ""
        assert read_wanted("localhost:5000", None, (), ()).assumed == "https"

    @pytest.mark.parametrize(
        "line",
        ["X: a\r\nEvil: b", "X: a\nb", "X: a\0", "no colon", ": b", "a b: c", "X: \u20ac", "é: x", "X: \x07"],
    )
    def test_a_field_that_is_none_is_refused(self, line: str) -> None:
        with pytest.raises(UsageError) as error:
            read_field(line)
        assert error.value.code == "header-invalid"

    @pytest.mark.parametrize(
        ("words", "code"),
        [
            (["ftp://www.shop.test/"], "url-scheme-unknown"),
            (["http://www.shop.test:99999/"], "port-out-of-range"),
            (["http:///"], "url-invalid"),
            (["-X", "GE T"], "method-invalid"),
            (["-X", ""], "method-invalid"),
            (["-H", "nothing"], "header-invalid"),
            (["--show", "framing", "http://a.test/"], "options-contradict"),
            (["--show", "framing", "--http2"], "options-contradict"),
            (["http://www.shop.test/", "--http2"], "options-contradict"),
        ],
    )
    def test_what_cannot_be_meant_is_exit_2(self, words: list[str], code: str) -> None:
        with pytest.raises(UsageError) as error:
            command_line(["http", *words])
        assert error.value.code == code

    @pytest.mark.parametrize(
        ("url", "where"),
        [(None, "sandbox"), ("http://api.shop.test/", "sandbox"), ("http://127.0.0.1:5000/", "local"),
         ("http://localhost/", "local"), ("https://www.example.com/", "both"), ("https://example.edu/", "live")],
    )  # fmt: skip
    def test_the_url_says_where_it_lives(self, url: str | None, where: str) -> None:
        assert place({"url": url}) == where

    def test_a_demonstration_that_shows_no_claim_of_its_own_judges_something(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        of_claims = {claim.shown_by[-1] for claim in LAB.claims if claim.shown_by}
        for show in set(get_args(Show)) - of_claims:
            code, found = document(capsys, "--show", show)
            assert code == 0, show
            assert any(claim["outcome"] == "HELD" for claim in found["claims"]), show


class TestWhatPeersDo:
    @pytest.fixture(autouse=True)
    def _no_box(self, monkeypatch: pytest.MonkeyPatch) -> None:
        # No segment is looked at, and a loopback is there at once.
        monkeypatch.setenv("LABCTL_CAPABILITY_BOX", "no")

    @pytest.mark.parametrize("path", sorted(MISBEHAVIOURS))
    def test_is_evidence_within_bounds(self, capsys: pytest.CaptureFixture[str], path: str) -> None:
        code, found = document(capsys, f"http://raw.shop.test{path}", "--timeout", "0.4")
        assert code in (0, 4)
        assert found["elapsed_ms"] < 8_000
        assert not [c for c in found["claims"] if c["outcome"] == "REFUTED"]

    def test_a_name_without_an_address_is_out_of_reach(self, capsys: pytest.CaptureFixture[str]) -> None:
        number, found = document(capsys, "http://nosuch.shop.test/", "--timeout", "2")
        assert number == 3
        assert found["error"]["code"] == "name-not-found"

    @pytest.mark.parametrize(
        ("url", "command"),
        [
            ("http://www.shop.test:81/", "labctl tcp www.shop.test:81"),
            ("https://expired.tls.test/", "labctl tls expired.tls.test:443"),
            ("https://no-tls.tls.test/", "labctl tls no-tls.tls.test:443"),
        ],
    )
    def test_no_connection_and_no_tls_are_evidence_and_nothing_is_judged(
        self, capsys: pytest.CaptureFixture[str], url: str, command: str
    ) -> None:
        number, found = document(capsys, url, "--timeout", "2")
        assert (number, found["error"]) == (4, None)
        assert [e["title"] for e in found["events"] if e.get("label") == "why"] == [command]

    def test_a_site_without_http2_is_not_seen(self, capsys: pytest.CaptureFixture[str]) -> None:
        code, found = document(capsys, "https://no-alpn.tls.test/", "--http2")
        assert code == 4
        assert found["claims"][0]["outcome"] == "NOT_SEEN"

    def test_escape_sequences_of_a_peer_do_not_reach_the_terminal(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        url = "http://origin.shop.test/cache?X-Evil=%C2%9B31m%1B&body=%1B%5B31mred"
        capsys.readouterr()
        command_line(["http", url, "--sandbox", "--plain", "--phase", "observe"])
        assert "\x1b" not in capsys.readouterr().out


class _Plain(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "5")
        self.send_header("ETag", '"v1"')
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, *_: object) -> None:
        return


@contextmanager
def own_server() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Plain)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_server_of_ones_own_is_asked_without_the_internet(capsys: pytest.CaptureFixture[str]) -> None:
    with own_server() as port:
        code, found = document(capsys, f"http://127.0.0.1:{port}/", where="")
    assert code == 0
    outcomes = {claim["claim"]: claim["outcome"] for claim in found["claims"]}
    # Nobody sent it both lengths at once, and half of a claim is not the claim.
    assert outcomes["http.framing"] == "NOT_SEEN"
    # It never says 304 and knows no ranges: a habit of this server, and nobody is wrong.
    assert outcomes["http.conditional"] == outcomes["http.head-and-ranges"] == "NOT_SEEN"


@boxed
def test_what_curl_does_at_a_redirect_is_what_the_table_says(capsys: pytest.CaptureFixture[str]) -> None:
    need("curl")
    _, found = document(capsys, "--show", "redirects")
    table = cells(found, "redirects")
    columns = next(e["columns"] for e in found["events"] if e.get("id") == "redirects")
    assert columns[1:4] == ["labctl", "httpx", "curl -L"]
    assert [row[:4] for row in table] == [
        [code, *[said] * 3]
        for code, said in (
            ("301", "GET"),
            ("302", "GET"),
            ("303", "GET"),
            ("307", "POST, 6 B"),
            ("308", "POST, 6 B"),
        )
    ]


@boxed
def test_curl_sees_the_same_response_in_the_shell(capsys: pytest.CaptureFixture[str]) -> None:
    need("curl")
    _, found = document(capsys, "https://origin.shop.test/style.css")
    line = ["shell", "--", "curl", "-si", "-H", "Accept-Encoding: gzip", "--http1.1", "-o", "-"]
    seen = subprocess.run(
        [sys.executable, "-m", "labctl", *line, "https://origin.shop.test/style.css"],
        capture_output=True,
        check=True,
        timeout=60,
    ).stdout
    head = seen.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
    ours = [row["text"] for e in found["events"] if e.get("id") == "response" for row in e["rows"]]
    moving = ("Date:", "Last-Modified:")
    for theirs, mine in zip(head, ours, strict=False):
        assert theirs.startswith(moving) or mine.startswith(theirs), (theirs, mine)


def test_without_a_box_the_loss_is_made_on_the_loopback(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LABCTL_CAPABILITY_BOX", "no")
    code, found = document(capsys, "--show", "multiplexing")
    assert code == 0
    assert measured(found, "http.multiplexing.waited") == 4


def test_the_quiz_keeps_the_rules() -> None:
    assert not quiz.check(quiz.read(LAB.words("quiz.toml")))
