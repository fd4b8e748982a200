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
from labctl.capabilities import machine, namespaces, tools
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
    found = namespaces.user_namespaces()
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


def test_dockers_filter_is_named(tmp_path: Path) -> None:
    found = namespaces.judged("unshare", errno.EPERM, tmp_path, in_docker=True)
    assert "seccomp=unconfined" in found.text
    assert found.fix == ""


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
