"""All workers busy: the queue in the kernel, and where it ends."""

from __future__ import annotations

import contextlib
import select
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, NamedTuple

from labctl.events import Event, Hue, Row
from labctl.internet import Internet
from labs.telling import command, measured, note, opening, result, table
from labs.words import count, ms
from labs.workers.claims import BACKLOG
from labs.workers.processes import accept_queue
from labs.workers.server import address_of, standing

if TYPE_CHECKING:
    from labctl.serving.standing import Standing

CLIENTS, ASKED, BUSY_MS, EACH_MS = 6, 2, 450, 20
# Long enough for a handshake on this machine, short enough for the worker to be busy all the while.
_PATIENCE_S = 0.04


class Client:
    """One client that does not wait: connects, sends, and looks what became of it."""

    def __init__(self, address: tuple[str, int], number: int, ms_of_work: int) -> None:
        self.number, self._work = number, ms_of_work
        self.began = time.monotonic()
        self.connected_ms = self.answered_ms = 0.0
        self.refused = False
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.socket.setblocking(False)
        self.socket.connect_ex(address)

    def look(self) -> None:
        """Whether it is connected by now; then the request goes out."""
        if self.connected_ms or self.refused or not select.select([], [self.socket], [], 0)[1]:
            return
        if self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self.refused = True
            return
        self.connected_ms = (time.monotonic() - self.began) * 1000
        with contextlib.suppress(OSError):
            self.socket.send(
                f"GET /wait?ms={self._work} HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n".encode()
            )

    def read(self) -> None:
        """Whether an answer has come."""
        if not self.connected_ms or self.answered_ms or not select.select([self.socket], [], [], 0)[0]:
            return
        with contextlib.suppress(OSError):
            if self.socket.recv(65536):
                self.answered_ms = (time.monotonic() - self.began) * 1000
        # gunicorn waits for us to close, up to 2 s, before the worker takes the next one.
        if self.answered_ms:
            self.socket.close()


class Tried(NamedTuple):
    """What became of the clients while the worker was busy; `silent` are the numbers of those that heard nothing.

    `waiting` is what the kernel counts in its queue, None where it is not told. `busy` is whether the worker was, until
    all of them had come.
    """

    clients: list[Client]
    silent: set[int]
    waiting: int | None
    busy: bool


def show(internet: Internet) -> Iterator[Event]:
    with standing(internet, "sync", workers=1, backlog=ASKED) as server:
        yield opening(f"1 worker, --backlog {ASKED}, {CLIENTS} clients at once", "the worker is busy")
        tried = _try(server, BUSY_MS)
        if not tried.busy and not tried.silent:
            tried = _try(server, 5 * BUSY_MS)  # a busy machine takes its time for the clients, too
    clients, silent, waiting, busy = tried
    refused = [each for each in clients if each.refused]
    rows = [_row(each, each.number in silent) for each in clients]
    yield table(
        "backlog.clients",
        "",
        ("client", "while the worker was busy", "connected after", "answered after"),
        rows,
    )
    connected = CLIENTS - len(silent) - len(refused)
    told = "" if waiting is None else f" The kernel says that {waiting} wait for accept (Recv-Q in ss)."
    yield note(
        f"{connected} of {CLIENTS} were connected while 1 worker had 1 of them: the kernel finished their handshakes "
        f"and took their requests, and gunicorn did not know of them.{told}"
    )
    yield note(
        f"--backlog {ASKED} is listen({ASKED}), which keeps {ASKED + 1} on Linux. For the others there is no answer to "
        "their SYN, and their own kernels try again after 1 s, 3 s, 7 s. gunicorn asks for 2048, and "
        "net.core.somaxconn may make less of it."
    )
    yield measured("workers.backlog.silent", len(silent), f"{count(len(silent), 'client')} heard nothing.")
    if waiting is not None:
        yield measured(
            "workers.backlog.waiting", waiting, f"{waiting} waited in the kernel's queue.", "connections"
        )
    if not silent and not refused and not busy:
        yield BACKLOG.not_seen("This machine was too busy: the worker was done before all clients had come.")
        return
    yield BACKLOG.judged(
        bool(silent) and not refused,
        f"{connected} of {CLIENTS} clients were connected, {len(silent)} heard nothing, {len(refused)} were refused.",
        connected=connected,
        silent=len(silent),
    )
    late = max((each.connected_ms for each in clients if each.number in silent), default=0.0)
    end = (
        f"The ones that heard nothing were connected after {ms(late)}."
        if late
        else "A queue hides, it does not help."
    )
    yield result(end)
    yield command("by hand", "ss -tln", "Recv-Q: how many wait; Send-Q: how many may")
    yield command("next", "labctl workers --show slow-client", "busy with nothing")


def _try(server: Standing, busy_ms: int) -> Tried:
    with ExitStack() as opened:
        clients = _come(server, opened, busy_ms)
        waiting = accept_queue(address_of(server)[1])
        silent = {each.number for each in clients if not each.connected_ms and not each.refused}
        clients[0].read()
        busy = not clients[0].answered_ms
        _until_answered(clients, 4 + busy_ms / 1000)
    return Tried(clients, silent, waiting, busy)


def _come(server: Standing, opened: ExitStack, busy_ms: int) -> list[Client]:
    """The first one keeps the worker busy; then the others, together."""
    address, began = address_of(server), time.monotonic_ns()
    first = Client(address, 1, busy_ms)
    opened.callback(first.socket.close)
    end = time.monotonic() + 2
    while not first.connected_ms and time.monotonic() < end:
        first.look()
        time.sleep(0.001)
    server.wait_for("begin", timeout_s=5, since_ns=began)
    clients = [first]
    for number in range(2, CLIENTS + 1):
        each = Client(address, number, EACH_MS)
        opened.callback(each.socket.close)
        end = time.monotonic() + _PATIENCE_S
        while not each.connected_ms and not each.refused and time.monotonic() < end:
            each.look()
            time.sleep(0.001)
        clients.append(each)
    return clients


def _until_answered(clients: list[Client], most_s: float) -> None:
    end = time.monotonic() + most_s
    while time.monotonic() < end and not all(each.answered_ms or each.refused for each in clients):
        for each in clients:
            each.look()
            each.read()
        time.sleep(0.002)


def _row(client: Client, silent: bool) -> Row:
    was = "refused" if client.refused else "no answer to its SYN" if silent else "connected, request sent"
    if client.number == 1:
        was = "being served"
    hue: Hue = "bad" if silent or client.refused else "ok" if client.number == 1 else "warn"
    connected = ms(client.connected_ms) if client.connected_ms else "never"
    answered = ms(client.answered_ms) if client.answered_ms else "never"
    return Row(
        f"Client {client.number}: {was}; connected after {connected}, answered after {answered}.",
        (str(client.number), was, connected, answered),
        hues=("", hue, "mute", ""),
    )
