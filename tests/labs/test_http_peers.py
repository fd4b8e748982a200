"""The http lab against servers of one's own on this machine: odd ones, wrong ones, hostile ones."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from labctl.cli import run as command_line
from labctl.errors import UsageError
from labs.http.sandboxed import COUNTED
from labs.http.target import read_field, read_wanted

OK = b"HTTP/1.1 200 OK\r\n"


@contextmanager
def peer(*answers: bytes) -> Iterator[str]:
    """Serves one answer for each connection, the last one again and again; then it closes. Gives its URL."""
    server = socket.create_server(("127.0.0.1", 0))

    def work() -> None:
        left = list(answers)
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(5.0)
                try:
                    while (got := connection.recv(65536)) and b"\r\n\r\n" not in got:
                        pass
                    connection.sendall(left.pop(0) if len(left) > 1 else left[0])
                except OSError:
                    continue

    thread = threading.Thread(target=work, name="own peer")
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join()


def asked(capsys: pytest.CaptureFixture[str], url: str, *words: str) -> tuple[int, dict[str, Any]]:
    capsys.readouterr()
    code = command_line(["http", url, "--json", "--no-input", "--timeout", "3", *words])
    return code, json.loads(capsys.readouterr().out)


def texts(found: dict[str, Any], table: str) -> list[str]:
    return [row["text"] for e in found["events"] if e.get("id") == table for row in e["rows"]]


def outcomes(found: dict[str, Any]) -> dict[str, str]:
    return {claim["claim"]: claim["outcome"] for claim in found["claims"]}


class TestWhatIsSaid:
    @pytest.mark.parametrize(
        ("method", "head", "part"),
        [
            (
                "HEAD",
                OK + b"Content-Length: 505\r\n\r\n",
                "GET would have 505 bytes of content; HEAD has none.",
            ),
            ("GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", "304 has none."),
            ("GET", b"HTTP/1.1 204 No Content\r\nContent-Length: 7\r\n\r\n", "Against the rules: 204"),
            ("GET", OK + b"Content-Length: 1\r\n\r\nx", "1 byte of content follows."),
        ],
    )
    def test_a_length_of_what_does_not_follow_is_not_said_to_follow(
        self, capsys: pytest.CaptureFixture[str], method: str, head: bytes, part: str
    ) -> None:
        with peer(head) as url:
            _, found = asked(capsys, url, "-X", method)
        assert part in "".join(texts(found, "response"))

    def test_a_length_of_five_thousand_digits_is_refused_and_not_our_mistake(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with peer(
            OK + b"Content-Length: " + b"9" * 5000 + b"\r\nAge: " + b"9" * 5000 + b"\r\n\r\nhello"
        ) as url:
            code, found = asked(capsys, url)
        assert code == 0
        assert outcomes(found)["http.framing"] == "NOT_SEEN"

    def test_utf_8_in_a_field_is_shown_as_it_was_meant(self, capsys: pytest.CaptureFixture[str]) -> None:
        with peer(OK + "X-Name: Grün\r\nContent-Length: 0\r\n\r\n".encode()) as url:
            _, found = asked(capsys, url)
        assert any(
            text.startswith("X-Name: Grün: ") and "15 bytes" in text for text in texts(found, "response")
        )

    def test_what_comes_behind_101_is_no_content_of_anybody(self, capsys: pytest.CaptureFixture[str]) -> None:
        with peer(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\nhello") as url:
            _, found = asked(capsys, url)
        said = [event["text"] for event in found["events"]]
        assert "5 B came already in the other protocol." in said
        assert not any("Nobody asked" in text for text in said)


class TestWhatIsJudged:
    def test_content_behind_a_head_is_noticed(self, capsys: pytest.CaptureFixture[str]) -> None:
        with peer(OK + b"Content-Length: 5\r\n\r\nhello") as url:
            code, found = asked(capsys, url)
        assert code == 0
        assert "against the rules" in texts(found, "again")[0]
        assert outcomes(found)["http.head-and-ranges"] == "NOT_SEEN"

    def test_more_than_the_head_says_does_not_prove_the_head_right(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with peer(OK + b"Content-Length: 2\r\n\r\nhiEXTRA") as url:
            _, found = asked(capsys, url)
        assert outcomes(found)["http.framing"] == "NOT_SEEN"

    def test_a_kept_connection_that_had_ended_is_opened_again(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        # It never says that it will close, and does.
        with peer(OK + b"Content-Length: 0\r\n\r\n") as url:
            _, found = asked(capsys, url)
        assert [text.split(",")[0] for text in texts(found, "again")] == [
            "HEAD: 200 OK",
            "Range: bytes=0-99: 200 OK",
        ]

    @pytest.mark.parametrize("value", [b"h3", b'nothing="h3"', b"clear", b'h2=":443"'])
    def test_only_an_alternative_with_h3_announces_http3(
        self, capsys: pytest.CaptureFixture[str], value: bytes
    ) -> None:
        with peer(OK + b"Alt-Svc: " + value + b"\r\nContent-Length: 0\r\n\r\n") as url:
            _, found = asked(capsys, url)
        assert not any("HTTP/3 is spoken" in event["text"] for event in found["events"])


@pytest.mark.parametrize("form", [("--plain",), ("--format", "rich", "--width", "80", "--color", "never")])
@pytest.mark.parametrize(
    "answer",
    [
        OK + b"X: a\x1b[31m\r\nContent-Length: 2\r\n\r\nhi",
        OK + b"X: a\x9b31m\xc2\x9b\xe2\x80\xae\r\nServer: \x85\r\nContent-Length: 2\r\n\r\nhi",
        b"HTTP/1.1 200 \x9b]0;x\x9c\r\nContent-Length: 12\r\n\r\n\xc2\x9b31m\xe2\x80\xaehello",
        b"HTTP/1.1 200 OK\x1b]0;x\x07\r\n\r\n",
        b"\x1b]0;x\x07\r\n\r\n",
        OK + b"Content-Length: 12\r\n\r\n\x1b[31m hello ",
        OK + b"Transfer-Encoding: chunked\r\n\r\n\x1b[31m\r\n",
        OK
        + b'Set-Cookie: a\x9b=1; Domain=\x9b.x\r\nContent-Type: \x9b\r\nETag: "\x9b"\r\nContent-Length: 0\r\n\r\n',
        b"HTTP/1.1 302 \r\nLocation: http://\x9b/\xe2\x80\xae\r\nContent-Length: 0\r\n\r\n",
    ],
)
def test_nothing_that_a_peer_writes_reaches_the_terminal_raw(
    capsys: pytest.CaptureFixture[str], answer: bytes, form: tuple[str, ...]
) -> None:
    with peer(answer) as url:
        capsys.readouterr()
        command_line(["http", url, "--no-input", "--timeout", "3", *form])
    shown = "".join(capsys.readouterr())
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", shown)


class TestAsCurlDoes:
    def test_a_name_and_a_colon_drop_a_field_and_a_semicolon_empties_it(self) -> None:
        assert read_field("Accept:") == ("Accept", None)
        assert read_field("X-Empty;") == ("X-Empty", "")
        wanted = read_wanted("http://a/", None, ("accept:", "X-Empty;"), ())
        assert (wanted.fields, wanted.dropped) == ((("X-Empty", ""),), frozenset({"accept"}))

    def test_dropped_fields_are_not_sent_and_host_stands_first(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with peer(OK + b"Content-Length: 0\r\n\r\n") as url:
            words = ("-H", "Accept:", "-H", "User-Agent:", "-H", "Accept-Encoding:", "-H", "Host: a.test")
            _, found = asked(capsys, url, *words)
            _, without = asked(capsys, url, "-H", "host:")
        assert [text.partition(":")[0] for text in texts(found, "request")[1:]] == [
            "Host",
            "An empty line ends the head",
        ]
        assert not any(text.startswith("Host") for text in texts(without, "request"))

    def test_content_comes_out_of_a_file_and_of_several_options(self, tmp_path: Path) -> None:
        file = tmp_path / "form"
        file.write_bytes(b"a=1\r\n\0")
        wanted = read_wanted("http://a/", None, (), (f"@{file}", "b=2"))
        assert (wanted.method, wanted.body) == ("POST", b"a=1&b=2")

    @pytest.mark.parametrize("name", ["@", "@/no/such/file", "@/"])
    def test_a_file_that_cannot_be_read_is_said(self, name: str) -> None:
        with pytest.raises(UsageError) as error:
            read_wanted("http://a/", None, (), (name,))
        assert error.value.code == "cannot-read"

    def test_bytes_that_are_no_text_are_sent_as_they_are(self, capsys: pytest.CaptureFixture[str]) -> None:
        with peer(OK + b"Content-Length: 0\r\n\r\n") as url:
            code, found = asked(capsys, url, "-d", "\udcff\udcfe")
        assert code == 0
        assert any("ff fe" in text for text in texts(found, "request"))

    def test_an_empty_url_is_none_and_not_the_default(self) -> None:
        with pytest.raises(UsageError) as error:
            command_line(["http", ""])
        assert error.value.code == "url-invalid"

    def test_an_empty_content_is_content(self) -> None:
        assert read_wanted("http://a/", None, (), ("",)).method == "POST"


def test_server_timing_is_read_out_loud(capsys: pytest.CaptureFixture[str]) -> None:
    field = b'Server-Timing: db;dur=53.2;desc="a query", miss\r\nContent-Length: 0\r\n\r\n'
    with peer(OK + field) as url:
        _, found = asked(capsys, url)
    assert "Where the server spent its time: db (a query), 53.2 ms; miss." in "".join(
        texts(found, "response")
    )


@pytest.mark.parametrize(("status", "hue"), [("200 OK", "ok"), ("404 Not Found", "warn"), ("500 No", "bad")])
def test_a_refusal_is_not_marked_as_a_success(
    capsys: pytest.CaptureFixture[str], status: str, hue: str
) -> None:
    with peer(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode()) as url:
        code, found = asked(capsys, url)
    assert code == 0
    assert [e["hue"] for e in found["events"] if e.get("role") == "result"] == [hue]


def test_as_many_requests_are_counted_as_there_are_rows(capsys: pytest.CaptureFixture[str]) -> None:
    with peer(OK + b"Content-Length: 1\r\nConnection: close\r\n\r\nx") as url:
        _, found = asked(capsys, url)
    (again,) = [e for e in found["events"] if e.get("id") == "again"]
    assert again["note"].startswith(f"{len(again['rows'])} requests; ")


@pytest.mark.parametrize("show", ["retry", "redirects", "interim"])
def test_a_ladder_begins_at_its_first_message(capsys: pytest.CaptureFixture[str], show: str) -> None:
    capsys.readouterr()
    command_line(["http", "--show", show, "--json", "--no-input", "--sandbox"])
    found = json.loads(capsys.readouterr().out)
    moments = [e["at_ms"] for e in found["events"] if e["kind"] == "exchange"]
    assert moments[0] == 0
    assert min(moments) >= 0
    assert COUNTED in [e["text"] for e in found["events"]]


def test_both_lengths_are_tried_where_the_claim_is_made(capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    code = command_line(["http", "--json", "--no-input", "--break", "both-lengths-taken"])
    found = json.loads(capsys.readouterr().out)
    assert code == 1
    assert outcomes(found)["http.framing"] == "REFUTED"


@pytest.mark.parametrize(
    ("fault", "claim"),
    [("conditions-ignored", "http.conditional"), ("ranges-ignored", "http.head-and-ranges")],
)
def test_a_fault_is_seen_at_a_named_site_of_the_town_too(
    capsys: pytest.CaptureFixture[str], fault: str, claim: str
) -> None:
    code, found = asked(capsys, "https://www.shop.test/style.css", "--break", fault)
    assert code == 1
    assert outcomes(found)[claim] == "REFUTED"


def test_what_to_try_names_an_address_of_ipv6_in_brackets(capsys: pytest.CaptureFixture[str]) -> None:
    _, found = asked(capsys, "http://[::1]:1/")
    assert "labctl tcp [::1]:1" in json.dumps(found)


def test_a_server_that_never_ends_is_left_by_the_clock(capsys: pytest.CaptureFixture[str]) -> None:
    code, found = asked(capsys, "http://raw.shop.test/slow-header", "--timeout", "0.2")
    assert code == 4
    assert any("The 0.2 s were over" in event["text"] for event in found["events"])
