"""A connection to a real target, made by this process: captured where it may, else told by its own kernel."""

from __future__ import annotations

import contextlib
import socket
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from labctl.errors import CannotRun
from labctl.events import Event, Measure
from labctl.internet import Internet
from labctl.protocols.tcp_close import how_it_closed
from labctl.protocols.tcp_ladder import Conversation
from labctl.protocols.tcp_segments import Segment
from labs.tcp import judging, ladder
from labs.tcp.programs import read_head, request
from labs.tcp.shows.connection import headline, told
from labs.tcp.target import Target
from labs.tcp.telling import command, explained, note, opening, plainly, result
from labs.tcp.words import ms

if TYPE_CHECKING:
    from labctl.kernel_view.connection_story import ConnectionStory
    from labctl.packet_capture import PacketCapture

PATIENCE = 5.0
# No more of a reply is read than this: the lesson is not a download.
MOST = 200_000
# What is still under way when we have closed.
SETTLE_MS = 60.0
_PROGRAM_PORTS = (80, 8000, 8080, 5000, 3000)


class Tried(NamedTuple):
    """What became of the connection: `failure` is "" when it was made; times in milliseconds."""

    segments: list[Segment]
    failure: str
    took_ms: float
    rtt_ms: float | None
    complete: bool


def connect(internet: Internet, target: Target, pcap: str | None) -> Iterator[Event]:
    """Raises CannotRun when the name has no address."""
    family, address = _address(target)
    tried = _tried(family, address, target, internet.timeout or PATIENCE)
    captured = bool(tried.segments) and tried.segments[0].evidence == "captured"
    if not tried.segments:
        yield opening(f"a connection to {target}")
        yield note(f"Nothing of it was seen. {tried.failure or 'It was made and closed.'}".strip())
        return
    conversation = Conversation(tried.segments)
    if not tried.failure:
        yield from told(None, conversation, _what(target))
    else:
        yield opening(f"a connection to {target}", headline(conversation))
        yield from ladder.exchanges(conversation)
        yield from explained(conversation, "ack=1")
        yield from judging.opened(conversation)
        yield result(
            f"{tried.failure} after {ms(tried.took_ms)}. {plainly(how_it_closed(conversation).text)}", "bad"
        )
    if tried.rtt_ms is not None and not captured:
        value = round(tried.rtt_ms, 1)
        yield Measure(f"The kernel measured a round trip of {ms(value)}.", "tcp.rtt", value, "ms")
    if not captured:
        yield note(
            "This process may not capture packets: the rows are what follows from its own kernel's counters "
            "(TCP_INFO), and the other side's are not known. As root, or with CAP_NET_RAW, they are captured."
        )
    elif not tried.complete:
        yield note("The capture is incomplete: the kernel dropped some segments before they could be read.")
    if captured and any(s.length > (s.mss or 1460) for s in tried.segments):
        yield note(
            "Some rows carry more than one segment can: the kernel or the network card put several together "
            "(offloading) before we saw them."
        )
    if pcap:
        yield from _saved(internet, tried.segments, pcap)
    yield command(
        "by hand", f"tcpdump -ni any host {address[0]} and tcp port {target.port}", f"curl -v {target}"
    )


def _what(target: Target) -> str:
    return f"GET {target.path} and its reply" if target.port in _PROGRAM_PORTS else "data"


def _address(target: Target) -> tuple[int, tuple[str, int]]:
    """The first address that the system gives, as any program gets it."""
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise CannotRun(
            "name-not-found",
            f"{target.host} has no address that could be found",
            evidence=(("tried", f"getaddrinfo {target.host}"), ("got", str(error))),
            fixes=(f"labctl dns {target.host}",),
        ) from error
    family, _, _, _, address = found[0]
    return family, (str(address[0]), int(address[1]))


def _tried(family: int, address: tuple[str, int], target: Target, patience: float) -> Tried:
    from labctl.kernel_view.connection_story import ConnectionStory
    from labctl.kernel_view.tcp_info import tcp_info

    with socket.socket(family, socket.SOCK_STREAM) as client, contextlib.ExitStack() as opened:
        client.settimeout(patience)
        capture = _capture(family, address, target.port, opened)
        began_ns, began = time.time_ns(), time.monotonic()
        failure = ""
        try:
            client.connect(address)
        except OSError as error:
            failure = _said(error)
        took = (time.monotonic() - began) * 1000
        with contextlib.suppress(OSError):
            mine = client.getsockname()
        story = ConnectionStory((mine[0], mine[1]), address, began_ns=began_ns)
        rtt: float | None = None
        if failure:
            if "Refused" in failure:
                story.refused(time.time_ns())
        else:
            info = tcp_info(client)
            rtt = info.rtt_ms if info else None
            story.look(time.time_ns(), "client", info, None)
            with contextlib.suppress(OSError):
                _talk(client, target, story)
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_WR)
            story.look(time.time_ns(), "client", tcp_info(client), None)
            with contextlib.suppress(OSError):
                _drained(client, patience)
            story.look(time.time_ns(), "client", tcp_info(client), None)
        port = mine[1]
        client.close()
        if capture is None:
            return Tried(story.segments(), failure, took, rtt, True)
        settle = max(SETTLE_MS, 1.5 * took if took < 500 else SETTLE_MS)
        seen = [s for s in capture.drain(settle_ms=settle) if port in (s.source_port, s.target_port)]
        return Tried(seen, failure, took, rtt, capture.complete)


def _capture(
    family: int, address: tuple[str, int], port: int, opened: contextlib.ExitStack
) -> PacketCapture | None:
    """A capture on the interface that leads there, or None where this process may not."""
    from labctl.packet_capture import PacketCapture

    try:
        interface = _interface(family, address)
        return opened.enter_context(PacketCapture(interface, (port,))) if interface else None
    except CannotRun:
        return None


def _interface(family: int, address: tuple[str, int]) -> str:
    """The interface that has the address which the kernel would connect from; "" when it is not found."""
    if not sys.platform.startswith("linux"):
        return ""
    with socket.socket(family, socket.SOCK_DGRAM) as asking:
        try:
            asking.connect(address)
            local = str(asking.getsockname()[0])
        except OSError:
            return ""
    if local == address[0] or local.startswith("127."):
        return "lo"
    if family == socket.AF_INET6:
        return _interface_six(local)
    import fcntl
    import struct

    siocgifaddr = 0x8915
    for _, name in socket.if_nameindex():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking, contextlib.suppress(OSError):
            reply = fcntl.ioctl(asking, siocgifaddr, struct.pack("256s", name.encode()[:15]))
            if socket.inet_ntoa(reply[20:24]) == local:
                return name
    return ""


def _interface_six(local: str) -> str:
    packed = socket.inet_pton(socket.AF_INET6, local.partition("%")[0]).hex()
    with contextlib.suppress(OSError), open("/proc/net/if_inet6") as file:
        for line in file:
            fields = line.split()
            if fields[0] == packed:
                return fields[-1]
    return ""


def _talk(client: socket.socket, target: Target, story: ConnectionStory) -> None:
    """A GET where a web server is to be expected; else nothing, for the other protocols have their own words."""
    from labctl.kernel_view.tcp_info import tcp_info

    if target.port not in _PROGRAM_PORTS:
        return
    asked = request(target.host, target.path).replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    client.sendall(asked)
    story.wrote("client", asked)
    story.look(time.time_ns(), "client", tcp_info(client), None)
    read_head(client)
    story.look(time.time_ns(), "client", tcp_info(client), None)


def _drained(client: socket.socket, patience: float) -> None:
    client.settimeout(min(patience, 2.0))
    total = 0
    while total < MOST and (some := client.recv(65536)):
        total += len(some)


def _said(error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return "connect heard nothing"
    return f"{type(error).__name__}: {error.strerror or error}"


def _saved(internet: Internet, segments: list[Segment], path: str) -> Iterator[Event]:
    from labs.tcp.sandboxed import saved

    yield from saved(internet, segments, path)
