"""An ordinary user, who may do nothing: the same box, the same packets."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

NOBODY = 65534
pytestmark = [
    pytest.mark.usefixtures("needs_box"),
    pytest.mark.skipif(
        not hasattr(os, "geteuid") or os.geteuid() != 0,
        reason="whoever is no root runs all the other tests of the box as an ordinary user",
    ),
]
_RUN = """
import json, os, sys
sys.path.insert(0, sys.argv[1])
import labs_in_boxes as labs
from labctl.events import Measure
from labctl.sandbox.box import run_in_box
events = run_in_box(labs.lab(getattr(labs, sys.argv[2])), json.loads(sys.argv[3]), save=None)
print(json.dumps({e.id: e.value for e in events if isinstance(e, Measure)}))
"""


def as_nobody(python: str, lab: str, home: Path, **arguments: object) -> dict[str, object]:
    labs = home / "labs_in_boxes.py"
    labs.write_bytes(Path(__file__).with_name("labs_in_boxes.py").read_bytes())
    done = subprocess.run(
        [python, "-c", _RUN, str(home), lab, json.dumps(arguments)],
        user=NOBODY,
        group=NOBODY,
        extra_groups=[],
        cwd="/",
        env={
            "HOME": "/nonexistent",
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    seen: dict[str, object] = json.loads(done.stdout)
    return seen


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody can read, also where pytest keeps its own for itself."""
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def test_nobody_captures_every_segment_with_its_checksums(
    python_for_everybody: str, open_folder: Path
) -> None:
    seen = as_nobody(python_for_everybody, "conversation", open_folder)
    assert [row[1] for row in seen["ladder"]] == ["S", "SA", "A", "PA", "A", "PA", "A", "FA", "FA", "A"]  # type: ignore[attr-defined]
    assert all(seen["checksums"])  # type: ignore[call-overload]


def test_nobody_loses_a_chosen_segment(python_for_everybody: str, open_folder: Path) -> None:
    seen = as_nobody(python_for_everybody, "loss", open_folder, action="drop")
    assert (seen["received"], seen["dropped"], seen["repeated"]) == (500, 1, 1)


def test_nobody_is_themselves_inside_with_all_that_a_namespace_allows(
    python_for_everybody: str, open_folder: Path
) -> None:
    seen = as_nobody(python_for_everybody, "looking_around", open_folder, host_port=9)
    assert seen["user"] == NOBODY
    assert int(str(seen["capabilities"]), 16) & 1 << 13  # CAP_NET_RAW
    assert seen["resolv.conf"] == "nameserver 198.51.100.53\n"
    assert seen["namespaces"] != {
        kind: os.readlink(f"/proc/self/ns/{kind}") for kind in ("net", "mnt", "pid", "user")
    }
