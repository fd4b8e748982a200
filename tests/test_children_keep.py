"""A program and all that it forks ends with us, however we end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from needed import need
from processes import LINUX, Marked

from labctl import children, keeper

# A daemon as they are made: fork, a session of its own, fork, and ignore the signal that asks to end.
DAEMON = """
import os, signal, sys
def daemon():
    if os.fork():
        return
    os.setsid()
    if os.fork():
        os._exit(0)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    os.write(1, b"%d\\n" % os.getpid())
    while True:
        signal.pause()
"""
# Keeps a program, waits for so many lines that have a word in them, and tells that it is complete.
PARENT = """
import signal, subprocess, sys
from labctl import children
word, count = sys.argv[1].encode(), int(sys.argv[2])
kept = children.keep(sys.argv[3:], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
seen = []
while len(seen) < count:
    line = kept.stdout.readline()
    seen += [line] if word in line else []
print(kept.program, kept.pid, seen[-1].decode(), flush=True)
signal.pause()
"""


@pytest.fixture
def marked() -> Marked:
    return Marked()


def python(program: str) -> list[str]:
    return [sys.executable, "-c", program]


@contextmanager
def parent_of(command: list[str], marked: Marked) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=marked.env, process_group=0
    ) as parent:
        try:
            yield parent
        finally:
            parent.kill()


def line_of(kept: subprocess.Popen[bytes]) -> str:
    assert kept.stdout is not None
    return kept.stdout.readline().decode().strip()


def test_the_program_that_is_told_is_the_one_that_runs() -> None:
    kept = children.keep(python("import os; print(os.getpid(), os.getpgid(0))"), stdout=subprocess.PIPE)
    assert line_of(kept) == f"{kept.program} {kept.program}"
    assert kept.wait(10) == 0
    children.end(kept)


@pytest.mark.parametrize("status", [0, 7])
def test_the_exit_status_is_that_of_the_program(status: int) -> None:
    kept = children.keep(python(f"raise SystemExit({status})"))
    assert kept.wait(10) == status
    assert children.end(kept) == status


def test_a_program_that_dies_of_a_signal_is_told_as_that() -> None:
    kept = children.keep(python("import os; os.kill(os.getpid(), 11)"))
    assert kept.wait(10) == -11
    children.end(kept)


def test_a_program_that_is_not_there_is_the_same_error_as_without_a_keeper(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        children.keep([str(tmp_path / "nothing")])
    (tmp_path / "text").write_text("no program")
    with pytest.raises(PermissionError):
        children.keep([str(tmp_path / "text")])


def test_the_program_gets_its_words_environment_folder_and_descriptors(tmp_path: Path) -> None:
    told, tell = os.pipe()
    program = f"import os, sys; os.write({tell}, repr([sys.argv[1:], os.environ['X'], os.getcwd()]).encode())"
    words = ["", "two words", "ä\udcff"]
    kept = children.keep(
        [*python(program), *words], env={**os.environ, "X": "1"}, cwd=str(tmp_path), pass_fds=(tell,)
    )
    os.close(tell)
    with os.fdopen(told, "rb") as pipe:
        # The end of the pipe comes with the end of the program: the keeper has kept no copy.
        assert pipe.read().decode() == repr([words, "1", str(tmp_path)])
    assert children.end(kept) == 0


def test_end_asks_the_program_first() -> None:
    program = (
        "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(9)); "
        "print('on', flush=True); signal.pause()"
    )
    kept = children.keep(python(program), stdout=subprocess.PIPE)
    assert line_of(kept) == "on"
    assert children.end(kept, 10) == 9


def test_end_without_patience_kills_at_once() -> None:
    kept = children.keep(["sleep", "1000"])
    assert children.end(kept, 0) == -signal.SIGKILL


def test_it_may_be_started_from_a_thread_that_ends() -> None:
    found: list[children.Kept] = []
    thread = threading.Thread(target=lambda: found.append(children.keep(["sleep", "1000"])))
    thread.start()
    thread.join()
    assert found[0].poll() is None
    os.kill(found[0].program, 0)
    assert children.end(found[0]) == -signal.SIGTERM


def test_nobody_who_kills_us_by_name_hits_the_keeper() -> None:
    kept = children.keep([sys.executable, "-c", "import signal; signal.pause()", "labctl"])
    try:
        if sys.platform.startswith("linux"):
            assert b"labctl" not in Path(f"/proc/{kept.pid}/cmdline").read_bytes()
        assert "labctl" not in Path(keeper.__file__).read_text().lower()
    finally:
        children.end(kept, 0)


def test_where_there_is_no_subreaper_the_process_group_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    source = children._keeper()
    assert source.count('sys.platform.startswith("linux")') == 1
    monkeypatch.setattr(
        children, "_keeper", lambda: source.replace('sys.platform.startswith("linux")', "False")
    )
    program = "import os, signal; os.fork(); os.write(1, b'on\\n'); signal.pause()"
    kept = children.keep(python(program), stdout=subprocess.PIPE)
    assert [line_of(kept), line_of(kept)] == ["on", "on"]
    kept.let_go()
    assert kept.stdout is not None
    assert kept.stdout.read() == b""  # both have let go of the pipe
    assert kept.wait(10) == -signal.SIGKILL
    children.end(kept)
    again = children.keep(python("raise SystemExit(4)"))
    assert again.wait(10) == 4
    children.end(again)


@LINUX
def test_a_daemon_in_a_session_of_its_own_ends_with_the_program(marked: Marked) -> None:
    program = DAEMON + "daemon(); daemon(); signal.pause()"
    kept = children.keep(python(program), stdout=subprocess.PIPE, env=marked.env)
    daemons = {int(line_of(kept)), int(line_of(kept))}
    assert daemons | {kept.program} <= set(marked.alive())
    children.end(kept)
    assert marked.alive() == []


@LINUX
def test_what_a_program_leaves_behind_when_it_ends_by_itself_is_gone_when_it_was_waited_for(
    marked: Marked,
) -> None:
    kept = children.keep(
        python(DAEMON + "daemon(); sys.stdin.read(1); sys.exit(3)"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=marked.env,
    )
    line_of(kept)
    assert kept.stdin is not None
    kept.stdin.close()
    assert kept.wait(10) == 3
    assert marked.alive() == []
    children.end(kept)


@LINUX
def test_a_long_chain_of_processes_that_fork_away_is_ended(marked: Marked) -> None:
    program = """
import os
os.write(1, b"on\\n")
for _ in range(200):
    if os.fork() == 0:
        os.setsid()
    else:
        os._exit(0)
import signal; signal.pause()
"""
    kept = children.keep(python(program), stdout=subprocess.PIPE, env=marked.env)
    line_of(kept)
    children.end(kept, 0)
    assert marked.alive() == []


@LINUX
def test_kill_9_of_us_ends_the_program_and_its_daemons(marked: Marked) -> None:
    command = [*python(PARENT), "", "1", *python(DAEMON + "daemon(); signal.pause()")]
    with parent_of(command, marked) as parent:
        program, keepers, daemon = map(int, line_of(parent).split())
        assert {parent.pid, keepers, program, daemon} == set(marked.alive())
        watched = marked.watch()
        parent.kill()
        assert marked.all_end(watched)


@LINUX
def test_ctrl_c_ends_the_program_and_its_daemons(marked: Marked) -> None:
    """As a terminal does it: the signal goes to our group, and the keeper is in another one."""
    command = [*python(PARENT), "", "1", *python(DAEMON + "daemon(); signal.pause()")]
    with parent_of(command, marked) as parent:
        line_of(parent)
        watched = marked.watch()
        os.killpg(parent.pid, signal.SIGINT)
        assert marked.all_end(watched)


@LINUX
def test_a_program_whose_keeper_is_killed_is_asked_to_end() -> None:
    program = (
        "import signal, os; signal.signal(signal.SIGTERM, lambda *_: os._exit(os.write(1, b'asked'))); "
        "os.write(1, b'on\\n'); signal.pause()"
    )
    kept = children.keep(python(program), stdout=subprocess.PIPE)
    line_of(kept)
    kept.kill()
    assert kept.stdout is not None
    assert kept.stdout.read() == b"asked"
    assert children.end(kept) == -signal.SIGKILL


@LINUX
def test_nginx_and_its_workers_end_with_us_on_kill_9(marked: Marked, tmp_path: Path) -> None:
    names = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    paths = "".join(f"{name}_temp_path {tmp_path}/{name}; " for name in names)
    config = tmp_path / "nginx.conf"
    config.write_text(
        f"daemon off; worker_processes 2; pid {tmp_path}/pid; error_log stderr notice; "
        f"events {{}} http {{ access_log off; {paths} server {{ listen unix:{tmp_path}/s; }} }}\n"
    )
    nginx = [need("nginx"), "-p", str(tmp_path), "-c", str(config)]
    with parent_of([*python(PARENT), "start worker process ", "2", *nginx], marked) as parent:
        line_of(parent)
        watched = marked.watch()
        assert len(watched) == 5  # us, the keeper, the master, two workers
        parent.kill()
        assert marked.all_end(watched)
