"""An edge that stands alone on this machine, in front of any HTTP server, until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import ipaddress
import socket
import ssl
from collections.abc import Callable
from typing import Any, NamedTuple

from labctl.errors import CannotRun, UsageError
from labctl.protocols.url import Url, parse_url
from labctl.sandbox.edge import SIZE_BYTES, Edge
from labctl.sandbox.edge_exchange import EdgeDecision
from labctl.sandbox.edge_profile import profile_named

DEFAULT_LISTEN = "127.0.0.1:8080"
_UNITS = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3}


class EdgePlan(NamedTuple):
    """What is asked for. `seed` makes CF-Ray repeatable; `keep_host` passes the client's Host on."""

    profile: str
    listen: tuple[str, int]
    upstream: Url
    size_bytes: int = SIZE_BYTES
    timeout_s: float = 60.0
    seed: int | None = None
    keep_host: bool = True


def listen_address(text: str) -> tuple[str, int]:
    """HOST:PORT, [IPv6]:PORT, :PORT or PORT; port 0 takes a free one. Raises UsageError `edge-listen-invalid`."""
    host, colon, port = text.strip().rpartition(":")
    host = host.removeprefix("[").removesuffix("]") if colon else ""
    good = port.isascii() and port.isdigit() and int(port) <= 65535
    try:
        address = str(ipaddress.ip_address(host or "127.0.0.1")) if host != "localhost" else "127.0.0.1"
    except ValueError:
        good, address = False, ""
    if not good:
        raise UsageError(
            "edge-listen-invalid",
            f"{text[:60]!r} is no address to listen on",
            evidence=(("it is", "ADDRESS:PORT, [IPv6]:PORT or a port alone, 0 for a free one"),),
            fixes=(f"--listen {DEFAULT_LISTEN}",),
        )
    return address, int(port)


def upstream_of(text: str) -> Url:
    """The origin: scheme, host and port. Raises UsageError `edge-upstream-path` or those of `parse_url`."""
    url = parse_url(text, default_scheme="http")
    if url.path != "/" or url.fragment:
        raise UsageError(
            "edge-upstream-path",
            "an upstream is a scheme, a host and a port, without a path",
            evidence=(("given", url.text),),
            fixes=(f"--upstream {url.origin}",),
        )
    return url


def size_of(text: str) -> int:
    """64, 64k, 64M, 1G as bytes. Raises UsageError `edge-size-invalid`."""
    word = text.strip().lower().removesuffix("b").removesuffix("i")
    unit = word[-1:] if word[-1:] in ("k", "m", "g") else ""
    digits = word.removesuffix(unit) if unit else word
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 12):
        raise UsageError(
            "edge-size-invalid",
            f"{text[:40]!r} is no size",
            evidence=(("it is", "bytes, or a number with k, M or G"),),
            fixes=("--size 64M",),
        )
    return int(digits) * _UNITS[unit]


def is_loopback(address: str) -> bool:
    """Whether only this machine reaches the address."""
    return ipaddress.ip_address(address).is_loopback


def serve(
    plan: EdgePlan,
    started: Callable[[str, int], None],
    on_decision: Callable[[EdgeDecision], None] | None,
    stopping: Callable[[asyncio.AbstractEventLoop, Callable[[], None]], None],
) -> None:
    """Run until `stop()` is called, which `stopping(loop, stop)` is given at the beginning.

    `started(address, port)` is called when it listens. Raises CannotRun port-in-use, port-not-allowed, cannot-bind.
    """
    asyncio.run(_serve(plan, started, on_decision, stopping))


async def _serve(
    plan: EdgePlan,
    started: Callable[[str, int], None],
    on_decision: Callable[[EdgeDecision], None] | None,
    stopping: Callable[[asyncio.AbstractEventLoop, Callable[[], None]], None],
) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    stopping(loop, stop.set)
    listener = _bound(*plan.listen)
    edge = Edge(
        profile_named(plan.profile, plan.seed),
        _way_to(plan.upstream, loop),
        upstream_name=plan.upstream.authority,
        host_header="" if plan.keep_host else plan.upstream.authority,
        size_bytes=plan.size_bytes,
        timeout_s=plan.timeout_s,
        on_decision=on_decision,
    )
    server = await loop.create_server(edge.protocol, sock=listener, backlog=1024)
    # What is here stays: the collector need not look at it again and again, nor at all that is stored.
    gc.collect()
    gc.freeze()
    before = gc.get_threshold()
    gc.set_threshold(100_000, 50, 1000)
    try:
        started(*listener.getsockname()[:2])
        await stop.wait()
    finally:
        await _stop_listening(server, loop)
        await edge.close()
        gc.set_threshold(*before)
        gc.unfreeze()


async def _stop_listening(server: asyncio.Server, loop: asyncio.AbstractEventLoop) -> None:
    """Nobody comes any more. Who has just been accepted becomes a connection first: asyncio would lose the socket."""
    with contextlib.suppress(NotImplementedError):  # loops without readers accept in another way
        for listening in server.sockets:
            loop.remove_reader(listening.fileno())
    for _ in range(3):
        await asyncio.sleep(0)
    server.close()


def _way_to(
    upstream: Url, loop: asyncio.AbstractEventLoop
) -> Callable[[Callable[[], asyncio.BaseProtocol]], Any]:
    more: dict[str, Any] = {}
    if upstream.scheme == "https":
        context = ssl.create_default_context()
        context.set_alpn_protocols(["http/1.1"])
        more = {"ssl": context, "server_hostname": upstream.host}

    def connect(factory: Callable[[], asyncio.BaseProtocol]) -> Any:
        return loop.create_connection(factory, upstream.host, upstream.port, **more)

    return connect


def _bound(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
    except OSError as error:
        listener.close()
        raise _cannot_bind(address, port, error) from error
    return listener


def _cannot_bind(address: str, port: int, error: OSError) -> CannotRun:
    where = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
    evidence = (("bind", f"{where}: {error.strerror}"),)
    if error.errno == errno.EADDRINUSE:
        from labctl.ports import holder

        held_by = holder(port, address)
        return CannotRun(
            "port-in-use",
            f"port {port} on {address} is taken",
            evidence=(*evidence, *((("held by", held_by),) if held_by else ())),
            fixes=(
                "labctl sandbox edge --listen 127.0.0.1:0 ...",
                f"labctl port {port}   says who has it and why",
            ),
        )
    if error.errno == errno.EACCES:
        fixes = (f"labctl sandbox edge --listen {DEFAULT_LISTEN} ...",)
        return CannotRun(
            "port-not-allowed",
            f"an ordinary user may not take port {port} here",
            evidence=evidence,
            fixes=fixes,
        )
    return CannotRun("cannot-bind", f"{where} cannot be listened on", evidence=evidence)
