"""Client and server on the host's loopback: captured where this process may, else told from the kernel's counters."""

from __future__ import annotations

import socket
import sys
import threading

import pytest

from labctl.errors import CannotRun
from labctl.network import Rule
from labctl.packet_capture import may_capture
from labctl.protocols.pcap import pcap_bytes
from labctl.protocols.tcp_close import how_it_closed
from labctl.protocols.tcp_ladder import conversations
from labctl.sandbox.captured_loopback import CapturedLoopback
from labctl.sandbox.observed_loopback import ObservedLoopback

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counters and captures of Linux")
captured = pytest.param(
    CapturedLoopback,
    marks=pytest.mark.skipif(not may_capture(), reason="this process may not capture packets (CAP_NET_RAW)"),
    id="captured",
)


@pytest.fixture(params=[captured, pytest.param(ObservedLoopback, id="observed")])
def network(request):
    made = request.param()
    yield made
    made.close()


def listening(network):
    server = network.server_socket()
    server.bind((network.server_address, 0))
    server.listen()
    return server, server.getsockname()[1]


def exchange(network, *, first="client"):
    """One connection with data both ways, the server on a thread of its own. Returns its port."""
    server, port = listening(network)

    def serve():
        accepted, _ = server.accept()
        with accepted:
            accepted.recv(100)
            accepted.sendall(b"x" * 512)
            if first == "client":
                assert accepted.recv(10) == b""

    thread = threading.Thread(target=serve)
    thread.start()
    with network.client_socket() as client:
        client.connect((network.server_address, port))
        client.sendall(b"G" * 78)
        assert len(client.recv(1000)) == 512
        if first == "server":
            assert client.recv(10) == b""
    thread.join()
    server.close()
    return port


def rows(network, **chosen):
    (conversation,) = conversations(network.segments(**chosen))
    return conversation.rows


LIFE = [
    "SYN  seq=0",
    "SYN ACK  seq=0 ack=1",
    "ACK  seq=1 ack=1",
    "PSH ACK  seq=1 ack=1  78 B",
    "ACK  seq=1 ack=79",
    "PSH ACK  seq=1 ack=79  512 B",
    "ACK  seq=79 ack=513",
]


@pytest.mark.parametrize("first", ["client", "server"])
def test_a_connection_has_the_same_ladder_whether_it_is_captured_or_inferred(network, first):
    port = exchange(network, first=first)
    (conversation,) = conversations(network.segments())
    assert [row.label for row in conversation.rows[:7]] == LIFE
    assert conversation.server[1] == port
    # Three or four is a matter of time, and the machine may be busy.
    close = how_it_closed(conversation)
    assert close.kind in ("three", "four")
    assert close.first == close.time_wait == first
    last = conversation.rows[-1]
    assert {last.client_state, last.server_state} == {"TIME-WAIT", "CLOSED"}
    assert network.capture_complete
    assert network.segments() == []


def test_rows_are_labelled_by_what_they_are(network):
    exchange(network)
    labels = [s.evidence for s in network.segments()]
    if network.evidence == "captured":
        assert set(labels) == {"captured"}
    else:
        assert labels[0] == "observed"
        assert set(labels[1:]) == {"inferred"}


def test_what_is_inferred_is_never_written_as_captured():
    with_rows = ObservedLoopback()
    exchange(with_rows)
    assert len(pcap_bytes(with_rows.segments())) == 24


def test_only_the_asked_port_is_told_and_the_rest_forgotten(network):
    one = exchange(network)
    exchange(network)
    assert {one} == {p for s in network.segments(port=one) for p in (s.source_port, s.target_port)} & {one}
    assert network.segments() == []


def test_a_closed_port_refuses(network):
    server, port = listening(network)
    server.close()
    with network.client_socket() as client, pytest.raises(ConnectionRefusedError):
        client.connect((network.server_address, port))
    assert [r.label for r in rows(network)] == ["SYN  seq=0", "RST ACK  seq=0 ack=1"]


def test_closing_with_unread_data_resets(network):
    server, port = listening(network)
    with server, network.client_socket() as client:
        client.connect((network.server_address, port))
        accepted, _ = server.accept()
        client.sendall(b"unread")
        accepted.close()
        with pytest.raises(ConnectionResetError):
            client.recv(10)
    seen = rows(network)
    assert [r.label for r in seen[3:]] == [
        "PSH ACK  seq=1 ack=1  6 B",
        "ACK  seq=1 ack=7",
        "RST ACK  seq=1 ack=7",
    ]
    assert seen[-1].sender == "server"


def test_a_linger_of_zero_resets(network):
    server, port = listening(network)
    with server, network.client_socket() as client:
        client.connect((network.server_address, port))
        accepted, _ = server.accept()
        with accepted:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            client.close()
            with pytest.raises(ConnectionResetError):
                accepted.recv(10)
    seen = rows(network)
    assert (seen[-1].sender, seen[-1].label) == ("client", "RST ACK  seq=1 ack=1")


def test_a_half_closed_connection_still_carries_data(network):
    server, port = listening(network)
    with server, network.client_socket() as client:
        client.connect((network.server_address, port))
        accepted, _ = server.accept()
        with accepted:
            client.shutdown(socket.SHUT_WR)
            assert accepted.recv(10) == b""
            accepted.sendall(b"still here!!!")
            assert client.recv(100) == b"still here!!!"
        assert client.recv(10) == b""
    (conversation,) = conversations(network.segments())
    close = how_it_closed(conversation)
    assert (close.first, close.bytes_after) == ("client", 13)


def test_one_lost_segment_is_sent_again(network):
    server, port = listening(network)
    with server, network.client_socket() as client:
        client.connect((network.server_address, port))
        accepted, _ = server.accept()
        with accepted, network.script(Rule(lambda s: s.payload == b"lost?", direction="to-server")):
            client.sendall(b"first")
            assert accepted.recv(10) == b"first"
            client.sendall(b"lost?")
            assert accepted.recv(10) == b"lost?"
    seen = rows(network)
    data = [(r.label, r.segment.dropped, "retransmission" in r.marks) for r in seen if r.heavy]
    assert data == [
        ("PSH ACK  seq=1 ack=1  5 B", False, False),
        ("PSH ACK  seq=6 ack=1  5 B", True, False),
        ("PSH ACK  seq=6 ack=1  5 B", False, True),
    ]
    # The server closed first.
    assert (seen[-1].client_state, seen[-1].server_state) == ("CLOSED", "TIME-WAIT")


def test_a_black_holed_syn_is_sent_again_until_the_program_gives_up(network):
    server, port = listening(network)
    with server, network.client_socket() as client:
        client.settimeout(1.5)
        with (
            network.script(Rule(lambda s: s.flags == "S", "blackhole", "to-server")),
            pytest.raises(TimeoutError),
        ):
            client.connect((network.server_address, port))
    seen = rows(network)
    assert [(r.label, r.segment.dropped) for r in seen] == [("SYN  seq=0", True), ("SYN  seq=0", True)]
    # The first retransmission is due after a second; the kernel's timers are coarse, and no limit is tested.
    assert seen[1].at_ms > 900
    assert seen[1].server_state is None


# Only where segments are captured: nobody counts the answers of a listener.
@pytest.mark.parametrize("network", [captured], indirect=True)
def test_a_lost_answer_is_the_servers_loss(network):
    server, port = listening(network)
    lost = network.script(Rule(lambda s: s.flags == "SA", direction="to-client"))
    with server, network.client_socket() as client, lost:
        client.connect((network.server_address, port))
    first = [(r.label, r.segment.dropped) for r in rows(network)][:2]
    assert first == [("SYN  seq=0", False), ("SYN ACK  seq=0 ack=1", True)]


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (Rule(lambda s: True, "delay", delay_ms=5), "held back"),
        (Rule(lambda s: s.flags == "A"), "none that a program sends"),
    ],
)
def test_what_only_a_wire_can_do_needs_a_box(network, rule, words):
    with pytest.raises(CannotRun, match=words) as told, network.script(rule):
        exchange(network)
    assert told.value.code == "needs-box"


def test_settings_of_the_host_are_read_and_never_written(network):
    assert network.sysctl("net.ipv4.tcp_syn_retries").isdigit()
    with pytest.raises(CannotRun) as told:
        network.sysctl("net.ipv4.tcp_syn_retries", "2")
    assert told.value.code == "needs-box"
    with pytest.raises(CannotRun) as told:
        network.sysctl("net.ipv4.no_such_setting")
    assert told.value.code == "no-sysctl"


def test_a_socket_that_does_not_block_connects_as_any(network):
    server, port = listening(network)
    with server, network.client_socket() as client:
        client.setblocking(False)
        with pytest.raises(BlockingIOError):
            client.connect((network.server_address, port))
        accepted, _ = server.accept()
        accepted.close()
        client.setblocking(True)
        assert client.recv(10) == b""


def test_datagrams_are_ordinary_sockets(network):
    with network.client_socket(kind=socket.SOCK_DGRAM) as client:
        assert type(client) is socket.socket
        assert client.gettimeout() == network.timeout


def test_a_file_of_a_socket_is_watched_too(network):
    server, port = listening(network)
    with server, network.client_socket() as client:
        client.connect((network.server_address, port))
        accepted, _ = server.accept()
        with accepted, client.makefile("rb") as lines:
            accepted.sendall(b"one line\n")
            assert lines.readline() == b"one line\n"
    assert any(r.label == "PSH ACK  seq=1 ack=1  9 B" for r in rows(network))


def test_fifty_loss_free_ladders_are_the_same(network):
    for _ in range(50):
        exchange(network)
        assert [row.label for row in rows(network)[:7]] == LIFE


def read(sock, size):
    """How much has come: `size`, or less when the other side has finished."""
    got = 0
    while got < size and (some := sock.recv(size - got)):
        got += len(some)
    return got


def test_what_is_inferred_while_both_sides_are_busy_is_never_impossible():
    observed = ObservedLoopback()
    for size in (1, 5_000, 70_000) * 8:
        server, port = listening(observed)

        def serve(listener=server, size=size):
            accepted, _ = listener.accept()
            with accepted:
                for _ in range(2):
                    assert read(accepted, 100) == 100
                    accepted.sendall(b"x" * size)

        thread = threading.Thread(target=serve)
        thread.start()
        with observed.client_socket() as client:
            client.connect((observed.server_address, port))
            for _ in range(2):
                client.sendall(b"G" * 100)
                assert read(client, size) == size
        thread.join()
        server.close()
        sent, told = {"client": 0, "server": 0}, {"client": -1, "server": -1}
        seen = rows(observed)
        for row in seen:
            peer = "server" if row.sender == "client" else "client"
            assert (row.ack or 0) <= sent[peer], [r.label for r in seen]
            assert row.segment.span or (row.ack or 0) > told[row.sender], [r.label for r in seen]
            told[row.sender] = row.ack or 0
            sent[row.sender] = max(sent[row.sender], row.seq + row.segment.span)
        assert sent == {"client": 202, "server": 2 * size + 2}
        assert "CLOSED" in {seen[-1].client_state, seen[-1].server_state}
