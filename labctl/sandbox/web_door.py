"""A door of the town's web: one address of it, and the sites behind. Connections come in here, plain or over TLS."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, NamedTuple

from labctl.sandbox.site import SiteAnswer, SiteRequest, text
from labctl.sandbox.town_sites import Site
from labctl.sandbox.web_server_h1 import Front, serve_http1
from labctl.sandbox.web_stream import PlainStream
from labctl.sandbox.web_tls import TlsStream, read_hello

if TYPE_CHECKING:
    from labctl.sandbox.web import Web


class Handshake(NamedTuple):
    """A TLS handshake as the server saw it. `time` on the internet's clock; `failure` is OpenSSL's reason, or ""."""

    time: float
    host: str
    version: str = ""
    cipher: str = ""
    alpn: str = ""
    resumed: bool = False
    failure: str = ""


class Door:
    """`sites` have this address; the first answers to those who name nobody."""

    def __init__(self, web: Web, sites: tuple[Site, ...]) -> None:
        self._web = web
        self._sites = sites

    async def plain(self, stream: PlainStream, already: bytes = b"") -> None:
        """A connection to port 80, or one to port 443 on which nobody speaks TLS."""
        web = self._web
        counted: list[str] = []

        async def answer(request: SiteRequest) -> SiteAnswer:
            site = web.site_of(request.host, self._sites)
            if site is None or not site.plain:
                return _misdirected(request.host)
            if not counted:
                counted.append(site.host)
                web.connections[site.host] += 1
            return await web.respond(site, request)

        habits = web.habits(self._sites[0])
        await serve_http1(stream, Front("http", answer, web.date, web.patience, habits), already)

    async def secure(self, plain: PlainStream) -> None:
        """A connection to port 443."""
        web = self._web
        async with asyncio.timeout(web.patience.head):
            hello = await read_hello(plain)
        site = web.site_of(hello.server_name, self._sites) or self._sites[0]
        if not hello.is_tls or not site.certificate:
            if hello.data:
                await self.plain(plain, hello.data)
            return
        web.connections[site.host] += 1
        habits = web.habits(site)
        if "reset-on-sni" in site.habits:
            plain.reset()
            return
        stream = TlsStream(plain, web.context(site), hello.data)
        try:
            async with asyncio.timeout(web.patience.head):
                await stream.handshake(wait_s=_number(habits, "slow-tls") / 1000)
        except OSError as error:
            reason = getattr(error, "reason", None) or str(error) or type(error).__name__
            web.handshakes.append(Handshake(web.clock(), site.host, failure=reason))
            raise
        tls = stream.tls
        version, cipher = (tls.version() or "").removeprefix("TLSv"), (tls.cipher() or ("",))[0]
        web.handshakes.append(
            Handshake(web.clock(), site.host, version, cipher, stream.protocol, bool(tls.session_reused))
        )

        async def answer(request: SiteRequest) -> SiteAnswer:
            there = web.site_of(request.host, self._sites)
            shared = "one-certificate" in habits
            if there is None or (hello.server_name and there is not site and not shared):
                return _misdirected(request.host)
            return await web.respond(there, request)

        front = Front("https", answer, web.date, web.patience, habits)
        if stream.protocol == "h2":
            from labctl.sandbox.web_server_h2 import serve_http2

            await serve_http2(stream, front)
        else:
            await serve_http1(stream, front)
        await stream.close()


def _misdirected(host: str) -> SiteAnswer:
    return text(421, f"This server does not answer for {host or 'nobody'} on this connection.")


def _number(habits: frozenset[str], name: str) -> float:
    """The number in a habit `name:number`; 0 without it."""
    for habit in habits:
        key, _, value = habit.partition(":")
        if key == name:
            with contextlib.suppress(ValueError):
                return float(value)
    return 0.0
