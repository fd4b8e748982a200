"""The tables of the tls lab: what was agreed, who reads what, the chain in three columns, the visits compared."""

from __future__ import annotations

from labctl.events import Hue, Row, Rows
from labctl.protocols.tls_conversation import TlsConversation
from labctl.protocols.tls_messages import (
    Certificates,
    ClientHello,
    EncryptedExtensions,
    KeyExchange,
    ServerHello,
    Signed,
)
from labctl.protocols.tls_names import (
    alpn_sentence,
    cipher_name,
    cipher_sentence,
    group_name,
    group_sentence,
    signature_name,
    version_name,
)
from labs.tls.certificates import Certificate, Chain, day, days_between
from labs.tls.visit import Seen
from labs.words import count, ms

# So many steps of a chain are shown.
_STEPS = 12
_VERSION = {
    "1.3": "Only good ciphers are left, and everything after the ServerHello is encrypted.",
    "1.2": "Good with the right ciphers; the certificate crosses readable, and it takes longer.",
    "1.1": "Too old: nobody should speak it any more (RFC 8996).",
    "1.0": "Too old: nobody should speak it any more (RFC 8996).",
}


def agreed(seen: Seen) -> Rows:
    """What the two agreed on, each with one plain sentence."""
    said, secured = seen.open, seen.secured
    assert secured is not None
    hello, answer = said.hello, said.answer
    rows = []
    if hello is not None:
        why = "Said first and readable (SNI): one address has many sites, and each its certificate."
        if not hello.server_name:
            why = "No name was sent: the server can only guess which certificate is wanted."
        rows.append(("server name", hello.server_name or "none", why))
        unasked = "" if hello.alpn else "None was offered: what is spoken here is known without asking."
        rows.append(("protocol", secured.alpn or "none", unasked or alpn_sentence(secured.alpn)))
    rows.append(("version", f"TLS {secured.version}", _VERSION.get(secured.version, "")))
    group = group_of(said)
    if group:
        rows.append(("key exchange", group, group_sentence(group)))
    elif answer is not None and cipher_name(answer.cipher).startswith("TLS_DHE"):
        why = "Diffie-Hellman with numbers that the server chose, made for this one handshake."
        rows.append(("key exchange", "DHE", why))
    if answer is not None:
        rows.append(("cipher", secured.cipher, cipher_sentence(cipher_name(answer.cipher))))
    signed = next((m for m in said.messages(Signed) if isinstance(m, Signed)), None)
    if signed is not None:
        why = "With it the server proves, in this very handshake, that it has the certificate's key."
        rows.append(("signature", signature_name(signed.signature), why))
    if seen.asks_for_certificate:
        why = "The server asked for one (CertificateRequest), and this client has none to show."
        rows.append(("client's proof", "none", why))
    return Rows(
        "What the two agreed on.",
        "tls.agreed",
        "What the two agreed on",
        ("what", "value", "meaning"),
        tuple(
            Row(f"{what}: {value}. {why}", (what, value, why), hues=("mute", "accent"))
            for what, value, why in rows
        ),
    )


def group_of(said: TlsConversation) -> str:
    """The name of the group of the key exchange, or ""."""
    if said.answer is not None and said.answer.group is not None:
        return group_name(said.answer.group)
    exchange = next((m for m in said.messages(KeyExchange) if isinstance(m, KeyExchange)), None)
    return group_name(exchange.group) if exchange is not None and exchange.group is not None else ""


def onlooker(visits: dict[str, Seen]) -> Rows:
    """Who reads what on the way, one column for each version of TLS; from readable records alone."""
    told = {name: _read_by_others(seen) for name, seen in visits.items()}
    names = list(dict.fromkeys(what for each in told.values() for what in each))
    rows = []
    for what in names:
        cells = [told[version].get(what, "") for version in visits]
        hues: list[Hue] = ["mute", *("ok" if cell.startswith("hidden") else "warn" for cell in cells)]
        said = "; ".join(f"{version}: {cell}" for version, cell in zip(visits, cells, strict=True))
        rows.append(Row(f"{what}: {said}.", (what, *cells), hues=tuple(hues)))
    return Rows(
        "What an onlooker reads of the same visit.",
        "tls.onlooker",
        "What an onlooker reads",
        ("", *visits),
        tuple(rows),
        show_columns=True,
    )


def _read_by_others(seen: Seen) -> dict[str, str]:
    clear = [(row.sent, m) for row in seen.open.rows if row.clear for _, m in row.messages]
    hello = next((m for _, m in clear if isinstance(m, ClientHello)), None)
    chosen = next((m.alpn for _, m in clear if isinstance(m, ServerHello | EncryptedExtensions)), "")
    certificate = next((m for sent, m in clear if isinstance(m, Certificates) and not sent), None)
    data = [row for row in seen.open.rows if not row.clear and row.content]
    sizes = {sent: sum(row.record.size for row in data if row.sent == sent) for sent in (True, False)}
    told = {"server's name": (hello.server_name if hello else "") or "hidden: it was not sent"}
    if hello is not None and hello.alpn:
        told["what is offered"] = ", ".join(hello.alpn)
        told["what is chosen"] = chosen or ("hidden" if seen.open.tls13 else "nothing was chosen")
    named = certificate is not None and certificate.chain
    told["certificate"] = Certificate(certificate.chain[0]).name if certificate and named else "hidden"
    for what, sent in (("request", True), ("answer", False)):
        if sizes[sent]:
            told[what] = f"hidden, but {sizes[sent]:,} B long"
    return told


def chain_table(chain: Chain) -> Rows:
    """As sent, as built, as trusted: one row for each step from the leaf up."""
    rows: list[Row] = []
    steps = list(chain.path)
    built = [c.name for c in steps] + ([f"{chain.missing}: missing"] if chain.missing else [])
    extra = list(chain.unused)
    for i in range(max(len(built), len(steps) + len(extra), 1)):
        step = steps[i] if i < len(steps) else None
        sent = step.name if step is not None and step in chain.sent else "not sent" if i < len(built) else ""
        if step is None and i >= len(built) and extra:
            sent = extra[i - len(built)].name if i - len(built) < len(extra) else ""
        if not chain.sent:
            sent = "nothing"
        trusted, hue = "", "mute"
        if step is not None and step == chain.root:
            trusted, hue = "a root of ours", "ok"
        elif i == len(built) - 1 and chain.root is None:
            trusted, hue = "no root of ours", "bad"
        what = built[i] if i < len(built) else "not needed"
        missing = what.endswith(": missing")
        hues: tuple[Hue, ...] = ("mute" if sent == "not sent" else "", "bad" if missing else "", hue)  # type: ignore[assignment]
        if not trusted and chain.root is not None and i < len(built):
            trusted = "for its issuer"
        text = f"Step {i + 1}: sent {sent or 'nothing'}; built {what}; trusted: {trusted or 'no'}."
        if what == "not needed":
            text = f"Sent too: {sent}, which belongs to no step."
        rows.append(Row(text, (sent, what, trusted), hues=hues))
    if (left := len(rows) - _STEPS) > 1:
        more = f"{left:,} more"
        rows[_STEPS - 2 : -2] = [Row(f"{more} steps like these.", (more, "", ""), hues=("mute",))]
    return Rows(
        "The chain, from the server's own certificate up: as sent, as built, as trusted.",
        "tls.chain",
        "The chain",
        ("as sent", "as built", "as trusted"),
        tuple(rows),
        note="from the server's own certificate up",
        show_columns=True,
    )


def visits_table(visits: dict[str, Seen]) -> Rows:
    """The visits side by side: what each cost before its request could go."""
    rows = []
    for name, seen in visits.items():
        if not seen.ok:
            why = seen.secured.reason if seen.secured is not None else seen.connected.detail
            rows.append(Row(f"{name}: failed ({why}).", (name, "failed", "", "", ""), hues=("", "bad")))
            continue
        trips, size, took = seen.open.round_trips, seen.handshake_bytes, seen.handshake_ms
        sent, _ = seen.open.certificates
        certificate = "sent" if sent is not None else "not sent"
        alpn = seen.secured.alpn or "none" if seen.secured is not None else ""
        rows.append(
            Row(
                f"{name}: {count(trips, 'round trip')}, {size:,} bytes from the server, certificate {certificate}, "
                f"ALPN {alpn}, {ms(took)}.",
                (name, str(trips), f"{size:,} B", certificate, alpn, ms(took)),
                hues=("", "accent" if trips == 1 else "warn", "", "ok" if sent is None else "mute", "mute"),
                data={"round_trips": trips, "server_bytes": size, "handshake_ms": round(took, 1)},
            )
        )
    return Rows(
        "What each visit cost before its request could go.",
        "tls.visits",
        "Before the request may go",
        ("visit", "trips", "server sent", "certificate", "ALPN", "took"),
        tuple(rows),
        show_columns=True,
    )


def validity(chain: Chain, now: float) -> str:
    """One sentence about the leaf. `now` is POSIX seconds."""
    leaf = chain.sent[0]
    if not leaf.readable:
        return "The server's certificate cannot be read here."
    until = leaf.until.timestamp()
    days = days_between(now, until)
    left = " (over)" if until < now else f" ({count(days, 'day')} left)" if days else " (it ends today)"
    names = ", ".join(leaf.names[:3]) + (f" and {len(leaf.names) - 3} more" if len(leaf.names) > 3 else "")
    return (
        f"The server's certificate is for {names or 'no name'}, issued by {leaf.issuer}, "
        f"good from {day(leaf.from_)} to {day(leaf.until)}{left}, with a key of {leaf.key}."
    )


def version_of(seen: Seen) -> str:
    """`TLS 1.3`, as the ServerHello says."""
    return version_name(seen.open.answer.version) if seen.open.answer is not None else "TLS"
