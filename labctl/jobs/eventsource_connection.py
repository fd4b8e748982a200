"""One GET whose body is read as it comes, and that another thread may end at any time."""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import threading
from collections.abc import Iterable, Mapping
from urllib.parse import SplitResult, quote, urljoin, urlsplit

_CHUNK = 65536
_CONNECT_S = 10.0
_REDIRECTS = 20
_SAFE = "/%:@!$&'()*+,;=~-._"
_REDIRECTED = (301, 302, 303, 307, 308)


class Connection:
    """Cancellable: `cancel` ends whatever it waits for. Redirects are followed as browsers do.

    `read_s`: how long it may be silent, None for ever, as browsers allow it. `credentials` are fields that go to the
    same host only: as with cookies, whichever port, but never to http after https.
    """

    def __init__(
        self,
        credentials: Mapping[str, str] | None = None,
        *,
        read_s: float | None = None,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self._credentials = dict(credentials or {})
        self._read_s = read_s
        self._context = context
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._client: http.client.HTTPConnection | None = None
        self._response: http.client.HTTPResponse | None = None
        self._cancelled = False

    def get(self, url: str, fields: Iterable[tuple[str, str]]) -> tuple[int, Mapping[str, str]]:
        """Status and fields (by lower-case name) of the final answer. Raises OSError, HTTPException, ValueError."""
        fields = tuple(fields)
        first = urlsplit(url)
        for _ in range(_REDIRECTS):
            to = urlsplit(url)
            allowed = to.hostname == first.hostname and (to.scheme == "https" or first.scheme == "http")
            response = self._ask(to, (*fields, *self._credentials.items()) if allowed else fields)
            found = {name.lower(): value for name, value in response.getheaders()}
            if response.status not in _REDIRECTED or "location" not in found:
                return response.status, found
            self.close()
            url = urljoin(url, found["location"])
        raise ConnectionError(f"more than {_REDIRECTS} redirects")

    def read(self) -> bytes:
        """What came; b"" at the end. Raises OSError, HTTPException."""
        return self._response.read1(_CHUNK) if self._response is not None else b""

    def cancel(self) -> None:
        """From any thread: whoever waits in `get` or `read` is woken by an error or an end."""
        with self._lock:
            self._cancelled = True
            if self._socket is not None:
                with contextlib.suppress(OSError):
                    # The socket below TLS: its own shutdown() would take the TLS state from under the reader.
                    socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def close(self) -> None:
        """By the thread that reads."""
        with self._lock:
            response, client, sock = self._response, self._client, self._socket
            self._response = self._client = self._socket = None
        for held in (response, client, sock):
            if held is not None:
                with contextlib.suppress(OSError):
                    held.close()

    def _ask(self, to: SplitResult, fields: Iterable[tuple[str, str]]) -> http.client.HTTPResponse:
        if to.scheme not in ("http", "https") or not to.hostname:
            raise ValueError(f"not an http URL: {to.geturl()!r}")
        secure = to.scheme == "https"
        port = to.port or (443 if secure else 80)
        client = http.client.HTTPConnection(to.hostname, port)
        # Host does not name the port that the scheme implies.
        client.default_port = 443 if secure else 80
        client.sock = self._connected(to.hostname, port, secure)
        self._client = client
        # A Location may hold what a request line may not.
        path = quote(to.path or "/", safe=_SAFE) + (
            f"?{quote(to.query, safe=_SAFE + '?')}" if to.query else ""
        )
        client.putrequest("GET", path, skip_accept_encoding=True)
        for name, value in fields:
            # As browsers do: UTF-8, which http.client would refuse as a str.
            client.putheader(name, value.encode("utf-8", "replace"))
        client.endheaders()
        response = client.getresponse()
        self._response = response
        return response

    def _connected(self, host: str, port: int, secure: bool) -> socket.socket:
        problem: OSError = OSError(f"{host} has no address")
        for family, kind, number, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            sock = socket.socket(family, kind, number)
            try:
                self._hold(sock)
                sock.settimeout(_CONNECT_S)
                sock.connect(address)
                if secure:
                    context = self._context or ssl.create_default_context()
                    sock = context.wrap_socket(sock, server_hostname=host)
                    self._hold(sock)
                sock.settimeout(self._read_s)
            except OSError as error:
                sock.close()
                problem = error
                continue
            return sock
        raise problem

    def _hold(self, sock: socket.socket) -> None:
        with self._lock:
            if self._cancelled:
                raise ConnectionAbortedError("cancelled")
            self._socket = sock
