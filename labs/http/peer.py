"""A connection to a site on which any request can be sent, also one that no client would make."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from labctl.fetch.connecting import Connected, race
from labctl.fetch.exchange import USUAL, Answer, Limits, Request, ask
from labctl.fetch.names import Lookup, NameMemory, look_up
from labctl.fetch.stream import Stream
from labctl.internet import Internet
from labctl.protocols.http1 import Fields
from labctl.protocols.url import Url, parse_url

if TYPE_CHECKING:
    from labctl.fetch.exchange_h2 import Http2Connection
    from labctl.fetch.secure import Secured
    from labctl.sandbox.web import Web

USER_AGENT = "labctl"
# What a request has unless something else is said.
USUAL_FIELDS: Fields = (("User-Agent", USER_AGENT), ("Accept", "*/*"))


class Unreached(Exception):
    """No connection: `phase` is name, connect or tls, `sentence` says why."""

    def __init__(self, phase: str, sentence: str) -> None:
        super().__init__(sentence)
        self.phase = phase
        self.sentence = sentence


class Peer:
    """An open connection to the origin of `url`. `http2` says which version was agreed on. Close it."""

    def __init__(
        self, url: Url, stream: Stream, connected: Connected, lookup: Lookup, secured: Secured | None
    ) -> None:
        self.url = url
        self.stream = stream
        self.connected = connected
        self.lookup = lookup
        self.secured = secured
        self.http2 = secured is not None and secured.alpn == "h2"
        self.asked = 0
        self._connection: Http2Connection | None = None

    @property
    def connection(self) -> Http2Connection:
        """HTTP/2's side of it."""
        from labctl.fetch.exchange_h2 import Http2Connection

        if self._connection is None:
            self._connection = Http2Connection(self.stream, clock=self.stream.clock)
        return self._connection

    def request(
        self,
        target: str = "",
        *,
        method: str = "GET",
        fields: Fields = (),
        body: bytes = b"",
        dropped: frozenset[str] = frozenset(),
    ) -> Request:
        """A request to this origin; `target` "" is the URL's own path. `fields` replace those of USUAL_FIELDS.

        `dropped` are names of usual fields that are left out. Host stands first (RFC 9110 section 7.2).
        """
        names = {name.lower() for name, _ in fields} | dropped
        usual = tuple(pair for pair in USUAL_FIELDS if pair[0].lower() not in names)
        hosts = tuple(pair for pair in fields if pair[0].lower() == "host")
        others = tuple(pair for pair in fields if pair[0].lower() != "host")
        made = (*hosts, *usual, *others)
        return Request(method, self.url._replace(path=target or self.url.path), made, body, dropped)

    def ask(
        self,
        target: str = "",
        *,
        method: str = "GET",
        fields: Fields = (),
        body: bytes = b"",
        raw: bytes | None = None,
        limits: Limits = USUAL,
        dropped: frozenset[str] = frozenset(),
    ) -> Answer:
        """One request. Never raises for what the peer does; `raw` goes out as it is (HTTP/1.1)."""
        self.asked += 1
        made = self.request(target, method=method, fields=fields, body=body, dropped=dropped)
        if self.http2:
            return self.connection.ask(made, limits=limits)
        return ask(self.stream, made, clock=self.stream.clock, limits=limits, raw=raw)

    def close(self) -> None:
        """Idempotent."""
        if self._connection is not None:
            self._connection.close()
        else:
            self.stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Desk:
    """An internet, what one client remembers of names, and the habits of this town's world ("" outside of it)."""

    def __init__(self, internet: Internet) -> None:
        self.internet = internet
        self._names = NameMemory()
        self.habits: frozenset[str] = frozenset()
        if internet.kind == "sandbox":
            from labctl.sandbox.faults import town_under

            self.habits = town_under(internet.fault).web

    @property
    def timeout(self) -> float:
        """Seconds for each step."""
        return self.internet.timeout or 10.0

    @property
    def limits(self) -> Limits:
        """What an exchange may cost."""
        return USUAL._replace(seconds=self.internet.timeout or USUAL.seconds)

    @property
    def web(self) -> Web:
        """The sandbox's sites: who was asked what. Only where there is a sandbox."""
        from labctl.sandbox.town_internet import TownInternet

        assert isinstance(self.internet, TownInternet)
        return self.internet.web()

    def reach(self, url: Url | str, *, http2: bool = False, address: str = "") -> Peer:
        """Look up, connect, shake hands. Raises Unreached. `address` goes there whatever the name says."""
        if isinstance(url, str):
            url = parse_url(url)
        lookup = look_up(
            self.internet, address or url.host, memory=self._names, timeout=min(5.0, self.timeout)
        )
        if not lookup.addresses:
            raise Unreached("name", lookup.detail or f"No address was found for {url.host}.")
        connected = race(self.internet, lookup.addresses, url.port, timeout=self.timeout)
        if connected.socket is None:
            tried = ", ".join(dict.fromkeys(attempt.address for attempt in connected.attempts))
            said = connected.failure or "failed"
            raise Unreached("connect", f"No connection to port {url.port} of {tried or url.host}: {said}.")
        stream = Stream(connected.socket, self.internet.clock)
        if url.scheme == "http":
            return Peer(url, stream, connected, lookup, None)
        from labctl.fetch.secure import TlsOffer, secure

        alpn = ("h2", "http/1.1") if http2 else ("http/1.1",)
        offer = TlsOffer(url.host, alpn=alpn)
        secured = secure(stream, self.internet, offer, timeout=self.timeout)
        if secured.stream is None:
            stream.close()
            raise Unreached("tls", f"TLS failed ({secured.failure}): {secured.reason}.")
        return Peer(url, secured.stream, connected, lookup, secured)
