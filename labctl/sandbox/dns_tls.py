"""The town's resolver over TLS: DNS over TLS (RFC 7858) and DNS over HTTPS (RFC 8484).

`start_tls(answer)` makes a certificate for resolver.example.net and 192.0.2.53, and two listeners. `answer` turns
the bytes of a question into the bytes of its answer (b"": no answer); several threads call it at once.
"""

from __future__ import annotations

import contextlib
import importlib.util
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable

from labctl.sandbox.dns_https import serve_http1, serve_http2
from labctl.sandbox.town_certificates import Certificates, server_context

NAMES = ("resolver.example.net", "192.0.2.53")
# A client that says nothing for this long is sent away (RFC 7766 section 6.2.3 asks for seconds).
_IDLE_SECONDS = 10.0
_MOST_CONNECTIONS = 64

Answer = Callable[[bytes], bytes]


class TlsResolver:
    """Two running listeners. Addresses are (host, port); `ca_pem` is the certificate to trust. Close it."""

    def __init__(self, ca_pem: str, over_tls: _Listener, over_https: _Listener) -> None:
        self.ca_pem = ca_pem
        self._listeners = (over_tls, over_https)
        self.tls_address = over_tls.address
        self.https_address = over_https.address

    def client_context(self) -> ssl.SSLContext:
        """A client's TLS context that trusts this town and nobody else."""
        return ssl.create_default_context(cadata=self.ca_pem)

    def close(self) -> None:
        """End all connections and join all threads. Idempotent."""
        for listener in self._listeners:
            listener.close()

    def __enter__(self) -> TlsResolver:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def start_tls(
    answer: Answer,
    *,
    host: str = "127.0.0.1",
    ports: tuple[int, int] = (0, 0),
    certificates: Certificates | None = None,
    idle: float = _IDLE_SECONDS,
) -> TlsResolver:
    """Start both listeners on `host`; ports of 0 are free ones. `idle` seconds of silence end a connection.

    `certificates` None makes an authority that only this resolver has. Raises OSError.
    """
    certificates = certificates or Certificates(time.time)
    leaf = certificates.issued(*NAMES)
    http = ("h2", "http/1.1") if importlib.util.find_spec("h2") else ("http/1.1",)
    over_tls = _Listener(
        (host, ports[0]),
        server_context(leaf, protocols=("dot",)),
        lambda sock: _serve_dot(sock, answer),
        idle,
    )
    try:
        over_https = _Listener(
            (host, ports[1]),
            server_context(leaf, protocols=http),
            lambda sock: _serve_doh(sock, answer),
            idle,
        )
    except BaseException:
        over_tls.close()
        raise
    return TlsResolver(certificates.root_pem, over_tls, over_https)


def _serve_dot(sock: ssl.SSLSocket, answer: Answer) -> None:
    """Messages behind two bytes of length until the client has enough (RFC 7858 section 3.3)."""
    stream = sock.makefile("rb")
    with stream:
        while len(prefix := stream.read(2)) == 2:
            size = int.from_bytes(prefix, "big")
            question = stream.read(size)
            if len(question) < size or size < 12:
                return
            message = answer(question)
            if not message:
                return
            sock.sendall(len(message).to_bytes(2, "big") + message)


def _serve_doh(sock: ssl.SSLSocket, answer: Answer) -> None:
    if sock.selected_alpn_protocol() == "h2":
        serve_http2(sock, answer)
    else:
        serve_http1(sock, answer)


class _Listener:
    """One listening socket, a thread that accepts, and a thread for each connection."""

    def __init__(
        self,
        at: tuple[str, int],
        context: ssl.SSLContext,
        serve: Callable[[ssl.SSLSocket], None],
        idle: float,
    ) -> None:
        self._context = context
        self._serve = serve
        self._idle = idle
        # Only the accepting thread writes this, and `close` reads it after that thread has ended.
        self._connections: dict[threading.Thread, socket.socket] = {}
        self._closed = False
        family = socket.AF_INET6 if ":" in at[0] else socket.AF_INET
        self._socket = socket.create_server(at, family=family)
        self.address: tuple[str, int] = self._socket.getsockname()[:2]
        self._wake, self._woken = socket.socketpair()
        self._acceptor = threading.Thread(target=self._accept, name="labctl-tls-accept")
        self._acceptor.start()

    def _accept(self) -> None:
        while True:
            ready, _, _ = select.select([self._socket, self._woken], [], [])
            if self._woken in ready:
                return
            try:
                plain, _ = self._socket.accept()
            except OSError:  # the client was gone before it was accepted
                continue
            thread = threading.Thread(target=self._converse, args=(plain,), name="labctl-tls-connection")
            self._connections = {t: s for t, s in self._connections.items() if t.is_alive()}
            if len(self._connections) >= _MOST_CONNECTIONS:
                plain.close()
                continue
            self._connections[thread] = plain
            thread.start()

    def _converse(self, plain: socket.socket) -> None:
        """One connection to its end. A client that resets, lingers or speaks no TLS ends only its own."""
        try:
            with contextlib.suppress(OSError):  # ssl.SSLError and TimeoutError are OSErrors
                plain.settimeout(self._idle)
                plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                # The plain socket stays ours: `close` shuts it down to wake this thread.
                with self._context.wrap_socket(plain.dup(), server_side=True) as sock:
                    self._serve(sock)
                    with contextlib.suppress(OSError):
                        sock.settimeout(1.0)
                        sock.unwrap()
        finally:
            plain.close()

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._wake.send(b"\0")
        self._acceptor.join()
        for plain in self._connections.values():
            with contextlib.suppress(OSError):  # it ended by itself
                plain.shutdown(socket.SHUT_RDWR)
        for thread in self._connections:
            thread.join()
        for each in (self._socket, self._wake, self._woken):
            each.close()
