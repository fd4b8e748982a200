"""The ten-line server of every tutorial, which notes each of its calls."""

from __future__ import annotations

import errno
import socket
import threading
import time
from dataclasses import dataclass, field

from labs.tcp.stage import Stage
from labs.words import count

SOURCE = """\
import socket
HOST, PORT = "127.0.0.1", 8000
server = socket.socket()
server.bind((HOST, PORT))
server.listen()
while True:
    client, address = server.accept()
    request = client.recv(1024)
    client.send(b"HTTP/1.1 200 OK\\r\\n\\r\\nHello from ten lines.\\n")
    client.close()"""
HEAD, BODY = b"HTTP/1.1 200 OK\r\n\r\n", b"Hello from ten lines.\n"


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
    stopped: bool = False
    # Breaks off in the middle of its answer, as a program does that is killed.
    dies_after: int | None = None

    def noted(self, name: str, gave: str) -> None:
        self.calls.append(Call(name, gave, (time.monotonic() - self.began) * 1000))

    def begin(self) -> None:
        """Raises OSError when the port is not to be had."""
        network = self.stage.network
        self.server = network.server_socket()
        self.noted("socket()", "a file descriptor")
        try:
            self.server.bind((network.server_address, self.port))
        except OSError as error:
            self.noted(
                f"bind(..., {self.port})", f"OSError {error.errno}: {errno.errorcode.get(error.errno or 0)}"
            )
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
            except OSError as error:
                if self.stopped:
                    return
                # A client that was gone before it was accepted.
                self.noted("accept()", type(error).__name__)
                continue
            with client:
                self.noted("accept()", f"another socket, for port {address[1]}")
                try:
                    self._answer(client)
                except OSError as error:
                    self.noted("...", f"{type(error).__name__}")

    def _answer(self, client: socket.socket) -> None:
        client.settimeout(self.stage.network.timeout)
        asked = client.recv(1024)
        self.noted("recv(1024)", f"{count(len(asked), 'byte')}: {shortened(asked)}")
        while self.stage.manners.server_reads_to_the_end and asked and b"\r\n\r\n" not in asked:
            more = client.recv(1024)
            if not more:
                break
            asked += more
            self.noted("recv(1024)", f"{count(len(more), 'byte')} more")
        answer = (HEAD + BODY)[: self.dies_after]
        sent = client.send(answer)
        self.noted("send(...)", f"{count(sent, 'byte')} given to the kernel")
        self.noted("close()", "the end of the answer is the end of the connection")

    def end(self) -> None:
        self.stopped = True
        # Wakes the blocked accept.
        self.server.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.server.close()


def shortened(data: bytes) -> str:
    """The first line of what was read, in quotes."""
    text = data.decode("latin-1").split("\r\n")[0]
    return repr(text if len(text) <= 24 else text[:23] + "…") if text else "nothing"
