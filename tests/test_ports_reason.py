"""Why a port is taken: from sockets and from what bind() said, without touching any."""

from __future__ import annotations

from dataclasses import replace

import pytest

from labctl.ports import words
from labctl.ports.owners import Process, command_of
from labctl.ports.reason import Held, Machine, judge
from labctl.ports.rule import OPTIONS, SITUATIONS, allowed
from labctl.ports.sockets import BOUND
from labctl.ports.trials import HOSTS, Trial
from labctl.protocols.proc_net_tcp import SocketLine

MACHINE = Machine(free=5001, unprivileged=1024, ephemeral=(32768, 60999))
MINE = Process(4312, "flask run", 1000, "ana", True, 860.0)
THEIRS = Process(80, "nginx", 0, "root", False, None)
LINE = SocketLine("tcp", "ipv4", "127.0.0.1", 5000, "0.0.0.0", 0, "LISTEN", 0, 0, "", 0.0, 0, 1000, 7)


def trials(works: set[str], error: tuple[int, str] = (98, "EADDRINUSE")) -> list[Trial]:
    """Nine trials; those whose option is in `works` work."""
    return [
        Trial(host, option, 0) if option in works else Trial(host, option, *error)
        for host in HOSTS
        for option in OPTIONS
    ]


def held(line: SocketLine, *processes: Process) -> Held:
    return Held(line, processes, words.owner(line, processes, me=1000, user="root"))


def left(state: str, seconds: float = 0.0, inode: int = 0) -> SocketLine:
    timer = "time-wait" if seconds else ""
    return replace(
        LINE,
        state=state,
        remote="127.0.0.1",
        remote_port=41000,
        timer=timer,
        timer_seconds=seconds,
        inode=inode,
    )


def test_one_s_own_listener_is_named_and_may_be_killed() -> None:
    reason = judge(5000, [held(LINE, MINE)], trials(set()), MACHINE)
    assert (reason.state, reason.cause) == ("taken", "listener")
    assert "flask run, pid 4312, yours, started 14 min ago" in reason.text
    assert [fix.command for fix in reason.fixes] == ["kill 4312", ""]
    assert "5001" in reason.fixes[-1].text


def test_nobody_is_told_to_kill_another_user_s_process() -> None:
    reason = judge(5000, [held(LINE, THEIRS)], trials(set()), MACHINE)
    assert "of root" in reason.text
    assert all("kill" not in fix.text for fix in reason.fixes)


def test_a_socket_shared_with_another_user_s_process_is_not_offered_to_kill() -> None:
    reason = judge(5000, [held(LINE, MINE, THEIRS)], trials(set()), MACHINE)
    assert "pids 4312, 80" in reason.text
    assert all("kill" not in fix.text for fix in reason.fixes)


def test_an_unknown_owner_is_said_by_uid() -> None:
    reason = judge(5000, [held(replace(LINE, uid=0))], trials(set()), MACHINE)
    assert "owned by uid 0 (root); need root for the pid" in reason.text


def test_time_wait_of_an_old_server_without_the_option_can_only_be_waited_for() -> None:
    reason = judge(
        5000, [held(left("TIME-WAIT", 12.2)), held(left("TIME-WAIT", 43.0))], trials(set()), MACHINE
    )
    assert (reason.cause, reason.wait) == ("time-wait", 43.0)
    assert "the old one had not set it" in reason.text
    assert reason.fixes[0].text == "wait 43 s: 2 TIME-WAIT"


def test_time_wait_of_an_old_server_with_the_option_is_passed_by_the_same_option() -> None:
    reason = judge(5000, [held(left("TIME-WAIT", 43.0))], trials({"SO_REUSEADDR"}), MACHINE)
    assert "the old one had not set it" not in reason.text
    assert reason.fixes[0].text.startswith("set SO_REUSEADDR before bind()")


def test_an_open_connection_of_a_dead_listener_names_who_holds_it() -> None:
    reason = judge(5000, [held(left("ESTABLISHED", inode=9), MINE)], trials(set()), MACHINE)
    assert (reason.cause, reason.wait) == ("connections", None)
    assert "1 ESTABLISHED" in reason.text


def test_killing_who_holds_a_connection_does_not_free_the_port_at_once_and_that_is_said() -> None:
    reason = judge(5000, [held(left("ESTABLISHED", inode=9), MINE)], trials(set()), MACHINE)
    assert [fix.command for fix in reason.fixes] == ["", "", ""]
    assert reason.fixes[0].text.startswith("kill 4312, then wait about 60 s")
    assert reason.fixes[1].text == "end the client first, then kill 4312"
    second = judge(5000, [held(left("CLOSE-WAIT", inode=9), MINE)], trials(set()), MACHINE)
    assert second.fixes[0].command == "kill 4312"


def test_the_connections_of_a_listener_outlive_it_and_that_is_said() -> None:
    reason = judge(5000, [held(LINE, MINE), held(left("ESTABLISHED", inode=9), MINE)], trials(set()), MACHINE)
    assert "its connection then keeps the port for about 60 s" in reason.text
    assert "about 60 s" not in judge(5000, [held(LINE, MINE)], trials(set()), MACHINE).text


def test_a_client_s_source_port_is_told_from_a_server_s() -> None:
    line = replace(left("ESTABLISHED", inode=9), local_port=40000, remote="203.0.113.10", remote_port=443)
    reason = judge(40000, [held(line, MINE)], trials(set()), MACHINE)
    assert reason.cause == "source-port"
    assert "outgoing connection to 203.0.113.10:443 uses port 40000 as its source port" in reason.text
    assert "pid 4312" in reason.text
    assert "listens" not in reason.text


def test_a_client_s_source_port_in_time_wait_is_not_called_an_old_server_s() -> None:
    line = replace(left("TIME-WAIT", 20.0), local_port=40000, remote="203.0.113.10", remote_port=443)
    reason = judge(40000, [held(line)], trials(set()), MACHINE)
    assert (reason.cause, reason.wait) == ("source-port", 20.0)
    assert "server" not in reason.text


def test_a_client_of_a_listener_of_this_machine_is_told_by_it() -> None:
    line = replace(left("ESTABLISHED", inode=9), local_port=40000)
    known = replace(MACHINE, listening=frozenset({41000}))
    assert judge(40000, [held(line, MINE)], trials(set()), known).cause == "source-port"
    # Without it nobody knows which side this is, and nobody says that they do.
    unknown = judge(40000, [held(line, MINE)], trials(set()), MACHINE)
    assert unknown.cause == "connections"
    assert "source port, or those of a server that is gone" in unknown.text


def test_a_bound_socket_is_enough_to_have_a_port() -> None:
    reason = judge(5000, [held(replace(LINE, state=BOUND), MINE)], trials({"SO_REUSEADDR"}), MACHINE)
    assert reason.cause == "bound"
    assert "does not listen" in reason.text


def test_what_nobody_may_see_is_said_to_be_unseen() -> None:
    assert judge(5000, [], trials(set()), MACHINE).cause == "unseen"
    blind = replace(MACHINE, tables=False)
    assert "does not tell us" in judge(5000, [], trials(set()), blind).text


def test_a_port_below_the_limit_is_not_allowed_and_its_listener_is_still_named() -> None:
    line = replace(LINE, local_port=80, uid=0)
    reason = judge(80, [held(line)], trials(set(), (13, "EACCES")), replace(MACHINE, free=8080))
    assert (reason.state, reason.cause) == ("not-allowed", "privileged")
    assert "from 1024 on" in reason.text
    assert "uid 0" in reason.text
    assert "8080" in reason.fixes[0].text


def test_a_listener_on_another_address_leaves_some_addresses_free() -> None:
    some = [replace(t, number=0, error="") if t.host == "127.0.0.1" else t for t in trials(set())]
    reason = judge(5000, [held(replace(LINE, local="127.0.0.2"), MINE)], some, MACHINE)
    assert reason.state == "partly-taken"
    assert "127.0.0.1:5000 is still free" in reason.text


def test_a_machine_without_ipv6_has_free_ports_too() -> None:
    some = [
        replace(t, number=97, error="EAFNOSUPPORT") if t.host == "::" else t for t in trials(set(OPTIONS))
    ]
    reason = judge(5000, [], some, MACHINE)
    assert reason.state == "free"
    assert "no IPv6" in reason.text


def test_udp_does_not_stand_in_the_way_of_tcp() -> None:
    line = replace(LINE, transport="udp", state="CLOSED")
    assert "UDP" in judge(5000, [held(line, MINE)], trials(set(OPTIONS)), MACHINE).text


def test_an_option_on_one_side_alone_never_helps() -> None:
    for situation in SITUATIONS:
        for option in OPTIONS:
            assert allowed(situation, "", option) is (not situation.holds)
            assert allowed(situation, option, "") is (not situation.holds)


def test_a_live_listener_is_shared_by_so_reuseport_only() -> None:
    alive = SITUATIONS[0]
    assert [allowed(alive, option, option) for option in OPTIONS] == [False, False, True]


@pytest.mark.parametrize(
    ("words_", "shown"),
    [
        (["/usr/bin/python3", "/srv/bin/flask", "run", ""], "flask run"),
        (["/usr/bin/python3.11", "-m", "http.server", "5000", ""], "python3.11 -m http.server 5000"),
        (["nginx: master process /usr/sbin/nginx", "", ""], "nginx: master process /usr/sbin/nginx"),
        (["node", "server.js"], "server.js"),
        (["", ""], "kworker"),
        ([], "kworker"),
    ],
)
def test_a_command_is_shown_as_it_was_typed(words_: list[str], shown: str) -> None:
    assert command_of(words_, "kworker") == shown


@pytest.mark.parametrize(
    ("seconds", "said"), [(4, "4 s"), (860, "14 min"), (3 * 3600, "3 h"), (5 * 86400, "5 days")]
)
def test_ages_have_one_unit(seconds: float, said: str) -> None:
    assert words.age(seconds) == said


def test_a_long_command_gives_way_to_its_pid() -> None:
    shown = words.process(replace(MINE, command="x" * 100), 60)
    assert len(shown) <= 60
    assert "pid 4312" in shown


def test_each_errno_is_told_for_other_systems_too() -> None:
    assert "macOS 48, Windows 10048" in words.meaning("EADDRINUSE")
    assert words.meaning("WSAEADDRINUSE") == words.meaning("EADDRINUSE")
    assert words.meaning("EMFILE") == ""
