"""The interface to an internet: the real one (`live.py`) or a sandbox on this machine (`sandbox/`).

A lab is given one and never knows which. All addresses are those of the town or of the real world, as text;
a carrier maps them to sockets.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Literal, NamedTuple

from labctl.errors import CannotRun

if TYPE_CHECKING:
    import ssl
    from socket import socket as Socket  # noqa: N812  # a field of Dialled is called socket

    from labctl.network import Network

Via = Literal["udp", "tcp", "tls", "https"]
Failure = Literal["", "timeout", "refused", "unreachable", "reset", "tls", "http"]


class Endpoint(NamedTuple):
    """An address and a port of this internet; `name` is what a certificate or a DoH URL must carry."""

    address: str
    port: int = 53
    name: str = ""

    def __str__(self) -> str:
        if self.port == 53:
            return self.address
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"


class Stray(NamedTuple):
    """A datagram that was not our answer: another source, id or question. Evidence, kept."""

    source: str
    wire: bytes
    why: str


class Reply(NamedTuple):
    """What came back: `wire` bytes, or None with `failure` saying how it failed. Seconds on the internet's clock."""

    wire: bytes | None
    sent_at: float
    received_at: float
    via: Via = "udp"
    failure: Failure = ""
    detail: str = ""
    strays: tuple[Stray, ...] = ()

    @property
    def elapsed_ms(self) -> float:
        """Milliseconds between the question and its answer, or the giving up."""
        return (self.received_at - self.sent_at) * 1000


class Dialled(NamedTuple):
    """A TCP connection, or why there is none. Seconds on the internet's clock.

    `socket` is the caller's to close: blocking, with a timeout set, TCP_NODELAY on. `detail` are the words of the
    operating system, `local` is our end as text: "10.53.0.2:43210".
    """

    socket: Socket | None
    started_at: float
    connected_at: float
    failure: Failure = ""
    detail: str = ""
    local: str = ""


class NameServer(NamedTuple):
    """A name server known beforehand: a root server, or one that was configured."""

    name: str
    addresses: tuple[str, ...]


class HostFiles(NamedTuple):
    """What this machine says about names before any packet leaves. Text of the files, "" when absent."""

    hosts: str = ""
    nsswitch: str = ""
    resolv_conf: str = ""
    platform: str = "linux"


class Internet(ABC):
    """Resolve, dial, ask; root servers, trust anchors, a clock. Close it, or use it as a context manager."""

    kind: Literal["sandbox", "live"]
    fault: str = ""
    seed: int = 1
    # Seconds that the user allows for one answer (`--timeout`); None leaves it to the lab.
    timeout: float | None = None
    # Two sides between which a lab may watch and touch packets; None for labs that need no such thing.
    network: Network | None = None

    def save_file(self, path: str, data: bytes) -> None:
        """Write a file that the user asked for, in the user's directory and with the user's rights.

        Raises CannotRun `file-not-written`.
        """
        try:
            with open(path, "wb") as file:
                file.write(data)
        except OSError as error:
            raise CannotRun(
                "file-not-written",
                f"{path} could not be written",
                evidence=(("wrote", f"{len(data)} bytes"), ("got", str(error.strerror))),
            ) from error

    @property
    @abstractmethod
    def root_servers(self) -> tuple[NameServer, ...]:
        """The hints: names and addresses of the root servers."""

    @property
    @abstractmethod
    def trust_anchors(self) -> tuple[str, ...]:
        """DS records of the root's keys, in presentation form: `. DS 20326 8 2 E06D...`."""

    @property
    @abstractmethod
    def resolvers(self) -> tuple[Endpoint, ...]:
        """The recursive resolvers that this machine is configured to ask, in order. May be empty."""

    @property
    @abstractmethod
    def host_files(self) -> HostFiles:
        """hosts, nsswitch.conf and resolv.conf of the machine that asks."""

    @abstractmethod
    def clock(self) -> float:
        """Seconds, monotonic, starting near 0 when the internet was made; `pass_time` moves it too."""

    @abstractmethod
    def date(self) -> float:
        """POSIX seconds: what signatures' validity is judged by."""

    @abstractmethod
    def pass_time(self, seconds: float) -> str:
        """Let time pass: really waited on the live internet, the town's clock moved on in the sandbox.

        Returns the sentence that says which of the two it was.
        """

    @abstractmethod
    def ask(self, server: Endpoint, wire: bytes, *, via: Via = "udp", timeout: float = 2.0) -> Reply:
        """Send one DNS message and wait for the answer that matches id, question and source.

        `timeout` in seconds. Nothing that a peer does raises; the reply says what happened.
        """

    @abstractmethod
    def dial(self, to: Endpoint, *, timeout: float = 10.0, until: Socket | None = None) -> Dialled:
        """Open a TCP connection. `timeout` in seconds; `connected_at` is when it was there, or was given up.

        Nothing that a peer does raises, and threads may dial side by side. It is called off as soon as `until`
        can be read.
        """

    @abstractmethod
    def client_tls(self) -> ssl.SSLContext:
        """A new context that trusts what this internet trusts, and verifies names and chains."""

    @abstractmethod
    def close(self) -> None:
        """End threads and sockets. Idempotent."""

    def __enter__(self) -> Internet:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
