"""Labs that the tests run inside of boxes. A box's process imports this module by its name."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from labctl.errors import UsageError
from labctl.events import Event, Measure, Step
from labctl.internet import Endpoint, Internet
from labctl.lab import Lab
from labctl.network import Network, Rule

# Long names are for reading; what is measured is said by a Measure with the same id.
Fact = Measure


def fact(id: str, value: object) -> Measure:
    return Measure(text=f"{id} is {value}", id=id, value=value)  # type: ignore[arg-type]


def network_of(internet: Internet) -> Network:
    assert internet.network is not None
    return internet.network


def connection(network: Network, port: int = 80) -> tuple[socket.socket, socket.socket]:
    """The client's and the server's end of a fresh connection."""
    with network.server_socket() as listening:
        listening.bind((network.server_address, port))
        listening.listen(1)
        client = network.client_socket()
        client.connect((network.server_address, port))
        return client, listening.accept()[0]


def hello(internet: Internet, name: Annotated[str, "who"] = "you") -> Iterator[Event]:
    """Says things, after it has looked at its argument."""
    if name == "nobody":
        raise UsageError("nobody", "nobody is not anybody", evidence=(("name", name),), fixes=("say who",))
    return _hello(internet, name)


def _hello(internet: Internet, name: str) -> Iterator[Event]:
    yield Step(text=f"Hello {name}.", data={"seed": internet.seed, "fault": internet.fault})
    if name == "mistaken":
        raise ZeroDivisionError("a mistake of ours")
    if name == "unlucky":
        raise UsageError("late", "too late")
    internet.save_file("greeting.txt", name.encode())
    yield Step(text="Bye.")


def conversation(internet: Internet) -> Iterator[Event]:
    """One connection with a word each way; says what crossed."""
    network = network_of(internet)
    client, server = connection(network)
    with client, server:
        client.sendall(b"ping")
        server.recv(10)
        server.sendall(b"pong")
        client.recv(10)
        client.shutdown(socket.SHUT_WR)
        server.recv(10)
    segments = network.segments(port=80)
    first = {s.source: s.seq for s in reversed(segments)}
    yield fact("ladder", [[s.source, s.flags, s.length, (s.seq - first[s.source]) % 2**32] for s in segments])
    yield fact("at", [s.at_ns for s in segments])
    yield fact("checksums", [s.checksum_ok and s.ip_checksum_ok for s in segments])
    yield fact("mss", segments[0].mss)
    yield fact("longest", max(len(s.frame) for s in segments))
    yield fact("complete", network.capture_complete)
    yield fact("addresses", [network.client_address, network.server_address])


def loss(
    internet: Internet, action: Annotated[str, "what the wire does to the second one"]
) -> Iterator[Event]:
    """Five segments of data, of which something happens to the second."""
    network = network_of(internet)
    rule = Rule(lambda s: s.length > 0, action, "to-server", nth=2, delay_ms=40)  # type: ignore[arg-type]
    client, server = connection(network)
    with client, server:
        network.segments()
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with network.script(rule):
            for number in range(5):
                client.sendall(bytes([number]) * 100)
            received = b""
            try:
                server.settimeout(1.5)
                while len(received) < 500:
                    received += server.recv(500)
            except TimeoutError:
                pass
            segments = network.segments()
    data = [s for s in segments if s.length]
    yield fact("received", len(received))
    yield fact("dropped", sum(s.dropped for s in data))
    yield fact("delayed", sum(s.delayed_ms > 0 for s in data))
    yield fact("repeated", len(data) - len({s.seq for s in data}))
    yield fact("sack", any(s.sack for s in segments))


def silence(internet: Internet) -> Iterator[Event]:
    """A SYN that nobody answers, with one repetition."""
    network = network_of(internet)
    network.sysctl("net.ipv4.tcp_syn_retries", "1")
    with network.server_socket() as listening, network.script(Rule(lambda s: "S" in s.flags, "blackhole")):
        listening.bind((network.server_address, 80))
        listening.listen()
        with network.client_socket() as client:
            client.settimeout(1.5)
            try:
                client.connect((network.server_address, 80))
                ended = "connected"
            except OSError as error:
                ended = type(error).__name__
    yield fact("ended", ended)
    yield fact("syns", [s.dropped for s in network.segments() if s.flags == "S"])
    yield fact("other side", network.sysctl("net.ipv4.tcp_syn_retries", side="server"))


def asking(internet: Internet) -> Iterator[Event]:
    """Ask several servers for the same name."""
    from labctl.protocols.dns_message import build_query

    wire = build_query("www.shop.test.", "A", 7)
    for address in ("198.41.0.4", "2001:500:2::c", "203.0.113.61", "198.51.100.53"):
        internet.ask(Endpoint(address), wire)
        reply = internet.ask(Endpoint(address), wire)
        yield fact(address, [len(reply.wire or b""), reply.elapsed_ms])
        yield fact(f"tcp {address}", len(internet.ask(Endpoint(address), wire, via="tcp").wire or b""))
    for address, port in (("8.8.8.8", 53), ("2606:4700::1111", 53), ("203.0.113.10", 53)):
        yield fact(f"nobody {address}", internet.ask(Endpoint(address, port), wire, timeout=1.0).failure)
    yield fact("crashes", [repr(crash) for crash in internet.crashes])  # type: ignore[attr-defined]


def looking_around(
    internet: Internet, host_port: Annotated[int, "of a listener of the host"]
) -> Iterator[Event]:
    """What of the host can be seen from inside."""
    for name in ("resolv.conf", "nsswitch.conf", "hosts"):
        yield fact(name, Path("/etc", name).read_text())
    yield fact("namespaces", namespaces())
    yield fact("capabilities", Path("/proc/self/status").read_text().split("CapEff:\t")[1].split()[0])
    yield fact("processes", sorted(int(p.name) for p in Path("/proc").iterdir() if p.name.isdecimal()))
    yield fact("interfaces", sorted(name for _, name in socket.if_nameindex()))
    with socket.socket() as sock:
        yield fact("host's listener", sock.connect_ex(("127.0.0.1", host_port)))
    with socket.socket(socket.AF_UNIX) as sock:
        yield fact("host's abstract socket", sock.connect_ex(f"\0labctl-test-{host_port}"))
    yield fact(
        "resolver sockets", [p for p in ("/run/nscd/socket", "/run/systemd/resolve") if os.path.exists(p)]
    )
    with network_of(internet).on_server():
        routes = Path("/proc/thread-self/net/route").read_text().splitlines()[1:]
    yield fact("server's routes", [line.split()[:2] for line in routes])
    yield fact("user", os.getuid())


def surfing(internet: Internet) -> Iterator[Event]:
    """How long the steps of a visit take: milliseconds."""
    context = internet.client_tls()
    for name in ("miss", "hit"):
        dialled = internet.dial(Endpoint("203.0.113.10", 443))
        assert dialled.socket is not None, dialled
        yield fact("connect", (dialled.connected_at - dialled.started_at) * 1000)
        begun = internet.clock()
        with context.wrap_socket(dialled.socket, server_hostname="www.shop.test") as sock:
            secured = internet.clock()
            yield fact("tls", (secured - begun) * 1000)
            sock.sendall(b"GET /logo.svg HTTP/1.1\r\nHost: www.shop.test\r\n\r\n")
            assert sock.recv(65_536).startswith(b"HTTP/1.1 200")
            yield fact(name, (internet.clock() - secured) * 1000)
    yield fact("crashes", len(internet.crashes))  # type: ignore[attr-defined]


def listening_as_the_shop(internet: Internet) -> Iterator[Event]:
    """The town's web has not taken the address before anybody dials."""
    with network_of(internet).server_socket() as sock:
        sock.bind(("203.0.113.10", 80))
        sock.listen()
        yield fact("listened", True)


def distance(internet: Internet) -> Iterator[Event]:
    """Moves the town away, begins with two segments, and dials into the black hole."""
    from labctl.sandbox.town_sites import BLACK_HOLE

    network = network_of(internet)
    network.move_away(60.0)
    network.begin_with(2)
    client, server = connection(network, 8000)
    with client, server:
        network.segments()
        server.sendall(bytes(10_000))
        received = 0
        while received < 10_000:
            received += len(client.recv(65536))
        sent = [s for s in network.segments() if s.source_port == 8000 and s.length]
    first = sent[0].at_ns
    yield fact("first flight", sum(s.length for s in sent if s.at_ns - first < 30_000_000))
    yield fact("gap_ms", (next(s.at_ns for s in sent if s.at_ns - first >= 30_000_000) - first) / 1e6)
    swallowed = internet.dial(Endpoint(BLACK_HOLE, 443), timeout=0.2)
    yield fact("black hole", swallowed.failure)


def waiting(internet: Internet) -> Iterator[Event]:
    """Starts a program of its own and waits for ever."""
    started = os.posix_spawnp("sleep", ["sleep", "1000"], os.environ)
    yield fact("started", started)
    network_of(internet).client_socket(kind=socket.SOCK_DGRAM).recv(1)


def dying(internet: Internet) -> Iterator[Event]:
    """Its process ends in the middle."""
    yield Step(text="Alive.")
    os._exit(9)


def namespaces() -> dict[str, str]:
    return {kind: os.readlink(f"/proc/self/ns/{kind}") for kind in ("net", "mnt", "pid", "user")}


def lab(run: object) -> Lab:
    return Lab("boxed", "a lab of the tests", (), run, __name__, carrier="box")  # type: ignore[arg-type]
