"""What the visits show about the claims: judged by records and messages, never by what was meant to happen."""

from __future__ import annotations

from labctl.events import Claim, Verdict
from labctl.protocols.tls_conversation import TLS13, TlsConversation
from labctl.protocols.tls_messages import Certificates, ClientHello, EncryptedExtensions, ServerHello
from labctl.protocols.tls_names import cipher_name
from labctl.protocols.tls_opening import RSA_KEY_EXCHANGE, opens, with_private_key
from labs.tls.claims import ALPN, FORWARD_SECRECY, ONE_ROUND_TRIP, ONLOOKER, RESUMPTION
from labs.tls.visit import Seen
from labs.words import count


def _fell(claim: Claim, because: str, strict: bool) -> Verdict:
    """What other servers may do, and the sandbox's shop has no reason to: only there a claim falls by it."""
    return claim.judged(False, because) if strict else claim.not_seen(because)


def round_trips(first: Seen, old: Seen | None, *, strict: bool = True) -> Verdict:
    """`first` is a full handshake of the newest version, `old` one of TLS 1.2."""
    if not first.open.tls13:
        return ONE_ROUND_TRIP.not_seen(_no_13(first))
    trips = first.open.round_trips
    if trips != 1:
        took = f"The handshake of TLS 1.3 took {count(trips, 'round trip')}."
        if first.open.hellos == 1:
            return ONE_ROUND_TRIP.judged(False, took)
        return _fell(
            ONE_ROUND_TRIP, f"{took} The server asked for another key share (HelloRetryRequest).", strict
        )
    if old is None or not old.ok:
        return ONE_ROUND_TRIP.not_seen(f"TLS 1.3 took 1 round trip, and {_no_12(old)}.")
    before = old.open.round_trips
    return ONE_ROUND_TRIP.judged(
        before == 2,
        f"Before the request could go, TLS 1.3 took 1 round trip and TLS 1.2 took {before}.",
    )


def _no_12(old: Seen | None) -> str:
    if old is None:
        return "TLS 1.2 was not tried"
    alert = next((a.name for a in old.secured.alerts if a.fatal and not a.sent), "") if old.secured else ""
    if alert == "protocol_version":
        return "the server does not speak TLS 1.2"
    return f"with TLS 1.2 the server refused (alert {alert})" if alert else "the handshake of TLS 1.2 failed"


def resumption(first: Seen, back: Seen | None, *, strict: bool = True) -> Verdict:
    if first.refused:
        return RESUMPTION.not_seen(
            f"The server refused with the alert {first.refused}, before it gave a ticket."
        )
    if back is None:
        return RESUMPTION.not_seen("There was no session to come back with.")
    if not back.ok or back.secured is None:
        return RESUMPTION.not_seen("The second visit failed.")
    sent = [
        m for m in back.open.messages(Certificates) if isinstance(m, Certificates) and (m.chain or m.packed)
    ]
    if back.secured.resumed and not sent:
        return RESUMPTION.judged(
            True,
            f"On the second visit the server sent {back.handshake_bytes:,} bytes instead of "
            f"{first.handshake_bytes:,}, and no certificate.",
        )
    why = "The server gave no ticket to come back with" if _ticketless(first) else "The ticket was not taken"
    told = f"{why}: the second handshake was a full one, {back.handshake_bytes:,} bytes from the server."
    return _fell(RESUMPTION, told, strict)


def _no_13(seen: Seen) -> str:
    hello = seen.open.hello
    asked = hello is not None and TLS13 in hello.versions
    return "The server does not speak TLS 1.3." if asked else "Only TLS 1.2 was asked for."


def _ticketless(seen: Seen) -> bool:
    return seen.session is None or not seen.session.has_ticket


def onlooker(first: Seen, old: Seen | None, host: str, *, address: bool) -> Verdict:
    if address:
        return ONLOOKER.not_seen("An address was asked for, and addresses are never sent as SNI.")
    name = _readable_name(first)
    if name.lower() != host.lower():
        told = f"was {name}" if name else "held no server's name"
        return ONLOOKER.judged(False, f"What stood readable in the ClientHello {told}.")
    if not first.open.tls13:
        return ONLOOKER.not_seen(_no_13(first))
    if first.open.certificates[1]:
        return ONLOOKER.judged(False, "The certificate crossed readable in TLS 1.3.")
    if old is None or not old.ok:
        return ONLOOKER.not_seen(
            f"{name} was readable, and the certificate was not; nothing was seen of TLS 1.2."
        )
    return ONLOOKER.judged(
        old.open.certificates[1],
        f"{name} stood readable in the ClientHello; the certificate was readable in TLS 1.2 only.",
    )


def _readable_name(seen: Seen) -> str:
    for row in seen.open.rows:
        for _, message in row.messages:
            if isinstance(message, ClientHello) and row.clear:
                return message.server_name
    return ""


def alpn(first: Seen, without: Seen | None, *, strict: bool = True) -> Verdict:
    hello, secured = first.open.hello, first.secured
    if hello is None or not hello.alpn or secured is None:
        return ALPN.not_seen("The client offered no protocol here.")
    inside = [
        m.alpn
        for row in first.open.rows[: first.open.handshake_rows]
        for _, m in row.messages
        if isinstance(m, EncryptedExtensions | ServerHello) and m.alpn
    ]
    if not inside and secured.alpn:
        return ALPN.not_seen(f"{secured.alpn} was chosen, and the record that says so did not open here.")
    if not inside:
        told = f"The client offered {' and '.join(hello.alpn)}, and the server chose none of them."
        return _fell(ALPN, told, strict)
    trips = first.open.round_trips
    if without is None or not without.ok:
        return ALPN.judged(
            True, f"{inside[0]} was chosen in the server's first flight, with no round trip of its own."
        )
    bare = without.open.round_trips
    return ALPN.judged(
        trips == bare,
        f"{inside[0]} was chosen inside the handshake: {count(trips, 'round trip')} with ALPN, {bare} without.",
    )


class Opened:
    """How many of a recording's encrypted records each key opens."""

    def __init__(self, seen: Seen, key_pem: str) -> None:
        bare = TlsConversation(seen.chunks)
        self.hidden = sum(not row.clear for row in bare.rows)
        self.by_key_log = _opened(seen.open)
        self.by_private_key, self.why = 0, ""
        self.cipher = bare.answer.cipher if bare.answer is not None else 0
        self.ephemeral = bare.answer is not None and bare.answer.cipher not in RSA_KEY_EXCHANGE
        if key_pem:
            attempt = with_private_key(bare, key_pem.encode("ascii"))
            self.why = attempt.why
            if attempt.locksmith is not None:
                self.by_private_key = _opened(TlsConversation(seen.chunks, attempt.locksmith))


def _opened(said: TlsConversation) -> int:
    return sum(row.opened and not row.clear for row in said.rows)


def forward_secrecy(opened: dict[str, Opened], *, have_key: bool) -> Verdict:
    """`opened` by the name of the visit."""
    strange = next((each for each in opened.values() if not opens(each.cipher)), None)
    if strange is not None:
        return FORWARD_SECRECY.not_seen(f"Records of {cipher_name(strange.cipher)} are not opened here.")
    if any(each.by_key_log < each.hidden for each in opened.values()):
        return FORWARD_SECRECY.not_seen("The session's own secrets did not open all of the recording here.")
    if have_key:
        bad = next(((n, o) for n, o in opened.items() if o.by_private_key), None)
        if bad is not None:
            name, each = bad
            return FORWARD_SECRECY.judged(
                False,
                f"The server's private key opened {each.by_private_key} of {each.hidden} records of {name}.",
            )
        total = sum(each.hidden for each in opened.values())
        return FORWARD_SECRECY.judged(
            True,
            f"Of {total} encrypted records the private key opened none, the sessions' own secrets all.",
        )
    if all(each.ephemeral for each in opened.values()):
        return FORWARD_SECRECY.judged(
            True, "Each side sent a fresh public value, and nothing was encrypted to the certificate's key."
        )
    return FORWARD_SECRECY.judged(
        False, "The client's secret crossed encrypted to the certificate's RSA key."
    )
