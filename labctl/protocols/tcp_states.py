"""The TCP state machine (RFC 9293 section 3.3.2, figure 5) as a table, and what the text adds to the figure.

`TRANSITIONS` has the changes; what is not in it leaves the state as it is, and `follow` is total. Nothing here
looks at sequence numbers: `tcp_endpoint.py` turns segments into these events.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

State = Literal[
    "CLOSED",
    "LISTEN",
    "SYN-SENT",
    "SYN-RCVD",
    "ESTABLISHED",
    "FIN-WAIT-1",
    "FIN-WAIT-2",
    "CLOSE-WAIT",
    "CLOSING",
    "LAST-ACK",
    "TIME-WAIT",
]
Event = Literal[
    "passive open",
    "active open",
    "send",
    "close",
    "abort",
    "receive SYN",
    "receive SYN ACK",
    "receive ACK of SYN",
    "receive FIN",
    "receive ACK of FIN",
    "receive FIN and ACK of FIN",
    "receive RST",
    "give up",
    "2 MSL are over",
]
STATES: tuple[State, ...] = get_args(State)
EVENTS: tuple[Event, ...] = get_args(Event)
# The states in which both sides know of a connection (RFC 9293: the synchronized states).
SYNCHRONIZED: tuple[State, ...] = STATES[4:]


@dataclass(frozen=True, slots=True)
class Transition:
    """`action` is what TCP does on the way ("send SYN", "" for nothing); `source` where it is written."""

    state: State
    action: str
    source: str
    changed: bool = True


_FIGURE = "RFC 9293 figure 5"

TRANSITIONS: dict[tuple[State, Event], Transition] = {
    # The figure, arrow by arrow.
    ("CLOSED", "passive open"): Transition("LISTEN", "create TCB", _FIGURE),
    ("CLOSED", "active open"): Transition("SYN-SENT", "create TCB, send SYN", _FIGURE),
    ("LISTEN", "receive SYN"): Transition("SYN-RCVD", "send SYN ACK", _FIGURE),
    ("LISTEN", "send"): Transition("SYN-SENT", "send SYN", _FIGURE),
    ("LISTEN", "close"): Transition("CLOSED", "delete TCB", _FIGURE),
    ("SYN-SENT", "receive SYN"): Transition("SYN-RCVD", "send SYN ACK", _FIGURE),
    ("SYN-SENT", "receive SYN ACK"): Transition("ESTABLISHED", "send ACK", _FIGURE),
    ("SYN-SENT", "close"): Transition("CLOSED", "delete TCB", _FIGURE),
    ("SYN-RCVD", "receive ACK of SYN"): Transition("ESTABLISHED", "", _FIGURE),
    ("SYN-RCVD", "close"): Transition("FIN-WAIT-1", "send FIN", _FIGURE),
    ("ESTABLISHED", "close"): Transition("FIN-WAIT-1", "send FIN", _FIGURE),
    ("ESTABLISHED", "receive FIN"): Transition("CLOSE-WAIT", "send ACK", _FIGURE),
    ("FIN-WAIT-1", "receive ACK of FIN"): Transition("FIN-WAIT-2", "", _FIGURE),
    ("FIN-WAIT-1", "receive FIN"): Transition("CLOSING", "send ACK", _FIGURE),
    ("FIN-WAIT-2", "receive FIN"): Transition("TIME-WAIT", "send ACK", _FIGURE),
    ("CLOSING", "receive ACK of FIN"): Transition("TIME-WAIT", "", _FIGURE),
    ("CLOSE-WAIT", "close"): Transition("LAST-ACK", "send FIN", _FIGURE),
    ("LAST-ACK", "receive ACK of FIN"): Transition("CLOSED", "delete TCB", _FIGURE),
    ("TIME-WAIT", "2 MSL are over"): Transition("CLOSED", "delete TCB", _FIGURE),
    # The notes under it.
    ("FIN-WAIT-1", "receive FIN and ACK of FIN"): Transition("TIME-WAIT", "send ACK", f"{_FIGURE}, note 2"),
    # It is LISTEN only for the side that was opened passively: `tcp_endpoint.py` looks which it was.
    ("SYN-RCVD", "receive RST"): Transition("LISTEN", "", f"{_FIGURE}, note 1"),
    # A FIN that comes while the handshake is not over (RFC 9293 section 3.10.7.4, eighth).
    ("SYN-RCVD", "receive FIN"): Transition("CLOSE-WAIT", "send ACK", "RFC 9293 section 3.10.7.4"),
    # A FIN that comes again: answered, and the timer starts anew (section 3.10.7.4, eighth).
    ("TIME-WAIT", "receive FIN"): Transition(
        "TIME-WAIT", "send ACK, start the timer anew", "RFC 9293 section 3.10.7.4"
    ),
}
# RST received and ABORT end every state; giving up is the user time-out (sections 3.10.5, 3.10.7, 3.10.8).
for _state in STATES:
    if _state not in ("CLOSED", "LISTEN"):
        TRANSITIONS.setdefault(
            (_state, "receive RST"), Transition("CLOSED", "delete TCB", "RFC 9293 section 3.10.7")
        )
        TRANSITIONS[_state, "give up"] = Transition("CLOSED", "delete TCB", "RFC 9293 section 3.10.8")
    if _state != "CLOSED":
        _says = _state in ("SYN-RCVD", "ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2", "CLOSE-WAIT")
        TRANSITIONS[_state, "abort"] = Transition(
            "CLOSED", "send RST, delete TCB" if _says else "delete TCB", "RFC 9293 section 3.10.5"
        )


def follow(state: State, event: Event) -> Transition:
    """Where `event` leads from `state`. An event that changes nothing there gives the same state, `changed` False."""
    return TRANSITIONS.get((state, event)) or Transition(state, "", "", changed=False)


_MEANING: dict[State, str] = {
    "CLOSED": "no connection",
    "LISTEN": "waits for somebody to connect",
    "SYN-SENT": "has asked for a connection and waits for the answer",
    "SYN-RCVD": "has answered a SYN and waits for the last step of the handshake",
    "ESTABLISHED": "both sides may send",
    "FIN-WAIT-1": "has said that it will send no more, and nobody has confirmed that yet",
    "FIN-WAIT-2": "its own end is confirmed; it can still receive",
    "CLOSE-WAIT": "the other side has finished; it can still send",
    "CLOSING": "both sides finished at the same time; the last confirmation is missing",
    "LAST-ACK": "has finished second and waits for the last acknowledgement",
    "TIME-WAIT": "finished first, and stays to answer a FIN that comes again",
}


def meaning(state: State) -> str:
    """The state in plain words, to stand after its name."""
    return _MEANING[state]


# Drawn once by hand; a test holds every arrow against the table.
_DIAGRAM = """\
                            ┌──────────────┐
           passive open ┌───┤    CLOSED    ├───┐ active open
                        │   └──────────────┘   │ send SYN
                        ▼                      ▼
                 ┌──────────────┐  send   ┌──────────────┐
                 │    LISTEN    ├────────►│   SYN-SENT   │
                 └──────┬───────┘ send SYN└──┬────────┬──┘
            receive SYN │        receive SYN │        │ receive SYN ACK
           send SYN ACK ▼       send SYN ACK │        │ send ACK
                 ┌──────────────┐            │        │
                 │   SYN-RCVD   │◄───────────┘        │
                 └──┬────────┬──┘                     │
              close │        │ receive ACK of SYN     │
           send FIN │        ▼                        │
                    │ ┌──────────────┐                │
                    │ │ ESTABLISHED  │◄───────────────┘
                    │ └──┬────────┬──┘
                    │    │ close  │ receive FIN
                    ▼    ▼ send   ▼ send ACK
            ┌────────────┐ FIN  ┌────────────┐
            │ FIN-WAIT-1 │      │ CLOSE-WAIT │
            └┬────┬────┬─┘      └─────┬──────┘
  ACK of FIN │    │    │ receive FIN  │ close
             ▼    │    ▼ send ACK     ▼ send FIN
  ┌────────────┐  │  ┌───────────┐  ┌───────────┐
  │ FIN-WAIT-2 │  │  │  CLOSING  │  │ LAST-ACK  │
  └──────┬─────┘  │  └─────┬─────┘  └─────┬─────┘
 receive │   both │        │ ACK of FIN   │ ACK of FIN
     FIN ▼        ▼        ▼              ▼
  ┌───────────────────────────┐     ┌───────────┐
  │         TIME-WAIT         ├────►│  CLOSED   │
  └───────────────────────────┘2 MSL└───────────┘
"""


def diagram() -> tuple[str, ...]:
    """Figure 5 in rows of text, at most 72 columns wide."""
    return tuple(_DIAGRAM.rstrip("\n").split("\n"))
