"""Rows that follow from counters: what one side's numbers must mean, and what stays unknown."""

from labctl.kernel_view.connection_story import ConnectionStory
from labctl.kernel_view.tcp_info import TcpInfo
from labctl.protocols.tcp_ladder import Conversation
from labctl.protocols.tcp_segments import read_packet
from labctl.protocols.tcp_writing import write_packet

CLIENT, SERVER = ("192.0.2.10", 54022), ("203.0.113.10", 80)


def info(state="ESTABLISHED", *, out=2, into=1, data_out=0, data_in=0, **counts):
    counts = {"bytes_sent": 0, "bytes_retransmitted": 0, "bytes_received": 0, "bytes_acked": 1} | counts
    again = counts.pop("total_retransmits", 0)
    return TcpInfo(
        state=state,
        timestamps=True,
        sack=True,
        window_scaling=True,
        send_scale=7,
        receive_scale=8,
        rto_ms=200.0,
        rtt_ms=20.0,
        rtt_variation_ms=10.0,
        send_mss=1000,
        total_retransmits=again,
        segments_out=out,
        segments_in=into,
        data_segments_out=data_out,
        data_segments_in=data_in,
        receive_window=65536,
        **counts,
    )


def story(**more):
    return ConnectionStory(CLIENT, SERVER, began_ns=0, **more)


def labels(told):
    return [f"{row.sender} {row.label}" for row in Conversation(told.segments()).rows]


def test_a_handshake_is_three_inferred_rows():
    told = story()
    told.look(5, "client", info(), None)
    assert labels(told) == ["client SYN  seq=0", "server SYN ACK  seq=0 ack=1", "client ACK  seq=1 ack=1"]
    rows = told.segments()
    assert {s.evidence for s in rows} == {"inferred"}
    assert all({"seq", "ttl", "options"} <= set(s.unknown) for s in rows)
    assert (rows[0].window_scale, rows[1].window_scale) == (8, 7)


def test_the_saved_syn_is_observed_and_gives_the_clients_numbers():
    told = story()
    told.syn = read_packet(write_packet(CLIENT, SERVER, seq=2**32 - 1, flags="S"), 9, evidence="observed")
    told.look(5, "client", info(), None)
    syn, answer, ack = told.segments()
    assert (syn.evidence, syn.at_ns, syn.seq) == ("observed", 0, 2**32 - 1)
    assert (answer.ack, "ack" in answer.unknown, "seq" in answer.unknown) == (0, False, True)
    assert (ack.seq, "ack" in ack.unknown) == (0, True)


def test_a_real_server_is_told_from_the_clients_counters():
    told = story()
    told.look(1, "client", info(), None)
    told.wrote("client", b"G" * 78)
    told.look(2, "client", info(out=3, into=2, data_out=1, bytes_sent=78, bytes_acked=79), None)
    sent = {"data_out": 1, "bytes_sent": 78, "bytes_acked": 79}
    told.look(3, "client", info(out=4, into=4, data_in=2, bytes_received=1500, **sent), None)
    told.look(4, "client", info("CLOSE-WAIT", out=5, into=5, data_in=2, bytes_received=1501, **sent), None)
    assert labels(told)[3:] == [
        "client PSH ACK  seq=1 ack=1  78 B",
        "server ACK  seq=1 ack=79",
        "server ACK  seq=1 ack=79  750 B",
        "server PSH ACK  seq=751 ack=79  750 B",
        "client ACK  seq=79 ack=1501",
        "server FIN ACK  seq=1501 ack=79",
        "client ACK  seq=79 ack=1502",
    ]
    assert told.segments()[5].payload == b""
    assert told.segments()[3].payload == b"G" * 78


def test_what_the_kernel_still_holds_has_no_row():
    told = story()
    told.look(1, "client", info(), None)
    told.wrote("client", b"x" * 3500)
    told.look(2, "client", info(out=4, data_out=2, bytes_sent=2000), None)
    assert labels(told)[3:] == ["client ACK  seq=1 ack=1  1000 B", "client ACK  seq=1001 ack=1  1000 B"]


def test_a_counted_retransmission_has_a_row():
    told = story()
    told.look(1, "client", info(), None)
    told.wrote("client", b"x" * 50)
    told.look(2, "client", info(out=3, data_out=1, bytes_sent=50), None)
    counts = {"bytes_sent": 100, "bytes_retransmitted": 50, "bytes_acked": 51, "total_retransmits": 1}
    told.look(3, "client", info(out=4, into=2, data_out=2, **counts), None)
    rows = Conversation(told.segments()).rows
    assert rows[4].label == "PSH ACK  seq=1 ack=1  50 B"
    assert "retransmission" in rows[4].marks


def test_a_refusal_and_a_syn_that_was_sent_again():
    told = story()
    told.syn_again(1_000_000_000)
    told.refused(1_000_001_000)
    assert labels(told) == ["client SYN  seq=0", "client SYN  seq=0", "server RST ACK  seq=0 ack=1"]
    assert told.is_over


def test_a_reset_in_answer_to_our_fin_is_no_fin():
    told = story()
    told.look(1, "client", info(), None)
    told.look(2, "client", info("FIN-WAIT-1", out=3), None)
    told.look(3, "client", info("CLOSED", out=3, into=2), None)
    assert labels(told)[3:] == ["client FIN ACK  seq=1 ack=1", "server RST ACK  seq=1 ack=2"]


def test_rows_of_one_moment_keep_their_order():
    told = story()
    told.look(0, "client", info(), None)
    assert [s.at_ns for s in told.segments()] == [0, 1, 2]
