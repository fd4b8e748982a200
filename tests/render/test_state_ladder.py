"""The ladder with states beside it: the picture of SCREENS.md, and what it may not pretend."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from labctl.events import Event, Exchange, Step

Show = Callable[..., str]
CLIENT, SERVER = "client", "server"


def segment(
    at_ms: float,
    source: str,
    label: str,
    role: str,
    phase: str,
    states: tuple[str, str] = ("", ""),
    **more: object,
) -> Exchange:
    """`states`: the sender's, the receiver's."""
    target = SERVER if source == CLIENT else CLIENT
    data = {
        "left": CLIENT,
        "source_state": states[0],
        "target_state": states[1],
        "phase": phase,
        "absolute": label.replace("seq=", "seq=1000"),
    }
    return Exchange(
        text=f"{at_ms} ms. {source}: {label}.",
        at_ms=at_ms,
        source=source,
        target=target,
        label=label,
        role=role,
        lanes={CLIENT: ":54022", SERVER: ":8080"},
        data=data,
        **more,  # type: ignore[arg-type]
    )


CONNECTION: list[Event] = [
    segment(0.0, CLIENT, "SYN  seq=0", "SYN", "open", ("SYN-SENT", "LISTEN")),
    segment(21.0, SERVER, "SYN ACK  seq=0 ack=1", "SYN", "open", ("SYN-RCVD", "")),
    segment(21.1, CLIENT, "ACK  seq=1 ack=1", "ACK only", "open", ("ESTABLISHED",) * 2, hue="mute"),
    segment(21.3, CLIENT, "PSH ACK  seq=1 ack=1  78 B", "carries data", "GET /", hue="ok", heavy=True),
    segment(80.5, SERVER, "FIN ACK  seq=513 ack=80", "FIN", "close", ("LAST-ACK", "TIME-WAIT"), hue="alt"),
]
PICTURE = """\
      ms  client :54022                                            server :8080
                       ┊┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄ open ┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┊
     0.0  SYN-SENT     │────────────── SYN  seq=0 ──────────────►│ LISTEN
    21.0               │◄───────── SYN ACK  seq=0 ack=1 ─────────│ SYN-RCVD
    21.1  ESTABLISHED  │─────────── ACK  seq=1 ack=1 ───────────►│ ESTABLISHED
                       ┊┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄ GET / ┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┊
    21.3               │━━━━━━ PSH ACK  seq=1 ack=1  78 B ━━━━━━►│
                       ┊┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄ close ┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┊
    80.5  TIME-WAIT    │◄─────── FIN ACK  seq=513 ack=80 ────────│ LAST-ACK

  ── SYN    ── ACK only    ━━ carries data    ── FIN
"""


def test_the_picture_at_80_columns(show: Show) -> None:
    assert PICTURE in show(80, CONNECTION)


@pytest.mark.parametrize("width", [72, 80, 100, 120, 200])
def test_no_line_reaches_the_last_column(width: int, show: Show) -> None:
    shown = show(width, CONNECTION)
    assert max(map(len, shown.splitlines())) < width


def test_ascii_has_the_same_columns(show: Show) -> None:
    shown = show(80, CONNECTION, ascii=True)
    assert "    21.0               |<--------- SYN ACK  seq=0 ack=1 ---------| SYN-RCVD" in shown
    assert shown.isascii()


def test_a_lost_segment_ends_on_its_way(show: Show) -> None:
    shown = show(80, [segment(0.0, CLIENT, "SYN  seq=0", "lost on the way", "open", lost=True)])
    assert "╳     │" in shown
    assert "►" not in shown.split("─╳ lost on the way")[0]


@pytest.mark.parametrize(("evidence", "mark"), [("observed", "o"), ("inferred", "?")])
def test_what_was_not_captured_carries_its_mark_and_the_legend_says_so(
    evidence: str, mark: str, show: Show
) -> None:
    shown = show(80, [segment(0.0, CLIENT, "SYN  seq=0", "SYN", "open", evidence=evidence)])
    assert f"     0.0{mark} " in shown
    assert f"{mark}  {evidence}: " in shown
    assert ("┄┄► " in shown or "┄►│" in shown) == (evidence == "inferred")


def test_verbose_shows_the_numbers_of_the_wire(show: Show) -> None:
    assert "SYN  seq=10000" in show(80, CONNECTION[:1], verbose=True)


def test_a_long_connection_is_cut_and_says_how_much_is_missing(show: Show) -> None:
    many: list[Event] = [segment(float(i), CLIENT, f"ACK  seq={i}", "ACK only", "data") for i in range(50)]
    assert "10 more, --all" in show(80, many)
    assert "seq=49" in show(80, many, all=True)


def test_a_note_about_one_thing_stands_beside_its_name(show: Show) -> None:
    steps: list[Event] = [
        Step(text="t", label="ack=79", title="I have bytes 1 to 78, send 79 next.", summary="1 + 78 = 79"),
        Step(text="t", label="TIME-WAIT", title="the side that closes first keeps its port"),
    ]
    shown = show(80, steps)
    assert "  ack=79     I have bytes 1 to 78, send 79 next.   1 + 78 = 79\n" in shown
    assert "  TIME-WAIT  the side that closes first keeps its port\n" in shown
