"""An nginx that is broken, or dies: one clear sentence, no claim refuted, and no folder left for long."""

from __future__ import annotations

import fcntl
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from needed import need
from processes import LINUX

from labctl.cli import run as command_line
from labctl.errors import CannotRun
from labctl.serving.folders import Folder
from labctl.serving.nginx import nginx_version


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABCTL_HOME", str(tmp_path))


BROKEN = {
    "that fails": "#!/bin/sh\necho '[red]no' >&2\nexit 3\n",
    "that prints garbage": "#!/bin/sh\nprintf '\\377\\000\\001'\n",
    "that is no program": "no program",
}


@pytest.fixture
def broken_nginx(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The first nginx on PATH is a file that a test writes."""
    need("nginx")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    nginx_version.cache_clear()
    yield tmp_path / "nginx"
    nginx_version.cache_clear()


@LINUX
@pytest.mark.parametrize("kind", BROKEN)
def test_an_nginx_that_is_broken_is_told_and_nothing_crashes(broken_nginx: Path, kind: str) -> None:
    broken_nginx.write_text(BROKEN[kind])
    broken_nginx.chmod(0o755)
    with pytest.raises(CannotRun) as told:
        command_line(["proxy", "--show", "redirects", "--with", "nginx", "--sandbox", "--json"])
    assert told.value.code == "proxy-not-started"


@LINUX
def test_beside_labctls_own_proxy_a_broken_server_costs_its_column_only(
    capsys: pytest.CaptureFixture[str], broken_nginx: Path
) -> None:
    broken_nginx.write_text(BROKEN["that fails"])
    broken_nginx.chmod(0o755)
    assert command_line(["proxy", "--show", "static", "--json", "--sandbox"]) == 0
    assert "The real one was not asked: nginx did not start." in capsys.readouterr().out


@LINUX
@pytest.mark.parametrize("show", ["health", "static"])
def test_a_server_that_dies_in_the_middle_refutes_nothing(
    capsys: pytest.CaptureFixture[str], broken_nginx: Path, show: str
) -> None:
    """It reads one request, and answers none."""
    program = (
        "import re, socket, sys\n"
        "if '-v' in sys.argv: sys.exit(print('nginx version: nginx/9.9', file=sys.stderr))\n"
        "text = open(sys.argv[sys.argv.index('-c') + 1]).read()\n"
        "host, port = re.search(r'listen ([0-9.]+):([0-9]+)', text).groups()\n"
        "with socket.create_server((host, int(port))) as listening:\n"
        "    first = listening.accept()[0]\n"
        "    first.sendall(b'?')\n"
        "    listening.accept()[0].close()\n"
    )
    broken_nginx.write_text(f"#!{sys.executable}\n{program}")
    broken_nginx.chmod(0o755)
    code = command_line(["proxy", "--show", show, "--with", "nginx", "--json", "--sandbox"])
    told = json.loads(capsys.readouterr().out)
    assert code == 4
    assert {claim["outcome"] for claim in told["claims"]} == {"NOT_SEEN"}


@LINUX
def test_what_a_killed_run_left_is_removed_by_a_later_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    left, held, young = (tmp_path / f"labctl-proxy-{name}" for name in ("left", "held", "young"))
    for folder in (left, held, young):
        folder.mkdir()
        (folder / "key.pem").touch()
    for folder in (left, held):
        os.utime(folder, (0, 0))
    holds = os.open(held, os.O_RDONLY)
    try:
        fcntl.flock(holds, fcntl.LOCK_EX)
        with Folder() as mine:
            assert sorted(tmp_path.iterdir()) == sorted([held, young, mine])
        assert not mine.exists()
    finally:
        os.close(holds)
