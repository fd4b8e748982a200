"""`labctl jobs watch` over a scripted service: cut streams, a proxy's 502, events that come twice, and how it ends."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jsonschema
import pytest

from labctl.cli import jobs_watching
from labctl.cli.jobs_client import Client
from labctl.cli.jobs_watching import follow
from labctl.cli.schema import text_of
from labctl.errors import CannotRun


class Scripted:
    """A service whose streams answer in this order: (status, events). `asked` is each stream's Last-Event-ID."""

    def __init__(
        self, *answers: tuple[int, list[tuple[int, str, dict[str, Any]]]], status: str = "done"
    ) -> None:
        self.asked: list[str] = []
        waiting = list(answers)
        asked = self.asked

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if not self.path.endswith("/stream"):
                    self._answer(200, "application/json", json.dumps({"status": status}).encode())
                    return
                asked.append(self.headers.get("Last-Event-ID", ""))
                code, events = waiting.pop(0)
                text = "retry: 10\n\n"
                for number, kind, data in events:
                    text += f"id: {number}\n" if number >= 0 else ""
                    text += f"event: {kind}\ndata: {json.dumps(data)}\n\n"
                self._answer(code, "text/event-stream", b"" if code == 204 else text.encode())

            def _answer(self, code: int, kind: str, body: bytes) -> None:
                self.send_response(code)
                self.send_header("Content-Type", kind)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Nothing is printed."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))

    def __enter__(self) -> Client:
        self._thread.start()
        return Client(f"http://127.0.0.1:{self.server.server_port}", "t")

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self._thread.join()
        self.server.server_close()


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(jobs_watching, "_AGAIN_S", 0.01)
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before


def progress(step: int) -> tuple[int, str, dict[str, Any]]:
    return step, "progress", {"step": step - 1, "steps": 3, "percent": step * 100 // 3}


STARTED: tuple[int, str, dict[str, Any]] = (0, "started", {})
DONE: tuple[int, str, dict[str, Any]] = (4, "done", {})


def test_a_cut_stream_is_taken_up_after_the_last_event(capsys: pytest.CaptureFixture[str]) -> None:
    service = Scripted((200, [STARTED, progress(1)]), (200, [progress(2), progress(3), DONE]))
    with service as client:
        assert follow(client, "j1", jsonl=False) == 0
    assert service.asked == ["", "1"]
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["Event 0: started.", "Event 1: progress 33%, step 1 of 3."]
    assert lines[2].startswith("The connection is lost (")
    assert lines[3] == "The stream goes on after event 1."
    assert lines[-1] == "Event 4: done."


def test_where_a_browser_gives_up_it_opens_the_stream_again(capsys: pytest.CaptureFixture[str]) -> None:
    service = Scripted((200, [STARTED, progress(1)]), (502, []), (200, [progress(2), DONE]))
    with service as client:
        assert follow(client, "j1", jsonl=False) == 0
    assert service.asked == ["", "1", "1"]
    assert "502" in capsys.readouterr().out


def test_an_event_that_comes_twice_is_shown_once(capsys: pytest.CaptureFixture[str]) -> None:
    service = Scripted((200, [STARTED, progress(1)]), (200, [progress(1), progress(2), DONE]))
    with service as client:
        follow(client, "j1", jsonl=True)
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [each["id"] for each in told if each["kind"] == "event"] == [0, 1, 2, 4]
    for each in told:
        jsonschema.validate(each, json.loads(text_of("jobs")))
    assert {each["kind"] for each in told} == {"opened", "event", "lost"}


@pytest.mark.parametrize(("kind", "code"), [("done", 0), ("failed", 1), ("cancelled", 1)])
def test_the_exit_code_says_how_the_job_ended(kind: str, code: int) -> None:
    with Scripted((200, [STARTED, (1, kind, {"error": "no room"})])) as client:
        assert follow(client, "j1", jsonl=False) == code


def test_the_end_of_a_cancelled_job_has_no_id_and_is_heard() -> None:
    with Scripted((200, [STARTED, progress(1), (-1, "cancelled", {})])) as client:
        assert follow(client, "j1", jsonl=False) == 1


@pytest.mark.parametrize(("status", "code"), [("done", 0), ("failed", 1)])
def test_204_means_that_there_is_nothing_more(
    status: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    service = Scripted((204, []), status=status)
    with service as client:
        assert follow(client, "j1", jsonl=False, last="9") == code
    assert service.asked == ["9"]
    assert capsys.readouterr().out == f"There is nothing more: the job is {status}.\n"


@pytest.mark.parametrize(("status", "code"), [(404, "jobs-no-such-job"), (401, "jobs-not-you")])
def test_a_stream_that_is_not_ours_is_not_asked_for_again(status: int, code: str) -> None:
    service = Scripted((status, []))
    with service as client, pytest.raises(CannotRun) as told:
        follow(client, "j1", jsonl=False)
    assert told.value.code == code
    assert len(service.asked) == 1
