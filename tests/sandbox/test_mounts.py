"""Files that are bound over the host's, in a mount namespace of a child."""

from __future__ import annotations

import errno
import json
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from labctl.sandbox import mounts

pytestmark = pytest.mark.usefixtures("needs_box")

_ENTER = """
import json, os, sys
from labctl.sandbox import mounts
from labctl.sandbox.namespace import enter
folder = sys.argv[1]
enter()
"""


def inside(program: str, folder: Path) -> Any:
    """What the program prints as JSON, in namespaces of its own; `folder` is a directory of the host."""
    done = subprocess.run(
        [sys.executable, "-c", _ENTER + program, str(folder)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_file_is_covered_inside_and_unchanged_outside(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("the host's")
    seen = inside(
        'mounts.cover({folder + "/file": b"ours"}); print(json.dumps(open(folder + "/file").read()))',
        tmp_path,
    )
    assert seen == "ours"
    assert (tmp_path / "file").read_text() == "the host's"


def test_a_link_leads_to_what_is_covered(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("the host's")
    (tmp_path / "link").symlink_to("target")
    seen = inside(
        'mounts.cover({folder + "/link": b"ours"}); print(json.dumps(open(folder + "/target").read()))',
        tmp_path,
    )
    assert seen == "ours"


def test_a_link_that_leads_nowhere_leads_somewhere_inside_and_its_neighbours_stay(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("run/resolve/stub.conf")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "neighbour").write_text("the host's")
    (tmp_path / "run" / "other link").symlink_to("neighbour")
    (tmp_path / "run" / "folder").mkdir()
    (tmp_path / "run" / "folder" / "deep").write_text("deep")
    seen = inside(
        'mounts.cover({folder + "/link": b"ours"})\n'
        'names = ("link", "run/neighbour", "run/other link", "run/folder/deep")\n'
        'print(json.dumps([open(folder + "/" + name).read() for name in names]))',
        tmp_path,
    )
    assert seen == ["ours", "the host's", "the host's", "deep"]
    assert sorted(p.name for p in (tmp_path / "run").iterdir()) == ["folder", "neighbour", "other link"]


def test_a_file_that_the_host_does_not_have_is_there_inside(tmp_path: Path) -> None:
    seen = inside(
        'mounts.cover({folder + "/new/one": b"ours"}); print(json.dumps(open(folder + "/new/one").read()))',
        tmp_path,
    )
    assert seen == "ours"
    assert list(tmp_path.iterdir()) == []


def test_programs_trust_one_certificate_authority_instead_of_the_hosts(tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.crt"
    bundle.write_text("the host's\n")
    seen = inside(
        'mounts.BUNDLES = (folder + "/bundle.crt", folder + "/missing.crt")\n'
        'covered = mounts.trust("ours\\n")\n'
        'print(json.dumps([covered, open(folder + "/bundle.crt").read()]))',
        tmp_path,
    )
    assert seen == [[str(bundle)], "ours\n"]
    assert bundle.read_text() == "the host's\n"


def test_the_directory_for_making_files_is_uncovered_again(tmp_path: Path) -> None:
    seen = inside(
        # Not what is in it: other programs put files there all the time.
        'before = os.stat("/tmp")\n'
        'mounts.cover({"/etc/hosts": b""})\n'
        'print(json.dumps(os.path.samestat(before, os.stat("/tmp"))))',
        tmp_path,
    )
    assert seen is True


def test_a_daemon_of_the_host_that_resolves_names_is_not_to_be_reached(tmp_path: Path) -> None:
    # A path of a socket holds some hundred bytes; pytest's folders may be deeper.
    with tempfile.TemporaryDirectory(dir="/tmp") as short, socket.socket(socket.AF_UNIX) as daemon:
        other = Path(short) / "other"
        for folder in (Path(short) / "daemon", other):
            folder.mkdir()
        (Path(short) / "link").symlink_to("daemon")
        daemon.bind(f"{short}/daemon/socket")
        daemon.listen()
        with socket.socket(socket.AF_UNIX) as agent:
            agent.bind(f"{other}/agent")
            agent.listen()
            seen = inside(
                "import socket\n"
                "from labctl.internet import HostFiles\n"
                'mounts._RESOLVER_SOCKETS = (folder + "/link", folder + "/not there")\n'
                'mounts.cover_host_files(HostFiles("", "", ""))\n'
                "def tried(name):\n"
                "    try:\n"
                "        socket.socket(socket.AF_UNIX).connect(folder + name)\n"
                "    except OSError as error:\n"
                "        return error.errno\n"
                'print(json.dumps([tried("/daemon/socket"), tried("/link/socket"), tried("/other/agent")]))',
                Path(short),
            )
        with socket.socket(socket.AF_UNIX) as outside:
            outside.connect(f"{short}/daemon/socket")
    assert seen == [errno.ENOENT, errno.ENOENT, None]


def test_the_directories_of_known_resolver_daemons_are_on_the_list() -> None:
    for directory in ("/run/nscd", "/run/systemd/resolve", "/run/dbus", "/run/nslcd", "/var/lib/sss/pipes"):
        assert directory in mounts._RESOLVER_SOCKETS


def test_no_directory_that_is_needed_is_covered_for_making_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    one, two = str(tmp_path / "one"), str(tmp_path / "two")
    monkeypatch.setattr(mounts, "_SCRATCH", (str(tmp_path / "missing"), one, two))
    assert mounts._scratch([]) == one
    assert mounts._scratch([f"{one}/clone/labctl"]) == two
    assert mounts._scratch([f"{one}-not"]) == one
    with pytest.raises(OSError, match="no directory"):
        mounts._scratch([one, two])


@pytest.mark.parametrize("place", ["/tmp", "/mnt", "/opt", "/dev/shm"])
def test_a_program_that_is_loaded_from_such_a_directory_goes_on_being_loaded(
    place: str, tmp_path: Path
) -> None:
    if not os.access(place, os.W_OK):
        pytest.skip(f"{place} cannot be written")
    with tempfile.TemporaryDirectory(dir=place) as folder:
        (Path(folder) / "loaded_late.py").write_text("here = True\n")
        seen = inside(
            "sys.path.insert(0, folder)\n"
            "before = mounts.umount\n"
            "def umount(target):\n"
            "    import loaded_late\n"
            "    before(target)\n"
            "mounts.umount = umount\n"
            'mounts.cover({"/etc/hosts": b""})\n'
            'print(json.dumps("loaded_late" in sys.modules))',
            Path(folder),
        )
    assert seen is True
