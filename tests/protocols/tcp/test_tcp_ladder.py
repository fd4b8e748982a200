"""The rows of a ladder: the picture of SCREENS.md, and what a segment is besides its flags."""

from hypothesis import given, settings
from hypothesis import strategies as st

from labctl.protocols.tcp_ladder import Conversation, conversations
from labctl.protocols.tcp_options import window_scale
from labctl.protocols.tcp_segments import Segment


def marks(line):
    return [row.marks for row in line.conversation().rows]


def test_a_whole_connection_is_the_picture_of_the_design(opened):
    opened.client("PA", 1, 1, 78)
    opened.server("A", 1, 79)
    opened.server("PA", 1, 79, 512)
    opened.client("A", 79, 513)
    opened.client("FA", 79, 513)
    opened.server("FA", 513, 80)
    opened.client("A", 80, 514)
    rows = opened.conversation().rows
    assert [(r.client_shows, r.sender, r.label, r.server_shows, r.phase) for r in rows] == [
        ("SYN-SENT", "client", "SYN  seq=0", "LISTEN", "open"),
        ("", "server", "SYN ACK  seq=0 ack=1", "SYN-RCVD", "open"),
        ("ESTABLISHED", "client", "ACK  seq=1 ack=1", "ESTABLISHED", "open"),
        ("", "client", "PSH ACK  seq=1 ack=1  78 B", "", "data"),
        ("", "server", "ACK  seq=1 ack=79", "", "data"),
        ("", "server", "PSH ACK  seq=1 ack=79  512 B", "", "data"),
        ("", "client", "ACK  seq=79 ack=513", "", "data"),
        ("FIN-WAIT-1", "client", "FIN ACK  seq=79 ack=513", "CLOSE-WAIT", "close"),
        ("TIME-WAIT", "server", "FIN ACK  seq=513 ack=80", "LAST-ACK", "close"),
        ("", "client", "ACK  seq=80 ack=514", "CLOSED", "close"),
    ]
    assert [r.heavy for r in rows].count(True) == 2
    assert rows[3].reading.window == 1000 << 7
    assert rows[0].reading.window == 1000
    assert not any(r.remark for r in rows)


def test_absolute_labels_have_the_numbers_of_the_wire(opened):
    row = opened.conversation().rows[1]
    assert row.absolute_label == f"SYN ACK  seq={2**32 - 200} ack={2**32 - 2}"


def test_what_nobody_told_is_a_question_mark(line):
    line.client("S", 0)
    line.server("SA", 0, 1, unknown=("seq", "window"), evidence="inferred")
    row = line.conversation().rows[1]
    assert row.absolute_label.startswith("SYN ACK  seq=? ack=")
    assert row.reading.window == -1
    assert not row.marks


def test_a_closed_port_is_closed_and_the_phase_is_reset(line):
    line.client("S", 0)
    line._say(*reversed(list(line.isns)), "RA", 200, 1, 0)
    rows = line.conversation().rows
    assert [(r.client_shows, r.label, r.server_shows, r.phase) for r in rows] == [
        ("SYN-SENT", "SYN  seq=0", "CLOSED", "open"),
        ("CLOSED", "RST ACK  seq=0 ack=1", "", "reset"),
    ]


def test_nothing_is_said_about_a_server_that_never_answered(line):
    line.client("S", 0, dropped=True)
    line.client("S", 0, after=1000, dropped=True)
    rows = line.conversation().rows
    assert [(r.server_state, r.server_shows) for r in rows] == [(None, ""), (None, "")]
    assert [r.remark for r in rows] == ["lost", "sent again, lost"]


def test_a_fast_retransmission_follows_selective_acknowledgements(opened):
    for index in range(5):
        opened.client("A", 1 + 100 * index, 1, 100, dropped=index == 2)
    opened.server("A", 1, 101)
    opened.server("A", 1, 201)
    opened.server("A", 1, 201, sacks=[(301, 401)])
    opened.server("A", 1, 201, sacks=[(301, 501)])
    again = opened.client("A", 201, 1, 100)
    opened.server("A", 1, 501)
    rows = opened.conversation().rows
    assert [r.marks for r in rows[8:]] == [
        (),
        (),
        ("sack", "duplicate-ack"),
        ("sack", "duplicate-ack"),
        ("fast-retransmission",),
        (),
    ]
    assert rows[10].label == "ACK  seq=1 ack=201  sack 301-401"
    row = rows[12]
    assert row.segment is again
    assert (row.reading.first_row, row.reading.hints) == (6, 2)
    assert rows[5].remark == "lost"


def test_a_retransmission_that_nobody_asked_for_is_the_timers(opened):
    opened.client("PA", 1, 1, 50, dropped=True)
    opened.client("PA", 1, 1, 50, after=200)
    opened.server("A", 1, 51)
    assert marks(opened)[3:] == [(), ("retransmission",), ()]
    assert opened.conversation().rows[4].reading.hints == 0


def test_duplicate_acks_without_sack_are_counted(opened):
    for index in range(5):
        opened.client("A", 1 + 10 * index, 1, 10, dropped=index == 0)
    for _ in range(4):
        opened.server("A", 1, 1)
    rows = opened.conversation().rows[8:]
    # The first of them repeats the number that the SYN ACK had acknowledged.
    assert [r.reading.duplicates for r in rows] == [1, 2, 3, 4]


def test_a_duplicate_sack_reports_bytes_that_came_twice(opened):
    opened.client("A", 1, 1, 100)
    opened.client("A", 1, 1, 100)
    opened.server("A", 1, 101, sacks=[(1, 101)])
    row = opened.conversation().rows[5]
    assert row.marks == ("dsack",)
    assert row.label == "ACK  seq=1 ack=101  came twice 1-101"
    assert row.reading.sack == ()


def test_a_segment_that_arrives_late_but_new_is_out_of_order(opened):
    opened.server("A", 101, 1, 100)
    opened.server("A", 1, 1, 100)
    assert marks(opened)[3:] == [(), ("out-of-order",)]


def test_a_full_buffer_closes_the_window_and_an_update_opens_it(opened):
    opened.client("A", 1, 1, 100)
    opened.server("A", 1, 101, window=0)
    opened.client("A", 100, 1)
    opened.server("A", 1, 101, window=0)
    opened.server("A", 1, 101, window=500)
    assert marks(opened)[3:] == [
        (),
        ("zero-window",),
        ("window-probe",),
        ("keep-alive-ack", "zero-window"),
        ("window-update",),
    ]


def test_a_keep_alive_has_the_number_before_the_next(opened):
    opened.client("PA", 1, 1, 10)
    opened.server("A", 1, 11)
    opened.client("A", 10, 1, after=1000)
    opened.server("A", 1, 11)
    assert marks(opened)[5:] == [("keep-alive",), ("keep-alive-ack",)]


def test_the_last_byte_sent_again_is_no_keep_alive(opened):
    opened.client("PA", 1, 1, 1, dropped=True)
    opened.client("PA", 1, 1, 1, after=200)
    assert marks(opened)[4] == ("retransmission",)


def test_a_window_is_not_scaled_unless_both_offered_it(line):
    line.client("S", 0, options=(window_scale(7),))
    line.server("SA", 0, 1)
    line.client("A", 1, 1)
    assert line.conversation().rows[2].reading.window == 1000


def test_a_connection_met_in_the_middle_begins_established(line):
    line.client("PA", 5000, 700, 10)
    line.server("A", 700, 5010)
    conversation = line.conversation()
    assert not conversation.complete
    assert [r.label for r in conversation.rows] == ["PSH ACK  seq=1 ack=1  10 B", "ACK  seq=1 ack=11"]
    assert conversation.rows[0].client_shows == "ESTABLISHED"
    assert conversation.rtt_ms is None


def test_the_round_trip_is_counted_from_the_last_syn(line):
    line.client("S", 0, dropped=True)
    line.client("S", 0, after=1000)
    line.server("SA", 0, 1, after=21)
    assert line.conversation().rtt_ms == 21


def test_connections_are_told_apart_by_their_four_numbers_and_their_syns(opened):
    opened.client("R", 1, 0)
    opened.isns = {place: (isn + 5000) % 2**32 for place, isn in opened.isns.items()}
    opened.client("S", 0)
    opened.client("S", 0)
    opened.server("SA", 0, 1)
    found = conversations(reversed(opened.segments))
    assert [len(c.rows) for c in found] == [4, 3]
    assert found[1].rows[1].marks == ("retransmission",)


segments = st.builds(
    Segment,
    at_ns=st.integers(0, 50),
    source=st.just("a"),
    source_port=st.integers(1, 2),
    target=st.just("a"),
    target_port=st.integers(1, 2),
    seq=st.one_of(st.integers(0, 8), st.integers(0, 2**32 - 1)),
    ack=st.one_of(st.integers(0, 8), st.integers(0, 2**32 - 1)),
    flags=st.sampled_from(["S", "SA", "A", "PA", "FA", "R", "RA", "", "FSRPAUEC"]),
    window=st.integers(0, 3),
    payload=st.binary(max_size=4),
    dropped=st.booleans(),
)


@settings(max_examples=200)
@given(st.lists(segments, min_size=1, max_size=12))
def test_any_segments_make_a_ladder(found):
    from labctl.protocols.tcp_close import how_it_closed
    from labctl.protocols.tcp_sentences import sentences

    total = 0
    for conversation in conversations(found):
        total += len(conversation.rows)
        assert all(row.label and row.absolute_label for row in conversation.rows)
        assert how_it_closed(conversation).text
        assert all(0 < s.row <= len(conversation.rows) for s in sentences(conversation))
    assert total == len(found)


def test_a_conversation_needs_a_segment():
    import pytest

    with pytest.raises(ValueError, match="needs a segment"):
        Conversation([])
