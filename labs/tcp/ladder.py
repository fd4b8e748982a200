"""A conversation as exchanges: each row of `protocols.tcp_ladder` becomes an arrow with its sentence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from labctl.events import Exchange, Hue, Json, Step
from labctl.protocols.tcp_ladder import Conversation, LadderRow
from labctl.protocols.tcp_segments import Segment
from labs.tcp.words import options
from labs.telling import note
from labs.words import count

CLIENT, SERVER = "client", "server"
_AGAIN = ("retransmission", "fast-retransmission")
NOTHING: Mapping[str, str] = {}
# So many rows of somebody else's connection are drawn, the last ones among them.
MOST_ROWS, LAST_ROWS = 40, 8

# What the flags mean in a conversation between people; for wide terminals.
_SAYS = {
    "S": "I want to connect",
    "SA": "OK, I acknowledge, and so do I",
    "FA": "I have no more to send",
    "R": "I know no such connection",
    "RA": "no",
}


def exchanges(
    conversation: Conversation,
    *,
    names: tuple[str, str] = (CLIENT, SERVER),
    phases: Mapping[str, str] = NOTHING,
    since_ns: int | None = None,
    only: tuple[str, ...] = (),
    after: int = 0,
    until: int | None = None,
) -> Iterator[Exchange]:
    """The arrows. `phases` renames the rules that stand between them (`data`: "GET / and its reply").

    `since_ns` is the moment that the gutter calls 0: default, the conversation's first segment. `only` are the
    phases that are drawn (default all), `after` the number of rows that have been drawn already, and `until`
    the number of rows behind which nothing is drawn.
    """
    start = conversation.start_ns if since_ns is None else since_ns
    offset = (conversation.start_ns - start) / 1e6
    titles = {"open": "open", "data": "data", "close": "close", "reset": "reset", **phases}
    lanes = {names[0]: f":{conversation.client[1]}", names[1]: f":{conversation.server[1]}"}
    for row in conversation.rows[after:until]:
        if not only or row.phase in only:
            yield _exchange(row, names, lanes, titles[row.phase], offset + row.at_ms)


def bounded(conversation: Conversation, *, phases: Mapping[str, str] = NOTHING) -> Iterator[Exchange | Step]:
    """The arrows of a conversation that may be long: its beginning and its end, and how many lie between."""
    total = len(conversation.rows)
    if total <= MOST_ROWS:
        yield from exchanges(conversation, phases=phases)
        return
    last = total - LAST_ROWS
    yield from exchanges(conversation, phases=phases, until=MOST_ROWS - LAST_ROWS)
    yield note(
        f"{count(total - MOST_ROWS, 'more segment')} here; the last {LAST_ROWS} follow, and --pcap FILE keeps all."
    )
    yield from exchanges(conversation, phases=phases, after=last)


def _exchange(
    row: LadderRow, names: tuple[str, str], lanes: Mapping[str, str], phase: str, at_ms: float
) -> Exchange:
    segment = row.segment
    mine = row.sender == "client"
    source, target = names if mine else names[::-1]
    near, far = row.client_shows, row.server_shows
    near, far = (near, far) if mine else (far, near)
    role, hue = _role(row)
    label, absolute = _labels(row)
    data: dict[str, Json] = {
        "left": names[0],
        "source_state": near,
        "target_state": far,
        "phase": phase,
        "absolute": absolute,
        "absolute_short": _short(row),
        "flags": segment.flags,
        "seq": row.seq,
        "marks": list(row.marks),
    }
    if segment.options or "options" not in segment.unknown:
        data["options"] = [o.text for o in segment.options if o.name not in ("nop", "eol")]
    if "at_ns" in segment.unknown:
        # The upper bound: it had crossed by then.
        data["by_ms"] = round(at_ms, 3)
    if segment.length:
        data["bytes"] = segment.length
    if row.ack is not None:
        data["ack"] = row.ack
    if "S" in segment.flags and "options" not in segment.unknown:
        data["details"] = _details(segment)
    # A RST ACK to anything but a SYN breaks off what was there.
    refuses = row.seq == 0 or segment.flags != "RA"
    if refuses and (said := _SAYS.get(segment.flags.replace("P", ""))):
        data["wide"] = said
    return Exchange(
        text=_sentence(row, at_ms, source, target, near, far),
        at_ms=at_ms,
        source=source,
        target=target,
        label=label,
        role=role,
        hue=hue,
        heavy=row.heavy,
        lost=segment.dropped,
        evidence=segment.evidence,
        lanes=dict(lanes),
        data=data,
    )


def _role(row: LadderRow) -> tuple[str, Hue]:
    """What the legend calls the arrow, and its colour."""
    segment = row.segment
    if segment.dropped:
        return "lost on the way", "warn" if {"retransmission", "fast-retransmission"} & set(row.marks) else (
            "ok" if row.heavy else "accent" if "S" in segment.flags else "mute"
        )
    if "R" in segment.flags:
        return "RST", "bad"
    if {"retransmission", "fast-retransmission"} & set(row.marks):
        return "sent again", "warn"
    if "S" in segment.flags:
        return "SYN", "accent"
    if "F" in segment.flags:
        return "FIN", "alt"
    if row.heavy:
        return "carries data", "ok"
    if {"duplicate-ack", "sack", "dsack"} & set(row.marks):
        return "ACK that tells of a gap" if "dsack" not in row.marks else "ACK: came twice", "warn"
    return "ACK only", "mute"


def _labels(row: LadderRow) -> tuple[str, str]:
    """The words on the arrow, with relative and with the wire's numbers."""
    if not (row.reading.sack or row.reading.dsack):
        return row.label, row.absolute_label
    # The acknowledgement is the point, and there is no room for more.
    parts = [row.segment.flag_words, f"ack={row.ack}"]
    if row.reading.dsack:
        parts.append(f"twice {_range(row.reading.dsack)}")
    elif row.reading.sack:
        parts.append("sack " + " ".join(map(_range, row.reading.sack)))
    return "  ".join(parts), row.absolute_label


def _details(segment: Segment) -> str:
    """A SYN's window and options in few cells: `win 64240  MSS 1460  SACK  scale 10`."""
    parts = [] if "window" in segment.unknown else [f"win {segment.window}"]
    if segment.mss is not None:
        parts.append(f"MSS {segment.mss}")
    if segment.sack_permitted:
        parts.append("SACK")
    if segment.window_scale is not None:
        parts.append(f"scale {segment.window_scale}")
    return "  ".join(parts)


def _short(row: LadderRow) -> str:
    """The wire's numbers without their names: `PSH ACK  1557309148 2334800607  59 B`."""
    segment = row.segment
    told = [("seq", segment.seq)] if row.ack is None else [("seq", segment.seq), ("ack", segment.ack)]
    numbers = ["?" if name in segment.unknown else str(number) for name, number in told]
    parts = [segment.flag_words, " ".join(numbers)]
    return "  ".join([*parts, f"{segment.length} B"] if segment.length else parts)


def _range(block: tuple[int, int]) -> str:
    return f"{block[0]}-{block[1]}"


def _sentence(row: LadderRow, at_ms: float, source: str, target: str, near: str, far: str) -> str:
    segment = row.segment
    how = {"captured": "", "observed": " (observed, not captured)", "inferred": " (inferred)"}[
        segment.evidence
    ]
    what = f"{source} sends {segment.flag_words or 'a segment without flags'}{how}"
    if segment.length:
        what += f" with {count(segment.length, 'byte')}"
        what += " in several segments" if "cut" in segment.unknown else ""
    numbers = [f"seq {row.seq}"]
    if row.ack is not None:
        numbers.append(f"ack {row.ack}")
    if row.reading.dsack:
        numbers.append(f"came twice {_range(row.reading.dsack)}")
    if row.reading.sack:
        numbers.append("SACK " + " ".join(map(_range, row.reading.sack)))
    if "S" in segment.flags:
        if row.reading.window >= 0:
            numbers.append(f"window {segment.window}")
        if segment.options or "options" not in segment.unknown:
            numbers.append(options(segment))
    by = "by " if "at_ns" in segment.unknown else ""
    text = f"{_capital(by)}{at_ms:.1f} ms. {what}: {', '.join(numbers)}."
    if segment.evidence != "captured" and "S" not in segment.flags and set(_AGAIN) & set(row.marks):
        text += f" Sent again{', lost' if segment.dropped else ''} (why is not visible from here)."
    elif row.remark:
        text += f" {row.remark[0].upper()}{row.remark[1:]}."
    states = [f"{source} is now {near}"] if near else []
    if far and "S" in segment.flags:
        # What a SYN does to its receiver is shown with the answer.
        states.append(f"{target} is {far}" + (" until it arrives" if far == "LISTEN" else ""))
    elif far:
        states.append(f"when it arrives, {target} is {far}")
    return f"{text} {_capital('; '.join(states))}." if states else text


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
