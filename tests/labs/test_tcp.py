"""The tcp lab on real segments: the same picture each time, invariants under loss, every field as tshark sees it."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from labctl import quiz
from labctl.cli import run as command_line
from labctl.errors import CannotRun, UsageError
from labctl.events import Event, Exchange, Step
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
@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
@pytest.mark.parametrize("show", [(), ("--show", "loss"), ("--show", "reset"), ("--show", "byhand")])
def test_every_field_of_every_segment_is_what_tshark_reads(
    show: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "seen.pcap"
    document(capsys, *show, "--pcap", str(file))
    ours = frames_of(file.read_bytes())
    wanted = [word for name in _FIELDS for word in ("-e", name)]
    done = subprocess.run(
        ["tshark", "-r", str(file), "-o", "tcp.check_checksum:TRUE", "-T", "fields", *wanted],
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


def live(target: Target) -> list[Event]:
    machine: Internet = ThisMachine()  # type: ignore[assignment]
    return list(connect(machine, target, None))


def test_a_connection_to_a_real_target_is_shown_with_the_evidence_that_there_is(little_server: int) -> None:
    events = live(Target("127.0.0.1", little_server))
    seen = [e for e in events if isinstance(e, Exchange)]
    assert [e.label.split("  ")[0] for e in seen[:3]] == ["SYN", "SYN ACK", "ACK"]
    assert len({e.evidence for e in seen}) == 1
    notes = " ".join(e.text for e in events)
    assert ("may not capture packets" in notes) == (seen[0].evidence != "captured")


def test_a_real_target_where_nobody_listens_is_a_finding_and_no_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    events = live(Target("127.0.0.1", port))
    assert any("Nobody listens" in e.text for e in events if isinstance(e, Step) and e.role == "result")


def test_a_name_without_an_address_cannot_run() -> None:
    with pytest.raises(CannotRun, match="no address"):
        live(Target("nobody.invalid"))
