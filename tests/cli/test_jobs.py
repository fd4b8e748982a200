"""`labctl jobs` and its commands, without a service: what is listed, what is loaded, what is said when it cannot be."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from free_ports import closed_port

from labctl.cli.jobs import COMMANDS
from labctl.cli.jobs_running import Foreground
from labctl.cli.jobs_showing import sentence
from labctl.cli.jobs_watching import _newer


def test_the_help_lists_the_commands_of_the_service(labctl: Any) -> None:
    done = labctl("jobs", "--help")
    assert (done.returncode, done.stderr) == (0, "")
    for name, _, title in COMMANDS:
        assert name in done.stdout
        assert title.split(":")[0] in " ".join(done.stdout.split())


@pytest.mark.parametrize("name", [name for name, _, _ in COMMANDS])
def test_every_command_says_what_the_table_says_and_has_an_example(labctl: Any, name: str) -> None:
    done = labctl("jobs", name, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    title = next(title for command, _, title in COMMANDS if command == name)
    assert done.stdout.split("\n\n")[0].split() == title.split()
    assert f"labctl jobs {name}" in done.stdout


@pytest.mark.parametrize(
    "words", [("--help",), ("port", "1"), ("jobs", "--help"), ("jobs", "serve", "--help"), ("jobs", "list")]
)
def test_nothing_of_the_engine_is_imported_before_it_is_needed(
    environment: dict[str, str], words: tuple[str, ...]
) -> None:
    """One of these asks, one prints help, one is another command: none of them needs a database."""
    heavy = ["dbos", "sqlalchemy", "psycopg", "flask", "gunicorn", "labctl.jobs.store", "labctl.jobs.web"]
    script = f"""
import sys
sys.argv[1:] = {list(words)!r}
from labctl.__main__ import main
try:
    main()
except SystemExit:
    pass
print("LOADED", [name for name in {heavy!r} if name in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=environment, check=True
    )
    assert done.stdout.splitlines()[-1] == "LOADED []"


def test_a_command_that_is_not_there_is_told_with_the_nearest(labctl: Any) -> None:
    done = labctl("jobs", "watsch")
    assert done.returncode == 2
    assert "watch" in done.stderr


@pytest.mark.parametrize("words", [("list",), ("watch", "j1"), ("submit",), ("cancel", "j1"), ("login",)])
def test_a_client_without_a_service_says_so(labctl: Any, words: tuple[str, ...]) -> None:
    done = labctl("jobs", *words)
    assert done.returncode == 3
    assert "error[jobs-no-service]: no jobs service runs here" in done.stderr
    assert "labctl jobs serve" in done.stderr


def test_a_service_that_does_not_answer_is_told_without_a_traceback(labctl: Any) -> None:
    with closed_port() as port:
        done = labctl("jobs", "list", "--url", f"http://127.0.0.1:{port}", LABCTL_JOBS_TOKEN="t")
    assert done.returncode == 3
    assert (
        f"error[jobs-no-answer]: the jobs service at http://127.0.0.1:{port} does not answer" in done.stderr
    )


def test_there_must_be_a_token(labctl: Any, tmp_path: Path) -> None:
    done = labctl("jobs", "list", "--url", "http://127.0.0.1:9", "--folder", str(tmp_path))
    assert done.returncode == 3
    assert "error[jobs-no-token]" in done.stderr


@pytest.mark.parametrize("token", ["ü", "a b", "x" * 5000])
def test_what_is_no_token_is_not_sent(labctl: Any, token: str) -> None:
    done = labctl("jobs", "list", "--url", "http://127.0.0.1:9", LABCTL_JOBS_TOKEN=token)
    assert done.returncode == 3
    assert "error[jobs-no-token]: what LABCTL_JOBS_TOKEN holds is no token" in done.stderr


@pytest.mark.parametrize("key", ["ü", "a b", "a\n"])
def test_a_key_that_cannot_stand_in_a_header_is_refused(labctl: Any, key: str) -> None:
    done = labctl("jobs", "submit", "--idempotency-key", key)
    assert (done.returncode, "error[jobs-input-invalid]" in done.stderr) == (2, True)


@pytest.mark.parametrize("given", ["{", "[1]", "7", '{"steps": NaN}', '{"a": "\\ud800"}', "[" * 5000])
def test_input_that_is_no_object_is_refused_before_anybody_is_asked(labctl: Any, given: str) -> None:
    done = labctl("jobs", "submit", "report", given)
    assert done.returncode == 2
    assert "error[jobs-input-invalid]" in done.stderr


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--listen", "127.0.0.1"), "bind-invalid"),
        (("--listen", "127.0.0.1:²"), "bind-invalid"),
        (("--keep", "nan"), "usage"),
        (("--listen", "localhost:99999"), "bind-invalid"),
        (("--listen", "0.0.0.0:0"), "host-name-needed"),
        (("--listen", "[::]:0"), "host-name-needed"),
        (("--engine", "mysql://x"), "engine-invalid"),
        (("--engine", "postgres://"), "engine-invalid"),
        (("--jobs", "nowhere.py"), "jobs-file-missing"),
        (("--name", "a b"), "name-invalid"),
    ],
)
def test_what_serve_cannot_do_is_told_before_anything_starts(
    labctl: Any, words: tuple[str, ...], code: str
) -> None:
    done = labctl("jobs", "serve", *words)
    assert done.returncode == 2
    assert f"error[{code}]" in done.stderr
    assert done.stdout == ""


def test_a_port_in_use_is_told_with_who_has_it(labctl: Any, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = labctl("jobs", "serve", "--listen", f"127.0.0.1:{port}", "--folder", str(tmp_path / "jobs"))
    assert done.returncode == 3
    assert f"error[port-in-use]: port {port} is already taken" in done.stderr
    assert f"labctl port {port}" in done.stderr


def test_a_folder_that_cannot_be_written_is_told(labctl: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = labctl("jobs", "serve", "--listen", "127.0.0.1:0", "--folder", str(tmp_path / "file" / "jobs"))
    assert done.returncode == 3
    assert "error[cannot-write]" in done.stderr


def test_a_database_that_does_not_answer_is_told_without_its_password(labctl: Any, tmp_path: Path) -> None:
    with closed_port() as port:
        url = f"postgres://ann:secret-word@127.0.0.1:{port}/jobs"
        for command in ("serve", "work"):
            listen = ("--listen", "127.0.0.1:0") if command == "serve" else ()
            done = labctl("jobs", command, *listen, "--engine", url, "--folder", str(tmp_path / "jobs"))
            assert done.returncode == 3
            assert "error[database-unreachable]" in done.stderr
            assert "secret-word" not in done.stderr + done.stdout


class _Refusing(BaseHTTPRequestHandler):
    """A service that answers every request with one status."""

    status, body, headers_more = 503, {"error": "full", "message": "The queue is full."}, ("Retry-After", "5")

    def do_GET(self) -> None:
        text = json.dumps(self.body).encode()
        self.send_response(self.status)
        self.send_header(*self.headers_more)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_POST = do_DELETE = do_GET  # noqa: N815  # names of http.server

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is printed."""


@pytest.fixture
def refusing(request: pytest.FixtureRequest) -> Iterator[str]:
    class Handler(_Refusing):
        status = request.param

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    ("refusing", "exit_code", "code"),
    [
        (503, 3, "jobs-refused"),
        (429, 3, "jobs-refused"),
        (422, 2, "jobs-input-refused"),
        (401, 3, "jobs-not-you"),
    ],
    indirect=["refusing"],
)
def test_a_refusal_is_told_in_the_service_s_own_words(
    labctl: Any, refusing: str, exit_code: int, code: str
) -> None:
    done = labctl("jobs", "submit", "--url", refusing, LABCTL_JOBS_TOKEN="t")
    assert done.returncode == exit_code
    assert f"error[{code}]" in done.stderr
    if code == "jobs-refused":
        assert "The queue is full." in done.stderr
        assert "in 5 s" in done.stderr


@pytest.mark.parametrize("refusing", [404], indirect=True)
def test_a_job_that_is_not_ours_is_not_there(labctl: Any, refusing: str) -> None:
    for words in (("watch", "j1"), ("cancel", "../x")):
        done = labctl("jobs", *words, "--url", refusing, LABCTL_JOBS_TOKEN="t")
        assert done.returncode == 3
        assert "error[jobs-no-such-job]" in done.stderr


def test_an_event_that_came_is_not_shown_again() -> None:
    assert [_newer(*ids) for ids in (("3", "4"), ("4", "4"), ("10", "9"), ("x", "4"), ("0", ""))] == [
        False,
        False,
        True,
        True,
        True,
    ]


def test_a_sentence_for_each_event_and_nothing_that_moves_a_cursor() -> None:
    progress = {"step": 3, "steps": 10, "percent": 40}
    assert sentence("4", "progress", progress) == "Event 4: progress 40%, step 4 of 10."
    assert sentence("", "failed", {"error": "no\x1b[2Jroom."}) == "failed: no [2Jroom."


def test_a_signal_before_it_runs_ends_the_wait_once(monkeypatch: pytest.MonkeyPatch) -> None:
    handlers: dict[int, Any] = {}
    monkeypatch.setattr("signal.signal", handlers.__setitem__)
    Foreground(jsonl=False)
    handler = handlers[signal.SIGINT]
    with pytest.raises(KeyboardInterrupt):
        handler(signal.SIGINT, None)
    handler(signal.SIGINT, None)
