"""Two endpoints that follow each other's segments: no undefined transition, and every path comes back."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from labctl.protocols.tcp_endpoint import Endpoint
from labctl.protocols.tcp_segments import Segment
from labctl.protocols.tcp_states import STATES, TRANSITIONS


def segment(flags, seq, ack=0, size=0):
    return Segment(0, "a", 1, "b", 2, seq % 2**32, ack % 2**32, flags, 0, b"x" * size)


def walked(end):
    return [passage.state for _, passage in end.history]


def test_a_client_walks_through_a_whole_life(opened):
    client, server = Endpoint("client"), Endpoint("server", state="LISTEN")
    opened.client("PA", 1, 1, 78)
    opened.client("FA", 79, 1)
    opened.server("A", 1, 80)
    opened.server("FA", 1, 80)
    opened.client("A", 80, 2)
    for s in opened.segments:
        own, peer = (client, server) if s.target_port == 80 else (server, client)
        own.sent(s)
        peer.received(s)
    assert walked(client) == ["SYN-SENT", "ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2", "TIME-WAIT"]
    assert walked(server) == ["SYN-RCVD", "ESTABLISHED", "CLOSE-WAIT", "LAST-ACK", "CLOSED"]
    client.time_wait_is_over()
    assert client.state == "CLOSED"


def test_a_simultaneous_open_ends_established():
    left = Endpoint("client")
    left.sent(segment("S", 100))
    left.received(segment("S", 500))
    assert left.state == "SYN-RCVD"
    left.sent(segment("SA", 100, 501))
    left.received(segment("SA", 500, 101))
    assert left.state == "ESTABLISHED"


def test_a_simultaneous_close_goes_through_closing():
    left = Endpoint("client", state="ESTABLISHED")
    left.received(segment("A", 500, 100))
    left.sent(segment("FA", 100, 500))
    left.received(segment("FA", 500, 100))
    assert left.state == "CLOSING"
    left.received(segment("A", 501, 101))
    assert left.state == "TIME-WAIT"


def test_a_fin_that_acknowledges_ours_leads_straight_to_time_wait():
    left = Endpoint("client", state="ESTABLISHED")
    left.sent(segment("FA", 100, 500))
    left.received(segment("FA", 500, 101))
    assert walked(left) == ["FIN-WAIT-1", "TIME-WAIT"]


def test_a_fin_waits_for_the_bytes_before_it():
    right = Endpoint("server", state="ESTABLISHED")
    right.received(segment("A", 100, 500, 10))
    right.received(segment("FA", 120, 500))
    assert right.state == "ESTABLISHED"
    right.received(segment("A", 110, 500, 10))
    assert right.state == "CLOSE-WAIT"


def test_an_old_acknowledgement_does_not_confirm_the_fin():
    left = Endpoint("client", state="ESTABLISHED")
    left.sent(segment("FA", 100, 500))
    left.received(segment("A", 500, 100))
    assert left.state == "FIN-WAIT-1"


def test_a_reset_must_answer_the_syn():
    left = Endpoint("client")
    left.sent(segment("S", 100))
    left.received(segment("RA", 0, 77))
    assert left.state == "SYN-SENT"
    left.received(segment("RA", 0, 101))
    assert left.state == "CLOSED"


def test_a_reset_of_a_half_open_connection_goes_back_to_where_it_came_from():
    passive, active = Endpoint("server", state="LISTEN"), Endpoint("client")
    passive.received(segment("S", 100))
    passive.received(segment("R", 101))
    assert passive.state == "LISTEN"
    active.sent(segment("S", 1))
    active.received(segment("S", 100))
    active.received(segment("R", 101))
    assert active.state == "CLOSED"


def test_giving_up_ends_it():
    left = Endpoint("client")
    left.open()
    left.give_up()
    assert left.state == "CLOSED"


FLAGS = ("S", "SA", "A", "PA", "FA", "FPA", "R", "RA", "", "FS", "FSA")


class TwoSides(RuleBasedStateMachine):
    """Proper calls, proper segments made of the sides' own numbers, and any nonsense in between."""

    def __init__(self):
        super().__init__()
        self.ends = [Endpoint("client"), Endpoint("server")]
        self.sent = [[], []]

    sides = st.integers(0, 1)
    near = st.integers(-3, 3)

    @rule(
        side=sides, call=st.sampled_from(["listen", "open", "close", "abort", "give_up", "time_wait_is_over"])
    )
    def call(self, side, call):
        getattr(self.ends[side], call)()

    @rule(side=sides, flags=st.sampled_from(FLAGS), seq=near, ack=near, size=st.integers(0, 3))
    def send(self, side, flags, seq, ack, size):
        made = segment(flags, seq, ack, size)
        self.ends[side].sent(made)
        self.sent[side].append(made)

    @precondition(lambda self: any(self.sent))
    @rule(side=sides, data=st.data())
    def arrive(self, side, data):
        if self.sent[side]:
            self.ends[1 - side].received(data.draw(st.sampled_from(self.sent[side])))

    @rule(
        side=sides, flags=st.sampled_from(FLAGS), seq=st.integers(0, 2**32 - 1), ack=st.integers(0, 2**32 - 1)
    )
    def stranger(self, side, flags, seq, ack):
        self.ends[side].received(segment(flags, seq, ack))

    @invariant()
    def every_step_is_in_the_table(self):
        for end in self.ends:
            assert end.state in STATES
            state = None
            for event, passage in end.history:
                if state is not None:
                    listed = TRANSITIONS[state, event]
                    # Figure 5, note 1: an active open does not go back to LISTEN.
                    assert passage.state == listed.state or (state, event) == ("SYN-RCVD", "receive RST")
                state = passage.state

    def teardown(self):
        for end in self.ends:
            end.close()
            end.give_up()
            end.time_wait_is_over()
            assert end.state == "CLOSED"


TwoSides.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
test_no_order_of_events_leads_out_of_the_table = TwoSides.TestCase
