"""One question and its answer over TCP (RFC 7766) and over TLS (DoT, RFC 7858).

Both carry the message behind two bytes of length. `sent_at` is before the connection is opened, so the
handshakes are part of the elapsed time: that is what they cost.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

from labctl.dns_transport.failures import (
    ClosedEarlyError,
    Deadline,
    SocketAddress,
    failure_of,
    resolve_numeric,
)
from labctl.internet import Failure, Reply, Via

if TYPE_CHECKING:
    import ssl


def tcp(address: SocketAddress, wire: bytes, *, timeout: float, clock: Callable[[], float]) -> Reply:
    """Connect, send the message and read one message. `timeout` in seconds covers all of it.

    A connection that ends too early has the failure "reset"; the detail tells a FIN from a RST.
    """
    sent_at = clock()
    deadline = Deadline(timeout)
    try:
        with _connected(address, deadline) as sock:
            answer = _ask(sock, wire, deadline)
    except (OSError, ClosedEarlyError) as error:
        return _failed(error, sent_at, clock, "tcp")
    return Reply(answer, sent_at, clock(), "tcp")


def tls(
    address: SocketAddress,
    wire: bytes,
    *,
    timeout: float,
    clock: Callable[[], float],
    server_name: str = "",
    context: ssl.SSLContext | None = None,
) -> Reply:
    """The same inside TLS. The certificate must carry `server_name`, or the IP address when that is "".

    `context` None trusts the system's certificate authorities. A refused certificate is the failure "tls"
    with the reason OpenSSL gave.
    """
    import ssl

    context = context or ssl.create_default_context()
    # A context that DoH used offers h2; a strict DoT server would refuse that.
    context.set_alpn_protocols(["dot"])
    sent_at = clock()
    deadline = Deadline(timeout)
    try:
        with _connected(address, deadline) as plain:
            plain.settimeout(deadline.left())
            with context.wrap_socket(plain, server_hostname=server_name.rstrip(".") or address[0]) as sock:
                detail = f"{sock.version()}, certificate accepted for {server_name or address[0]}"
                answer = _ask(sock, wire, deadline)
    except ssl.SSLError as error:
        return Reply(None, sent_at, clock(), "tls", "tls", tls_reason(error))
    except (ssl.CertificateError, ValueError) as error:  # a name that no certificate can carry
        return Reply(None, sent_at, clock(), "tls", "tls", str(error))
    except (OSError, ClosedEarlyError) as error:
        return _failed(error, sent_at, clock, "tls")
    return Reply(answer, sent_at, clock(), "tls", detail=detail)


def tls_reason(error: ssl.SSLError) -> str:
    """Why TLS failed, in OpenSSL's own words without its source file and line."""
    import ssl

    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate was refused: {error.verify_message.rstrip('.')}"
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return "the server closed the connection during the TLS handshake"
    reason = error.reason or str(error)
    return f"the TLS handshake failed: {reason.replace('_', ' ').lower()}"


def _connected(address: SocketAddress, deadline: Deadline) -> socket.socket:
    family, peer = resolve_numeric(address, socket.SOCK_STREAM)
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(deadline.left())
        sock.connect(peer)
    except BaseException:
        sock.close()
        raise
    return sock


def _ask(sock: socket.socket, wire: bytes, deadline: Deadline) -> bytes:
    sock.settimeout(deadline.left())
    # Length and message in one write, or some servers see an incomplete message (RFC 7766 section 8).
    sock.sendall(len(wire).to_bytes(2, "big") + wire)
    length = int.from_bytes(_read(sock, 2, deadline, "the length"), "big")
    return _read(sock, length, deadline, "the answer")


def _read(sock: socket.socket, size: int, deadline: Deadline, what: str) -> bytes:
    data = bytearray()
    while len(data) < size:
        sock.settimeout(deadline.left())
        piece = sock.recv(size - len(data))
        if not piece:
            raise ClosedEarlyError(
                f"the server closed the connection (FIN) after {len(data)} of {size} bytes of {what}"
            )
        data += piece
    return bytes(data)


def _failed(error: Exception, sent_at: float, clock: Callable[[], float], via: Via) -> Reply:
    failure: Failure
    failure, detail = failure_of(error)
    return Reply(None, sent_at, clock(), via, failure, detail)
