"""What an ordinary process is told: the SYN's bytes, times of acknowledgements, the table of sockets."""

import contextlib
import socket
import sys

import pytest

from labctl.kernel_view.acknowledgement_times import stamp_sends, transmit_times
from labctl.kernel_view.lost_segments import ignore_lost, lose
from labctl.kernel_view.saved_syn import save_syns, saved_syn
from labctl.kernel_view.socket_table import socket_table
from labctl.kernel_view.tcp_info import tcp_info

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="socket options and /proc of Linux"
)
HOSTS = [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")]


@contextlib.contextmanager
def connected(family=socket.AF_INET, host="127.0.0.1", prepare=lambda server: None):
    with socket.socket(family) as server, socket.socket(family) as client:
        try:
            server.bind((host, 0))
        except OSError as error:
            pytest.skip(f"no {host} on this machine: {error}")
        prepare(server)
        server.listen()
        for sock in (server, client):
            sock.settimeout(10)
        client.connect(server.getsockname()[:2])
        accepted, _ = server.accept()
        with accepted:
            accepted.settimeout(10)
            yield client, accepted, server


@pytest.mark.parametrize(("family", "host"), HOSTS, ids=["ipv4", "ipv6"])
def test_the_saved_syn_is_the_real_one(family, host):
    with connected(family, host, save_syns) as (client, accepted, server):
        syn = saved_syn(accepted, 7)
        assert (syn.flags, syn.at_ns, syn.evidence, syn.checksum_ok) == ("S", 7, "observed", None)
        assert (syn.source, syn.source_port) == client.getsockname()[:2]
        assert (syn.target, syn.target_port) == server.getsockname()[:2]
        assert syn.mss > 0
        assert syn.frame == b""
        # The kernel hands it out once.
        assert saved_syn(accepted, 7) is None


def test_a_syn_that_was_not_kept_is_none():
    with connected() as (_, accepted, _):
        assert saved_syn(accepted, 7) is None


def test_the_time_of_an_acknowledgement_is_read_from_the_error_queue():
    with connected() as (client, accepted, _):
        assert stamp_sends(client)
        client.sendall(b"x" * 10)
        accepted.recv(10)
        client.sendall(b"y")
        accepted.recv(1)
        times = transmit_times(client)
        assert {(t.passage, t.byte) for t in times} >= {("acknowledged", 10), ("acknowledged", 11)}
        at = {t.passage: t.at_ns for t in times if t.byte == 10}
        assert at["scheduled"] <= at["sent"] <= at["acknowledged"]
        assert transmit_times(client) == []


def test_a_connection_stands_in_the_table_twice_and_its_listener_once():
    with connected() as (client, accepted, server):
        port = server.getsockname()[1]
        rows = {(r.local[1], r.remote[1]): r for r in socket_table(port)}
        own = client.getsockname()[1]
        assert rows[port, 0].state == "LISTEN"
        assert rows[own, port].state == rows[port, own].state == "ESTABLISHED"
        client.close()
        accepted.recv(1)
        accepted.close()
        rows = {(r.local[1], r.remote[1]): r for r in socket_table(port)}
        assert rows[own, port].state == "TIME-WAIT"
        assert 0 < rows[own, port].expires_s <= 60
        assert (port, own) not in rows


def test_where_there_is_no_proc_the_table_is_empty(tmp_path):
    assert socket_table(proc=tmp_path) == []


def test_a_lost_segment_is_sent_again_and_arrives():
    with connected(prepare=ignore_lost) as (client, accepted, _):
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        lose(client)
        client.sendall(b"lost?")
        accepted.setblocking(False)
        with pytest.raises(BlockingIOError):
            accepted.recv(10)
        lose(client, False)
        accepted.settimeout(10)
        assert accepted.recv(10) == b"lost?"
        assert tcp_info(client).total_retransmits == 1


def test_losing_nothing_of_a_closed_socket_is_no_error():
    sock = socket.socket()
    sock.close()
    lose(sock)
    assert not ignore_lost(sock)
