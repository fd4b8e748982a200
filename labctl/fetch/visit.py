"""A visit: from a URL to its response, with all that a browser does on the way and remembers for the next one.

Names, connections and HSTS are remembered between the visits of one Visitor. Whatever a peer does is told by the
legs; seconds are those of the internet's clock, taken at the socket.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from labctl.fetch.connecting import HEAD_START, race
from labctl.fetch.endings import not_connected, not_secured, too_many
from labctl.fetch.legs import BrowserCache, Leg, LegFailure, Looked, Visit
from labctl.fetch.names import NameMemory, look_up
from labctl.fetch.pool import Open, Pool
from labctl.fetch.stream import Stream
from labctl.internet import Internet
from labctl.protocols import redirects
from labctl.protocols.hsts import HstsMemory
from labctl.protocols.http1_fields import Fields, get_all
from labctl.protocols.url import Url

if TYPE_CHECKING:
    import ssl

    from labctl.fetch.exchange import Limits, Request

_NO_RETRY = frozenset({"POST", "PATCH"})  # not idempotent (RFC 9110 section 9.2.2)


class Visitor:
    """Visits URLs. Close it, or use it as a context manager: it keeps connections open.

    `head_start` in seconds is Happy Eyeballs' (RFC 8305), `side_by_side` False does without. `walk` asks from the root
    down instead of the resolver. `coalesce` uses a connection of HTTP/2 for every name that its certificate covers
    and that has its address, as browsers do (RFC 9113 section 9.1.1).
    """

    def __init__(
        self,
        internet: Internet,
        *,
        http2: bool = True,
        cache: BrowserCache | None = None,
        walk: bool = False,
        verify: bool = True,
        hsts: bool = True,
        keep: bool = True,
        head_start: float = HEAD_START,
        side_by_side: bool = True,
        coalesce: bool = False,
        timeout: float | None = None,
        limits: Limits | None = None,
        versions: tuple[str, str] = ("1.2", "1.3"),
    ) -> None:
        self._internet = internet
        self._alpn = ("h2", "http/1.1") if http2 else ("http/1.1",)
        self._cache = cache
        self._walk = walk
        self._verify = verify
        self._keep = keep
        self._head_start = head_start
        self._side_by_side = side_by_side
        self._coalesce = coalesce
        self._timeout = timeout or internet.timeout or 10.0
        self._limits = limits
        self._versions = versions
        self._context: ssl.SSLContext | None = None
        self.names = NameMemory()
        self.hsts: HstsMemory | None = HstsMemory() if hsts else None
        self.pool = Pool()

    def prepare(self) -> None:
        """Import and make what a first visit needs, so that the time is not counted as the web's."""
        import labctl.fetch.exchange_h1
        import labctl.fetch.exchange_h2
        import labctl.fetch.secure
        import labctl.protocols.dns_walk
        import labctl.protocols.host_files  # noqa: F401

        if "h2" in self._alpn:
            import h2.connection  # noqa: F401

        self._tls_context()

    def visit(
        self, url: Url, method: str = "GET", fields: Fields = (), body: bytes = b"", follow: int = 10
    ) -> Visit:
        """Fetch a URL, and where it redirects to, `follow` times at most. Never raises for what a peer does."""
        self.prepare()
        legs: list[Leg] = []
        started_at = self._internet.clock()
        failure, detail, reason = "", "", ""
        changes: tuple[str, ...] = ()
        while True:
            leg = self._leg(url, method, fields, body)._replace(reason=reason, changes=changes)
            legs.append(leg)
            if leg.failure or leg.answer is None:
                failure, detail = leg.failure, leg.detail
                break
            there = redirects.after(leg.answer.status, leg.answer.fields, method, leg.url, fields, body)
            if there is None or follow == 0:
                break
            if isinstance(there, redirects.Nowhere):
                failure, detail = "redirects", there.why
                break
            if len(legs) > follow:
                failure = "redirects"
                detail = too_many(legs, there.url)
                break
            reason, changes = str(leg.answer.status), there.changes
            method, url, fields, body = there.method, there.url, there.fields, there.body
        return Visit(tuple(legs), started_at, self._internet.clock(), failure, detail)

    def forget(self) -> None:
        """Close all connections, forget names, HSTS and copies: the next visit is a first one."""
        self.pool.close()
        if self._cache is not None:
            self._cache.forget()
        self.names.forget()
        if self.hsts is not None:
            self.hsts = HstsMemory()

    def close(self) -> None:
        """Close the connections. Idempotent."""
        self.pool.close()

    def __enter__(self) -> Visitor:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # One leg.

    def _leg(self, url: Url, method: str, fields: Fields, body: bytes) -> Leg:
        from labctl.fetch.exchange import Request

        started_at = self._internet.clock()
        upgraded = (
            self.hsts is not None and url.scheme == "http" and self.hsts.wants_https(url.host, started_at)
        )
        if upgraded:
            url = url.with_scheme("https")
        asked_at = self._internet.date()
        request = Request(method, url, fields, body)
        looked = self._cache.look(request, asked_at) if self._cache is not None else Looked(None)
        leg = Leg(url, method=method, started_at=started_at, upgraded=upgraded, request=request)
        if looked.answer is not None:
            return leg._replace(answer=looked.answer, cache="hit", ended_at=self._internet.clock())
        if looked.conditional:
            request = request._replace(fields=(*fields, *looked.conditional))
            leg = leg._replace(request=request)
        leg = self._over_the_network(leg, request)
        if self._cache is not None and leg.answer is not None and not leg.failure:
            answer = self._cache.took(request, leg.answer, asked_at, self._internet.date())
            validated = leg.answer.status == 304 and answer.status != 304
            leg = leg._replace(answer=answer, cache="validated" if validated else "")
        if leg.answer is not None and self.hsts is not None and url.scheme == "https" and self._verify:
            said = get_all(leg.answer.fields, "strict-transport-security")
            if said:
                self.hsts.learn(url.host, said[0], self._internet.clock())
        return leg._replace(ended_at=self._internet.clock())

    def _over_the_network(self, leg: Leg, request: Request) -> Leg:
        kept = leg.url.origin in self.pool
        opened = self.pool.take(leg.url.origin)
        leg = leg._replace(retried=kept and opened is None)
        if opened is not None:
            asked = self._ask(leg._replace(reused=True), opened, request)
            if not _died(asked) or request.method in _NO_RETRY:
                return asked
            leg = leg._replace(retried=True)
        leg, opened = self._open(leg)
        return leg if opened is None else self._ask(leg, opened, request)

    def _shared(self, leg: Leg) -> Open | None:
        """A connection to another name at one of these addresses whose certificate covers this name too."""
        if not self._coalesce or leg.url.scheme != "https" or leg.lookup is None:
            return None
        return self.pool.take_covering(leg.url, leg.lookup.addresses)

    def _open(self, leg: Leg) -> tuple[Leg, Open | None]:
        """The leg with its look-up, connection and handshake, and what was opened."""
        url = leg.url
        lookup = look_up(
            self._internet, url.host, memory=self.names, walk=self._walk, timeout=min(5.0, self._timeout)
        )
        leg = leg._replace(lookup=lookup)
        if not lookup.addresses:
            why = lookup.detail or f"No address was found for {url.host}."
            return leg._replace(failure="name", detail=why), None
        if (shared := self._shared(leg)) is not None:
            return leg._replace(reused=True), shared
        connected = race(
            self._internet,
            lookup.addresses,
            url.port,
            head_start=self._head_start,
            timeout=self._timeout,
            side_by_side=self._side_by_side,
        )
        leg = leg._replace(connected=connected)
        if connected.socket is None:
            return leg._replace(failure="connect", detail=not_connected(connected)), None
        stream = Stream(connected.socket, self._internet.clock)
        if url.scheme == "http":
            return leg, Open(stream)
        from labctl.fetch.secure import TlsOffer, secure

        offer = TlsOffer(
            url.host,
            alpn=self._alpn,
            versions=self._versions,
            verify=self._verify,
            context=self._tls_context(),
        )
        try:
            secured = secure(stream, self._internet, offer, timeout=self._timeout)
        except ValueError as error:
            stream.close()
            why = f"No certificate can be for {url.host}: {error}."
            return leg._replace(failure="tls", detail=why), None
        leg = leg._replace(secured=secured)
        if secured.stream is None:
            leg = leg._replace(sent_bytes=stream.sent, received_bytes=stream.received)
            stream.close()
            return leg._replace(failure="tls", detail=not_secured(secured)), None
        return leg, Open(secured.stream, h2=secured.alpn == "h2", address=connected.address)

    def _ask(self, leg: Leg, opened: Open, request: Request) -> Leg:
        answer = opened.ask(request, self._internet.clock, self._limits or self._usual_limits())
        sent, received = opened.counted()
        arrivals = opened.arrivals(answer.times.sent_at)
        leg = leg._replace(answer=answer, sent_bytes=sent, received_bytes=received, arrivals=arrivals)
        if answer.failure:
            failure: LegFailure = "http"
            leg = leg._replace(failure=failure, detail=answer.detail)
        # A failed answer of HTTP/2 may leave the connection usable; nobody counts on it.
        if answer.failure or not (self._keep and answer.keep_alive):
            opened.close()
        else:
            self.pool.keep(leg.url.origin, opened)
        return leg

    def _usual_limits(self) -> Limits:
        from labctl.fetch.exchange import Limits

        patience = self._internet.timeout
        return Limits() if patience is None else Limits(seconds=patience)

    def _tls_context(self) -> ssl.SSLContext:
        if self._context is None:
            self._context = self._internet.client_tls()
        return self._context


def _died(leg: Leg) -> bool:
    """Whether a connection that was kept open had been closed meanwhile: not one byte of a response came."""
    answer = leg.answer
    return answer is not None and bool(answer.failure) and answer.times.first_byte_at is None
