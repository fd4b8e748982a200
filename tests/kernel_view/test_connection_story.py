"""Rows that follow from counters: what one side's numbers must mean, and what stays unknown."""

from labctl.kernel_view.connection_story import ConnectionStory
from labctl.kernel_view.inferred_rows import InferredRows
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
        "server PSH ACK  seq=1 ack=79  1500 B",
        "server FIN ACK  seq=1501 ack=79",
    ]
    # Two segments, and nobody told where the first one ended; what we acknowledged in between is not told either.
    assert "cut" in told.segments()[5].unknown
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


def test_a_bare_ack_is_shown_once_and_only_with_a_number_that_the_peer_has_heard():
    told = story(both_sides=True)
    told.look(1, "client", info(), info(out=0))
    told.wrote("client", b"x" * 80)
    sent = info(out=3, data_out=1, bytes_sent=80)
    # Counted, but the client has not heard of it.
    told.look(2, "server", sent, info(out=1, bytes_received=80, bytes_acked=0))
    assert len(told.segments()) == 4
    heard = info(out=3, data_out=1, bytes_sent=80, bytes_acked=81)
    for moment, out in ((3, 2), (4, 3), (5, 8)):
        told.look(moment, "server", heard, info(out=out, bytes_received=80, bytes_acked=0))
    assert labels(told)[4:] == ["server ACK  seq=1 ack=81"]


def test_no_side_acknowledges_a_fin_that_has_no_row():
    told = story(both_sides=True)
    told.look(1, "client", info(), info(out=0))
    told.wrote("server", b"y" * 10)
    # The client's FIN is counted already, and its close() is not back yet.
    server = info(out=2, data_out=1, bytes_sent=10, bytes_received=1, bytes_acked=0)
    told.look(2, "server", info(bytes_received=10), server)
    assert [row.ack for row in Conversation(told.segments()).rows if row.sender == "server"] == [1, 1]


def test_the_answer_follows_what_it_answers_whoever_is_asked_first():
    told = story(both_sides=True)
    told.look(1, "client", info(), info(out=0))
    told.wrote("client", b"x" * 5)
    told.wrote("server", b"y" * 7)
    client = info(out=3, data_out=1, bytes_sent=5, bytes_acked=6, bytes_received=7)
    server = info(out=1, data_out=1, bytes_sent=7, bytes_received=5, bytes_acked=7)
    told.look(2, "server", client, server)
    assert labels(told)[3:] == ["client PSH ACK  seq=1 ack=1  5 B", "server PSH ACK  seq=1 ack=6  7 B"]


def test_rows_that_the_state_machine_does_not_allow_are_left_out():
    rows = InferredRows(CLIENT, SERVER)
    rows.add("client", 0, "S", 0)
    rows.add("server", 1, "SA", 0, ack=1)
    rows.add("client", 2, "A", 1, ack=1)
    rows.add("server", 3, "A", 1, ack=2)  # of a FIN that was not sent
    rows.add("client", 4, "A", 1, ack=1)  # nothing new
    rows.add("client", 5, "RA", 1, ack=1)
    rows.add("client", 6, "A", 1, ack=2)  # from nobody any more
    assert [s.flags for s in rows.segments(None)] == ["S", "SA", "A", "RA"]


def test_times_and_windows_are_not_told_by_counters():
    told = story()
    told.look(5, "client", info(), None)
    first, *later = told.segments()
    assert "at_ns" not in first.unknown
    assert all({"at_ns", "window"} <= set(s.unknown) for s in later)
    assert {row.reading.window for row in Conversation(told.segments()).rows} == {-1}


def test_a_close_after_something_else_had_ended_it_is_no_fin():
    told = story(both_sides=True)
    told.look(1, "client", info(), info(out=0))
    told.look(2, "server", info("CLOSED"), info(out=0))
    told.closed("client", 3)
    assert labels(told)[3:] == []
    assert told.is_over


def test_what_fills_a_gap_at_once_stands_behind_what_told_of_it():
    told = story(both_sides=True)
    told.look(1, "client", info(), info(out=0))
    told.wrote("client", b"x" * 50)
    told.look(2, "client", info(out=3, data_out=1, bytes_sent=50), info(out=0))
    told.wrote("client", b"y" * 50)
    counts = {"bytes_sent": 150, "bytes_retransmitted": 50, "bytes_acked": 101, "total_retransmits": 1}
    told.look(3, "client", info(out=5, data_out=3, **counts), info(out=0, bytes_received=100))
    heavy = [row.label for row in Conversation(told.segments()).rows if row.heavy]
    assert [label.split()[2] for label in heavy] == ["seq=1", "seq=51", "seq=1"]


def test_what_was_held_back_until_the_close_stands_before_the_fin():
    told = story(both_sides=True)
    told.look(1, "client", info(), info(out=0))
    told.wrote("client", b"x" * 1500)
    told.look(2, "client", info(out=3, data_out=1, bytes_sent=1000), info(out=0))
    told.closed("client", 3)
    assert labels(told)[4:] == ["client PSH ACK  seq=1001 ack=1  500 B", "client FIN ACK  seq=1501 ack=1"]
