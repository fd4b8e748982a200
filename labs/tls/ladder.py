"""A TLS connection as arrows: each record with what an onlooker reads in it, and what only the two sides do."""

from __future__ import annotations

from collections.abc import Iterator

from labctl.events import Exchange, Hue, Json
from labctl.protocols.tls_conversation import Row
from labctl.protocols.tls_records import CHANGE_CIPHER_SPEC, HANDSHAKE
from labs.tls.visit import Seen
from labs.tls.wording import SAYS, how_seen, label
from labs.words import count

CLIENT, SERVER = "client", "server"
READABLE, ENCRYPTED = "readable on the way", "{encrypted}: only its size is seen"
DATA, ALERT = "{application data}, encrypted", "alert"


# Who saw what nobody captured.
_WITNESS = "by this program"


def exchanges(seen: Seen) -> Iterator[Exchange]:
    """The arrows of one visit; the gutter counts from the first SYN."""
    lanes = {
        CLIENT: seen.connected.local.rpartition(":")[2] and f":{seen.connected.local.rpartition(':')[2]}"
    }
    lanes[SERVER] = seen.target.place
    yield from _tcp(seen, lanes)
    state = {True: "", False: ""}
    rows, phases = seen.open.rows, _phases(seen)
    asked = False
    for row, phase, records in _gathered(_joined(list(zip(rows, phases, strict=True)))):
        first_request = row.sent and bool(row.content) and not asked
        asked = asked or first_request
        now = "readable" if row.clear else "encrypted"
        changed = state[row.sent] != now and row.record.type != CHANGE_CIPHER_SPEC
        state[row.sent] = now if changed else state[row.sent]
        yield _exchange(seen, row, phase, lanes, now if changed else "", first_request, records)


def _tcp(seen: Seen, lanes: dict[str, str]) -> Iterator[Exchange]:
    if seen.connected.socket is None:
        return
    opened = round(seen.opened_at * 1000, 3)
    for at, source, target, flag in ((0.0, CLIENT, SERVER, "SYN"), (opened, SERVER, CLIENT, "SYN ACK")):
        yield Exchange(
            f"{at:.1f} ms. {source} sends {flag}{how_seen(seen)}: TCP is opened first.",
            at,
            source,
            target,
            f"{flag}  TCP",
            role="TCP",
            hue="mute",
            evidence=seen.evidence,
            lanes=lanes,
            data={
                "left": CLIENT,
                "source_state": "",
                "target_state": "",
                "phase": "TCP, one round trip",
                "witness": _WITNESS,
            },
        )


def _phases(seen: Seen) -> list[str]:
    """The rule above each row: which round trip of the handshake it belongs to, or the request."""
    before, trips, last = seen.open.handshake_rows, 1, False
    found = []
    for i, row in enumerate(seen.open.rows):
        if i >= before:
            found.append(f"{seen.asked or 'data'} and the answer" if seen.ok else "the end")
            continue
        # The client speaks again after it has heard something: the next round trip begins.
        if row.sent and last and _goes_on(seen, i):
            trips += 1
        last = not row.sent
        found.append(f"TLS, round trip {trips}")
    if not seen.open.tls13:
        return found
    # What the client sends with its request costs no waiting: it belongs to the request.
    for i in range(before - 1, -1, -1):
        if not seen.open.rows[i].sent or before == len(found):
            break
        found[i] = found[before]
    return found


def _goes_on(seen: Seen, at: int) -> bool:
    """Whether the server has more to say before the request may go."""
    return any(not row.sent for row in seen.open.rows[at : seen.open.handshake_rows])


def _joined(rows: list[tuple[Row, str]]) -> Iterator[tuple[Row, str, int]]:
    """The handshake row by row; what the application sends afterwards is one row for the request and one each way
    for all that follows, with the number of records in it.
    """
    first = next((i for i, (row, _) in enumerate(rows) if row.sent and row.content and not row.clear), None)
    later: dict[bool, list[int]] = {
        sent: [
            i for i, (r, _) in enumerate(rows) if i != first and r.sent == sent and r.content and not r.clear
        ]
        for sent in (True, False)
    }
    for i, (row, phase) in enumerate(rows):
        same = later[row.sent]
        if i not in same:
            yield row, phase, 1
        elif i == same[0 if row.sent else -1]:
            every = [rows[k][0] for k in same]
            fragment = b"".join(r.record.header + r.record.fragment for r in every)[5:]
            yield row._replace(record=row.record._replace(fragment=fragment)), phase, len(every)


def _gathered(rows: Iterator[tuple[Row, str, int]]) -> Iterator[tuple[Row, str, int]]:
    """Records that hold no whole message, and warnings that are sent again and again, as one row."""
    held: tuple[Row, str, int] | None = None
    for row, phase, records in rows:
        if held is not None and _alike(held[0], row):
            whole = held[0].record.fragment + row.record.header + row.record.fragment
            held = row._replace(record=row.record._replace(fragment=whole)), phase, held[2] + records
            continue
        if held is not None:
            yield held
        held = row, phase, records
    if held is not None:
        yield held


def _alike(one: Row, other: Row) -> bool:
    if (one.sent, one.clear, one.record.type) != (other.sent, other.clear, other.record.type):
        return False
    if one.alert is not None:
        return one.alert == other.alert and not one.alert[0]
    return one.record.type == HANDSHAKE and not (one.messages or other.messages)


def _exchange(
    seen: Seen, row: Row, phase: str, lanes: dict[str, str], state: str, first: bool, records: int
) -> Exchange:
    source, target = (CLIENT, SERVER) if row.sent else (SERVER, CLIENT)
    shown, said = label(seen, row, first)
    role, hue = _role(row)
    at_ms = round(row.at * 1000, 3)
    readable = "readable on the way" if row.clear else "encrypted"
    size = row.record.size
    data: dict[str, Json] = {
        "left": CLIENT,
        "source_state": state,
        "target_state": "",
        "phase": phase,
        "record": row.record.name,
        "bytes": size,
        "readable": row.clear,
        "messages": list(row.names),
        "witness": _WITNESS,
    }
    if words := SAYS.get("+".join(row.names)):
        data["wide"] = words
    if records > 1:
        said += f", in {records} records"
        data["records"] = records
    return Exchange(
        f"{at_ms:.1f} ms. {source} sends {said} ({count(size, 'byte')}, {readable}{how_seen(seen, ', ')}).",
        at_ms,
        source,
        target,
        shown,
        role=role,
        hue=hue,
        heavy=not row.clear and bool(row.content),
        evidence=seen.evidence,
        lanes=lanes,
        data=data,
    )


def _role(row: Row) -> tuple[str, Hue]:
    if row.alert is not None and row.alert[0]:
        return ALERT, "bad"
    if row.record.type == CHANGE_CIPHER_SPEC:
        return READABLE, "mute"
    if row.clear:
        return READABLE, "warn"
    return (DATA, "ok") if row.content else (ENCRYPTED, "alt")
