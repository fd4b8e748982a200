"""The ports that tests are given: held for the one who asked, and another one when somebody has it all the same."""

from __future__ import annotations

import contextlib
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import free_ports
import pytest

# Takes its port, and says what nginx, unbound and redis say when it cannot.
SERVER = """
import socket, sys
with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as listening:
    while True:
        listening.accept()[0].close()
"""


def test_a_child_that_finds_its_port_taken_is_started_on_another_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    held = free_ports.held
    tried: list[int] = []

    def command(port: int) -> list[str]:
        tried.append(port)
        return [sys.executable, "-c", SERVER, str(port)]

    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]

        @contextlib.contextmanager
        def unlucky(host: str = "127.0.0.1") -> Iterator[int]:
            with held(host) as port:
                yield port if len(tried) == 2 else taken

        monkeypatch.setattr(free_ports, "held", unlucky)
        # Whoever else has the port accepts connections, too: the child is asked for what it says.
        log = tmp_path / "log"
        with free_ports.child(
            command, log, ready=lambda port: port != taken and free_ports._accepts(port)
        ) as got:
            assert tried == [taken, taken, got]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems let no second socket in")
def test_a_held_port_is_for_a_server_and_is_closed_again_when_the_server_is() -> None:
    with free_ports.held() as port:
        with socket.create_server(("127.0.0.1", port)), socket.create_connection(("127.0.0.1", port)):
            pass
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port))
        with socket.socket() as other, pytest.raises(OSError, match="in use"):
            other.bind(("127.0.0.1", port))


def asked(client: socket.socket, port: int) -> bytes:
    client.connect(("127.0.0.1", port))
    client.send(b"x")
    return client.recv(1)


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_a_closed_port_refuses_and_nobody_else_gets_it(kind: socket.SocketKind) -> None:
    with free_ports.closed_port(kind=kind) as port, socket.socket(socket.AF_INET, kind) as client:
        with pytest.raises(ConnectionRefusedError):
            asked(client, port)
        with socket.socket(socket.AF_INET, kind) as other, pytest.raises(OSError, match="in use"):
            other.bind(("127.0.0.1", port))
