"""Probes: really tried where that is harmless, made to fail where the sentence matters."""

from __future__ import annotations

import errno
import io
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from labctl import capabilities
from labctl.capabilities import container, machine, namespaces, tools
from labctl.errors import CannotRun, UsageError


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Nothing remembered, no question to the internet, and files in a folder of the test's own."""
    monkeypatch.setenv("LABCTL_CAPABILITY_INTERNET", "no")
    monkeypatch.setenv("LABCTL_HOME", str(tmp_path))
    capabilities.forget()
    yield
    capabilities.forget()


def test_doctor_gets_every_capability_with_a_sentence() -> None:
    found = capabilities.probe_all()
    assert [each.name for each in found] == list(capabilities.NAMES)
    for each in found:
        assert each.text.endswith(".")
        assert each.have or each.step or each.name == "internet"


@pytest.mark.parametrize("value", ["yes", "no"])
@pytest.mark.parametrize("name", capabilities.NAMES)
def test_every_capability_can_be_forced(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    variable = "LABCTL_CAPABILITY_" + name.upper().replace("-", "_")
    monkeypatch.setenv(variable, value)
    found = capabilities.probe(name)
    assert found.have is (value == "yes")
    assert variable in found.text


@pytest.mark.parametrize("value", ["yes", "no"])
def test_of_two_names_of_the_box_the_one_that_says_no_is_obeyed(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LABCTL_CAPABILITY_BOX", value)
    monkeypatch.setenv("LABCTL_CAPABILITY_USER_NAMESPACES", "no" if value == "yes" else "yes")
    assert not capabilities.probe("box").have
    assert not capabilities.probe("user-namespaces").have


def test_a_forced_value_that_is_neither_yes_nor_no_is_a_usage_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABCTL_CAPABILITY_DIG", "maybe")
    with pytest.raises(UsageError) as raised:
        capabilities.probe("dig")
    assert raised.value.code == "capability-value"


def test_a_probe_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    first = capabilities.probe("dig")
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(tools, "_SYSTEM_DIRECTORIES", ())
    assert capabilities.probe("dig") is first
    capabilities.forget()
    assert not capabilities.probe("dig").have


def test_what_is_required_and_missing_names_the_step_and_the_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(tools, "_SYSTEM_DIRECTORIES", ())
    with pytest.raises(CannotRun) as raised:
        capabilities.require("tshark", "check the capture")
    assert raised.value.code == "no-tshark"
    assert "check the capture" in raised.value.headline
    assert "labctl doctor" in raised.value.fixes


def test_a_missing_tool_comes_with_the_line_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dnf").write_text("#!/bin/sh\n")
    (tmp_path / "dnf").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(tools, "_SYSTEM_DIRECTORIES", ())
    assert tools.tool("apache2").fix == "sudo dnf install httpd"


def test_another_name_of_a_tool_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "httpd").write_text("#!/bin/sh\n")
    (tmp_path / "httpd").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(tools, "_SYSTEM_DIRECTORIES", ())
    assert tools.tool("apache2").have


def test_a_loopback_without_ipv6_says_the_errno(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(family: socket.AddressFamily, host: str) -> OSError:
        return OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address")

    monkeypatch.setattr(machine, "_bind", refuse)
    for found in (machine.ipv6_loopback(), machine.loopback_aliases()):
        assert not found.have
        assert found.errno == "EADDRNOTAVAIL: Cannot assign requested address"
        assert found.step.startswith("bind ")


def test_binding_to_an_address_of_somebody_else_is_the_error_itself() -> None:
    assert machine._bind(socket.AF_INET, "127.0.0.1") is None
    error = machine._bind(socket.AF_INET, "203.0.113.1")
    assert error is not None
    assert error.errno == errno.EADDRNOTAVAIL


def test_a_home_that_cannot_be_written_says_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LABCTL_HOME", str(tmp_path / "file"))
    found = machine.state_directory()
    assert not found.have
    assert "ENOTDIR" in found.errno
    assert str(tmp_path / "file") in found.text


def test_a_home_that_can_be_written_is_left_clean(tmp_path: Path) -> None:
    assert machine.state_directory().have
    assert list((tmp_path / "state").iterdir()) == []


@pytest.mark.parametrize(
    ("encoding", "have"), [("utf-8", True), ("UTF8", True), ("cp1252", False), ("ascii", False)]
)
def test_the_terminals_encoding_decides(encoding: str, have: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding=encoding))
    assert machine.terminal_utf8().have is have


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="namespaces are Linux's")
def test_the_namespace_probe_really_tries_and_names_a_step_when_it_fails() -> None:
    found = namespaces.box()
    assert found.have or (found.step and found.errno)


@pytest.mark.parametrize(
    ("setting", "value", "fix"),
    [
        (
            "kernel/apparmor_restrict_unprivileged_userns",
            "1",
            "kernel.apparmor_restrict_unprivileged_userns=0",
        ),
        ("kernel/unprivileged_userns_clone", "0", "kernel.unprivileged_userns_clone=1"),
        ("user/max_user_namespaces", "0", "user.max_user_namespaces=15000"),
    ],
)
def test_the_setting_that_stands_in_the_way_is_the_fix(
    tmp_path: Path, setting: str, value: str, fix: str
) -> None:
    (tmp_path / setting).parent.mkdir()
    (tmp_path / setting).write_text(f"{value}\n")
    found = namespaces.judged("write /proc/self/uid_map", errno.EPERM, tmp_path)
    assert found.step == "write /proc/self/uid_map"
    assert found.errno.startswith("EPERM")
    assert found.fix == f"sudo sysctl -w {fix}"


@pytest.mark.parametrize("runtime", ["docker", "podman"])
def test_the_filter_of_a_container_is_named_with_the_flags_that_lift_it(tmp_path: Path, runtime: str) -> None:
    found = namespaces.judged("unshare", errno.EPERM, tmp_path, runtime=runtime)
    assert runtime in found.text
    assert found.fix.startswith(f"{runtime} run --security-opt seccomp=unconfined")
    assert namespaces.judged("unshare", errno.EPERM, tmp_path, in_docker=True).fix.startswith("docker run")


def test_a_container_is_told_by_the_file_that_its_runtime_leaves(tmp_path: Path) -> None:
    assert container.runtime(tmp_path) == ""
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / ".containerenv").write_text("")
    assert container.runtime(tmp_path) == "podman"
    (tmp_path / ".dockerenv").write_text("")
    assert container.runtime(tmp_path) == "docker"


def test_a_filter_outside_of_a_container_is_named(tmp_path: Path) -> None:
    found = namespaces.judged("unshare", errno.EPERM, tmp_path, runtime="", filtered=True)
    assert "seccomp filter" in found.text
    assert found.fix == ""


def test_a_kernel_without_virtual_cables_gets_the_module_s_name(tmp_path: Path) -> None:
    found = namespaces.judged("make a veth pair inside", errno.EOPNOTSUPP, tmp_path, runtime="")
    assert found.fix == "sudo modprobe veth"


def test_capturing_as_a_user_is_a_capability_of_the_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> socket.socket:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(socket, "AF_PACKET", 17, raising=False)
    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr("os.geteuid", lambda: 1000, raising=False)
    found = machine.raw_capture()
    assert found.errno.startswith("EPERM")
    assert found.fix.startswith("sudo setcap cap_net_raw+ep ")
    monkeypatch.setattr("os.geteuid", lambda: 0, raising=False)
    monkeypatch.setattr(container, "runtime", lambda: "docker")
    assert machine.raw_capture().fix == "docker run --cap-add NET_RAW IMAGE"


def test_a_capability_can_be_asked_for_and_forced_by_its_other_name(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not capabilities.forced("box")
    monkeypatch.setenv("LABCTL_CAPABILITY_USER_NAMESPACES", "no")
    assert capabilities.forced("box")
    assert capabilities.forced("user-namespaces")
    assert not capabilities.probe("box").have
    assert capabilities.probe("user-namespaces") == capabilities.probe("box")


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("yes", "A root server answers as one."),
        ("intercepted", "in the root's place"),
        ("no", "does not reach the internet"),
    ],
)
def test_the_internet_is_told_in_a_sentence_and_its_evidence_apart(
    state: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from labctl import live

    tried = (("resolver 192.0.2.53", "NOERROR"), ("root server 198.41.0.4", "REFUSED"))
    text = {
        "yes": "The internet is there (resolver 192.0.2.53: NOERROR; root server 198.41.0.4: REFUSED).",
        "intercepted": "this network answers in the root's place: a walk from the root cannot be shown here.",
        "no": "This machine does not reach the internet "
        "(resolver 192.0.2.53: NOERROR; root server 198.41.0.4: REFUSED).",
    }[state]
    monkeypatch.setattr(live, "reaches_internet", lambda: live.Reach(state, text, tried))  # type: ignore[arg-type]
    found = machine.internet()
    assert said in found.text
    assert "192.0.2.53" not in found.text
    assert found.text[0].isupper()
    assert found.details == tried


def test_a_child_that_says_nothing_is_a_no(tmp_path: Path) -> None:
    found = namespaces.judged("", 0, tmp_path)
    assert not found.have
    assert found.step == "run the child"


def test_without_packet_sockets_nothing_is_promised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(socket, "AF_PACKET", raising=False)
    assert not machine.raw_capture().have


def test_importing_capabilities_loads_nothing_heavy() -> None:
    heavy = "('ssl', 'httpx', 'dns', 'asyncio', 'subprocess', 'labctl.live', 'platformdirs')"
    loaded = f"import sys, labctl.capabilities; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
