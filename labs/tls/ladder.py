"""A TLS connection as arrows: each record with what an onlooker reads in it, and what only the two sides do."""

from __future__ import annotations

from collections.abc import Iterator

from labctl.events import Exchange, Hue, Json
from labctl.protocols.tls_conversation import Row
from labctl.protocols.tls_messages import (
    Certificates,
    ClientHello,
    KeyExchange,
    Message,
    ServerHello,
    Signed,
    Ticket,
    Unreadable,
)
from labctl.protocols.tls_names import (
    alert_sentence,
    cipher_name,
    group_name,
    handshake_name,
    signature_name,
    version_name,
)
from labctl.protocols.tls_records import CHANGE_CIPHER_SPEC, HANDSHAKE
from labs.tcp.words import count, listed
from labs.tls.visit import Seen

CLIENT, SERVER = "client", "server"
READABLE, ENCRYPTED = "readable on the way", "{encrypted}: only its size is seen"
DATA, ALERT = "{application data}, encrypted", "alert"


# Who saw what nobody captured.
_WITNESS = "by this program"
# What a message means between people; for wide terminals.
_SAYS = {
    "ClientHello": "this is what I can do",
    "HelloRetryRequest": "not that group, please",
    "ServerHello": "then let us do this",
    "EncryptedExtensions": "and the rest in private",
    "Certificate": "this is who I am",
    "CertificateVerify": "signed with my key",
    "Finished": "and nobody changed a word",
    "NewSessionTicket": "for the next time",
    "ServerHelloDone": "your turn",
    "ClientKeyExchange": "my half of the secret",
    "ServerKeyExchange": "my half of the secret, signed",
}


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
    for at, source, target, label in ((0.0, CLIENT, SERVER, "SYN"), (opened, SERVER, CLIENT, "SYN ACK")):
        yield Exchange(
            f"{at:.1f} ms. {source} sends {label}{_how(seen)}: TCP is opened first.",
            at,
            source,
            target,
            f"{label}  TCP",
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
    label, said = _label(seen, row, first)
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
    if words := _SAYS.get("+".join(row.names)):
        data["wide"] = words
    if records > 1:
        said += f", in {records} records"
        data["records"] = records
    return Exchange(
        f"{at_ms:.1f} ms. {source} sends {said} ({count(size, 'byte')}, {readable}{_how(seen, ', ')}).",
        at_ms,
        source,
        target,
        label,
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


def _label(seen: Seen, row: Row, first_request: bool) -> tuple[str, str]:
    """What stands on the arrow, and the same as part of a sentence. Braces: nobody on the way reads the name."""
    size = f"{row.record.size:,} B"
    if row.record.type == CHANGE_CIPHER_SPEC:
        if seen.open.tls13:
            return (
                "ChangeCipherSpec",
                "ChangeCipherSpec, which means nothing any more and calms old middleboxes",
            )
        return "ChangeCipherSpec", "ChangeCipherSpec: what follows is encrypted"
    if row.alert is not None:
        _, name = row.alert
        label = f"alert  {name}" if row.clear else f"{{alert}}  {name}"
        return label, f"the alert {name}: {alert_sentence(name).rstrip('.')}"
    if row.content:
        if first_request:
            return f"{{{seen.asked or 'data'}}}  {size}", f"its request, {seen.asked or 'data'}"
        if row.sent:
            return f"{{data}}  {size}", "more application data"
        if not seen.answered:
            return f"{{data}}  {size}", "application data without being asked"
        return f"{{{seen.answered}}}  {size}", f"the answer, {seen.answered}"
    if not row.opened:
        return f"{{?}}  {size}", f"a record of type {row.record.name} that we cannot open"
    if not row.messages:
        return f"part of a message  {size}", "a part of a message"
    names = "+".join(row.names)
    about = next(filter(None, (_short(m) for _, m in row.messages)), "")
    shown = names if row.clear else f"{{{names}}}"
    told = listed([_sentence(kind, m) for kind, m in row.messages])
    if names == "HelloRetryRequest":
        size = ""  # what it wants is the point, and there is no room for more
    return "  ".join(filter(None, (shown, about, size))), told


def _short(message: Message) -> str:
    """A word or two beside the message's name."""
    if isinstance(message, ClientHello):
        return message.server_name or "no name"
    if isinstance(message, ServerHello):
        if message.retry and message.group is not None:
            return f"wants {group_name(message.group)}"
        return "resumed" if message.resumes else ""
    if isinstance(message, Certificates):
        if message.packed and not message.chain:
            return "compressed"
        return {0: "none", 1: "one"}.get(len(message.chain), f"{len(message.chain)} of them")
    return ""


def _sentence(kind: int, message: Message) -> str:
    name = handshake_name(kind)
    if isinstance(message, ClientHello):
        wanted = f"asking for {message.server_name}" if message.server_name else "without a server's name"
        groups = listed([group_name(g) for g, _ in message.key_shares if group_name(g) != "GREASE"])
        share = f", with a key share for {groups}" if message.key_shares else ""
        offers = f", offering {listed(message.alpn)}" if message.alpn else ""
        return (
            f"ClientHello {wanted}{offers}{share}{', and a ticket to resume with' if message.resumes else ''}"
        )
    if isinstance(message, ServerHello):
        if message.retry:
            group = group_name(message.group) if message.group is not None else "another group"
            return f"HelloRetryRequest: it wants a key share for {group}, and the client has to begin again"
        group = f" and {group_name(message.group)}" if message.group is not None else ""
        again = ", and takes the ticket" if message.resumes else ""
        return f"ServerHello: it chooses {version_name(message.version)}, {cipher_name(message.cipher)}{group}{again}"
    if isinstance(message, Certificates):
        if message.packed and not message.chain:
            return f"{name}: what is inside is not read here"
        return (
            f"{name} with {count(len(message.chain), 'certificate')}"
            if message.chain
            else f"{name} without one"
        )
    if isinstance(message, KeyExchange) and message.group is not None:
        return f"ServerKeyExchange for {group_name(message.group)}"
    if isinstance(message, Signed):
        return (
            f"CertificateVerify, a signature ({signature_name(message.signature)}) with the certificate's key"
        )
    if isinstance(message, Ticket):
        return f"NewSessionTicket, good for {message.lifetime_s} s"
    if isinstance(message, Unreadable):
        return message.reason.rstrip(".")
    return name


def _how(seen: Seen, before: str = " (", after: str = "") -> str:
    if seen.evidence == "captured":
        return ""
    return f"{before}{seen.evidence}" + (")" if before == " (" else after)
