"""Real frames on the loopback: filter, stamps, statistics; and every field against tshark's own reading."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys

import pytest
from free_ports import held
from needed import need

from labctl.errors import CannotRun
from labctl.packet_capture import PacketCapture, may_capture, tcp_filter
from labctl.protocols.pcap import pcap_bytes
from labctl.protocols.tcp_ladder import conversations

needs_capture = pytest.mark.skipif(
    not may_capture(), reason="this process may not capture packets (CAP_NET_RAW)"
)
HOSTS = [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")]


@contextlib.contextmanager
def listening(family: int = socket.AF_INET, host: str = "127.0.0.1"):
    with contextlib.ExitStack() as held_open, socket.socket(family) as server:
        try:
            # The port stays this test's when the server is closed: nobody else's segments are in the capture.
            port = held_open.enter_context(held(host))
            server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            server.bind((host, port))
        except OSError as error:
            pytest.skip(f"no {host} on this machine: {error}")
        server.listen()
        server.settimeout(10)
        yield server, port


def exchange(server: socket.socket) -> None:
    """Handshake, data both ways, the client closes first. One thread: a loopback delivers at once."""
    with socket.create_connection(server.getsockname()[:2]) as client:
        accepted, _ = server.accept()
        with accepted:
            client.sendall(b"G" * 78)
            accepted.recv(1000)
            accepted.sendall(b"x" * 512)
            client.recv(1000)
            client.shutdown(socket.SHUT_WR)
            accepted.recv(1)


@needs_capture
@pytest.mark.parametrize(("family", "host"), HOSTS, ids=["ipv4", "ipv6"])
@pytest.mark.parametrize("others", [0, 58, 100])
def test_each_segment_of_the_port_is_captured_once(family, host, others):
    with listening(family, host) as (server, port):
        unused = [p for p in range(1, others + 1) if p != port]
        # So many ports are too many for one filter: then the buffer takes what all other tests send meanwhile, too.
        for _ in range(4):
            with PacketCapture("lo", [port, *unused]) as capture:
                exchange(server)
                drained = capture.drain(settle_ms=20)
                complete, dropped = capture.complete, capture.statistics.dropped
            if complete:
                break
        segments = [s for s in drained if port in (s.source_port, s.target_port)]
        assert complete
        assert dropped == 0
        (conversation,) = conversations(segments)
        labels = [row.label for row in conversation.rows]
        assert labels[0] == "SYN  seq=0"
        assert labels.count("PSH ACK  seq=1 ack=1  78 B") == 1
        assert labels.count("PSH ACK  seq=1 ack=79  512 B") == 1
        assert {r.client_state for r in conversation.rows[-1:]} == {"TIME-WAIT"}
        # Nobody computes checksums on a loopback, and the capture says so.
        assert {s.checksum_ok for s in segments} <= {None, True}
        assert {s.evidence for s in segments} == {"captured"}
        assert [s.at_ns for s in segments] == sorted(s.at_ns for s in segments)


@needs_capture
def test_no_port_means_nothing_and_all_ports_means_everything():
    with listening() as (server, port), PacketCapture("lo", ()) as none:
        # Everything is what all other tests send meanwhile, too, and may be more than the buffer takes.
        for _ in range(4):
            with PacketCapture("lo") as everything:
                exchange(server)
                seen = everything.drain()
                complete = everything.complete
            if complete:
                break
        assert none.drain(settle_ms=5) == []
        assert complete
        assert sum(port in (s.source_port, s.target_port) for s in seen) >= 8


@needs_capture
def test_a_port_can_be_added_while_capturing():
    with listening() as (server, port), PacketCapture("lo", ()) as capture:
        capture.watch([port])
        exchange(server)
        assert len(capture.drain(settle_ms=20)) >= 8


@needs_capture
def test_udp_and_other_ports_are_not_captured():
    with listening() as (server, port), listening() as (other, _), PacketCapture("lo", [port]) as capture:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagram:
            datagram.sendto(b"x" * 100, ("127.0.0.1", port))
        exchange(other)
        assert capture.drain(settle_ms=5) == []
        exchange(server)
        assert capture.drain(settle_ms=20)


@needs_capture
def test_frames_without_room_are_counted_and_said():
    with listening() as (server, port), PacketCapture("lo", [port], buffer_bytes=2048) as capture:
        for _ in range(30):
            exchange(server)
        assert not capture.complete
        assert 0 < capture.statistics.dropped < capture.statistics.seen
        # Asking again does not make it complete.
        assert not capture.complete


@needs_capture
def test_an_interface_that_is_not_there_is_told():
    with pytest.raises(CannotRun) as told:
        PacketCapture("nosuch0")
    assert told.value.code == "no-capture"
    assert ("tried", "open a packet socket on nosuch0") in told.value.evidence


def test_a_process_without_the_privilege_is_told(monkeypatch):
    def refuse(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(socket, "AF_PACKET", 17, raising=False)
    monkeypatch.setattr(socket, "socket", refuse)
    assert not may_capture()
    with pytest.raises(CannotRun, match="may not capture") as told:
        PacketCapture()
    assert ("seen", "EPERM: Operation not permitted") in told.value.evidence


def test_other_systems_are_told(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(CannotRun, match="darwin has no packet sockets"):
        PacketCapture()


@pytest.mark.parametrize("ports", [None, (), (80,), tuple(range(60)), tuple(range(1000))])
def test_every_jump_of_the_filter_stays_inside_it(ports):
    program = tcp_filter(ports)
    assert program[-1] == (0x06, 0, 0, 0)
    for at, (code, true, false, _) in enumerate(program):
        assert 0 <= true < 256
        assert 0 <= false < 256
        if code & 7 == 5:
            assert at + 1 + max(true, false) < len(program)


# Numbers of the wire in one reading, relative ones in another.
RELATIVE = ("tcp.seq", "tcp.ack")
FIELDS = (
    *("ip.src", "ip.dst", "ipv6.src", "ipv6.dst", "ip.ttl", "ipv6.hlim", "ip.id", "frame.time_epoch"),
    *("tcp.srcport", "tcp.dstport", "tcp.seq_raw", "tcp.ack_raw", "tcp.flags", "tcp.window_size_value"),
    *("tcp.len", "tcp.payload", "tcp.checksum", "tcp.urgent_pointer", "tcp.options", "tcp.options.mss_val"),
    *("tcp.options.wscale.shift", "tcp.options.sack_le", "tcp.options.sack_re"),
    *("tcp.options.timestamp.tsval", "tcp.options.timestamp.tsecr"),
)


def told_by_tshark(tshark: str, path: str, fields=FIELDS, relative=False) -> list[dict[str, str]]:
    chosen = [part for field in fields for part in ("-e", field)]
    command = [
        tshark,
        "-r",
        path,
        "-T",
        "fields",
        "-E",
        "separator=|",
        "-E",
        "occurrence=a",
        "-E",
        "aggregator=;",
    ]
    command += ["-o", f"tcp.relative_sequence_numbers:{str(relative).upper()}"]
    done = subprocess.run([*command, *chosen], capture_output=True, text=True, timeout=60, check=True)
    return [dict(zip(fields, line.split("|"), strict=True)) for line in done.stdout.splitlines()]


def told_by_us(segment) -> dict[str, str]:
    six = ":" in segment.source
    flags = sum(1 << "FSRPAUEC".index(f) for f in segment.flags)
    (value, echo) = segment.timestamps or ("", "")
    return {
        "ip.src": "" if six else segment.source,
        "ip.dst": "" if six else segment.target,
        "ipv6.src": segment.source if six else "",
        "ipv6.dst": segment.target if six else "",
        "tcp.srcport": str(segment.source_port),
        "tcp.dstport": str(segment.target_port),
        "tcp.seq_raw": str(segment.seq),
        "tcp.ack_raw": str(segment.ack),
        "tcp.flags": f"0x{flags:04x}",
        "tcp.window_size_value": str(segment.window),
        "tcp.len": str(segment.length),
        "tcp.payload": segment.payload.hex(),
        "ip.ttl": "" if six else str(segment.ttl),
        "ipv6.hlim": str(segment.ttl) if six else "",
        "ip.id": "" if six else f"0x{segment.ip_id:04x}",
        "tcp.checksum": f"0x{segment.checksum:04x}",
        "tcp.urgent_pointer": str(segment.urgent),
        "tcp.options": b"".join(o.raw for o in segment.options).hex(),
        "tcp.options.mss_val": "" if segment.mss is None else str(segment.mss),
        "tcp.options.wscale.shift": "" if segment.window_scale is None else str(segment.window_scale),
        "tcp.options.sack_le": ";".join(str(left) for left, _ in segment.sack),
        "tcp.options.sack_re": ";".join(str(right) for _, right in segment.sack),
        "tcp.options.timestamp.tsval": str(value),
        "tcp.options.timestamp.tsecr": str(echo),
        "frame.time_epoch": f"{segment.at_ns // 10**9}.{segment.at_ns % 10**9:09d}",
    }


def unusual(server: socket.socket) -> None:
    """A reset by unread data, urgent data, a half-close, large writes, a refused connection."""
    address = server.getsockname()[:2]
    with socket.create_connection(address) as client:
        accepted, _ = server.accept()
        with accepted:
            client.send(b"!", socket.MSG_OOB)
            client.sendall(b"unread")
    with socket.create_connection(address) as client:
        accepted, _ = server.accept()
        with accepted:
            client.shutdown(socket.SHUT_WR)
            accepted.recv(1)
            accepted.sendall(b"y" * 200_000)
            left = 200_000
            while left:
                left -= len(client.recv(left))


@needs_capture
@pytest.mark.parametrize(("family", "host"), HOSTS, ids=["ipv4", "ipv6"])
def test_every_field_of_every_segment_agrees_with_tshark(family, host, tmp_path):
    tshark = need("tshark")
    with listening(family, host) as (server, port), PacketCapture("lo", [port]) as capture:
        exchange(server)
        unusual(server)
        server.close()
        with socket.socket(family) as client, pytest.raises(ConnectionRefusedError):
            client.connect((host, port))
        segments = capture.drain(settle_ms=20)
    assert len(segments) > 20
    assert len({s.at_ns for s in segments}) == len(segments)
    path = tmp_path / "captured.pcap"
    path.write_bytes(pcap_bytes(segments))
    theirs = told_by_tshark(tshark, str(path))
    assert theirs == [told_by_us(s) for s in segments]
    rows = sorted((r for c in conversations(segments) for r in c.rows), key=lambda r: r.segment.at_ns)
    # The RST of a closed port has 0 on the wire and no SYN to count from; tshark shows 1, the ladder what is there.
    refusal = next(i for i, r in enumerate(rows) if r.segment.flags == "RA" and r.segment.seq == 0)
    ours = [{"tcp.seq": str(r.seq + (i == refusal)), "tcp.ack": str(r.ack or 0)} for i, r in enumerate(rows)]
    assert told_by_tshark(tshark, str(path), RELATIVE, relative=True) == ours


def test_a_sack_block_agrees_with_tshark(tmp_path):
    from labctl.protocols.tcp_options import nop, sack, timestamps
    from labctl.protocols.tcp_segments import read_frame
    from labctl.protocols.tcp_writing import write_frame, write_packet

    tshark = need("tshark")
    options = [nop(), nop(), timestamps(5, 6), nop(), nop(), sack((2**32 - 5, 7), (100, 200))]
    packet = write_packet(
        ("192.0.2.1", 80), ("192.0.2.2", 9), seq=2**32 - 1, ack=3, flags="PAUEC", options=options, urgent=3
    )
    segment = read_frame(write_frame(packet), 1_700_000_000_123_456_789)
    assert segment.checksum_ok
    path = tmp_path / "written.pcap"
    path.write_bytes(pcap_bytes([segment]))
    (theirs,) = told_by_tshark(tshark, str(path))
    assert theirs == told_by_us(segment)
    checked = subprocess.run(
        [
            tshark,
            "-r",
            path,
            "-o",
            "tcp.check_checksum:TRUE",
            "-o",
            "ip.check_checksum:TRUE",
            "-T",
            "fields",
            "-e",
            "tcp.checksum.status",
            "-e",
            "ip.checksum.status",
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert checked.stdout.split() == ["1", "1"]
