"""What an operating system's error means for a question that got no answer; how long we may still wait."""

from __future__ import annotations

import errno
import socket
import time

from labctl.internet import Failure

SocketAddress = tuple[str, int]


class Deadline:
    """A point in real time. `left()` raises TimeoutError once it is passed: no read can start late."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds until then, more than 0."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


class ClosedEarlyError(Exception):
    """The peer ended the stream (FIN) before its answer was complete."""


def resolve_numeric(
    address: SocketAddress, kind: socket.SocketKind
) -> tuple[socket.AddressFamily, tuple[str, int]]:
    """Family and canonical socket address of an IP address and a port. Asks no resolver.

    Raises OSError (gaierror) when `address` is a name or no address at all.
    """
    host, port = address
    found = socket.getaddrinfo(host, port, type=kind, flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV)
    family, _, _, _, sockaddr = found[0]
    return family, sockaddr  # type: ignore[return-value]  # IPv6 has two numbers more; callers pass it on


def failure_of(error: BaseException) -> tuple[Failure, str]:
    """The failure word and a detail for people, from an exception of the socket module."""
    if isinstance(error, ClosedEarlyError):
        return "reset", str(error)
    if isinstance(error, TimeoutError) and not getattr(error, "errno", None):
        return "timeout", ""
    if isinstance(error, socket.gaierror):
        return "unreachable", f"not an IP address: {error.strerror}"
    number = getattr(error, "errno", None) or 0
    name = errno.errorcode.get(number, type(error).__name__)
    text = getattr(error, "strerror", None) or str(error)
    detail = f"{name}: {text}" if text else name
    if isinstance(error, ConnectionRefusedError):
        return "refused", detail
    if isinstance(error, ConnectionResetError | BrokenPipeError | ConnectionAbortedError):
        return "reset", f"the server reset the connection ({detail})"
    if isinstance(error, TimeoutError):  # ETIMEDOUT: the system's own patience ended first
        return "timeout", detail
    return "unreachable", detail
