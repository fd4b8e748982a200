"""A visit that failed: the ladder as far as it came, the chain, one verdict sentence with its reason, and the fix."""

from __future__ import annotations

from collections.abc import Generator

from labctl.events import Event, Step
from labctl.fetch.secure import Secured
from labctl.internet import Internet
from labctl.protocols.tls_names import alert_sentence
from labs.telling import measured, note, opening, result
from labs.tls import ladder, tables
from labs.tls.certificates import gap
from labs.tls.days import unverified
from labs.tls.reasons import Reason, reason
from labs.tls.visit import Seen
from labs.words import count, ms

_FAILED = {
    "alert": "an alert",
    "reset": "reset",
    "timeout": "no answer in time",
    "closed": "closed",
    "not-tls": "no TLS",
}


def failed(internet: Internet, seen: Seen, *, days: int | None = None) -> Generator[Event, None, str]:
    """What was seen of it; the word for why the certificate was refused, or "".

    One refused certificate shows no claim: its reason is a measure. `days` is what --days asks for.
    """
    secured = seen.secured
    if secured is None:
        yield opening(f"no connection to {seen.target.place}", seen.connected.failure)
        if days is not None:
            yield unverified(days, connection_sentence(seen))
        yield result(connection_sentence(seen), "bad")
        return ""
    why = why_refused(internet, seen) if secured.failure == "certificate" else None
    yield opening("a TLS handshake that failed", why.word if why is not None else _FAILED[secured.failure])
    yield from ladder.exchanges(seen)
    if why is None:
        if seen.open.trouble and secured.failure != "not-tls":
            yield note(seen.open.trouble)
        sentence, fix = handshake_sentence(seen, secured)
        if days is not None:
            yield unverified(days, sentence)
        yield result(sentence, "bad")
        if fix:
            yield to_mend(fix)
        return ""
    chain = seen.chain
    yield tables.chain_table(chain)
    yield note(gap(chain))
    if seen.open.tls13 and seen.open.rows[-1].alert is not None and seen.open.rows[-1].clear:
        yield note("The alert crossed readable: OpenSSL had not yet begun to encrypt what it sends.")
    yield measured("tls.refused", why.word, f"The reason is {why.word}: the client {_said(secured)}.")
    if days is not None:
        yield unverified(days, why.sentence)
    yield result(f"{seen.target.place}: {why.sentence}", "bad")
    yield to_mend(why.fix)
    return why.word


def to_mend(fix: str) -> Step:
    """The line that says what mends it."""
    return Step(text=f"To mend it: {fix}", label="to mend it", title=fix)


def why_refused(internet: Internet, seen: Seen) -> Reason:
    """The reason in our words. Raises ValueError when no certificate could be read."""
    secured = seen.secured
    assert secured is not None
    return reason(secured.verify_code, secured.reason, seen.chain, seen.target.host, internet.date())


def alert_sent(secured: Secured) -> str:
    """The name of the fatal alert that we sent, or ""."""
    return next((a.name for a in secured.alerts if a.sent and a.fatal), "")


def _said(secured: Secured) -> str:
    name = alert_sent(secured)
    return f"said so with the alert {name}" if name else "said nothing and left"


def connection_sentence(seen: Seen) -> str:
    """Why there was no TCP connection."""
    place, connected = seen.target.place, seen.connected
    took = ms((connected.connected_at - connected.started_at) * 1000)
    said = {
        "refused": f"nobody listens on port {seen.target.port} there; the kernel refused after {took}",
        "timeout": f"nothing answered within {took}",
        "unreachable": f"there is no way to it ({connected.detail or 'unreachable'})",
        "reset": f"the connection was reset after {took}",
    }
    return f"{place}: no TCP connection: {said.get(connected.failure, connected.detail)}."


def handshake_sentence(seen: Seen, secured: Secured) -> tuple[str, str]:
    """Why the handshake failed, and what mends it ("" when we cannot know)."""
    place, took = seen.target.place, ms((secured.ended_at - secured.started_at) * 1000)
    received = next((a.name for a in secured.alerts if a.fatal and not a.sent), "")
    if secured.failure == "not-tls":
        return (
            f"{place} does not speak TLS: {secured.reason}.",
            "If it is a web server without TLS, ask with http:// in front; else look at the port.",
        )
    if received and seen.asks_for_certificate:
        return (
            f"{place} asked for a certificate of the client's, got none, and refused with the alert {received}.",
            mend("certificate_required"),
        )
    if received:
        return f"{place} refused with the alert {received}: {alert_sentence(received)}", mend(received)
    if secured.failure == "timeout":
        came = sum(len(data) for _, sent, data in seen.chunks if not sent)
        heard = f"only {count(came, 'byte')} of an answer came" if came else "nothing came back"
        return f"{place} took the connection and then {heard} for {took}.", ""
    if secured.failure == "reset":
        if any(not sent for _, sent, _ in seen.chunks):
            return f"{place} reset the connection in the middle of the handshake, after {took}.", ""
        return (
            f"{place} reset the connection in answer to the ClientHello, after {took}.",
            "Something on the way may not like the name in it: try another network. If the server is yours, its log "
            "says whether the ClientHello arrived.",
        )
    if secured.failure == "closed":
        return f"{place} closed the connection in the middle of the handshake, after {took}.", ""
    sent = alert_sent(secured)
    told = f", and we said so with the alert {sent}" if sent else ""
    return f"The handshake with {place} failed: {_plainly(secured.reason)}{told}.", ""


def mend(alert: str) -> str:
    """What the reader of an alert can do; "" when we cannot know."""
    return {
        "unrecognized_name": "Ask with a name that this server has; if it should have this one, it is not configured.",
        "handshake_failure": "Look at which versions, ciphers and groups the server takes: today's are ECDHE with "
        "AES-GCM or ChaCha20.",
        "protocol_version": "Let the server speak TLS 1.2 or 1.3.",
        "no_application_protocol": "Offer a protocol that it speaks.",
        "certificate_required": "Bring a certificate of the client's: curl --cert FILE --key FILE.",
    }.get(alert, "")


def _plainly(words: str) -> str:
    """OpenSSL's words, and what they mean where they say little."""
    meaning = {
        "unsafe legacy renegotiation disabled": "the server is too old to know RFC 5746",
        "excessive message size": "its certificates are longer than the 100 kB that OpenSSL takes",
        "dh key too small": "its numbers for Diffie-Hellman are too small",
        "unsupported protocol": "it chose a version of TLS that was not offered",
        "asn1 lib": "a certificate of it is not well formed",
    }.get(words, "")
    return f"{meaning} ({words})" if meaning else words
