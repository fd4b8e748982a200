"""One TLS connection and its recording: captured segments where there are any, else what passed through our hands."""

from __future__ import annotations

import contextlib
import os
import ssl
import tempfile
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from pathlib import Path

from labctl.events import Evidence
from labctl.fetch.connecting import Connected, race
from labctl.fetch.names import Lookup, look_up
from labctl.fetch.secure import Secured, TlsOffer, secure
from labctl.fetch.stream import Stream, StreamEnded
from labctl.internet import Internet
from labctl.protocols.tcp_segments import Segment
from labctl.protocols.tls_conversation import TlsConversation
from labctl.protocols.tls_messages import CERTIFICATE_REQUEST
from labctl.protocols.tls_opening import KeyLog, read_key_log, with_key_log
from labs.tls.certificates import Chain, printable, read_chain
from labs.tls.target import Target

PATIENCE = 10.0
# Where nobody is asked anything, tickets may still come: so long is waited for them, in seconds.
_TICKETS = 0.3
# So long, in seconds, is waited for an answer: what it says is of no matter here.
_ANSWER = 4.0
WEB = ("h2", "http/1.1")


@dataclass
class Seen:
    """What one visit showed. Moments are seconds since the client's SYN (or the first attempt).

    `chunks` are (moment, sent by the client, bytes). `bare` was read without keys, `open` with the key log.
    """

    target: Target
    connected: Connected
    secured: Secured | None = None
    chunks: list[tuple[float, bool, bytes]] = field(default_factory=list)
    evidence: Evidence = "observed"
    opened_at: float = 0.0
    asked: str = ""
    answered: str = ""
    # Why there was no answer to the request, in a sentence.
    unanswered: str = ""
    key_log: KeyLog = field(default_factory=dict)
    session: ssl.SSLSession | None = None
    # When it began, CLOCK_REALTIME nanoseconds; 0 where nothing was captured.
    start_ns: int = 0

    def __post_init__(self) -> None:
        self.open = TlsConversation(())

    def read(self) -> None:
        """Read the recording, with the keys that there are."""
        self.open = TlsConversation(self.chunks, with_key_log(self.key_log))

    @property
    def ok(self) -> bool:
        return self.secured is not None and not self.secured.failure

    @cached_property
    def chain(self) -> Chain:
        """The certificates that the server sent, and the path that they make to a root of the client's."""
        secured = self.secured
        if secured is None:
            return Chain((), (), None)
        trusted = secured.context.get_ca_certs(binary_form=True) if secured.context is not None else []
        return read_chain(secured.chain, trusted)

    @property
    def checked(self) -> bool:
        """Whether the client looked at the certificate at all."""
        context = self.secured.context if self.secured is not None else None
        return context is not None and context.verify_mode != ssl.CERT_NONE

    @property
    def asks_for_certificate(self) -> bool:
        """Whether the server asked for a certificate of the client's."""
        return any(k == CERTIFICATE_REQUEST for r in self.open.rows if not r.sent for k, _ in r.messages)

    @property
    def refused(self) -> str:
        """The fatal alert of a server that refused after the handshake, by its name, or "".

        In TLS 1.3 the client has finished before the server has looked at what it sent.
        """
        alerts = [row.alert for row in self.open.rows if not row.sent and row.alert is not None]
        return (
            next((name for fatal, name in alerts if fatal and name != "close_notify"), "") if self.ok else ""
        )

    @property
    def handshake_ms(self) -> float:
        """From the ClientHello to the moment at which the request could go."""
        if self.secured is None:
            return 0.0
        return (self.secured.ended_at - self.secured.started_at) * 1000

    @property
    def handshake_bytes(self) -> int:
        """Bytes of records that the server sent before the request could go."""
        rows = self.open.rows[: self.open.handshake_rows]
        return sum(row.record.size for row in rows if not row.sent)


class Visits:
    """Visits to one target, each a connection of its own. `lookup` is what its name is."""

    def __init__(self, internet: Internet, target: Target, habits: frozenset[str] = frozenset()) -> None:
        self.internet = internet
        self.target = target
        self.habits = habits
        # What was captured and what opens it, for files that the user asked for.
        self.segments: list[Segment] = []
        self.key_lines: list[str] = []
        self.lookup: Lookup = look_up(internet, target.host, timeout=min(5.0, internet.timeout or 5.0))

    @property
    def boxed(self) -> bool:
        """Whether a wire captures what we send."""
        network = self.internet.network
        return (
            self.internet.kind == "sandbox"
            and network is not None
            and network.evidence == "captured"
            and network.client_address != network.server_address
        )

    def visit(
        self,
        *,
        alpn: tuple[str, ...] = WEB,
        versions: tuple[str, str] = ("1.2", "1.3"),
        back: Seen | None = None,
        ask: bool = True,
        tickets: bool = True,
        also_trusted: str = "",
    ) -> Seen:
        """Connect, shake hands, ask once, close. `back` is the visit whose session is resumed.

        Without a request there is a moment in which tickets may come, when they are wanted.
        """
        patience = self.internet.timeout or PATIENCE
        context = self._context(back, also_trusted)
        if ask and self.target.speaks_http:
            # Imported before the clock runs.
            for name in ("h2.connection", "labctl.fetch.exchange_h1", "labctl.fetch.exchange_h2"):
                import_module(name)
        if self.boxed and self.internet.network is not None:
            self.internet.network.segments(settle_ms=0)  # what crossed before is not ours
        connected = race(self.internet, self.lookup.addresses, self.target.port, timeout=patience)
        seen = Seen(self.target, connected)
        seen.opened_at = connected.connected_at - connected.started_at
        if connected.socket is None:
            return seen
        with tempfile.TemporaryDirectory(prefix="labctl-") as folder:
            log = Path(folder, "keys.log")
            offer = TlsOffer(
                "" if "client-without-sni" in self.habits else self.target.host,
                alpn if self.target.speaks_http else (),
                versions,
                session=back.session if back is not None else None,
                verify="client-checks-nothing" not in self.habits,
                keylog=str(log),
                context=context,
                common_name="client-reads-common-name" in self.habits,
            )
            with Stream(connected.socket, self.internet.clock) as below:
                seen.secured = secure(below, self.internet, offer, timeout=patience)
                if seen.secured.stream is not None:
                    _talk(seen, seen.secured, patience, ask=ask, tickets=tickets)
            if log.exists():
                lines = log.read_text(encoding="ascii")
                self.key_lines += [line for line in lines.splitlines() if not line.startswith("#")]
                seen.key_log = read_key_log(lines)
            # The folder goes: OpenSSL must not write to it any more.
            context.keylog_filename = os.devnull
        self._record(seen, below)
        seen.read()
        return seen

    def _context(self, back: Seen | None, also_trusted: str) -> ssl.SSLContext:
        if back is not None and back.secured is not None and back.secured.context is not None:
            return back.secured.context
        context = self.internet.client_tls()
        if also_trusted:
            context.load_verify_locations(cadata=also_trusted)
        if "client-sends-secret-to-rsa" in self.habits:
            context.set_ciphers("DEFAULT")
        return context

    def _record(self, seen: Seen, below: Stream) -> None:
        started = seen.connected.started_at
        seen.chunks = [(chunk.at - started, chunk.sent, chunk.data) for chunk in below.tap]
        network = self.internet.network
        if not self.boxed or network is None:
            return
        from labctl.protocols.tcp_stream import stream_chunks

        port = int(seen.connected.local.rpartition(":")[2])
        segments = [s for s in network.segments() if port in (s.source_port, s.target_port)]
        self.segments += segments
        found, whole = stream_chunks(segments, port)
        if not (segments and whole and network.capture_complete):
            return
        start = segments[0].at_ns
        seen.chunks = [((at - start) / 1e9, sent, data) for at, sent, data in found]
        seen.evidence = "captured"
        seen.start_ns = start
        answer = next((s for s in segments if {"S", "A"} <= set(s.flags)), None)
        if answer is not None:
            seen.opened_at = (answer.at_ns - start) / 1e9


def _talk(seen: Seen, secured: Secured, patience: float, *, ask: bool, tickets: bool) -> None:
    """One request where HTTP is spoken; elsewhere a moment in which tickets may come."""
    stream = secured.stream
    assert stream is not None
    with stream:
        if ask and seen.target.speaks_http:
            _ask(seen, secured, min(patience, _ANSWER))
        elif tickets:
            # They come with the server's first words after the handshake, one way behind the client's last.
            patience = max(_TICKETS, 2 * (secured.ended_at - secured.started_at))
            with contextlib.suppress(StreamEnded):
                stream.receive(deadline=stream.clock() + patience)
        seen.session = stream.session


def _ask(seen: Seen, secured: Secured, patience: float) -> None:
    from labctl.fetch.exchange import Limits, Request, ask
    from labctl.protocols.url import Url

    stream = secured.stream
    assert stream is not None
    request = Request("GET", Url("https", seen.target.host, seen.target.port, seen.target.path))
    limits = Limits(body=0, most=200_000, seconds=patience)
    if secured.alpn == "h2":
        from labctl.fetch.exchange_h2 import Http2Connection

        connection = Http2Connection(stream, clock=stream.clock, limits=limits)
        answer = connection.ask(request)
        seen.asked = f"GET {seen.target.path} as HTTP/2"
    else:
        answer = ask(stream, request, clock=stream.clock, limits=limits)
        seen.asked = f"GET {seen.target.path} as HTTP/1.1"
    if answer.status:
        seen.answered = printable(f"{answer.status} {answer.reason}".strip())
    else:
        seen.unanswered = printable(answer.detail or answer.failure, 200)
