"""The ten-line server of every tutorial, running: each call as it happens, and what it gets wrong."""

from __future__ import annotations

import errno
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from labctl.events import Event, Measure, Row, Rows
from labs.tcp.claims import ONE_RECV
from labs.tcp.programs import read_head, request
from labs.tcp.stage import Stage
from labs.tcp.target import OURS
from labs.tcp.telling import heading, note, opening, result
from labs.tcp.words import count, ms

PORT = 8000
SOURCE = """\
server = socket.socket()
server.bind((HOST, PORT))
server.listen()
while True:
    client, address = server.accept()
    request = client.recv(1024)
    client.send(b"HTTP/1.1 200 OK\\r\\n\\r\\nHello, this is all there is.\\n")
    client.close()"""
_HEAD, _BODY = b"HTTP/1.1 200 OK\r\n\r\n", b"Hello, this is all there is.\n"
HALF = b"GET / HT"
# Long enough for an answer that comes, short enough for one that does not.
PATIENCE = 0.35


@dataclass(frozen=True)
class Call:
    """One call of the server, what it gave, and when it returned (milliseconds)."""

    name: str
    gave: str
    at_ms: float


@dataclass
class TenLines:
    """The server as it stands in tutorials, except that it writes down its calls and can be stopped."""

    stage: Stage
    port: int
    calls: list[Call] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)
    # Breaks off in the middle of its answer, as a program does that is killed.
    dies_after: int | None = None

    def noted(self, name: str, gave: str) -> None:
        self.calls.append(Call(name, gave, (time.monotonic() - self.began) * 1000))

    def begin(self) -> None:
        """Raises OSError when the port is not to be had."""
        network = self.stage.network
        self.server = network.server_socket()
        self.noted("socket()", f"fd {self.server.fileno()}")
        try:
            self.server.bind((network.server_address, self.port))
        except OSError as error:
            self.noted(f"bind(..., {self.port})", f"OSError {error.errno}: {errno.errorcode.get(error.errno or 0)}")
            self.server.close()
            raise
        self.port = self.server.getsockname()[1]
        self.noted(f"bind(..., {self.port})", "the port is ours")
        self.server.listen()
        self.noted("listen()", "from now on the kernel accepts connections")
        self.server.settimeout(None)
        self.thread = threading.Thread(target=self._serve, name="ten lines")
        self.thread.start()

    def _serve(self) -> None:
        while True:
            try:
                client, address = self.server.accept()
            except OSError:
                return
            with client:
                self.noted("accept()", f"another socket, fd {client.fileno()}, for port {address[1]}")
                try:
                    self._answer(client)
                except OSError as error:
                    self.noted("...", f"{type(error).__name__}")

    def _answer(self, client: socket.socket) -> None:
        client.settimeout(self.stage.network.timeout)
        asked = client.recv(1024)
        self.noted("recv(1024)", f"{count(len(asked), 'byte')}: {_short(asked)}")
        while self.stage.manners.server_reads_to_the_end and asked and b"\r\n\r\n" not in asked:
            more = client.recv(1024)
            if not more:
                break
            asked += more
            self.noted("recv(1024)", f"{count(len(more), 'byte')} more")
        answer = (_HEAD + _BODY)[: self.dies_after]
        sent = client.send(answer)
        self.noted("send(...)", f"{count(sent, 'byte')} given to the kernel")
        self.noted("close()", "the end of the answer is the end of the connection")

    def end(self) -> None:
        # Wakes the blocked accept.
        self.server.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.server.close()


def _short(data: bytes) -> str:
    text = data.decode("latin-1").split("\r\n")[0]
    return repr(text if len(text) <= 24 else text[:23] + "…") if text else "nothing"


def show(stage: Stage, port: int | None) -> Iterator[Event]:
    yield opening("the ten-line server", "every call, as it happens")
    yield _source()
    server = TenLines(stage, (port or PORT) if stage.boxed or port else 0)
    server.begin()
    try:
        yield from _whole_request(server)
        yield from _half_request(server)
        yield from _silent_client(server)
        yield from _cut_answer(server)
    finally:
        server.end()
    stage.crossed()
    yield from _once_more(server)
    yield result("Read until the empty line, say how long the answer is, serve more than one, set SO_REUSEADDR.")


def _source() -> Rows:
    lines = SOURCE.split("\n")
    return Rows(
        text="The whole server:",
        id="source",
        title="The whole server",
        columns=("", "line"),
        rows=tuple(
            Row(text=line, cells=(str(number), line), hues=("faint", "accent"))
            for number, line in enumerate(lines, 1)
        ),
    )


def _visit(server: TenLines, act: Callable[[socket.socket], None]) -> None:
    with server.stage.client() as client:
        client.connect((server.stage.network.server_address, server.port))
        act(client)


def _whole_request(server: TenLines) -> Iterator[Event]:
    heard: list[bytes] = []

    def act(client: socket.socket) -> None:
        client.sendall(request(OURS.host))
        heard.append(_all(client))

    _visit(server, act)
    yield _table(server, "A request that comes in one piece")
    lines = heard[0].split(b"\r\n\r\n")[0].split(b"\r\n") if heard else []
    yield note(
        f"The client got {_short(heard[0])}, {count(max(0, len(lines) - 1), 'header field')}: it works, like this."
    )


def _half_request(server: TenLines) -> Iterator[Event]:
    answered = False

    def act(client: socket.socket) -> None:
        nonlocal answered
        client.sendall(HALF)
        answered = bool(select.select([client], [], [], PATIENCE)[0])
        client.sendall(request(OURS.host)[len(HALF) :])
        try:
            _all(client)
        except OSError:
            pass

    server.calls.clear()
    _visit(server, act)
    yield _table(server, "The same request in two pieces", f"the first is {HALF.decode()!r}")
    yield Measure(f"The first piece had {count(len(HALF), 'byte')}.", "tcp.recv.first", len(HALF), "B")
    yield ONE_RECV.judged(
        answered,
        f"recv gave the {len(HALF)} bytes that had come, and the server answered them."
        if answered
        else f"The server did not answer {len(HALF)} bytes: it went on reading until the empty line.",
    )


def _silent_client(server: TenLines) -> Iterator[Event]:
    network = server.stage.network
    server.calls.clear()
    with server.stage.client() as silent, server.stage.client() as other:
        silent.connect((network.server_address, server.port))
        began = time.monotonic()
        other.connect((network.server_address, server.port))
        other.sendall(request(OURS.host))
        alone = bool(select.select([other], [], [], PATIENCE)[0])
        silent.close()
        _all(other)
        took = (time.monotonic() - began) * 1000
    yield _table(server, "A client that says nothing", "and one behind it that has a request")
    if not alone:
        yield note(
            f"The second client waited {ms(took)}, until the first one left: one at a time, and nobody hurries it."
        )


def _cut_answer(server: TenLines) -> Iterator[Event]:
    server.calls.clear()
    server.dies_after = len(_HEAD) + len(_BODY) // 2
    heard: list[bytes] = []

    def act(client: socket.socket) -> None:
        client.sendall(request(OURS.host))
        heard.append(_all(client))

    _visit(server, act)
    server.dies_after = None
    got = len(heard[0].partition(b"\r\n\r\n")[2]) if heard else 0
    yield heading("An answer that is cut off", "the server stops in the middle")
    yield note(
        f"The client got 200 OK and {got} of {len(_BODY)} bytes, and then the end: no Content-Length, so to every "
        "client this is a whole answer."
    )


def _once_more(server: TenLines) -> Iterator[Event]:
    again = TenLines(server.stage, server.port)
    title = "Stopped, and started again at once"
    try:
        again.begin()
    except OSError as error:
        yield _table(again, title)
        yield note(
            f"{errno.errorcode.get(error.errno or 0, 'OSError')}: nobody listens any more, but the old server closed "
            "its connections first, so they are in TIME-WAIT on its port. SO_REUSEADDR on both servers allows it."
        )
    else:
        again.end()
        yield _table(again, title)


def _all(client: socket.socket) -> bytes:
    read = read_head(client)
    more = b""
    while some := client.recv(4096):
        more += some
    return read + more


def _table(server: TenLines, title: str, remark: str = "") -> Rows:
    return Rows(
        text=f"{title}: {remark}." if remark else f"{title}.",
        note=remark,
        id="calls",
        title=title,
        columns=("at", "call", "gave"),
        rows=tuple(
            Row(
                text=f"{ms(call.at_ms)}: {call.name}: {call.gave}.",
                cells=(ms(call.at_ms), call.name, call.gave),
                hues=("mute", "accent", ""),
            )
            for call in list(server.calls)
        ),
    )


