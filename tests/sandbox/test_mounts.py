"""Files that are bound over the host's, in a mount namespace of a child."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

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


def test_a_certificate_authority_is_added_to_what_the_host_trusts(tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.crt"
    bundle.write_text("the host's\n")
    seen = inside(
        'mounts.BUNDLES = (folder + "/bundle.crt", folder + "/missing.crt")\n'
        'covered = mounts.trust("ours\\n")\n'
        'print(json.dumps([covered, open(folder + "/bundle.crt").read()]))',
        tmp_path,
    )
    assert seen == [[str(bundle)], "the host's\nours\n"]
    assert bundle.read_text() == "the host's\n"


def test_the_directory_for_making_files_is_uncovered_again(tmp_path: Path) -> None:
    seen = inside(
        'before = sorted(os.listdir("/tmp"))\n'
        'mounts.cover({"/etc/hosts": b""})\n'
        'print(json.dumps(before == sorted(os.listdir("/tmp"))))',
        tmp_path,
    )
    assert seen is True
