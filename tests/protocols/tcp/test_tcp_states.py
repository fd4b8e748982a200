"""The table of RFC 9293 figure 5: total, closed, and drawn as it stands."""

from labctl.protocols.tcp_states import EVENTS, STATES, TRANSITIONS, diagram, follow, meaning


def reachable(start):
    seen, waiting = {start}, [start]
    while waiting:
        state = waiting.pop()
        for event in EVENTS:
            there = follow(state, event).state
            if there not in seen:
                seen.add(there)
                waiting.append(there)
    return seen


def test_the_figure_has_these_arrows_and_no_others():
    figure = {(a, e): t.state for (a, e), t in TRANSITIONS.items() if t.source == "RFC 9293 figure 5"}
    assert figure == {
        ("CLOSED", "passive open"): "LISTEN",
        ("CLOSED", "active open"): "SYN-SENT",
        ("LISTEN", "receive SYN"): "SYN-RCVD",
        ("LISTEN", "send"): "SYN-SENT",
        ("LISTEN", "close"): "CLOSED",
        ("SYN-SENT", "receive SYN"): "SYN-RCVD",
        ("SYN-SENT", "receive SYN ACK"): "ESTABLISHED",
        ("SYN-SENT", "close"): "CLOSED",
        ("SYN-RCVD", "receive ACK of SYN"): "ESTABLISHED",
        ("SYN-RCVD", "close"): "FIN-WAIT-1",
        ("ESTABLISHED", "close"): "FIN-WAIT-1",
        ("ESTABLISHED", "receive FIN"): "CLOSE-WAIT",
        ("FIN-WAIT-1", "receive ACK of FIN"): "FIN-WAIT-2",
        ("FIN-WAIT-1", "receive FIN"): "CLOSING",
        ("FIN-WAIT-2", "receive FIN"): "TIME-WAIT",
        ("CLOSING", "receive ACK of FIN"): "TIME-WAIT",
        ("CLOSE-WAIT", "close"): "LAST-ACK",
        ("LAST-ACK", "receive ACK of FIN"): "CLOSED",
        ("TIME-WAIT", "2 MSL are over"): "CLOSED",
    }


def test_every_event_in_every_state_leads_to_a_state():
    for state in STATES:
        for event in EVENTS:
            passage = follow(state, event)
            assert passage.state in STATES
            assert passage.changed or passage.state == state


def test_every_state_is_reached_from_closed_and_comes_back_to_it():
    assert reachable("CLOSED") == set(STATES)
    for state in STATES:
        assert "CLOSED" in reachable(state)


def test_a_reset_ends_every_state_that_has_a_connection():
    for state in STATES:
        there = follow(state, "receive RST").state
        if state in ("LISTEN", "SYN-RCVD"):
            assert there == "LISTEN"
        else:
            assert there == "CLOSED"


def test_every_transition_says_where_it_is_written():
    assert all(t.source.startswith("RFC 9293") for t in TRANSITIONS.values())


def test_the_diagram_fits_and_names_every_state():
    rows = diagram()
    assert max(map(len, rows)) <= 72
    for state in STATES:
        assert any(state in row for row in rows), state
    text = "\n".join(rows)
    for words in ("passive open", "active open", "send SYN ACK", "ACK of FIN", "2 MSL"):
        assert words in text


def test_every_state_has_a_meaning():
    assert all(meaning(state) for state in STATES)
