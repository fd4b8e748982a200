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
from labs.tcp.shows.connection import headline, told
from labs.tcp.talking import ask, drain
from labs.tcp.target import Target
from labs.tcp.telling import explained, plainly
from labs.telling import command, note, opening, result
from labs.words import ms

if TYPE_CHECKING:
    from labctl.packet_capture import PacketCapture

PATIENCE = 5.0
# What is still under way when we have closed.
SETTLE_MS = 60.0

Address = tuple[int, tuple[str, int]]


class Tried(NamedTuple):
    """What became of the connection: `failure` is "" when it was made; times in milliseconds."""

    address: tuple[str, int]
    segments: list[Segment]
    failure: str
    took_ms: float
    rtt_ms: float | None
    complete: bool
    asked: bool = False


def connect(internet: Internet, target: Target, pcap: str | None) -> Iterator[Event]:
    """Raises CannotRun when the name has no address."""
    found = _addresses(target)
    deadline = time.monotonic() + (internet.timeout or PATIENCE)
    every: list[Tried] = []
    for left, address in zip(range(len(found), 0, -1), found, strict=True):
        every.append(_tried(*address, target, deadline, left))
        if not every[-1].failure or time.monotonic() >= deadline:
            break
    tried = every[-1]
    yield from _told(target, every, found)
    yield from _about_the_rows(tried)
    host = tried.address[0].partition("%")[0]
    yield command("by hand", f"tcpdump -ni any host {host} and tcp port {target.port}", target.by_hand)
    if pcap:
        yield from _saved(internet, [s for one in every for s in one.segments], pcap)


def _told(target: Target, every: list[Tried], found: list[Address]) -> Iterator[Event]:
    tried = every[-1]
    named = f"{target} at {tried.address[0]}" if not target.address else str(target)
    if not tried.segments:
        yield opening(f"a connection to {named}")
        yield from _in_this_order(target, every, found)
        yield note(f"Nothing of it was seen. {tried.failure or 'It was made and closed.'}".strip())
        return
    conversation = Conversation(tried.segments)
    if not tried.failure:
        what = f"GET {target.path} and its reply" if tried.asked else "data"
        yield from told(None, conversation, what, asked=tried.asked)
        yield from _in_this_order(target, every, found)
        if not tried.asked:
            yield note(_why_nothing_was_asked(target))
        return
    yield opening(f"a connection to {named}", headline(conversation))
    yield from ladder.exchanges(conversation)
    yield from _in_this_order(target, every, found)
    yield from explained(conversation, "ack=1")
    yield from judging.opened(conversation)
    yield result(
        f"{tried.address[0]}: {tried.failure}, {_after(tried.took_ms)}. "
        f"{plainly(how_it_closed(conversation).text)}",
        "bad",
    )


def _in_this_order(target: Target, every: list[Tried], found: list[Address]) -> Iterator[Event]:
    """Which addresses the name has, and what became of each."""
    if target.address:
        return
    if len(found) == 1:
        yield note(f"{target.host} is {found[0][1][0]}.")
        return
    said = [f"{one.address[0]}: {one.failure or 'connected'}" for one in every]
    said += [f"{address[0]}: not tried" for _, address in found[len(every) :]]
    yield note(f"{target.host} has {len(found)} addresses, tried in this order. {'; '.join(said)}.")


def _why_nothing_was_asked(target: Target) -> str:
    if target.scheme and target.scheme != "http":
        return f"{target.scheme} begins with words of its own, which this lab does not speak: it connects and closes."
    return (
        f"What a program on port {target.port} wants to hear is not known here: the lab connects and closes. "
        f"A URL with http:// makes it send a GET."
    )


def _about_the_rows(tried: Tried) -> Iterator[Event]:
    """What is to be known about the evidence."""
    if not tried.segments:
        return
    captured = tried.segments[0].evidence == "captured"
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


def _addresses(target: Target) -> list[Address]:
    """Every address that the system gives, in its order, as any program gets them."""
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise CannotRun(
            "name-not-found",
            f"{target.host} has no address that could be found",
            evidence=(("tried", f"getaddrinfo {target.host}"), ("got", str(error))),
            fixes=(f"labctl dns {target.host}",),
        ) from error
    # A scoped address needs its four parts to be connected to; a hosts file may name one twice.
    return list(dict.fromkeys((int(family), address) for family, _, _, _, address in found))  # type: ignore[misc]


def _tried(family: int, address: tuple[str, int], target: Target, deadline: float, shares: int) -> Tried:
    """One connection. Of the time that is left, `shares` addresses get as much each to answer the SYN."""
    from labctl.kernel_view.connection_story import ConnectionStory
    from labctl.kernel_view.tcp_info import tcp_info

    with contextlib.ExitStack() as opened:
        try:
            client = opened.enter_context(socket.socket(family, socket.SOCK_STREAM))
        except OSError as error:
            # A machine without IPv6.
            return Tried(address, [], _said(error), 0.0, None, True)
        capture = _capture(family, address, target.port, opened)
        began_ns, began = time.time_ns(), time.monotonic()
        client.settimeout(max(0.001, (deadline - began) / shares))
        failure, asked = "", False
        try:
            client.connect(address)
        except OSError as error:
            failure = _said(error)
        took = (time.monotonic() - began) * 1000
        mine = client.getsockname()
        story = ConnectionStory((mine[0], mine[1]), address[:2], began_ns=began_ns)
        rtt: float | None = None
        if failure:
            if "Refused" in failure:
                story.refused(time.time_ns())
        else:
            info = tcp_info(client)
            rtt = info.rtt_ms if info else None
            story.look(time.time_ns(), "client", info, None)
            if asked := target.asks:
                with contextlib.suppress(OSError):
                    ask(client, target, story, deadline)
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_WR)
            story.look(time.time_ns(), "client", tcp_info(client), None)
            with contextlib.suppress(OSError):
                drain(client, deadline)
            story.look(time.time_ns(), "client", tcp_info(client), None)
        port = mine[1]
        client.close()
        if capture is None:
            return Tried(address, story.segments(), failure, took, rtt, True, asked)
        settle = max(SETTLE_MS, 1.5 * took if took < 500 else SETTLE_MS)
        seen = [s for s in capture.drain(settle_ms=settle) if port in (s.source_port, s.target_port)]
        return Tried(address, seen, failure, took, rtt, capture.complete, asked)


def _capture(
    family: int, address: tuple[str, int], port: int, opened: contextlib.ExitStack
) -> PacketCapture | None:
    """A capture on the interface that leads there, or None where this process may not."""
    from labctl.capabilities import probe
    from labctl.packet_capture import PacketCapture

    if not probe("raw-capture").have:
        return None
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


def _after(took_ms: float) -> str:
    took = ms(took_ms)
    return f"in {took}" if took.startswith("under") else f"after {took}"


def _said(error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return "connect heard nothing"
    return f"{type(error).__name__}: {error.strerror or error}"


def _saved(internet: Internet, segments: list[Segment], path: str) -> Iterator[Event]:
    from labs.tcp.sandboxed import saved

    yield from saved(internet, segments, path)
