"""`labctl shell`: one command, or a shell on a terminal, in the box."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from needed import need

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="boxes are made of Linux's namespaces"
)
NOBODY = 65534


def shell(*words: str, env: dict[str, str] | None = None, **more: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # type: ignore[call-overload,no-any-return]
        [sys.executable, "-m", "labctl", "shell", *words],
        capture_output=True,
        text=True,
        check=False,
        env={**{k: v for k, v in os.environ.items() if not k.startswith("LABCTL_")}, **(env or {})},
        **more,
    )


def test_a_shell_in_a_shell_is_refused() -> None:
    done = shell("--", "true", env={"LABCTL_SHELL": "1"})
    assert done.returncode == 2
    assert "error[shell-nested]" in done.stderr


def test_an_unknown_fault_is_told_before_anything_starts() -> None:
    done = shell("--break", "nonsense", "--", "true")
    assert done.returncode == 2
    assert "error[fault-unknown]" in done.stderr


def test_warming_up_never_prints_what_went_wrong(capfd: pytest.CaptureFixture[str]) -> None:
    from labctl.sandbox.box_command import _warm_up

    class Broken:
        def world(self) -> None:
            raise FileNotFoundError("a module that is covered")

    _warm_up(Broken(), threading.Event())  # type: ignore[arg-type]
    assert capfd.readouterr() == ("", "")


@pytest.mark.usefixtures("needs_box")
class TestInTheBox:
    def test_the_exit_code_is_the_commands(self) -> None:
        assert shell("--", "sh", "-c", "exit 7").returncode == 7
        assert shell("--", "sh", "-c", "kill -9 $$").returncode == 137

    def test_a_command_that_is_not_there_ends_with_127_as_in_a_shell(self) -> None:
        done = shell("--", "no-such-command-anywhere")
        assert done.returncode == 127
        assert done.stderr == "labctl: no-such-command-anywhere: command not found\n"

    def test_streams_are_the_commands(self) -> None:
        done = shell("--", "sh", "-c", "cat; echo aside >&2", input="through")
        assert (done.stdout, done.stderr) == ("through", "aside\n")

    def test_the_command_knows_where_it_is_and_of_no_proxy(self) -> None:
        proxies = {
            "http_proxy": "http://10.0.0.1:3128",
            "HTTPS_PROXY": "http://10.0.0.1:3128",
            "no_proxy": "x",
        }
        out = shell("--", "env", env=proxies).stdout.splitlines()
        assert "LABCTL_SHELL=1" in out
        assert not [line for line in out if "_proxy=" in line.lower()]

    def test_names_are_looked_up_in_the_town_by_the_systems_own_resolver(self) -> None:
        names = "'www.shop.test', 'intranet.shop.test'"
        program = f"import socket; print(*map(socket.gethostbyname, ({names})))"
        done = shell("--", sys.executable, "-c", program)
        assert done.stdout.split() == ["203.0.113.10", "203.0.113.99"], done.stderr

    def test_processes_of_the_host_are_not_to_be_seen(self) -> None:
        out = shell("--", "sh", "-c", "echo /proc/[0-9]*").stdout.split()
        assert "/proc/1" in out
        assert len(out) <= 4

    def test_what_the_command_left_running_ends_with_it(self) -> None:
        done = shell("--", "sh", "-c", "sleep 1000 & echo done")
        assert done.stdout == "done\n"

    def test_dig_traces_from_the_root_without_knowing_where_it_is(self) -> None:
        need("dig")
        done = shell("--", "dig", "+trace", "www.shop.test")
        assert done.returncode == 0
        roots = [line for line in done.stdout.splitlines() if line.endswith(".root-servers.net.")]
        assert len(roots) == 13
        assert "www.shop.test.\t\t300\tIN\tA\t203.0.113.10" in done.stdout
        assert done.stdout.count(";; Received ") == 4

    def test_delv_validates_with_the_towns_own_anchor(self) -> None:
        need("delv")
        assert "; fully validated" in shell("--", "delv", "www.shop.test").stdout
        assert "expired" in shell("--", "delv", "expired.test").stderr

    def test_a_fault_holds_inside(self) -> None:
        need("dig")
        healthy = shell("--", "dig", "+short", "-x", "203.0.113.10").stdout
        broken = shell("--break", "ptr-mirrors-a", "--", "dig", "+short", "-x", "203.0.113.10").stdout
        assert (healthy, broken) == ("host-10.shop-hosting.example.net.\n", "www.shop.test.\n")

    def test_on_a_terminal_the_prompt_is_marked_and_ctrl_c_is_for_the_program(self) -> None:
        need("bash")
        pexpect = pytest.importorskip("pexpect")
        env = {**os.environ, "SHELL": need("bash"), "TERM": "xterm", "HOME": "/nonexistent"}
        child = pexpect.spawn(
            sys.executable, ["-m", "labctl", "shell"], env=env, encoding="utf-8", timeout=20
        )
        try:
            child.expect_exact("You are in the sandbox internet")
            child.expect_exact("(labctl) ")
            child.sendline("sh -c 'echo on-$LABCTL_SHELL; exec sleep 1000'")
            child.expect_exact("on-1")
            child.sendintr()
            child.expect_exact("(labctl) ")
            child.sendline("exit 5")
            child.expect(pexpect.EOF)
        finally:
            child.close()
        assert child.exitstatus == 5

    @pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="only root can become somebody else")
    def test_an_ordinary_user_has_it_all_too(self, python_for_everybody: str, tmp_path: Path) -> None:
        home = tmp_path / "home"
        home.mkdir()
        home.chmod(0o777)
        program = (
            "import os, socket; s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); "
            "print(os.getuid(), os.getgid(), socket.gethostbyname('www.shop.test'))"
        )
        done = subprocess.run(
            [python_for_everybody, "-m", "labctl", "shell", "--", python_for_everybody, "-c", program],
            capture_output=True,
            text=True,
            check=False,
            user=NOBODY,
            group=NOBODY,
            extra_groups=[],
            cwd="/",
            env={
                "HOME": str(home),
                "PATH": os.environ["PATH"],
                "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
                "PYTHONDONTWRITEBYTECODE": "1",
            },
        )
        assert done.stdout.split() == [str(NOBODY), str(NOBODY), "203.0.113.10"], done.stderr
