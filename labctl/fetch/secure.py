"""TLS over a stream, with OpenSSL between two buffers in memory: the stream's tap has every record as it crossed.

`secure` never raises for what a peer does. What OpenSSL's handshake said (the certificates as sent, alerts in both
directions) is heard by its message callback, also of a handshake that fails.
"""

from __future__ import annotations

import contextlib
import re
import ssl
from collections.abc import Callable
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from labctl.fetch.stream import Chunk, Stream, StreamEnded
from labctl.internet import Internet
from labctl.protocols.tls_names import alert_name

_CERTIFICATE, _ALERT, _HANDSHAKE = 11, 21, 22
_VERSIONS = {
    "1.0": ssl.TLSVersion.TLSv1,
    "1.1": ssl.TLSVersion.TLSv1_1,
    "1.2": ssl.TLSVersion.TLSv1_2,
    "1.3": ssl.TLSVersion.TLSv1_3,
}


class TlsOffer(NamedTuple):
    """What the client wants. `server_name`: a name (sent as SNI) or an address; "" sends none and checks none.

    `keylog` is a file to which OpenSSL appends the connection's secrets. A `session` belongs to the context that it
    was made with: pass both. A context that is given is used as it is, but for ALPN, versions and verification.
    """

    server_name: str
    alpn: tuple[str, ...] = ("h2", "http/1.1")
    versions: tuple[str, str] = ("1.2", "1.3")
    session: ssl.SSLSession | None = None
    verify: bool = True
    keylog: str = ""
    context: ssl.SSLContext | None = None
    common_name: bool = False


class Alert(NamedTuple):
    """One alert, by its name in the RFCs; `sent` by us or received."""

    sent: bool
    fatal: bool
    name: str


class Secured(NamedTuple):
    """What became of the handshake; `failure` is "" when there is a `stream`.

    `version` is "1.3"; `chain` DER as sent, leaf first (empty when the session was resumed); times on the internet's
    clock. `failure`: certificate (we refused it; `verify_code` is OpenSSL's), alert (the peer's, or ours for another
    reason), reset, timeout, closed, not-tls. `reason`: OpenSSL's words, or the alert's name. The `session` of TLS 1.3
    comes with the first data: then ask `stream.session`.
    """

    stream: SecureStream | None
    version: str
    cipher: str
    alpn: str
    resumed: bool
    chain: tuple[bytes, ...]
    started_at: float
    ended_at: float
    failure: str = ""
    reason: str = ""
    verify_code: int = 0
    session: ssl.SSLSession | None = None
    context: ssl.SSLContext | None = None
    alerts: tuple[Alert, ...] = ()


class SecureStream(Stream):
    """A stream of plain bytes over TLS; `tap`, `sent` and `received` are those of the wire below it."""

    def __init__(
        self, below: Stream, tls: ssl.SSLObject, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO
    ) -> None:
        super().__init__(below.socket, below.clock)
        self._wire = below._wire
        self.below = below
        self.tls = tls
        self._incoming = incoming
        self._outgoing = outgoing
        self._heard = _HEARD.setdefault(tls, _Heard())
        # How the peer ended: "", "close_notify", or "eof" (without one, so that something may be missing).
        self.ended = ""

    @property
    def session(self) -> ssl.SSLSession | None:
        """The newest session; one of TLS 1.3 is there once a ticket has been read.

        None too where OpenSSL cannot write it down: it keeps the certificate with it, and some are too large.
        """
        try:
            return self.tls.session
        except ValueError:
            return None

    @property
    def alerts(self) -> tuple[Alert, ...]:
        """All alerts so far."""
        return tuple(self._heard.alerts)

    def handshake(self, deadline: float) -> None:
        """Raises ssl.SSLError, after our alert was sent, and StreamEnded."""
        while True:
            try:
                self.tls.do_handshake()
            except ssl.SSLWantReadError:
                self._flush(deadline)
                self._fill(deadline)
            except ssl.SSLError:
                with contextlib.suppress(StreamEnded):
                    self._flush(deadline)
                raise
            else:
                self._flush(deadline)
                return

    def send(self, data: bytes, *, deadline: float | None = None) -> None:
        view = memoryview(data)
        try:
            while view:
                view = view[self.tls.write(view) :]
                self._flush(deadline)
        except ssl.SSLError as error:
            raise StreamEnded("tls", _words(error)) from error

    def receive(self, most: int = 65536, *, deadline: float) -> bytes:
        while not self.ended:
            try:
                data = self.tls.read(most)
            except ssl.SSLWantReadError:
                self._flush(deadline)
                self._fill(deadline)
            except ssl.SSLZeroReturnError:
                self.ended = "close_notify"
            except ssl.SSLEOFError:
                self.ended = "eof"
            except ssl.SSLError as error:
                received = next((a for a in self.alerts if not a.sent and a.fatal), None)
                raise StreamEnded("tls", f"alert {received.name}" if received else _words(error)) from error
            else:
                if data:
                    return data
                self.ended = "close_notify"
        return b""

    def close(self) -> None:
        """Say close_notify, without waiting for the peer's, and close."""
        if self.below.socket.fileno() >= 0:
            with contextlib.suppress(ssl.SSLError, StreamEnded):
                # The peer's own close_notify is not waited for.
                with contextlib.suppress(ssl.SSLWantReadError):
                    self.tls.unwrap()
                self._flush(self.clock() + 1.0)
        self.below.close()

    def _flush(self, deadline: float | None) -> None:
        if self._outgoing.pending:
            self.below.send(self._outgoing.read(), deadline=deadline)

    def _fill(self, deadline: float) -> None:
        data = self.below.receive(deadline=deadline)
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()


def secure(stream: Stream, internet: Internet, offer: TlsOffer, *, timeout: float) -> Secured:
    """Shake hands within `timeout` seconds. On failure the connection is left to the caller to close.

    Raises ValueError for a server name that no certificate can have.
    """
    context = offer.context or internet.client_tls()
    _prepare(context, offer)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    started = internet.clock()
    name = offer.server_name.rstrip(".") or None
    tls = context.wrap_bio(incoming, outgoing, server_hostname=name, session=offer.session)
    secured = SecureStream(stream, tls, incoming, outgoing)
    failure, reason, code = "", "", 0
    try:
        secured.handshake(started + timeout)
    except ssl.SSLCertVerificationError as error:
        failure, reason, code = "certificate", error.verify_message, error.verify_code
    except ssl.SSLEOFError:
        failure, reason = "closed", "the server closed the connection in the middle of the handshake"
    except ssl.SSLError as error:
        failure, reason = _why(error, stream.tap, secured.alerts)
    except StreamEnded as ended:
        failure, reason = ended.failure, ended.detail
    chain = _chain_as_sent(secured, failed=bool(failure))
    resumed = not failure and bool(tls.session_reused)
    cipher = tls.cipher()
    return Secured(
        None if failure else secured,
        "" if failure else (tls.version() or "").removeprefix("TLSv"),
        "" if failure or cipher is None else cipher[0],
        "" if failure else tls.selected_alpn_protocol() or "",
        resumed,
        () if resumed else chain,
        started,
        internet.clock(),
        failure,
        reason,
        code,
        None if failure else secured.session,
        context,
        secured.alerts,
    )


def _prepare(context: ssl.SSLContext, offer: TlsOffer) -> None:
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED if offer.verify else ssl.CERT_NONE
    context.check_hostname = offer.verify and bool(offer.server_name)
    # RFC 9525 section 6.3: only subjectAltName counts. OpenSSL, left alone, falls back to the common name.
    context.hostname_checks_common_name = offer.common_name
    low, high = (_VERSIONS[v] for v in offer.versions)
    # Each is checked against the other when it is set.
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.maximum_version = high
    context.minimum_version = low
    if offer.alpn:
        context.set_alpn_protocols(list(offer.alpn))
    if offer.keylog and context.keylog_filename != offer.keylog:
        context.keylog_filename = offer.keylog
    if hasattr(context, "_msg_callback"):
        context._msg_callback = _hear


def _why(error: ssl.SSLError, tap: list[Chunk], alerts: tuple[Alert, ...]) -> tuple[str, str]:
    """The failure and its reason for an error that is not about a certificate."""
    first = next((chunk.data for chunk in tap if not chunk.sent), b"")
    if first and not (20 <= first[0] <= 24 and first[1:2] in (b"", b"\x03")):
        return "not-tls", _first_line(first)
    for alert in alerts:
        if alert.fatal and not alert.sent:
            return "alert", alert.name
    return "alert", _words(error)


def _first_line(data: bytes) -> str:
    line = data[:200].split(b"\n")[0].rstrip()
    return f"the answer begins with {line.decode('latin-1')[:60]!r}"


def _words(error: ssl.SSLError) -> str:
    """OpenSSL's reason in small letters: `wrong version number`."""
    # Without a reason of its own the text is "[SSL] ASN1 lib (_ssl.c:1006)".
    told = error.reason or re.sub(r"^\[[^\]]*\] *| *\(_ssl[^)]*\)$", "", str(error))
    return told.replace("_", " ").lower()


def _chain_as_sent(stream: SecureStream, *, failed: bool) -> tuple[bytes, ...]:
    if stream._heard.certificates or failed:
        return stream._heard.certificates
    public: Callable[[], list[bytes]] | None = getattr(stream.tls, "get_unverified_chain", None)
    if public is not None:  # Python 3.13
        return tuple(public())
    inner: Any = getattr(stream.tls, "_sslobj", None)
    found = inner.get_unverified_chain() if hasattr(inner, "get_unverified_chain") else None
    return tuple(ssl.PEM_cert_to_DER_cert(each.public_bytes()) for each in found or ())


class _Heard:
    """What the handshake of one connection said."""

    def __init__(self) -> None:
        self.alerts: list[Alert] = []
        self.certificates: tuple[bytes, ...] = ()


_HEARD: WeakKeyDictionary[ssl.SSLObject, _Heard] = WeakKeyDictionary()


def _hear(connection: Any, direction: str, version: Any, content_type: Any, kind: Any, data: bytes) -> None:
    """OpenSSL's message callback (SSL_CTX_set_msg_callback): decrypted messages, both directions."""
    heard = _HEARD.get(connection)
    if heard is None:
        return
    if content_type == _ALERT and len(data) >= 2:
        heard.alerts.append(Alert(direction == "write", data[0] == 2, alert_name(data[1])))
    elif content_type == _HANDSHAKE and direction == "read" and data[:1] == bytes((_CERTIFICATE,)):
        from labctl.protocols.tls_messages import certificates_in

        heard.certificates = certificates_in(data, tls13=int(version) >= 0x0304)
