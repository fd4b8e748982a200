from labctl.protocols.tcp_close import how_it_closed
from labctl.protocols.tcp_sentences import sentences


def closed(line):
    return how_it_closed(line.conversation())


def test_three_segments_when_the_second_program_closes_at_once(opened):
    opened.client("FA", 1, 1)
    opened.server("FA", 1, 2, after=0.5)
    opened.client("A", 2, 2)
    close = closed(opened)
    assert (close.kind, close.first, close.time_wait, close.rows) == ("three", "client", "client", (4, 5, 6))
    assert close.gap_ms == 0.5
    assert "0.5 ms" in close.text


def test_four_segments_when_it_closes_later(opened):
    opened.server("FA", 1, 1)
    opened.client("A", 1, 2, after=40)
    opened.client("FA", 1, 2, after=60)
    opened.server("A", 2, 2)
    close = closed(opened)
    assert (close.kind, close.first, close.time_wait, close.rows) == (
        "four",
        "server",
        "server",
        (4, 5, 6, 7),
    )
    assert close.gap_ms == 100


def test_a_half_closed_side_still_receives(opened):
    opened.client("FA", 1, 1)
    opened.server("A", 1, 2)
    opened.server("PA", 1, 2, 13)
    assert (closed(opened).kind, closed(opened).bytes_after) == ("half", 13)
    opened.client("A", 2, 14)
    opened.server("FA", 14, 2)
    opened.client("A", 2, 15)
    close = closed(opened)
    assert (close.kind, close.bytes_after) == ("four", 13)
    assert "13 B" in close.text


def test_fins_that_cross_are_a_simultaneous_close(opened):
    opened.client("FA", 1, 1)
    opened.server("FA", 1, 1)
    opened.client("A", 2, 2)
    opened.server("A", 2, 2)
    conversation = opened.conversation()
    assert how_it_closed(conversation).kind == "simultaneous"
    assert [r.client_shows for r in conversation.rows[3:]] == ["FIN-WAIT-1", "CLOSING", "", "TIME-WAIT"]
    said = {s.term: s.text for s in sentences(conversation)}
    assert said["TIME-WAIT"].startswith("Both sides")


def test_a_fin_that_is_sent_again_counts_once(opened):
    opened.client("FA", 1, 1, dropped=True)
    opened.client("FA", 1, 1, after=200)
    opened.server("FA", 1, 2)
    opened.client("A", 2, 2)
    assert closed(opened).kind == "three"


def test_a_reset_leaves_nobody_waiting(opened):
    opened.client("PA", 1, 1, 5)
    opened.server("RA", 1, 6)
    close = closed(opened)
    assert (close.kind, close.time_wait) == ("reset", None)


def test_a_closed_port_refuses(line):
    line.client("S", 0)
    line.server("RA", 0, 1)
    assert closed(line).kind == "refused"
    assert "port 80" in closed(line).text


def test_an_open_connection_is_not_closed(opened, line):
    assert closed(opened).kind == "open"
    line.client("S", 0, dropped=True)
    assert closed(line).text == "The SYN had no answer: there was no connection."


def test_the_sentences_point_at_numbers_of_the_run(opened):
    opened.client("PA", 1, 1, 78)
    opened.server("A", 1, 79)
    opened.client("FA", 79, 1)
    opened.server("FA", 1, 80)
    opened.client("A", 80, 2)
    said = {s.term: (s.text, s.row) for s in sentences(opened.conversation())}
    assert said["ack=79"] == ("I have bytes 1 to 78, send 79 next.   1 + 78 = 79", 5)
    assert said["ack=1"][1] == 2
    assert "The client closed first" in said["TIME-WAIT"][0]
    assert "60 s" in said["TIME-WAIT"][0]


def test_a_loss_is_explained_by_its_own_numbers(opened):
    opened.client("A", 1, 1, 100, dropped=True)
    opened.client("A", 101, 1, 100)
    opened.server("A", 1, 1, sacks=[(101, 201)])
    opened.client("A", 1, 1, 100, after=20)
    opened.server("A", 1, 201, sacks=[(1, 101)], window=0)
    said = {s.term: s.text for s in sentences(opened.conversation())}
    assert said["sack 101-201"] == "Bytes 1 to 100 are missing; I hold 101 to 200 already."
    assert said["seq=1"] == "Row 4 again, 22.0 ms later, after one ACK that asked for 1."
    assert said["came twice 1-101"] == "Bytes 1 to 100 were sent again for nothing."
    assert "buffer is full" in said["window 0"]
