"""The ten-line server on this machine, for whoever comes: a browser, curl, nc. Each call as it happens."""

from __future__ import annotations

import errno
import socket
import time
from collections.abc import Iterator

from labctl.errors import CannotRun
from labctl.events import Event, Row, Rows
from labs.tcp.claims import ONE_RECV
from labs.tcp.ten_lines import BODY, HEAD, shortened
from labs.telling import command, note, opening, result
from labs.words import count

HOST = "127.0.0.1"
# Without a visitor for so long (seconds), the server has been forgotten.
PATIENCE = 120.0


def show(port: int, patience: float | None) -> Iterator[Event]:
    """Ends by Ctrl-C, or when nobody came for `patience` seconds. Raises CannotRun port-in-use."""
    wait = patience or PATIENCE
    yield opening("the ten-line server", f"http://{HOST}:{port}/")
    began = time.monotonic()
    with socket.socket() as server:
        yield _call(began, "socket()", f"fd {server.fileno()}")
        try:
            server.bind((HOST, port))
        except OSError as error:
            raise _taken(port, error) from error
        yield _call(began, f"bind(..., {port})", "the port is ours, on this machine only")
        server.listen()
        yield _call(began, "listen()", "from now on the kernel accepts connections")
        yield note(f"Try `curl -v http://{HOST}:{port}/` or a browser; Ctrl-C ends it.")
        visitors = halves = 0
        server.settimeout(wait)
        while True:
            try:
                client, address = server.accept()
            except TimeoutError:
                break
            visitors += 1
            with client:
                client.settimeout(wait)
                yield _call(began, "accept()", f"another socket, fd {client.fileno()}, for port {address[1]}")
                try:
                    asked = client.recv(1024)
                    yield _call(began, "recv(1024)", f"{count(len(asked), 'byte')}: {shortened(asked)}")
                    halves += bool(asked) and b"\r\n\r\n" not in asked
                    sent = client.send(HEAD + BODY)
                    yield _call(began, "send(...)", f"{count(sent, 'byte')} given to the kernel")
                except OSError as error:
                    yield _call(began, "...", type(error).__name__)
            yield _call(began, "close()", "the end of the answer is the end of the connection")
    if halves:
        yield ONE_RECV.judged(True, f"{count(halves, 'visitor')} got an answer to less than a whole request.")
    else:
        yield ONE_RECV.not_seen("Nobody sent a request in pieces.")
    yield result(f"{count(visitors, 'visitor')}; nobody came for {wait:.0f} s, so this was the end.")
    yield command("next", "labctl tcp --show serve", "what these ten lines get wrong")


def _call(began: float, name: str, gave: str) -> Rows:
    at = f"{time.monotonic() - began:.1f} s"
    row = Row(text=f"{at}: {name}: {gave}.", cells=(at, name, gave), hues=("mute", "accent", ""))
    return Rows(text=row.text, id="calls", title="", columns=("at", "call", "gave"), rows=(row,))


def _taken(port: int, error: OSError) -> CannotRun:
    name = errno.errorcode.get(error.errno or 0, "")
    taken = error.errno == errno.EADDRINUSE
    return CannotRun(
        "port-in-use" if taken else "port-refused",
        f"port {port} is already taken" if taken else f"port {port} cannot be used by this process",
        evidence=(("tried", f"bind {HOST}:{port}"), ("got", f"OSError: {name}: {error.strerror}")),
        fixes=(f"labctl port {port}", "labctl tcp --show serve --port 8000"),
    )
