"""A TCP connection to an address of this machine's own internet: opened, or told why not."""

from __future__ import annotations

import errno
import os
import select
import socket
from collections.abc import Callable

from labctl.dns_transport.failures import SocketAddress, failure_of, resolve_numeric
from labctl.internet import Dialled

CALLED_OFF = "called off: another address was faster"


def connect(
    address: SocketAddress,
    *,
    timeout: float,
    clock: Callable[[], float],
    until: socket.socket | None = None,
) -> Dialled:
    """Connect to a numeric address and a port within `timeout` seconds. Never raises for what a peer does.

    Given up as soon as `until` can be read, with the failure "timeout" and the detail CALLED_OFF.
    """
    started_at = clock()
    sock: socket.socket | None = None
    try:
        family, peer = resolve_numeric(address, socket.SOCK_STREAM)
        sock = socket.socket(family, socket.SOCK_STREAM)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if until is None:
            sock.settimeout(timeout)
            sock.connect(peer)
        else:
            _connect_until(sock, peer, timeout, until)
            sock.settimeout(timeout)
        return Dialled(sock, started_at, clock(), local=end_text(sock.getsockname()))
    except OSError as error:
        connected_at = clock()
        if sock is not None:
            sock.close()
        failure, detail = failure_of(error)
        return Dialled(
            None, started_at, connected_at, failure, str(error) if failure == "timeout" else detail
        )


def wait_in_vain(
    *, timeout: float, clock: Callable[[], float], until: socket.socket | None = None
) -> Dialled:
    """What dialling into a black hole is like: nothing comes back."""
    started_at = clock()
    ready = select.select([] if until is None else [until], [], [], timeout)[0]
    return Dialled(None, started_at, clock(), "timeout", CALLED_OFF if ready else "")


def _connect_until(sock: socket.socket, peer: SocketAddress, timeout: float, until: socket.socket) -> None:
    """Raises OSError like connect(), and TimeoutError when it takes too long or is called off."""
    sock.setblocking(False)
    number = sock.connect_ex(peer)
    if number in (errno.EINPROGRESS, errno.EWOULDBLOCK):
        # A connection that fails can be written to; on Windows it is exceptional instead.
        called_off, done, failed = select.select([until], [sock], [sock], timeout)
        if not (done or failed):
            raise TimeoutError(CALLED_OFF if called_off else "")
        number = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if number:
        raise OSError(number, os.strerror(number))


def end_text(name: tuple[str, int] | tuple[str, int, int, int]) -> str:
    """A socket's name as text: `10.53.0.2:43210`, `[fd53::2]:43210`."""
    return f"[{name[0]}]:{name[1]}" if ":" in name[0] else f"{name[0]}:{name[1]}"
