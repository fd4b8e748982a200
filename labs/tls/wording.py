"""What stands on the arrows of a TLS connection, and the same as sentences."""

from __future__ import annotations

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
from labctl.protocols.tls_records import CHANGE_CIPHER_SPEC
from labs.tls.visit import Seen
from labs.words import count, listed

# What a message means between people; for wide terminals.
SAYS = {
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


def label(seen: Seen, row: Row, first_request: bool) -> tuple[str, str]:
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
            why = "no answer to the request" if seen.asked else "without being asked"
            return f"{{data}}  {size}", f"application data, {why}"
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
        again = ", and resumes the session" if message.resumes else ""
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


def how_seen(seen: Seen, before: str = " (", after: str = "") -> str:
    if seen.evidence == "captured":
        return ""
    return f"{before}{seen.evidence}" + (")" if before == " (" else after)
