"""The jobs lab: the default run and its rail, what is killed, and bad input. The claims: test_every_lab.py."""

from __future__ import annotations

import json
import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from labctl.cli import run as command_line
from labctl.errors import UsageError
from labctl.sandbox.jobs_faults import JOBS_FAULTS
from labctl.sandbox.loopback import LoopbackInternet
from labctl.sandbox.town import healthy_town
from labs.jobs.claims import CLAIMS
from labs.jobs.lab import LAB
from labs.jobs.rail import Got, Rail, read, short, written_at
from labs.jobs.stage import Ran, standing
from labs.jobs.wire import Wire

DONE: dict[str, dict[str, Any]] = {}


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABCTL_HOME", str(tmp_path))


def document(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, Any]]:
    capsys.readouterr()
    code = command_line(["jobs", *words, "--json"])
    return code, json.loads(capsys.readouterr().out)


@pytest.fixture
def usual(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """The run without arguments, once for all tests that look at it."""
    if not DONE:
        DONE["usual"] = document(capsys, "--sandbox")[1]
    return DONE["usual"]


def rows(told: dict[str, Any], *roles: str) -> list[dict[str, Any]]:
    return [e for e in told["events"] if e["kind"] == "exchange" and e["role"] in roles]


def commands(told: dict[str, Any]) -> list[str]:
    return [e["title"] for e in told["events"] if e["kind"] == "step" and e["role"] == "command"]


# The default run.


def test_the_rail_tells_the_cut_the_way_back_and_the_replay(usual: dict[str, Any]) -> None:
    roles = [row["role"] for row in rows(usual, "request", "opened", "lost", "replayed", "ended")]
    assert roles[:3] == ["request", "opened", "lost"]
    assert roles[3] == "request"
    assert roles[-1] == "ended"
    assert "replayed" in roles
    assert all(row["picture"] == "rail" for row in rows(usual, *roles))


def test_each_event_comes_once_with_the_ids_from_0(usual: dict[str, Any]) -> None:
    ids = [row["label"] for row in rows(usual, "event", "replayed", "ended")]
    assert ids == [f"id {number}" for number in range(len(ids))]
    progress = [row["progress"] for row in rows(usual, "event", "replayed", "ended")]
    assert progress == sorted(progress)
    assert progress[-1] == 1.0


def test_the_request_behind_the_cut_says_the_last_id_and_is_the_only_one_in_yellow(
    usual: dict[str, Any],
) -> None:
    yellow = [e for e in usual["events"] if e["kind"] == "exchange" and e["hue"] == "warn"]
    assert [each["remark"] for each in yellow] == ["Last-Event-ID: 4"]


def test_it_ends_with_the_count_and_with_commands_that_can_be_typed(usual: dict[str, Any]) -> None:
    results = [e["text"] for e in usual["events"] if e["kind"] == "step" and e["role"] == "result"]
    assert results == ["9 sent, 9 received, in order, none twice."]
    assert commands(usual) == ["labctl jobs --no-replay", "labctl jobs serve", "labctl jobs --kill worker"]


def test_without_a_replay_events_are_missing_and_no_claim_is_about_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, told = document(capsys, "--no-replay", "--drop-after", "3", "--sandbox")
    assert code == 0
    assert "jobs.replay" not in {claim["claim"] for claim in told["claims"]}
    assert not rows(told, "replayed")
    assert len(rows(told, "event", "ended")) < 9
    assert commands(told)[0] == "labctl jobs --drop-after 3"


# On PostgreSQL.


def test_a_killed_postgresql_comes_back_with_all_that_was_committed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, told = document(capsys, "--kill", "database", "--engine", "postgres", "--sandbox")
    if told["error"] and told["error"]["code"] == "postgres-missing":
        assert os.environ.get("LABCTL_REQUIRE_TOOLS") != "1"
        pytest.skip("PostgreSQL is not installed")
    assert code == 0
    assert [claim["outcome"] for claim in told["claims"]] == ["HELD"]
    assert len(rows(told, "killed")) == 1


# Bad input.


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"drop_after": 7}, "jobs-bounds"),
        ({"drop_after": -1}, "jobs-bounds"),
        ({"show": "end", "drop_after": 0}, "options-contradict"),
        ({"show": "end", "kill": "worker"}, "options-contradict"),
        ({"show": "end", "engine": "postgres"}, "options-contradict"),
        ({"kill": "worker", "no_replay": True}, "options-contradict"),
    ],
)
def test_options_that_mean_nothing_are_refused_before_anything_is_started(
    given: dict[str, Any], code: str
) -> None:
    with pytest.raises(UsageError) as caught:
        LAB.run(LoopbackInternet(healthy_town()), **given)
    assert caught.value.code == code
    assert caught.value.fixes


def test_each_claim_is_broken_by_a_fault_of_this_lab_and_no_fault_is_left_over() -> None:
    assert {claim.broken_by for claim in CLAIMS} == {fault.name for fault in JOBS_FAULTS}
    assert len(CLAIMS) == 28


# Parts.


def test_a_stage_leaves_no_folder_and_nobody_who_listens() -> None:
    with standing(LoopbackInternet(healthy_town()), workers=0, wait=False) as stage:
        folder, place = stage.folder, stage.wire.place
        assert folder.is_dir()
        assert Path(tempfile.gettempdir()).resolve() in folder.parents
    assert not folder.exists()
    host, _, port = place.rpartition(":")
    with pytest.raises(OSError, match=r"."):
        socket.create_connection((host, int(port)), 2.0)


@pytest.fixture
def peer() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10.0)
        yield listener


def test_a_wire_notes_requests_passes_bytes_on_and_can_be_cut(peer: socket.socket) -> None:
    with Wire() as wire:
        wire.aim(*peer.getsockname())
        host, _, port = wire.place.rpartition(":")
        with socket.create_connection((host, int(port)), 10.0) as client:
            client.sendall(b"GET /a HTTP/1.1\r\nLast-Event-ID: 4\r\n")
            client.sendall(b"\r\n")
            server, _ = peer.accept()
            with server:
                server.settimeout(10.0)
                got = b""
                while not got.endswith(b"\r\n\r\n"):
                    got += server.recv(1000)
                server.sendall(b"hello")
                assert client.recv(5) == b"hello"
                assert [(head.line, head.fields) for head in wire.heads()] == [
                    ("GET /a HTTP/1.1", {"last-event-id": "4"})
                ]
                wire.cut()
                with pytest.raises(ConnectionResetError):
                    client.recv(1)
                with pytest.raises(ConnectionResetError):
                    server.recv(1)


def test_a_wire_to_nowhere_closes_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        target = gone.getsockname()
    with Wire() as wire:
        wire.aim(*target)
        host, _, port = wire.place.rpartition(":")
        with socket.create_connection((host, int(port)), 10.0) as client:
            assert client.recv(1) == b""


def test_an_event_was_written_when_the_next_step_first_began() -> None:
    ledger = [Ran(at, "j", step, 1, "w1") for at, step in ((1.0, 0), (2.0, 1), (2.5, 1), (3.0, 2))]

    def progress(step: int) -> Got:
        return Got(9.0, "", "progress", step, 10)

    assert written_at(Got(9.0, "0", "started", None, None), ledger, 0.5, 3) == 1.0
    assert written_at(progress(0), ledger, 0.5, 3) == 2.0
    assert written_at(progress(1), ledger, 0.5, 3) == 3.0
    assert written_at(progress(2), ledger, 0.5, 3) == 3.5
    assert written_at(progress(2), ledger, 0.5, 4) is None
    assert written_at(Got(9.0, "", "cancelled", None, None), ledger, 0.5, 3) is None
    assert written_at(progress(0), [], 0.5, 3) is None


def test_what_a_server_sends_is_data_whatever_it_is() -> None:
    for data in ("", "no JSON", "[1]", "null", '{"percent": null}'):
        assert read("progress", data, "1").percent is None
    row = Rail(0.0).event(read("progress", "{}", ""), None)
    assert row.label == "no id"
    assert short("abc") == "abc"
