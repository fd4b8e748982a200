"""A TCP socket that says what its program does with it, before and after; otherwise an ordinary socket."""

from __future__ import annotations

import errno
import os
import select
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from labctl.kernel_view.tcp_info import tcp_info

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

# How often the counter of retransmissions is read while a SYN has no answer.
_LOOK_EVERY_MS = 5


class Watcher(Protocol):
    """Whoever wants to know. Every method is called on the thread that uses the socket."""

    timeout: float

    def bound(self, sock: WatchedSocket) -> None: ...
    def connecting(self, sock: WatchedSocket, address: Any) -> None: ...
    @contextmanager
    def first_syn(self, sock: WatchedSocket, address: Any) -> Iterator[None]: ...
    def syn_again(self, sock: WatchedSocket) -> None: ...
    def connected(self, sock: WatchedSocket, error: int) -> None: ...
    def accepted(self, sock: WatchedSocket, listener: WatchedSocket) -> None: ...
    @contextmanager
    def sending(self, sock: WatchedSocket, data: bytes) -> Iterator[None]: ...
    def sent(self, sock: WatchedSocket, data: bytes) -> None: ...
    @contextmanager
    def finishing(self, sock: WatchedSocket) -> Iterator[None]: ...
    def used(self, sock: WatchedSocket, error: OSError | None = None) -> None: ...
    @contextmanager
    def closing(self, sock: WatchedSocket) -> Iterator[None]: ...
    def closed(self, sock: WatchedSocket) -> None: ...


class WatchedSocket(socket.socket):
    """As `socket.socket`. `watcher` is told of what happens to it; its time-out is the watcher's to begin with."""

    def __init__(
        self,
        watcher: Watcher,
        family: int = socket.AF_INET,
        kind: int = socket.SOCK_STREAM,
        protocol: int = 0,
        fileno: int | None = None,
    ) -> None:
        super().__init__(family, kind, protocol, fileno)
        self.watcher = watcher
        self.settimeout(watcher.timeout)

    def bind(self, address: Any, /) -> None:
        super().bind(address)
        self.watcher.bound(self)

    def connect(self, address: Any, /) -> None:
        error = self.connect_ex(address)
        if error == errno.ETIMEDOUT and self.timeout_ended:
            raise TimeoutError("timed out")
        if error:
            raise OSError(error, os.strerror(error))

    # Whether the last connect() ended by the program's patience rather than the kernel's.
    timeout_ended = False

    def connect_ex(self, address: Any, /) -> int:
        self.timeout_ended = False
        patience = self.gettimeout()
        self.watcher.connecting(self, address)
        self.settimeout(0)
        try:
            with self.watcher.first_syn(self, address):
                error = super().connect_ex(address)
            if error == errno.EINPROGRESS and patience != 0:
                error = self._wait_for_answer(patience)
        finally:
            self.settimeout(patience)
        if error not in (errno.EINPROGRESS, errno.EALREADY):
            self.watcher.connected(self, error)
        return error

    def _wait_for_answer(self, patience: float | None) -> int:
        end = None if patience is None else time.monotonic() + patience
        again = 0
        poll = select.poll()
        poll.register(self.fileno(), select.POLLOUT)
        while True:
            answered = poll.poll(_LOOK_EVERY_MS)
            info = tcp_info(self)
            if info is not None and info.total_retransmits > again:
                again = info.total_retransmits
                self.watcher.syn_again(self)
            if answered:
                return self.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if end is not None and time.monotonic() >= end:
                self.timeout_ended = True
                return errno.ETIMEDOUT

    def accept(self) -> tuple[WatchedSocket, Any]:
        fileno, address = self._accept()  # type: ignore[attr-defined]  # what socket.accept() itself calls
        sock = WatchedSocket(self.watcher, self.family, self.type, self.proto, fileno)
        self.watcher.accepted(sock, self)
        return sock, address

    def send(self, data: ReadableBuffer, flags: int = 0, /) -> int:
        raw = bytes(data)
        with self._told(), self.watcher.sending(self, raw):
            size = super().send(data, flags)
            self.watcher.sent(self, raw[:size])
        return size

    def sendall(self, data: ReadableBuffer, flags: int = 0, /) -> None:
        raw = bytes(data)
        with self._told(), self.watcher.sending(self, raw):
            # Said before: a peer on another thread may have the bytes before sendall() is back.
            self.watcher.sent(self, raw)
            super().sendall(data, flags)

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        with self._told():
            return super().recv(size, flags)

    def recv_into(self, buffer: WriteableBuffer, nbytes: int = 0, flags: int = 0) -> int:
        with self._told():
            return super().recv_into(buffer, nbytes, flags)

    def shutdown(self, how: int, /) -> None:
        if how == socket.SHUT_RD:
            super().shutdown(how)
            return
        with self._told(), self.watcher.finishing(self):
            super().shutdown(how)

    def close(self) -> None:
        if self.fileno() < 0:
            return
        with self.watcher.closing(self):
            super().close()
            # A file made of it (makefile) keeps it open.
            if self.fileno() < 0:
                self.watcher.closed(self)

    @contextmanager
    def _told(self) -> Iterator[None]:
        error: OSError | None = None
        try:
            yield
        except OSError as seen:
            error = seen
            raise
        finally:
            if not isinstance(error, TimeoutError | BlockingIOError):
                self.watcher.used(self, error)
