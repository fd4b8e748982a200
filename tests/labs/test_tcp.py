"""The tcp lab on real segments: the same picture each time, invariants under loss, every field as tshark sees it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
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
from labctl.events import Event, Exchange, Step, Verdict
from labctl.internet import Internet
from labctl.protocols.tcp_segments import Segment
from labctl.sandbox.box import run_in_box
from labs.tcp.claims import CLAIMS
from labs.tcp.lab import LAB, place
from labs.tcp.live import connect
from labs.tcp.target import Target, read_target

sys.path.insert(0, str(Path(__file__).parent))
import ladders_in_boxes

boxed = pytest.mark.usefixtures("needs_box")
NOT_HERE = "LABCTL_CAPABILITY_USER_NAMESPACES"


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABCTL_HOME", str(tmp_path))


def document(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, Any]]:
    """Run `labctl tcp` with these words; the exit code and the result document."""
    capsys.readouterr()
    code = command_line(["tcp", *words, "--json", "--sandbox"])
    return code, json.loads(capsys.readouterr().out)


def arrows(told: dict[str, Any]) -> list[dict[str, Any]]:
    return [e for e in told["events"] if e["kind"] == "exchange"]


def claims(told: dict[str, Any]) -> dict[str, str]:
    return {c["claim"]: c["outcome"] for c in told["claims"]}


# What is typed.


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("www.shop.test", Target("www.shop.test")),
        ("shop.test:8080", Target("shop.test", 8080)),
        ("http://example.com", Target("example.com", scheme="http")),
        ("https://example.com/a?b=c", Target("example.com", 443, "/a?b=c", "https")),
        ("http://127.0.0.1:5000/", Target("127.0.0.1", 5000, scheme="http")),
        ("[::1]:8080", Target("::1", 8080)),
        ("http://[2001:db8::1]/", Target("2001:db8::1", scheme="http")),
        ("203.0.113.10:53", Target("203.0.113.10", 53)),
        ("BÜCHER.example", Target("xn--bcher-kva.example")),
    ],
)
def test_a_target_is_read_as_it_is_meant(typed: str, meant: Target) -> None:
    assert read_target(typed) == meant


@pytest.mark.parametrize(
    "typed", ["", "shop.test:", "shop.test:0", "shop.test:70000", "ftp://shop.test", "http://", "a/b", "[::1"]
)
def test_what_cannot_be_a_target_is_told_at_once(typed: str) -> None:
    with pytest.raises(UsageError):
        read_target(typed)


@pytest.mark.parametrize(("typed", "hint"), [("[::1", "brackets"), ("example.com:80:80", "one port")])
def test_an_unreadable_target_is_told_with_what_is_missing(typed: str, hint: str) -> None:
    with pytest.raises(UsageError, match=hint) as told:
        read_target(typed)
    assert told.value.code == "target-unreadable"


@pytest.mark.parametrize(
    ("typed", "line"),
    [
        ("http://[::1]:7000/a", "curl -v 'http://[::1]:7000/a'"),
        ("https://example.com/", "curl -v https://example.com/"),
        ("example.com:443", "curl -v https://example.com/"),
        ("example.com", "curl -v http://example.com/"),
        ("[::1]:2525", "nc -v ::1 2525"),
    ],
)
def test_the_line_to_type_by_hand_makes_the_same_connection(typed: str, line: str) -> None:
    assert read_target(typed).by_hand == line


def test_no_explanation_speaks_of_a_broken_world_that_may_be_the_real_one() -> None:
    assert "broken world" not in LAB.words("explain.md")


def test_a_demonstration_lives_in_the_sandbox_and_a_name_where_it_belongs() -> None:
    assert place({"target": None, "show": "loss"}) == "sandbox"
    assert place({"target": "www.shop.test:80"}) == "sandbox"
    assert place({"target": "http://example.com/"}) == "both"
    assert place({"target": "https://www.rfc-editor.org/"}) == "live"


@pytest.mark.parametrize(
    "words",
    [("www.shop.test", "--show", "loss"), ("--port", "8000"), ("--show", "serve", "--port", "0")],
)
def test_options_that_make_no_sense_together_are_told_before_anything_runs(words: tuple[str, ...]) -> None:
    with pytest.raises(UsageError):
        command_line(["tcp", *words, "--sandbox", "--plain"])


def test_the_questions_keep_the_rules_and_ask_about_claims_of_this_lab() -> None:
    items = quiz.read(LAB.words("quiz.toml"))
    assert not quiz.check(items)
    assert {i.phase for i in items} == {"predict", "observe", "recall"}
    assert len(items) >= 8
    assert {i.claim for i in items if i.claim} <= {c.id for c in CLAIMS}


# In the box.


def normalised(events: list[Event]) -> list[list[tuple[str, ...]]]:
    """Ladders without what may differ: times and starting numbers."""
    ladders: list[list[tuple[str, ...]]] = []
    for event in events:
        if isinstance(event, Step) and event.role == "phase":
            ladders.append([])
        elif isinstance(event, Exchange):
            states = str(event.data["source_state"]), str(event.data["target_state"])
            ladders[-1].append((event.source, event.label, event.role, *states, event.evidence))
    return ladders


@boxed
def test_the_ladder_without_loss_is_the_same_in_fifty_runs() -> None:
    events = list(run_in_box(ladders_in_boxes.lab(), {"times": 50}, save=lambda path, data: None))
    ladders = normalised(events)
    assert len(ladders) == 50
    assert len(ladders[0]) == 10
    assert all(ladder == ladders[0] for ladder in ladders)


@boxed
def test_the_states_of_both_sides_are_those_of_the_standard(capsys: pytest.CaptureFixture[str]) -> None:
    _, told = document(capsys)
    states: dict[str, list[str]] = {"client": [], "server": []}
    for arrow in arrows(told):
        for side in ("source", "target"):
            if arrow["data"][f"{side}_state"]:
                states[arrow[side]].append(arrow["data"][f"{side}_state"])
    assert states["client"] == ["SYN-SENT", "ESTABLISHED", "FIN-WAIT-1", "TIME-WAIT"]
    assert states["server"] == ["LISTEN", "SYN-RCVD", "ESTABLISHED", "CLOSE-WAIT", "LAST-ACK", "CLOSED"]


@boxed
def test_one_lost_segment_is_sent_again_exactly_once_after_selective_acknowledgements(
    capsys: pytest.CaptureFixture[str],
) -> None:
    _, told = document(capsys, "--show", "loss")
    middle = arrows(told)[
        : next(
            i
            for i, a in enumerate(arrows(told))
            if i and a["data"]["seq"] == 1 and a["source"] == "client" and i > 2
        )
    ]
    lost = [a for a in middle if a["lost"]]
    assert len(lost) == 1
    copies = [a for a in middle if a["data"]["seq"] == lost[0]["data"]["seq"] and a["heavy"]]
    assert len(copies) == 2, "once lost, once again"
    between = middle[middle.index(copies[0]) + 1 : middle.index(copies[1])]
    assert any("sack" in a["data"]["marks"] for a in between)
    # Everything else crossed once.
    sent = [a["data"]["seq"] for a in middle if a["heavy"] and a["source"] == "server"]
    assert len(sent) == len(set(sent)) + 1


@boxed
@pytest.mark.parametrize("show", ["half-close", "reset", "sequence", "byhand", "serve"])
def test_a_demonstration_refutes_nothing_in_a_healthy_world(
    show: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, told = document(capsys, "--show", show)
    assert code == 0
    assert set(claims(told).values()) == {"HELD"}


@boxed
@pytest.mark.parametrize("target", ["www.shop.test:81", "ns1.shop.test:53", "203.0.113.10:9", "192.0.2.250"])
def test_any_address_of_the_town_can_be_the_target(target: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, told = document(capsys, target, "--timeout", "1")
    assert code in (0, 4), told["error"]
    assert told["error"] is None
    assert "REFUTED" not in claims(told).values()


@boxed
@pytest.mark.parametrize("target", ["http://example.com/", "shop.test", "http://203.0.113.40/"])
def test_every_site_of_the_town_answers_a_get(target: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, told = document(capsys, target)
    assert code == 0, [claim for claim in told["claims"] if claim["outcome"] != "HELD"]
    assert any(a["heavy"] and a["source"] == "server" for a in arrows(told))
    assert claims(told)["tcp.time-wait"] == "HELD"


@boxed
def test_an_address_that_nobody_in_the_town_has_is_unreachable(capsys: pytest.CaptureFixture[str]) -> None:
    _, told = document(capsys, "192.0.2.199")
    said = " ".join(e["text"] for e in told["events"])
    assert "Nobody in the sandbox has this address" in said
    assert "Nobody listens" not in said
    assert "before the first byte" not in said, "no byte came"


_FIELDS: dict[str, Callable[[Segment], str]] = {
    "ip.src": lambda s: s.source,
    "ip.dst": lambda s: s.target,
    "ip.ttl": lambda s: str(s.ttl),
    "tcp.srcport": lambda s: str(s.source_port),
    "tcp.dstport": lambda s: str(s.target_port),
    "tcp.seq_raw": lambda s: str(s.seq),
    "tcp.ack_raw": lambda s: str(s.ack),
    "tcp.window_size_value": lambda s: str(s.window),
    "tcp.len": lambda s: str(s.length),
    "tcp.flags": lambda s: f"0x{sum(1 << 'FSRPAUEC'.index(f) for f in s.flags):04x}",
    "tcp.options.mss_val": lambda s: str(s.mss or ""),
    "tcp.options.wscale.shift": lambda s: "" if s.window_scale is None else str(s.window_scale),
    "tcp.options.timestamp.tsval": lambda s: str(s.timestamps[0]) if s.timestamps else "",
    "tcp.options.timestamp.tsecr": lambda s: str(s.timestamps[1]) if s.timestamps else "",
    "tcp.checksum.status": lambda s: "1" if s.checksum_ok else "0",
}


def frames_of(data: bytes) -> list[Segment]:
    """The segments of a pcap file, read by us."""
    from labctl.protocols.tcp_segments import read_frame

    found, at = [], 24
    while at < len(data):
        seconds, nanoseconds, size = (int.from_bytes(data[at + i : at + i + 4], "big") for i in (0, 4, 8))
        read = read_frame(data[at + 16 : at + 16 + size], seconds * 10**9 + nanoseconds)
        assert isinstance(read, Segment)
        found.append(read)
        at += 16 + size
    return found


@boxed
@pytest.mark.parametrize("show", [(), ("--show", "loss"), ("--show", "reset"), ("--show", "byhand")])
def test_every_field_of_every_segment_is_what_tshark_reads(
    show: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "seen.pcap"
    document(capsys, *show, "--pcap", str(file))
    ours = frames_of(file.read_bytes())
    wanted = [word for name in _FIELDS for word in ("-e", name)]
    done = subprocess.run(
        [need("tshark"), "-r", str(file), "-o", "tcp.check_checksum:TRUE", "-T", "fields", *wanted],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "HOME": str(tmp_path)},
    )
    theirs = [line.split("\t") for line in done.stdout.splitlines()]
    assert len(theirs) == len(ours) >= 9
    for segment, row in zip(ours, theirs, strict=True):
        for (name, read), value in zip(_FIELDS.items(), row, strict=True):
            assert read(segment) == value, (name, segment)
    assert [s.at_ns for s in ours] == sorted({s.at_ns for s in ours}), "strict time order"


# Without a box.


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc and AF_PACKET")
@pytest.mark.parametrize("capture", ["yes", "no"])
@pytest.mark.parametrize(
    "show", ["", "handshake", "close", "reset", "loss", "half-close", "sequence", "serve"]
)
def test_without_a_box_rows_are_labelled_and_nothing_is_called_false(
    show: str, capture: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if capture == "yes":
        from labctl.packet_capture import may_capture

        if not may_capture():
            pytest.skip("this process may not capture")
    monkeypatch.setenv(NOT_HERE, "no")
    monkeypatch.setenv("LABCTL_CAPABILITY_RAW_CAPTURE", capture)
    code, told = document(capsys, *(("--show", show) if show else ()))
    assert code in (0, 4)
    assert "REFUTED" not in claims(told).values()
    evidence = {a["evidence"] for a in arrows(told)}
    assert evidence <= ({"captured"} if capture == "yes" else {"observed", "inferred"})
    assert any("No private network here" in notice for notice in told["notices"])
    if capture == "no":
        assert all(f"({a['evidence']}" in a["text"] for a in arrows(told))


def test_without_a_box_an_address_of_the_town_is_not_looked_for_on_the_real_internet(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(NOT_HERE, "no")
    with pytest.raises(CannotRun) as told:
        command_line(["tcp", "192.0.2.199", "--json", "--sandbox"])
    assert told.value.code == "needs-box"


@pytest.fixture
def only_counters(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a box nor a capture: what the kernel tells of its own sockets."""
    monkeypatch.setenv(NOT_HERE, "no")
    monkeypatch.setenv("LABCTL_CAPABILITY_RAW_CAPTURE", "no")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc")
@pytest.mark.parametrize("show", ["loss", "close", "reset", "sequence"])
def test_what_was_only_counted_has_no_cause_no_duration_and_no_window(
    show: str, only_counters: None, capsys: pytest.CaptureFixture[str]
) -> None:
    _, told = document(capsys, "--show", show)
    assert set(claims(told).values()) == {"NOT_SEEN"}
    for text in (e["text"] for e in told["events"]):
        for said in ("timer ran out", "went out as one", "each counted once", "RST came", "window 0"):
            assert said not in text
    for arrow in arrows(told):
        first = arrow["data"]["seq"] == 0 and arrow["data"]["flags"] == "S"
        assert arrow["text"].startswith("By ") != first or show in ("loss", "close")
        assert arrow["evidence"] == "observed" or ", window 6" not in arrow["text"]
        assert ("by_ms" in arrow["data"]) == arrow["text"].startswith("By ")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc")
def test_a_file_for_packets_that_nobody_captured_is_an_error(
    only_counters: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "seen.pcap"
    with pytest.raises(CannotRun) as error:
        command_line(["tcp", "--json", "--pcap", str(file)])
    assert (error.value.code, error.value.exit_code, file.exists()) == ("nothing-captured", 3, False)


@pytest.mark.parametrize("path", ["", "no/such/folder/seen.pcap", "."])
def test_a_file_that_cannot_be_written_is_found_before_the_run(
    path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(CannotRun) as error:
        command_line(["tcp", "--json", "--pcap", path])
    assert error.value.code == "file-not-written"
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("fault", ["server-without-options", "duplicate-acks-lost", "acknowledges-too-much"])
def test_a_fault_that_needs_the_box_is_not_pretended_without_one(
    fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(NOT_HERE, "no")
    monkeypatch.setenv("LABCTL_CAPABILITY_RAW_CAPTURE", "no")
    with pytest.raises(CannotRun) as told:
        command_line(["tcp", "--break", fault, "--json", "--sandbox"])
    assert told.value.code == "needs-box"


# A real target.


class ThisMachine:
    """As much of a live internet as the tcp lab asks for."""

    kind = "live"
    timeout = 2.0
    network = None


@pytest.fixture
def little_server() -> Iterator[int]:
    """Answers one request on a port of 127.0.0.1 and is gone afterwards."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(5)

        def serve() -> None:
            try:
                accepted, _ = listening.accept()
            except OSError:
                return
            with accepted:
                accepted.settimeout(5)
                while accepted.recv(4096):
                    pass

        thread = threading.Thread(target=serve)
        thread.start()
        yield listening.getsockname()[1]
        thread.join()


def live(target: Target, timeout: float = 2.0) -> list[Event]:
    machine: Internet = ThisMachine()  # type: ignore[assignment]
    machine.timeout = timeout
    return list(connect(machine, target, None))


@contextmanager
def answering(speak: Callable[[socket.socket], None], host: str = "127.0.0.1") -> Iterator[int]:
    """A server whose one visitor is spoken to after the first bytes; the port."""
    with socket.create_server((host, 0)) as listening:
        listening.settimeout(5)

        def serve() -> None:
            with suppress(OSError):
                accepted, _ = listening.accept()
                with accepted:
                    accepted.settimeout(5)
                    if accepted.recv(4096):
                        speak(accepted)

        thread = threading.Thread(target=serve)
        thread.start()
        yield listening.getsockname()[1]
        thread.join()


def whole(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
    while connection.recv(100):
        pass


def test_a_url_with_http_is_asked_for_on_any_port() -> None:
    with answering(whole) as port:
        events = live(read_target(f"http://127.0.0.1:{port}/"))
    assert any(isinstance(e, Exchange) and e.heavy and e.source == "server" for e in events)
    assert "one request" in events[0].text


def test_https_is_only_connected_to_and_says_so(little_server: int) -> None:
    events = live(read_target(f"https://127.0.0.1:{little_server}/"))
    assert "one connection" in events[0].text
    assert any("it connects and closes" in e.text for e in events)
    assert not any(isinstance(e, Exchange) and e.heavy for e in events)


def test_a_name_is_tried_at_each_of_its_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(whole) as port, closed_port() as closed:
        both = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", p)) for p in (closed, port)]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: both)
        events = live(Target("two.test", port, scheme="http"))
    said = " ".join(e.text for e in events)
    assert "127.0.0.1: ConnectionRefusedError" in said
    assert "127.0.0.1: connected" in said


def test_a_reply_without_end_is_cut_off_in_time_and_our_own_reset_refutes_nothing() -> None:
    def endless(connection: socket.socket) -> None:
        while True:
            connection.sendall(b"x" * 65536)

    with answering(endless) as port:
        events = live(read_target(f"http://127.0.0.1:{port}/"), timeout=1.0)
    outcomes = {e.claim: e.outcome for e in events if isinstance(e, Verdict)}
    assert outcomes["tcp.two-fins"] == "NOT_SEEN"
    assert sum(isinstance(e, Exchange) for e in events) <= 40


def test_one_deadline_holds_for_a_server_that_sends_byte_after_byte() -> None:
    stop = threading.Event()

    def trickle(connection: socket.socket) -> None:
        while not stop.wait(0.01):
            connection.sendall(b"x")

    with answering(trickle) as port:
        # Returns at all: each byte comes long before any time-out of a single recv.
        events = live(read_target(f"http://127.0.0.1:{port}/"), timeout=0.3)
        stop.set()
    assert [e.role for e in events if isinstance(e, Step)].count("result") == 1


def test_a_connection_to_a_real_target_is_shown_with_the_evidence_that_there_is(little_server: int) -> None:
    events = live(Target("127.0.0.1", little_server))
    seen = [e for e in events if isinstance(e, Exchange)]
    assert [e.label.split("  ")[0] for e in seen[:3]] == ["SYN", "SYN ACK", "ACK"]
    assert len({e.evidence for e in seen}) == 1
    notes = " ".join(e.text for e in events)
    assert ("may not capture packets" in notes) == (seen[0].evidence != "captured")


def test_a_real_target_where_nobody_listens_is_a_finding_and_no_error() -> None:
    with closed_port() as port:
        events = live(Target("127.0.0.1", port))
    assert any("Nobody listens" in e.text for e in events if isinstance(e, Step) and e.role == "result")


def test_a_name_without_an_address_cannot_run() -> None:
    with pytest.raises(CannotRun, match="no address"):
        live(Target("nobody.invalid"))
