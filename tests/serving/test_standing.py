"""Real servers as children: ready means ready, what happens is told, and nothing is left."""

from __future__ import annotations

import os
import signal
import socket
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from processes import LINUX, Marked, children_of_ours

from labctl import children
from labctl.errors import CannotRun, UsageError
from labctl.serving.application import App, read_app
from labctl.serving.asking import Ask, Connection, ask, ask_all
from labctl.serving.standing import Kind, Standing, stand

KINDS: tuple[Kind, ...] = ("toy", "wsgiref", "flask", "sync", "gthread", "waitress")
SHOP = """
import os, sys, time
from wsgiref.util import FileWrapper

class Items(list):
    pass

def app(environ, start_response):
    path = environ["PATH_INFO"]
    start_response("200 OK", [("Content-Type", "text/plain"), ("X-Pid", str(os.getpid()))])
    if path == "/stuck":
        time.sleep(1000)
    if path == "/file":
        return environ.get("wsgi.file_wrapper", FileWrapper)(open(__file__, "rb"))
    if path == "/stream":
        return (piece for piece in (b"one", b"two"))
    if path == "/raises":
        raise LookupError("no such thing")
    return [environ.get("LABCTL", path).encode()]
"""


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """No thread, and no child, of which the kernel would know."""
    threads, processes = set(threading.enumerate()), children_of_ours()
    yield
    assert set(threading.enumerate()) <= threads
    assert children_of_ours() <= processes


@pytest.fixture
def shop(tmp_path: Path) -> App:
    (tmp_path / "shop.py").write_text(SHOP)
    return read_app("shop:app", cwd=str(tmp_path))._replace(ours=True)


@pytest.mark.parametrize("kind", KINDS)
def test_every_server_answers_tells_of_the_request_and_is_gone_at_the_end(kind: Kind, shop: App) -> None:
    marked = Marked()
    with stand(shop, kind, env=marked.env) as standing:
        answer = ask(standing.where, "/hello?a=b", fields=(("X-Labctl-Request", "q"),))
        assert (answer.status, answer.body, answer.failure) == (200, b"/hello", "")
        ended = standing.wait_for("end")
        assert ended is not None
        events = standing.events()
        assert standing.workers() == (int(answer.get("X-Pid") or 0),)
        begun = next(event for event in events if event.kind == "begin")
        assert (begun.pid, begun.data["method"], begun.data["path"]) == (
            standing.workers()[0],
            "GET",
            "/hello",
        )
        assert (begun.data["query"], begun.data["request"], ended.data["request"]) == ("a=b", "q", "q")
        assert (ended.data["status"], ended.data["id"], ended.data["raised"]) == (200, begun.data["id"], "")
        assert begun.at_ns < ended.at_ns < time.monotonic_ns()
        life = ["started", "loading", "loaded", "booted", "begin", "end"]
        assert [event.kind for event in events if event.kind in life] == life
        assert standing.boot_ms > 0
        assert standing.alive()
    assert not standing.alive()
    assert standing.workers() == ()
    assert ask(standing.where).failure == "refused"
    if os.path.isdir("/proc"):
        assert marked.alive() == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_unix_socket_serves_and_is_removed_at_the_end(kind: Kind, shop: App, tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    with stand(shop, kind, bind=f"unix:{path}") as standing:
        assert (standing.address, standing.path, standing.where) == (None, path, path)
        assert ask(path, "/hello").body == b"/hello"
        with pytest.raises(CannotRun) as refused:
            stand(shop, kind, bind=f"unix:{path}")
        assert refused.value.code == "port-in-use"
    assert not os.path.exists(path)


def test_a_unix_socket_that_nobody_serves_any_more_is_replaced_and_a_file_is_not(
    shop: App, tmp_path: Path
) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    with stand(shop, "wsgiref", bind=f"unix:{path}") as standing:
        assert ask(standing.path).status == 200
    path.write_text("mine")
    with pytest.raises(CannotRun) as refused:
        stand(shop, "wsgiref", bind=f"unix:{path}")
    assert refused.value.code == "cannot-bind"
    assert stat.S_ISREG(path.stat().st_mode)


@pytest.mark.parametrize("kind", KINDS)
def test_watching_changes_nothing_of_what_the_client_gets(kind: Kind, shop: App) -> None:
    requests = [Ask("/hello"), Ask("/stream"), Ask("/file"), Ask("/hello", "HEAD"), Ask("/raises")]
    got = []
    for watched in (True, False):
        with stand(shop, kind, watched=watched) as standing:
            answers = ask_all(standing.where, requests, at_once=False)
            got.append(
                [(a.status, a.body, [f for f in a.fields if f[0] not in ("Date", "X-Pid")]) for a in answers]
            )
            if watched:
                raised = {}
                for number in (5, 1, 2, 3, 4):
                    # Werkzeug reads on after a response, and when the client has gone meanwhile, as after HEAD, that
                    # read raises and close() is never called: then there is no end, and no sense in waiting long.
                    gone = kind == "flask" and number == 4
                    event = standing.wait_for(
                        "end", timeout_s=1 if gone else 10, where=lambda e, n=number: e.data["id"] == n
                    )
                    raised[number] = "" if gone and event is None else event and event.data["raised"]
                assert raised == {1: "", 2: "", 3: "", 4: "", 5: "LookupError"}
            else:
                assert [event for event in standing.events() if event.kind in ("begin", "end")] == []
    assert got[0] == got[1]
    assert [status for status, _, _ in got[0]][:4] == [200] * 4
    assert got[0][2][1].decode() == SHOP


def test_a_port_in_use_is_told_with_who_has_it(shop: App) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(CannotRun) as refused:
            stand(shop, "sync", bind=f"127.0.0.1:{port}")
    assert (refused.value.code, refused.value.headline) == ("port-in-use", f"port {port} is already taken")
    if os.path.isdir("/proc"):
        assert f"pid {os.getpid()}, yours" in dict(refused.value.evidence)["held by"]
    assert refused.value.fixes == (f"labctl port {port}",)


def test_a_place_that_is_none_or_not_here(shop: App) -> None:
    for bind in ("5000", "127.0.0.1:", "127.0.0.1:99999", ":80", "localhost"):
        with pytest.raises(UsageError):
            stand(shop, "sync", bind=bind)
    with pytest.raises(CannotRun) as refused:
        stand(shop, "sync", bind="203.0.113.7:0")
    assert refused.value.code == "cannot-bind"


def test_all_workers_have_booted_when_it_stands(shop: App) -> None:
    with stand(shop, "sync", workers=3) as standing:
        booted = [event.pid for event in standing.events() if event.kind == "booted"]
        assert sorted(booted) == sorted(standing.workers())
        assert len(booted) == 3
        assert standing.pid not in booted


def test_a_worker_that_is_killed_is_told_and_replaced(shop: App) -> None:
    with stand(shop, "sync", workers=2) as standing:
        victim, other = standing.workers()
        start = time.monotonic_ns()
        standing.signal(signal.SIGKILL, victim)
        booted = standing.wait_for("booted", since_ns=start)
        assert booted is not None
        gone = standing.wait_for("gone")
        assert gone is not None
        assert (gone.pid, gone.data["signal"], gone.data["why"]) == (victim, 9, "killed by SIGKILL")
        assert standing.workers() == (other, booted.pid)


def test_a_worker_that_hangs_is_aborted_by_the_master_and_replaced(shop: App) -> None:
    with stand(shop, "sync", timeout_s=0.4) as standing, Connection(standing.address or "") as client:
        client.send(b"GET /stuck HTTP/1.1\r\nHost: a\r\n\r\n")
        timeout = standing.wait_for("timeout")
        assert timeout is not None
        gone = standing.wait_for("gone")
        assert gone is not None
        assert (gone.pid, gone.data["timed_out"]) == (timeout.pid, True)
        assert standing.wait_for("booted", since_ns=gone.at_ns) is not None
        ended = standing.wait_for("end")
        assert ended is not None
        assert ended.data["raised"] == "SystemExit"


def test_a_reload_brings_new_workers(shop: App) -> None:
    with stand(shop, "sync", workers=2) as standing:
        old = set(standing.workers())
        start = time.monotonic_ns()
        standing.signal(signal.SIGHUP)
        for pid in old:
            assert standing.wait_for("gone", where=lambda event, pid=pid: event.pid == pid)
        assert [event.kind for event in standing.events() if event.kind == "reloading"] == ["reloading"]
        assert not set(standing.workers()) & old
        assert standing.wait_for("gone", since_ns=start, timeout_s=0) is None
        assert ask(standing.where).status == 200


def test_a_second_master_takes_over_the_socket(shop: App) -> None:
    with stand(shop, "sync") as standing:
        start = time.monotonic_ns()
        standing.signal(signal.SIGUSR2)
        booted = standing.wait_for("booted", since_ns=start)
        assert booted is not None
        assert booted.pid in standing.workers()
        standing.signal(
            signal.SIGKILL, standing.workers()[0] if standing.workers()[0] != booted.pid else None
        )
        assert ask(standing.where).status == 200


def test_with_preload_the_application_is_imported_once_by_the_master(shop: App) -> None:
    with stand(shop, "sync", workers=2, preload=True) as standing:
        assert [event.pid for event in standing.events() if event.kind == "loaded"] == [standing.pid]


def test_gunicorns_own_words_and_those_of_a_fault_win(shop: App) -> None:
    with stand(shop, "gthread", threads=2, options=("--threads", "3", "--access-logfile", "-")) as standing:
        assert ask(standing.where, "/hello").status == 200
        assert standing.says('"GET /hello HTTP/1.1" 200')
    with pytest.raises(CannotRun) as refused:
        stand(shop, "sync", options=("--no-such-option",))
    assert refused.value.code == "server-ended"
    assert "unrecognized arguments: --no-such-option" in dict(refused.value.evidence)["said"]


def test_prepare_is_called_in_the_first_process_and_trace_with_the_application(
    shop: App, tmp_path: Path
) -> None:
    (tmp_path / "fault.py").write_text(
        "import os\n"
        "def prepare(habits):\n"
        "    os.environ['LABCTL'] = ' '.join(sorted(habits))\n"
        "    return {'raw_env': ['LABCTL=' + os.environ['LABCTL']], 'workers': 2}\n"
        "def traced(app, tell):\n"
        "    def application(environ, start_response):\n"
        "        tell('traced', path=environ['PATH_INFO'], long='x' * 9000)\n"
        "        return app({**environ, 'LABCTL': os.environ['LABCTL']}, start_response)\n"
        "    return application\n"
    )
    with stand(
        shop, "sync", workers=2, habits=frozenset({"b", "a"}), prepare="fault:prepare", trace="fault:traced"
    ) as standing:
        assert ask(standing.where, "/way").body == b"a b"
        traced = standing.wait_for("traced")
        assert traced is not None
        assert traced.data["path"] == "/way"
        assert len(traced.data["long"]) < 4096


def test_flask_run_reloads_in_a_second_process(shop: App) -> None:
    with stand(shop, "flask", options=("--debug",)) as standing:
        started = [event.pid for event in standing.events() if event.kind == "started"]
        answer = ask(standing.where)
        assert len(started) == 2
        assert int(answer.get("X-Pid") or 0) == started[1] != standing.pid


def test_requests_one_after_another_with_a_single_thread_and_together_with_several(
    shop: App, tmp_path: Path
) -> None:
    (tmp_path / "meet.py").write_text(
        "import threading\nbarrier = threading.Barrier(2)\n"
        "def app(environ, start_response):\n"
        "    try:\n"
        "        barrier.wait(float(environ['QUERY_STRING']))\n        text = b'met'\n"
        "    except threading.BrokenBarrierError:\n        barrier.reset()\n        text = b'alone'\n"
        "    start_response('200 OK', [])\n    return [text]\n"
    )
    app = read_app("meet", cwd=str(tmp_path))._replace(ours=True)
    for kind, threads, wait, expected in (
        ("flask", 1, 10, b"met"),
        ("gthread", 2, 10, b"met"),
        ("flask", 0, 0.1, b"alone"),
    ):
        with stand(app, kind, threads=threads) as standing:  # type: ignore[arg-type]
            answers = ask_all(standing.where, [Ask(f"/?{wait}"), Ask(f"/?{wait}")])
            assert [answer.body for answer in answers] == [expected] * 2


def test_end_may_be_called_again_and_a_server_that_ended_by_itself_is_no_error(shop: App) -> None:
    standing = stand(shop, "sync")
    standing.signal(signal.SIGTERM)
    assert standing.wait(10) == 0
    assert [event.kind for event in standing.events()][-1] == "ended"
    standing.end()
    standing.end()
    assert standing.status() == 0
    standing.signal(signal.SIGTERM)
    assert standing.wait_for("never", timeout_s=10) is None


def test_an_application_of_the_learner_may_finish(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(
        "import atexit\natexit.register(print, 'finished', flush=True)\n" + SHOP
    )
    standing = stand(read_app("shop", cwd=str(tmp_path)), "sync")
    standing.end(10)
    assert "finished" in standing.log()


def test_an_exception_inside_ends_it_at_once(shop: App) -> None:
    with pytest.raises(KeyboardInterrupt), stand(shop, "sync") as standing:
        raise KeyboardInterrupt
    assert standing.status() == -signal.SIGKILL


@LINUX
def test_a_busy_server_with_a_frozen_worker_is_gone_at_once(shop: App) -> None:
    marked = Marked()
    with stand(shop, "gthread", workers=2, threads=4, env=marked.env) as standing:
        clients = [Connection(standing.address or "") for _ in range(6)]
        for client in clients:
            client.send(b"GET /stuck HTTP/1.1\r\nHost: a\r\n\r\n")
        assert all(standing.wait_for("begin", where=lambda e, n=n: e.data["id"] >= n) for n in (1, 2))
        standing.signal(signal.SIGSTOP, standing.workers()[0])
        standing.end(0)
        assert marked.alive() == []
        for client in clients:
            client.close()


def test_what_a_server_prints_is_bounded(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text("print(('x' * 99 + '\\n') * 20000)\nprint('last', flush=True)\n" + SHOP)
    app = read_app("shop", cwd=str(tmp_path))._replace(ours=True)
    with stand(app, "wsgiref") as standing:
        assert standing.says("last")
        assert 200_000 < len(standing.log()) <= 262_144


def test_no_descriptor_is_lost(shop: App) -> None:
    if not os.path.isdir("/proc/self/fd"):
        pytest.skip("/proc is Linux's")
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(2):
        stand(shop, "wsgiref").end()
        with pytest.raises(CannotRun):
            stand(shop._replace(module="nothing"), "wsgiref")
        children.end(children.keep(["true"]))
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_kind_that_is_none_is_our_mistake(shop: App) -> None:
    with pytest.raises(ValueError, match="no server"):
        stand(shop, "uvicorn")  # type: ignore[arg-type]
    assert issubclass(Standing, object)
