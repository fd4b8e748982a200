"""Ports of this machine, asked for real: own sockets on the loopback only."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from labctl import ports
from labctl.errors import CannotRun
from labctl.ports import situations, trials
from labctl.ports.owners import processes_of
from labctl.ports.rule import OPTIONS, SITUATIONS
from labctl.ports.sockets import BOUND, all_sockets, bound_question, read_bound

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc is Linux's")


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        yield sock


def port_of(sock: socket.socket) -> int:
    port: int = sock.getsockname()[1]
    return port


@linux
def test_one_s_own_listener_is_found_with_its_pid(listener: socket.socket) -> None:
    found = ports.look(port_of(listener))
    assert (found.reason.state, found.reason.cause) == ("taken", "listener")
    assert [p.pid for each in found.held for p in each.processes] == [os.getpid()]
    assert all(t.error == "EADDRINUSE" for t in found.trials)
    assert f"kill {os.getpid()}" in [fix.command for fix in found.reason.fixes]
    assert str(os.getpid()) in ports.holder(port_of(listener), "127.0.0.1", "tcp")
    assert ports.holder(port_of(listener), "127.53.0.1") == ""


@linux
@pytest.mark.parametrize("option", OPTIONS)
def test_the_trials_do_not_falsify_each_other(option: str) -> None:
    with socket.socket(socket.AF_INET6) as sock:
        trials.set_option(sock, option)
        try:
            sock.bind(("::1", 0))
        except OSError:
            pytest.skip("no IPv6 here")
        sock.listen()
        for _ in range(2):  # nor those of an earlier look
            found = ports.look(port_of(sock))
            works = {t.option: t.works for t in found.trials if t.host == "::"}
            assert works == {"": False, "SO_REUSEADDR": False, "SO_REUSEPORT": option == "SO_REUSEPORT"}
            told = [fix.text for fix in found.reason.fixes if "the old socket has set it too" in fix.text]
            assert len(told) == (option == "SO_REUSEPORT")
        assert not trials.try_bind("::1", port_of(sock)).works


@linux
def test_the_trials_do_not_let_others_in_afterwards() -> None:
    with socket.socket() as shared, socket.socket(socket.AF_INET6) as alone:
        trials.set_option(shared, "SO_REUSEPORT")
        shared.bind(("127.0.0.1", 0))
        shared.listen()
        try:
            alone.bind(("::1", port_of(shared)))
        except OSError:
            pytest.skip("no IPv6 here")
        alone.listen()
        ports.look(port_of(shared))
        assert trials.try_bind("::", port_of(shared), "SO_REUSEPORT").taken


@linux
def test_a_client_s_source_port_is_told_with_whose_it_is(listener: socket.socket) -> None:
    with socket.create_connection(listener.getsockname()) as client:
        reason = ports.look(port_of(client)).reason
    assert reason.cause == "source-port"
    assert f"pid {os.getpid()}" in reason.text
    assert "Nobody listens" not in reason.text


@linux
def test_a_source_port_that_served_before_is_still_told_as_the_client_s(listener: socket.socket) -> None:
    with socket.socket() as old:
        old.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        old.bind(("127.0.0.1", 0))
        old.listen()
        port = port_of(old)
        with socket.create_connection(("127.0.0.1", port)) as client:
            old.accept()[0].close()  # this side closes first: its end stays in TIME-WAIT
            assert client.recv(1) == b""
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        client.bind(("127.0.0.1", port))
        client.connect(listener.getsockname())
        reason = ports.look(port).reason
    assert reason.cause == "source-port"
    assert f"pid {os.getpid()}" in reason.text


@linux
def test_a_connection_whose_client_ended_first_frees_the_port_with_its_server() -> None:
    with ExitStack() as stack:
        made = situations._Made()
        stack.callback(made.close)
        port = situations._make(made, "close-wait", "")
        assert [f.command for f in ports.look(port).reason.fixes][:1] == [f"kill {os.getpid()}"]


def test_a_port_that_nobody_has_is_free() -> None:
    port = trials.free_port(20000)
    assert port is not None
    assert ports.look(port).reason.state == "free"


@linux
def test_one_s_own_listeners_come_first(listener: socket.socket) -> None:
    listed = [each for each in ports.listeners() if each.line.transport == "tcp"]
    mine = [any(p.mine for p in each.processes) or each.line.uid == os.geteuid() for each in listed]
    assert mine == sorted(mine, reverse=True)
    assert port_of(listener) in [each.line.local_port for each in listed]


@linux
def test_a_socket_that_is_only_bound_is_found_where_the_kernel_tells() -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        found = ports.look(port_of(sock))
        assert found.reason.state == "taken"
        states = [each.line.state for each in found.held if each.line.transport == "tcp"]
        # Linux before 6.8 keeps it to itself.
        assert (states, found.reason.cause) in (([BOUND], "bound"), ([], "unseen"))


@linux
def test_what_is_left_of_a_dead_server_is_told_by_its_timer() -> None:
    with ExitStack() as stack:
        made = situations._Made()
        stack.callback(made.close)
        port = situations._make(made, "time-wait-server", "SO_REUSEADDR")
        found = ports.look(port)
        assert (found.reason.cause, found.held[0].line.state) == ("time-wait", "TIME-WAIT")
        assert found.reason.wait is not None
        assert 0 < found.reason.wait <= 61
        assert found.reason.fixes[0].text.startswith("set SO_REUSEADDR")
        assert found.held[0].owner == "no process: the kernel keeps it"


@linux
def test_linux_decides_every_case_of_the_matrix_as_the_rule_says() -> None:
    matrix = situations.run_matrix()
    assert matrix.not_made == ()
    assert matrix.states_checked
    assert len(matrix.cells) == len(SITUATIONS) * len(OPTIONS) ** 2
    assert [cell for cell in matrix.cells if not cell.as_rule] == []
    assert {cell.call for cell in matrix.cells} == {"", "bind"}
    assert {each.call: each.error for each in matrix.elsewhere} == {
        "listen": "EADDRINUSE",
        "connect": "EADDRNOTAVAIL",
    }


@linux
def test_a_situation_is_not_changed_by_the_trials_in_it() -> None:
    shared = {(c.situation, c.old, c.new): c.number for c in situations.run_matrix().cells}
    for situation in SITUATIONS:
        for old in OPTIONS:
            for new in OPTIONS:
                made = situations._Made()
                try:
                    port = situations._make(made, situation.id, old)
                    alone = situations._tried(situation, old, new, port)
                finally:
                    made.close()
                assert alone.number == shared[situation.id, old, new]


@linux
def test_the_matrix_leaves_no_socket_open() -> None:
    before = os.listdir("/proc/self/fd")
    situations.run_matrix()
    assert os.listdir("/proc/self/fd") == before


def test_a_situation_that_cannot_be_made_is_said_and_the_others_are_tried(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = situations._make

    def refuse(made: situations._Made, id: str, option: str) -> int:
        if id == "reset":
            raise OSError("no reset here")
        return real(made, id, option)

    monkeypatch.setattr(situations, "_make", refuse)
    matrix = situations.run_matrix()
    assert ("reset", "no reset here") in matrix.not_made
    assert {cell.situation for cell in matrix.cells} == {s.id for s in SITUATIONS} - {"reset"}


def test_a_system_without_an_option_is_not_asked_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(socket, "SO_REUSEPORT", raising=False)
    assert trials.try_bind("127.0.0.1", 0, "SO_REUSEPORT").error == "ENOPROTOOPT"
    matrix = situations.run_matrix()
    assert {cell.new for cell in matrix.cells} == {"", "SO_REUSEADDR"}


def test_an_address_of_somebody_else_gives_the_other_errno() -> None:
    assert trials.try_bind("203.0.113.1", 0).error == "EADDRNOTAVAIL"


def test_windows_numbers_its_errors_in_its_own_way() -> None:
    error = OSError(48, "in use")
    error.winerror = 10048  # type: ignore[attr-defined,unused-ignore]
    assert trials.named(error)[0] == 10048


def test_where_the_system_does_not_tell_the_trials_are_still_made(
    monkeypatch: pytest.MonkeyPatch, listener: socket.socket
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    found = ports.look(port_of(listener))
    assert not found.tables
    assert found.reason.state == "taken"
    assert ports.listeners() == ()
    assert all_sockets() == []


@linux
def test_processes_that_may_not_be_read_are_left_out(tmp_path: object) -> None:
    assert processes_of([]) == {}
    assert processes_of([1]) == {}


@linux
def test_the_question_about_bound_sockets_is_laid_out_as_the_kernel_wants_it() -> None:
    # struct nlmsghdr is 16 bytes, struct inet_diag_req_v2 56.
    assert len(bound_question(socket.AF_INET, 5000)) == 72
    assert read_bound(b"") == ([], True)
    assert read_bound(bytes(16)) == ([], True)


@linux
def test_a_taken_port_of_the_sandbox_says_who_holds_it() -> None:
    from labctl.sandbox.standalone import serve

    with socket.socket() as sock:
        sock.bind(("127.53.0.1", 0))
        sock.listen()
        with pytest.raises(CannotRun) as raised:
            serve(port_of(sock))
    assert raised.value.code == "port-in-use"
    assert f"pid {os.getpid()}" in dict(raised.value.evidence)["held by"]
