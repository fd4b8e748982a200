"""`labctl doctor`: which labs can run, and for what is missing the step, the errno and the fix."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from labctl.capabilities import GROUPS, NAMES, Capability
from labctl.cli import doctor_labs
from labctl.cli.schema import text_of
from labctl.lab import Lab

# seccomp(2): a filter that answers EPERM to unshare(2) and lets everything else pass, as Docker's does; then exec.
FILTERED = """
import ctypes, os, struct, sys
number = {"x86_64": 272, "aarch64": 97}[os.uname().machine]
program = b"".join(struct.pack("HBBI", *each) for each in (
    (0x20, 0, 0, 0),            # load the number of the call
    (0x15, 0, 1, number),       # is it unshare?
    (0x06, 0, 0, 0x00050001),   # SECCOMP_RET_ERRNO | EPERM
    (0x06, 0, 0, 0x7FFF0000),   # SECCOMP_RET_ALLOW
))
buffer = ctypes.create_string_buffer(program)
class Filter(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(38, 1, 0, 0, 0) == 0                  # PR_SET_NO_NEW_PRIVS
filter = Filter(4, ctypes.cast(buffer, ctypes.c_void_p))
if libc.prctl(22, 2, ctypes.byref(filter), 0, 0):       # PR_SET_SECCOMP, SECCOMP_MODE_FILTER
    sys.exit(77)
os.execv(sys.executable, [sys.executable, "-m", "labctl", *sys.argv[1:]])
"""


def doctor(labctl: Any, **env: str) -> dict[str, Any]:
    done = labctl("doctor", "--json", **env)
    document: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == (3 if document["cannot_run"] else 0)
    return document


def the(document: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(each for each in document["capabilities"] if each["name"] == name)
    return found


@pytest.fixture
def alone(environment: dict[str, str]) -> None:
    """Without the packages of tests/plugins, one of which is broken on purpose."""
    environment["PYTHONPATH"] = ""


def test_a_lab_that_does_not_import_is_named_and_the_exit_code_says_so(labctl: Any) -> None:
    done = labctl("doctor")
    assert done.returncode == 3
    assert "labs can run, not broken;" in done.stdout
    assert doctor(labctl)["cannot_run"] == ["broken"]


@pytest.mark.usefixtures("alone")
def test_where_every_lab_can_run_the_exit_code_is_0(labctl: Any) -> None:
    done = labctl("doctor", LABCTL_CAPABILITY_LOOPBACK="yes")
    assert done.returncode == 0
    assert "labs can run;" in done.stdout


@pytest.mark.usefixtures("alone")
def test_the_document_keeps_to_its_schema(labctl: Any) -> None:
    document = doctor(labctl)
    jsonschema.validate(document, json.loads(text_of("doctor")))
    assert [each["name"] for each in document["capabilities"]] == list(NAMES)


def test_every_capability_stands_in_one_group() -> None:
    assert sorted(name for names in GROUPS.values() for name in names) == sorted(NAMES)


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("variable", ["LABCTL_CAPABILITY_BOX", "LABCTL_CAPABILITY_USER_NAMESPACES"])
def test_the_box_can_be_taken_away_for_a_classroom(labctl: Any, variable: str) -> None:
    box = the(doctor(labctl, **{variable: "no"}), "box")
    assert not box["have"]
    assert variable in box["text"]


@pytest.mark.skipif(
    not sys.platform.startswith("linux") or platform.machine() not in ("x86_64", "aarch64"),
    reason="seccomp is Linux's",
)
@pytest.mark.usefixtures("alone")
def test_with_namespaces_denied_the_step_the_errno_and_the_fix_are_named(environment: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FILTERED, "doctor", "--json"],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
        timeout=60,
    )
    if done.returncode == 77:
        pytest.skip("this system does not let a process filter its own calls")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    box = the(document, "box")
    assert not box["have"]
    assert box["step"] == "unshare user, network and mount namespaces"
    assert box["errno"] == "EPERM: Operation not permitted"
    in_container = Path("/.dockerenv").exists() or Path("/run/.containerenv").exists()
    assert ("seccomp=unconfined" in box["fix"]) == in_container
    assert in_container or "seccomp" in box["text"] or box["fix"].startswith("sudo sysctl")
    assert document["cannot_run"] == []
    for lab in document["labs"]:
        if lab["evidence"]:
            assert lab["runs"] == "weaker"


def _found(**have: bool) -> Any:
    return lambda name: Capability(name, have.get(name.replace("-", "_"), False), f"About {name}.")


def _lab(carrier: Any) -> Lab:
    return Lab("some", "some lab", (), lambda internet: iter(()), "labs", carrier=carrier)


@pytest.mark.parametrize(
    ("have", "runs", "evidence"),
    [
        ({"box": True}, "yes", "captured"),
        ({"raw_capture": True, "loopback": True}, "weaker", "captured"),
        ({"loopback": True, "kernel_view": True}, "weaker", "observed"),
        ({"loopback": True}, "weaker", "inferred"),
        ({}, "no", ""),
    ],
)
def test_a_lab_on_packets_is_never_shown_prettier_than_it_runs(
    have: dict[str, bool], runs: str, evidence: str
) -> None:
    standing = doctor_labs.carried(_lab("box"), _found(**have))
    assert (standing.runs, standing.evidence) == (runs, evidence)


def test_a_lab_on_messages_needs_the_loopback_only() -> None:
    assert doctor_labs.carried(_lab("loopback"), _found(loopback=True)).runs == "yes"
    standing = doctor_labs.carried(_lab("loopback"), _found(box=True))
    assert (standing.runs, standing.text) == ("no", "About loopback.")


@pytest.mark.usefixtures("alone")
def test_eighty_columns_are_enough(labctl: Any, tmp_path: Path) -> None:
    shown = labctl("doctor", LABCTL_FORMAT="rich", LABCTL_WIDTH="80").stdout
    # A command and a path must survive being copied.
    whole = ("fix  ", str(tmp_path))
    lines = [line for line in shown.splitlines() if not any(word in line for word in whole)]
    assert max(map(len, lines)) < 80
    for group in (*GROUPS, "Labs"):
        assert f"  {group}" in shown
    assert labctl("doctor", LABCTL_ASCII="1").stdout.isascii()


def test_the_report_names_nobody(labctl: Any, tmp_path: Path) -> None:
    done = labctl("doctor", "--report")
    assert "labctl" in done.stdout
    assert platform.node() not in done.stdout
    assert str(tmp_path) not in done.stdout
