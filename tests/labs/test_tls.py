"""The tls lab: verdicts agree with openssl, curl and tshark, and whatever a server does is evidence, not a crash."""

from __future__ import annotations

import json
import os
import re
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from free_ports import closed_port
from needed import need

from labctl import quiz
from labctl.cli import run as command_line
from labctl.errors import CannotRun, UsageError
from labctl.protocols.tcp_segments import Segment, read_frame
from labctl.protocols.tcp_stream import stream_chunks
from labctl.protocols.tls_conversation import TlsConversation
from labctl.protocols.tls_opening import read_key_log, with_key_log
from labctl.sandbox.faults import town_under
from labctl.sandbox.loopback import LoopbackInternet
from labctl.sandbox.town_certificates import Certificates, server_context
from labctl.sandbox.town_sites import WRONG_CERTIFICATES
from labs.tls.by_hand import openssl
from labs.tls.certificates import Certificate, read_chain
from labs.tls.claims import CLAIMS
from labs.tls.lab import LAB, place
from labs.tls.oddities import NAMES, ODD, WRONG, host_of
from labs.tls.target import Target, read_target

boxed = pytest.mark.usefixtures("needs_box")


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABCTL_HOME", str(tmp_path))


DONE: dict[tuple[str, ...], tuple[int, dict[str, Any]]] = {}


def document(
    capsys: pytest.CaptureFixture[str], *words: str, where: tuple[str, ...] = ("--sandbox",)
) -> tuple[int, dict[str, Any]]:
    """Run `labctl tls` with these words; the exit code and the result document."""
    capsys.readouterr()
    try:
        code = command_line(["tls", *words, "--json", *where])
    except CannotRun as error:  # main() prints it; the document has it as well
        code = error.exit_code
    return code, json.loads(capsys.readouterr().out)


def once(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    """The document of a run in the sandbox, which is made once for all tests that look at it."""
    if words not in DONE:
        DONE[words] = document(capsys, *words)
    return DONE[words][1]


def arrows(told: dict[str, Any]) -> list[dict[str, Any]]:
    return [e for e in told["events"] if e["kind"] == "exchange"]


def table(told: dict[str, Any], id: str) -> list[list[str]]:
    return [
        row["cells"] for e in told["events"] if e["kind"] == "rows" and e["id"] == id for row in e["rows"]
    ]


def outcomes(told: dict[str, Any]) -> dict[str, str]:
    return {c["claim"]: c["outcome"] for c in told["claims"]}


def check(told: dict[str, Any]) -> dict[str, Any]:
    """What --days has required."""
    (found,) = [e for e in told["events"] if e.get("id") == "tls.days.missing"]
    assert found["at_most"] == 0
    return found


def results(told: dict[str, Any]) -> str:
    return " ".join(e["text"] for e in told["events"] if e["kind"] == "step" and e["role"] == "result")


# What is typed.


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("example.com", Target("example.com")),
        ("example.com:8443", Target("example.com", 8443)),
        ("https://example.com/a?b", Target("example.com", 443, "/a?b", True)),
        ("[::1]:4433", Target("::1", 4433)),
        ("::1", Target("::1")),
        ("127.0.0.1:4433", Target("127.0.0.1", 4433)),
    ],
)
def test_a_target_is_read_as_it_is_meant(typed: str, meant: Target) -> None:
    assert read_target(typed) == meant


@pytest.mark.parametrize(
    "words",
    [
        ("example.com:70000",),
        ("http://example.com/",),
        ("ftp://example.com/",),
        ("--bad", "expird"),
        ("--rtt", "-1"),
        ("--bad", "expired", "--show", "termination"),
        ("--bad", "expired", "--tls", "1.2"),
        ("www.shop.test", "--show", "termination"),
    ],
)
def test_what_cannot_be_meant_is_told_at_once(words: tuple[str, ...]) -> None:
    with pytest.raises(UsageError):
        command_line(["tls", *words, "--sandbox", "--plain"])


def test_a_demonstration_lives_in_the_sandbox_and_a_name_where_it_belongs() -> None:
    assert place({}) == "sandbox"
    assert place({"target": "www.shop.test"}) == "sandbox"
    assert place({"target": "example.com"}) == "both"
    assert place({"target": "https://www.rfc-editor.org/"}) == "live"
    assert place({"target": "localhost:4433"}) == "local"


def test_the_names_of_bad_certificates_are_the_same_everywhere() -> None:
    hosts = {site.host for site in town_under("").sites}
    assert {host_of(name) for name in NAMES if name != "all"} <= hosts
    assert WRONG == WRONG_CERTIFICATES


def test_the_questions_keep_the_rules_and_ask_about_claims_of_this_lab() -> None:
    items = quiz.read(LAB.words("quiz.toml"))
    assert not quiz.check(items)
    assert {i.phase for i in items} == {"predict", "observe", "recall"}
    assert {i.claim for i in items if i.claim} <= {c.id for c in CLAIMS}


# What is seen.


def test_a_visit_shows_each_record_and_who_can_read_it(capsys: pytest.CaptureFixture[str]) -> None:
    told = once(capsys)
    named = {m: a["data"]["readable"] for a in arrows(told) for m in a["data"].get("messages", [])}
    assert named["ClientHello"]
    assert named["ServerHello"]
    assert not any(named[m] for m in ("EncryptedExtensions", "Certificate", "Finished", "NewSessionTicket"))
    values = {row[0]: row[1] for row in table(told, "tls.agreed")}
    assert (values["server name"], values["protocol"], values["version"]) == (
        "www.shop.test",
        "h2",
        "TLS 1.3",
    )
    onlooker = {row[0]: row[1:] for row in table(told, "tls.onlooker")}
    assert onlooker["server's name"] == ["www.shop.test", "www.shop.test"]
    assert onlooker["certificate"] == ["hidden", "www.shop.test"]
    assert onlooker["what is chosen"] == ["hidden", "h2"]


def test_the_chain_is_shown_as_sent_as_built_and_as_trusted(capsys: pytest.CaptureFixture[str]) -> None:
    good = once(capsys)
    assert [row[0] for row in table(good, "tls.chain")][-1] == "not sent"
    assert [row[2] for row in table(good, "tls.chain")][-1] == "a root of ours"
    half = once(capsys, "--bad", "missing-intermediate")
    rows = table(half, "tls.chain")
    assert rows[-1][0] == "not sent"
    assert rows[-1][1].endswith(": missing")
    assert rows[-1][2] == "no root of ours"


@pytest.mark.parametrize("name", WRONG)
def test_each_wrong_certificate_has_one_verdict_with_its_reason_and_what_mends_it(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    told = once(capsys, "--bad", name)
    assert told["exit_code"] == 0
    mend = [e for e in told["events"] if e["kind"] == "step" and e["label"] == "to mend it"]
    assert len(mend) == 1
    assert host_of(name) in results(told)
    assert arrows(told)[-1]["label"].startswith("alert")


def test_all_wrong_certificates_have_different_reasons(capsys: pytest.CaptureFixture[str]) -> None:
    told = once(capsys, "--bad", "all")
    reasons = [
        row["data"]["reason"]
        for e in told["events"]
        if e["kind"] == "rows" and e["id"] == "tls.bad"
        for row in e["rows"]
        if row["data"]
    ]
    assert reasons == list(WRONG)


def test_that_wrong_certificates_share_alerts_is_what_the_verdict_says(
    capsys: pytest.CaptureFixture[str],
) -> None:
    told = once(capsys, "--bad", "all")
    alerts = {row[1] for row in table(told, "tls.bad")} - {"none"}
    assert len(alerts) < len(WRONG)
    (verdict,) = [e for e in told["events"] if e["kind"] == "verdict" and e["claim"] == "tls.reasons"]
    assert verdict["outcome"] == "HELD"
    assert "shared by several" in verdict["sentence"]


@pytest.mark.parametrize("name", ODD)
def test_oddities_that_are_no_certificates_fault_are_evidence(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, told = document(capsys, "--bad", name)
    assert code == (0 if name == "look-alike" else 4)
    assert results(told).endswith(".")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("www.shop.test:81",), 4, "nobody listens on port 81"),
        (("www.shop.test:80",), 4, "does not speak TLS"),
        (("slow-tls.shop.test", "--timeout", "0.15"), 4, "nothing came back"),
        (("203.0.113.10",), 0, "was asked for"),
        (("www.shop.test", "--tls", "1.2"), 0, "TLS 1.2 in 2 round trips"),
        (("www.shop.test", "--tls", "1.3", "--resume"), 0, "with the session of the visit before"),
        (("tls12.tls.test",), 0, "TLS 1.2 in 2 round trips"),
    ],
)
def test_what_a_server_does_is_told_in_one_sentence(
    words: tuple[str, ...], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    got, told = document(capsys, *words)
    assert said in results(told)
    assert got == code


def test_a_name_that_does_not_exist_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    code, told = document(capsys, "nowhere.test")
    assert code == 3
    assert told["error"]["code"] == "name-not-found"


def test_a_hello_retry_costs_a_round_trip_and_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    told = once(capsys, "--break", "hello-retry")
    labels = [a["label"] for a in arrows(told)]
    assert any(label.startswith("HelloRetryRequest  wants secp384r1") for label in labels)
    assert outcomes(told) == {
        "tls.one-round-trip": "REFUTED",
        "tls.resumption": "HELD",
        "tls.onlooker": "HELD",
        "tls.alpn": "HELD",
        "tls.forward-secrecy": "HELD",
    }


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_a_fault_refutes_its_own_claim_and_no_other(claim: Any, capsys: pytest.CaptureFixture[str]) -> None:
    told = once(capsys, *claim.shown_by, "--break", claim.broken_by)
    assert [c for c, outcome in outcomes(told).items() if outcome == "REFUTED"] == [claim.id]


# Other programs say the same.

OPENSSL_REASONS = {
    "expired": "certificate has expired",
    "not-yet-valid": "certificate is not yet valid",
    "wrong-name": "hostname mismatch",
    "unknown-issuer": "unable to get local issuer certificate",
    "untrusted-root": "self-signed certificate in certificate chain",
    "missing-intermediate": "unable to get local issuer certificate",
    "self-signed": "self-signed certificate",
    "weak": "EE certificate key too weak",
    "wrong-purpose": "unsuitable certificate purpose",
}
CURL_REASONS = {
    **OPENSSL_REASONS,
    "wrong-name": "no alternative certificate subject name matches",
}


def in_the_box(script: str) -> str:
    """What a shell in the box prints."""
    done = subprocess.run(
        [sys.executable, "-m", "labctl", "shell", "--", "sh", "-c", script],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    return done.stdout


def each_in_the_box(line: str) -> dict[str, str]:
    """What a command says about each host with a wrong certificate; `$H` is the host."""
    loop = f'for N in {" ".join(WRONG)}; do H=$N.tls.test; echo "@@ $N"; {line}; done'
    said = in_the_box(loop)
    parts = re.split(r"^@@ (\S+)\n", said, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


@boxed
@pytest.mark.parametrize("rtt", [20, 50, 100])
def test_a_handshake_takes_as_many_round_trips_as_it_has_flights(
    rtt: int, capsys: pytest.CaptureFixture[str]
) -> None:
    _, told = document(capsys, "--rtt", str(rtt))
    visits = {
        row["cells"][0]: row["data"]
        for e in told["events"]
        if e["kind"] == "rows" and e["id"] == "tls.visits"
        for row in e["rows"]
    }
    assert [v["round_trips"] for v in visits.values()] == [1, 1, 1, 2]
    for visit in visits.values():
        # What the machine itself needs comes on top, and is not promised here.
        assert visit["handshake_ms"] >= visit["round_trips"] * rtt


@boxed
def test_openssl_names_the_same_reasons(capsys: pytest.CaptureFixture[str]) -> None:
    need("openssl")
    theirs = each_in_the_box(
        "openssl s_client -connect $H:443 -verify_hostname $H -verify_return_error </dev/null 2>&1"
    )
    told = once(capsys, "--bad", "all")
    ours = {row[0]: row[2] for row in table(told, "tls.bad")}
    for name, reason in OPENSSL_REASONS.items():
        assert reason.lower() in theirs[name].lower(), (name, theirs[name])
        assert reason.lower() in ours[name].lower().replace("self signed", "self-signed"), (name, ours[name])
    # The one difference: OpenSSL falls back to the common name, and RFC 9525 does not.
    assert "Verify return code: 0 (ok)" in theirs["name-in-cn"]


@boxed
def test_the_line_to_type_refuses_each_wrong_certificate_as_we_do(
    capsys: pytest.CaptureFixture[str],
) -> None:
    need("openssl")
    script = "".join(f"{{ {openssl(Target(host_of(n)))} </dev/null 2>&1; }}; echo @@{n}; " for n in WRONG)
    for name, said in zip(WRONG, re.split(r"@@.*\n", in_the_box(script)), strict=False):
        if name == "name-in-cn":
            assert "Verify return code: 0 (ok)" in said
        else:
            assert OPENSSL_REASONS[name].lower() in said.lower(), (name, said)
            assert "Verification: OK" not in said, name


@boxed
def test_curl_names_the_same_reasons() -> None:
    need("curl")
    theirs = each_in_the_box("curl -sS -m 5 -o /dev/null https://$H/ 2>&1")
    for name, reason in CURL_REASONS.items():
        assert reason.lower() in theirs[name].lower(), (name, theirs[name])
    assert theirs["name-in-cn"] == ""


@boxed
def test_the_lines_to_type_by_hand_work(capsys: pytest.CaptureFixture[str]) -> None:
    need("openssl")
    need("curl")
    lines = []
    for words in ((), ("--resume",), ("--tls", "1.2"), ("--bad", "expired"), ("--show", "termination")):
        told = once(capsys, *words)
        lines += [
            e["title"].removeprefix("labctl shell -- ")
            for e in told["events"]
            if e["kind"] == "step" and e["role"] == "command" and e["label"] == "by hand"
        ]
    assert len(lines) == 5
    said = in_the_box("; ".join(f"{{ {line} </dev/null 2>&1; }}; echo @@" for line in lines)).split("@@\n")
    assert "Verification: OK" in said[0]
    assert said[1].count("Reused, TLSv1.2") == 5
    assert "TLSv1.2" in said[2]
    assert "certificate has expired" in said[3]
    assert "HTTP/1.1 200 OK" in said[4]


def frames_of(data: bytes) -> list[Segment]:
    """The segments of a pcap file, read by us."""
    found, at = [], 24
    while at < len(data):
        size = int.from_bytes(data[at + 8 : at + 12], "big")
        read = read_frame(data[at + 16 : at + 16 + size], at)
        assert isinstance(read, Segment)
        found.append(read)
        at += 16 + size
    return found


@boxed
def test_every_record_and_message_is_what_tshark_reads(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pcap, keys = tmp_path / "seen.pcap", tmp_path / "keys"
    document(capsys, "--pcap", str(pcap), "--keylog", str(keys))
    fields = (
        "tcp.srcport",
        "tls.record.length",
        "tls.handshake.type",
        "tls.handshake.extensions_server_name",
    )
    done = subprocess.run(
        [
            *(need("tshark"), "-r", str(pcap), "-o", f"tls.keylog_file:{keys}", "-Y", "tls", "-T", "fields"),
            *(word for field in fields for word in ("-e", field)),
        ],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "HOME": str(tmp_path)},
    )
    theirs: dict[tuple[str, str], list[int]] = {}
    for line in done.stdout.splitlines():
        port, lengths, kinds, name = line.split("\t")
        theirs.setdefault((port, "records"), []).extend(int(n) for n in lengths.split(",") if n)
        theirs.setdefault((port, "messages"), []).extend(int(n) for n in kinds.split(",") if n)
        assert name in ("", "www.shop.test")
    segments = frames_of(pcap.read_bytes())
    log = read_key_log(keys.read_text())
    ports = sorted({s.source_port for s in segments if s.source_port != 443})
    assert len(ports) == 4, "first, again, without ALPN, TLS 1.2"
    records: list[int] = []
    messages: list[int] = []
    for port in ports:
        chunks, whole = stream_chunks(segments, port)
        assert whole
        said = TlsConversation([(0.0, sent, data) for _, sent, data in chunks], with_key_log(log))
        assert said.trouble == ""
        mine = [row for row in said.rows if row.sent]
        assert [len(row.record.fragment) for row in mine] == theirs[(str(port), "records")]
        assert [kind for row in mine for kind, _ in row.messages] == theirs[(str(port), "messages")]
        records += [len(row.record.fragment) for row in said.rows if not row.sent]
        messages += [kind for row in said.rows if not row.sent for kind, _ in row.messages]
    assert sorted(records) == sorted(theirs[("443", "records")])
    assert sorted(messages) == sorted(theirs[("443", "messages")])


@boxed
def test_records_in_a_box_are_captured(capsys: pytest.CaptureFixture[str]) -> None:
    code, told = document(capsys, "--require", "captured")
    assert code == 0
    assert {a["evidence"] for a in arrows(told)} == {"captured"}


def test_without_a_box_records_are_observed_and_the_verdicts_the_same(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LABCTL_CAPABILITY_USER_NAMESPACES", "no")
    for words in ((), ("--bad", "all"), ("--show", "termination")):
        code, told = document(capsys, *words)
        assert code == 0
        assert {a["evidence"] for a in arrows(told)} <= {"observed"}
        assert set(outcomes(told).values()) == {"HELD"}


def test_a_pcap_without_a_capture_is_refused(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LABCTL_CAPABILITY_USER_NAMESPACES", "no")
    code, told = document(capsys, "--pcap", str(tmp_path / "seen.pcap"))
    assert code == 3
    assert told["error"]["code"] == "nothing-captured"


# Servers of this machine, live.


@contextmanager
def server(behave: Callable[[socket.socket], None], times: int = 6) -> Iterator[int]:
    """A server on 127.0.0.1 that does this with each connection; its port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def run() -> None:
            for _ in range(times):
                try:
                    accepted, _ = listening.accept()
                except OSError:
                    return
                with accepted:
                    behave(accepted)

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "does not speak TLS"),
        (b"SSH-2.0-OpenSSH\r\n", "does not speak TLS"),
        (b"\x15\x03\x03\x00\x02\x02\x70", "unrecognized_name: No server of this name lives here."),
        (b"\x15\x03\x03\x00\x02\x02\x28", "handshake_failure"),
        (b"\x16\x03\x03\x40", "closed the connection in the middle of the handshake"),
        (b"", "closed the connection in the middle of the handshake"),
        (b"\x16\x03\x03\x00\x04\x02\x00\x00\x00", "failed"),
    ],
)
def test_a_live_server_that_speaks_nonsense_is_told_in_one_sentence(
    answer: bytes, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def behave(accepted: socket.socket) -> None:
        accepted.recv(9999)
        accepted.sendall(answer)

    with server(behave) as port:
        code, told = document(capsys, f"127.0.0.1:{port}", where=())
    assert code == 4
    assert said in results(told)


@contextmanager
def self_signed() -> Iterator[int]:
    """A server of one's own with a certificate that nobody knows."""
    context = server_context(Certificates(lambda: 1.7e9, lambda: 1.7e9).leaf("localhost", "self-signed"))

    def behave(accepted: socket.socket) -> None:
        with suppress(OSError), context.wrap_socket(accepted.dup(), server_side=True) as secured:
            secured.recv(1)

    with server(behave) as port:
        yield port


def test_one_refused_certificate_of_a_live_server_is_told_and_shows_no_claim(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with self_signed() as port:
        code, told = document(capsys, f"127.0.0.1:{port}", where=())
    assert code == 0
    assert outcomes(told) == {}
    assert [e["value"] for e in told["events"] if e.get("id") == "tls.refused"] == ["self-signed"]
    assert {a["evidence"] for a in arrows(told)} == {"observed"}


def test_a_refused_certificate_is_no_good_news_in_the_footer(capsys: pytest.CaptureFixture[str]) -> None:
    with self_signed() as port:
        assert command_line(["tls", f"127.0.0.1:{port}", "--plain"]) == 0
    said = capsys.readouterr().out
    assert "a problem was found" in said.lower()
    assert "held" not in said.lower()


def test_days_fails_a_run_whose_certificate_is_refused_and_says_why(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with self_signed() as port:
        code, told = document(capsys, f"127.0.0.1:{port}", "--days", "0", where=())
    assert code == 1
    assert "signed with its own key" in check(told)["text"]


def test_days_fails_a_run_in_which_nothing_could_be_verified(capsys: pytest.CaptureFixture[str]) -> None:
    with closed_port() as port:
        code, told = document(capsys, f"127.0.0.1:{port}", "--days", "0", where=())
    assert code == 1
    assert "nobody listens" in check(told)["text"]


@pytest.mark.parametrize(("days", "code", "word"), [(0, 0, "Long enough"), (9999, 1, "Too few days")])
def test_days_asks_for_how_long_the_chain_is_still_good(
    days: int, code: int, word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    got, told = document(capsys, "www.shop.test", "--days", str(days))
    assert got == code
    assert word in results(told)
    assert f"{check(told)['value']:,} day" in check(told)["text"]


def test_days_means_that_somebody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    where = ("--sandbox", "--break", "client-checks-nothing")
    code, told = document(capsys, "expired.tls.test", "--days", "0", where=where)
    assert code == 1
    assert check(told)["value"] is None


def test_a_live_server_is_told_like_one_of_the_sandbox_but_for_its_private_key(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificates = Certificates(time.time, time.time)
    context = server_context(certificates.leaf("localhost"), protocols=("http/1.1",))
    (tmp_path / "root.pem").write_text(certificates.root_pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "root.pem"))

    def behave(accepted: socket.socket) -> None:
        with suppress(OSError), context.wrap_socket(accepted.dup(), server_side=True) as secured:
            if secured.recv(9999):
                secured.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                secured.recv(9999)

    with server(behave) as port:
        code, told = document(capsys, f"https://localhost:{port}/", where=())
    assert code == 0
    assert outcomes(told) == dict.fromkeys(
        ("tls.one-round-trip", "tls.resumption", "tls.onlooker", "tls.alpn", "tls.forward-secrecy"), "HELD"
    )
    assert [row[0] for row in table(told, "tls.opening")] == ["no key", "the session's key log"]
    assert {a["evidence"] for a in arrows(told)} == {"observed"}


def test_a_live_server_that_never_answers_the_request_is_not_waited_for_long(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificates = Certificates(time.time, time.time)
    context = server_context(certificates.leaf("localhost"), protocols=("http/1.1",))
    (tmp_path / "root.pem").write_text(certificates.root_pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "root.pem"))

    def behave(accepted: socket.socket) -> None:
        with suppress(OSError), context.wrap_socket(accepted.dup(), server_side=True) as secured:
            while secured.recv(9999):
                pass

    with server(behave) as port:
        code, told = document(capsys, f"https://localhost:{port}/", "--timeout", "0.2", where=())
    assert code == 0
    assert "TLS 1.3 in 1 round trip" in results(told)


@contextmanager
def web(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    prepare: Callable[[ssl.SSLContext], object],
    *protocols: str,
    answer: bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
) -> Iterator[int]:
    """A server of HTTP/1.1 whose root this machine trusts; `prepare` has the last word on its TLS."""
    certificates = Certificates(time.time, time.time)
    context = server_context(certificates.leaf("localhost"), protocols=protocols)
    prepare(context)
    (tmp_path / "root.pem").write_text(certificates.root_pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "root.pem"))

    def behave(accepted: socket.socket) -> None:
        with suppress(OSError), context.wrap_socket(accepted.dup(), server_side=True) as secured:
            if secured.recv(9999):
                secured.sendall(answer)
                secured.recv(9999)

    with server(behave) as port:
        yield port


def test_what_a_live_server_need_not_do_refutes_nothing(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def prepare(context: ssl.SSLContext) -> None:
        context.set_ecdh_curve("secp521r1")
        context.options |= ssl.OP_NO_TICKET
        context.num_tickets = 0

    with web(tmp_path, monkeypatch, prepare) as port:
        code, told = document(capsys, f"https://localhost:{port}/", where=())
    assert code == 0
    assert outcomes(told) == {
        "tls.one-round-trip": "NOT_SEEN",
        "tls.resumption": "NOT_SEEN",
        "tls.onlooker": "HELD",
        "tls.alpn": "NOT_SEEN",
        "tls.forward-secrecy": "HELD",
    }
    because = {c["claim"]: c["text"] for c in told["events"] if c["kind"] == "verdict"}
    assert "HelloRetryRequest" in because["tls.one-round-trip"]
    assert "gave no ticket" in because["tls.resumption"]
    assert "chose none of them" in because["tls.alpn"]


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_a_live_server_that_wants_a_certificate_of_the_client_is_told_as_that(
    version: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def prepare(context: ssl.SSLContext) -> None:
        context.verify_mode = ssl.CERT_REQUIRED

    with web(tmp_path, monkeypatch, prepare, "http/1.1") as port:
        _, told = document(capsys, f"https://localhost:{port}/", "--tls", version, where=())
    assert (
        "certificate_required" if version == "1.3" else "asked for a certificate of the client's"
    ) in results(told)
    mend = [e["title"] for e in told["events"] if e["kind"] == "step" and e["label"] == "to mend it"]
    assert mend == ["Bring a certificate of the client's: curl --cert FILE --key FILE."]
    assert "REFUTED" not in outcomes(told).values()


def test_a_session_that_openssl_cannot_write_down_is_no_session(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cannot(_: object) -> None:
        raise ValueError("i2d() failed")

    monkeypatch.setattr(ssl.SSLObject, "session", property(cannot))
    with web(tmp_path, monkeypatch, lambda _: None, "http/1.1") as port:
        code, told = document(capsys, f"https://localhost:{port}/", where=())
    assert code == 0
    assert outcomes(told)["tls.resumption"] == "NOT_SEEN"


def test_a_live_server_whose_answer_is_no_http_is_told(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with web(tmp_path, monkeypatch, lambda _: None, "http/1.1", answer=b"220 \x1b[31mhello\r\n") as port:
        _, told = document(capsys, f"https://localhost:{port}/", where=())
    notes = [e["text"] for e in told["events"] if e["kind"] == "step"]
    assert any(text.startswith("The request got no answer.") for text in notes)
    assert all("\x1b" not in text for text in notes)


def test_what_was_seen_without_a_capture_is_said_to_be_this_programs_own(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LABCTL_CAPABILITY_BOX", "no")
    capsys.readouterr()
    command_line(
        ["tls", "--sandbox", "--format", "rich", "--width", "100", "--phase", "observe", "--no-input"]
    )
    shown = capsys.readouterr().out
    assert "observed: by this program; no packet was captured" in shown
    assert "the kernel told" not in shown


def test_a_resumed_session_of_tls_12_is_told_as_resumed(capsys: pytest.CaptureFixture[str]) -> None:
    told = once(capsys, "--tls", "1.2", "--resume")
    hello = next(a for a in arrows(told) if a["data"].get("messages") == ["ServerHello"])
    assert "resumes the session" in hello["text"]
    first = next(
        a for a in arrows(once(capsys, "--tls", "1.2")) if a["data"].get("messages") == ["ServerHello"]
    )
    assert "resumes" not in first["text"]


def test_what_to_run_next_shows_the_same_mistake_in_the_sandbox(capsys: pytest.CaptureFixture[str]) -> None:
    told = once(capsys, "expired.tls.test")
    following = [e["title"] for e in told["events"] if e["kind"] == "step" and e["label"] == "next"]
    assert following == ["labctl tls --bad expired"]


def test_another_server_of_the_sandbox_may_leave_out_what_it_need_not_do(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, told = document(capsys, "no-alpn.tls.test")
    assert code == 0
    assert outcomes(told)["tls.alpn"] == "NOT_SEEN"


def test_a_resumed_visit_in_tls_12_takes_one_round_trip(capsys: pytest.CaptureFixture[str]) -> None:
    told = once(capsys, "--tls", "1.2")
    assert [row[1] for row in table(told, "tls.visits")] == ["2", "1", "2"]


@pytest.mark.parametrize("name", ["all", "look-alike", "missing-intermediate", "name-in-cn"])
def test_a_client_that_checks_nothing_shows_nothing_about_certificates(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    _, told = document(capsys, "--bad", name, "--break", "client-checks-nothing")
    assert "HELD" not in outcomes(told).values()
    assert not [e for e in told["events"] if e["kind"] == "rows" and not e["rows"]]


def test_a_server_that_floods_is_shown_in_few_rows(capsys: pytest.CaptureFixture[str]) -> None:
    def behave(accepted: socket.socket) -> None:
        accepted.recv(9999)
        with suppress(OSError):
            accepted.sendall(b"\x16\x03\x03\x00\x00" * 5000)

    with server(behave) as port:
        code, told = document(capsys, f"127.0.0.1:{port}", where=())
    assert code == 4
    assert len(arrows(told)) < 6


# The chain.


def test_a_chain_is_built_whatever_the_order_and_surplus_of_what_was_sent() -> None:
    with LoopbackInternet(town_under(""), latency=False) as internet:
        certificates = internet.web().certificates
        leaf, above, root, other = (
            ssl.PEM_cert_to_DER_cert(pem)
            for pem in (
                certificates.leaf("www.shop.test").chain.partition("-----END CERTIFICATE-----\n")[0]
                + "-----END CERTIFICATE-----\n",
                certificates.intermediate.cert_pem.bytes().decode(),
                certificates.root_pem,
                certificates.leaf("self-signed.tls.test", "self-signed").chain,
            )
        )
    for sent in ([leaf, above], [leaf, above, root], [leaf, other, above], [leaf, root, above]):
        chain = read_chain(sent, [root])
        assert [c.der for c in chain.path] == [leaf, above, root]
        assert chain.root == Certificate(root)
        assert chain.missing == ""
    assert read_chain([leaf, other, above], [root]).unused == (Certificate(other),)
    half = read_chain([leaf], [root])
    assert (half.root, half.missing) == (None, "Issuing CA 1")
    known = read_chain([leaf], [root, above])
    assert known.root == Certificate(root)
    untrusted = read_chain([leaf, above, root], [])
    assert (untrusted.root, untrusted.missing, untrusted.path[-1]) == (None, "", Certificate(root))
    alone = read_chain([other], [root])
    assert (alone.root, alone.missing) == (None, "")
    assert read_chain([], [root]).path == ()
