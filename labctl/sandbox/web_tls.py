"""TLS of the web server: the name in the ClientHello decides who answers, and OpenSSL speaks through memory.

Every byte passes through here between OpenSSL and the connection, so that a server can take its time at a chosen
point, or hang up, as real ones do.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl

from labctl.sandbox.web_stream import PlainStream

_RECORD = 16_384


class Hello:
    """What the client's first bytes say: `server_name` ("" without one), and `data`, the bytes themselves."""

    def __init__(self, data: bytes, server_name: str) -> None:
        self.data = data
        self.server_name = server_name

    @property
    def is_tls(self) -> bool:
        """Whether it begins as a TLS handshake does (RFC 8446 section 5.1)."""
        return self.data[:1] == b"\x16"


async def read_hello(stream: PlainStream) -> Hello:
    """Read until OpenSSL has seen the whole ClientHello and told the name in it.

    The handshake is begun with a context of its own, which gives up as soon as it knows the name; the same bytes
    go to the right context afterwards. What is no ClientHello comes back with the name "".
    """
    names: list[str] = []

    def note(_: object, name: str | None, __: object) -> int:
        names.append(name or "")
        return ssl.ALERT_DESCRIPTION_HANDSHAKE_FAILURE

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.sni_callback = note
    incoming, data = ssl.MemoryBIO(), b""
    reader = context.wrap_bio(incoming, ssl.MemoryBIO(), server_side=True)
    while True:
        more = await stream.receive()
        data += more
        if not more or data[:1] != b"\x16":
            return Hello(data, "")
        incoming.write(more)
        try:
            reader.do_handshake()
        except ssl.SSLWantReadError:
            continue
        except ssl.SSLError:
            pass
        return Hello(data, names[0].lower().rstrip(".") if names else "")


class TlsStream:
    """A connection inside TLS. `handshake` first."""

    def __init__(self, plain: PlainStream, context: ssl.SSLContext, already: bytes) -> None:
        self.plain = plain
        self.peer = plain.peer
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._incoming.write(already)
        self.tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)

    @property
    def protocol(self) -> str:
        """What ALPN agreed on, or ""."""
        return self.tls.selected_alpn_protocol() or ""

    async def handshake(self, *, wait_s: float = 0.0) -> None:
        """Raises ssl.SSLError or ConnectionError. `wait_s` are spent before the server's first flight."""
        while True:
            try:
                self.tls.do_handshake()
            except ssl.SSLWantReadError:
                wait_s = await self._waited(wait_s)
                await self._flush()
                if not await self._more():
                    raise ConnectionResetError("the client left during the handshake") from None
            except ssl.SSLError:
                with contextlib.suppress(OSError):
                    await self._flush()  # the alert
                raise
            else:
                await self._waited(wait_s)
                await self._flush()
                return

    async def _waited(self, wait_s: float) -> float:
        if wait_s:
            await asyncio.sleep(wait_s)
        return 0.0

    async def receive(self) -> bytes:
        while True:
            try:
                data = self.tls.read(_RECORD * 4)
            except ssl.SSLWantReadError:
                await self._flush()
                if not await self._more():
                    return b""  # FIN without close_notify
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                return b""
            else:
                return data

    async def send(self, data: bytes) -> None:
        for start in range(0, len(data), _RECORD * 4):
            self.tls.write(data[start : start + _RECORD * 4])
            await self._flush()

    async def close(self) -> None:
        with contextlib.suppress(ssl.SSLError, OSError):
            try:
                self.tls.unwrap()
            except ssl.SSLWantReadError:
                await self._flush()  # our close_notify; the peer's is not waited for
        await self.plain.close()

    def reset(self) -> None:
        self.plain.reset()

    async def _flush(self) -> None:
        if self._outgoing.pending:
            await self.plain.send(self._outgoing.read())

    async def _more(self) -> bool:
        data = await self.plain.receive()
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()
        return bool(data)
