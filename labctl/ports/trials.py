"""What bind() says: really tried, each socket closed at once. Nothing is ever listened on."""

from __future__ import annotations

import errno
import os
import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from labctl.ports.rule import OPTIONS

# From narrow to wide: what stands in the way of one is in the way of those after it.
HOSTS = ("127.0.0.1", "0.0.0.0", "::")  # noqa: S104  # the addresses that servers are told to take
# An address of the loopback that hardly anybody takes.
_SPARE = "127.255.255.254"
# What a machine without IPv6 says.
NO_SUCH_ADDRESS = ("EADDRNOTAVAIL", "EAFNOSUPPORT", "WSAEADDRNOTAVAIL", "WSAEAFNOSUPPORT")


@dataclass(frozen=True)
class Trial:
    """One bind(). `number` is 0 when it worked, else the system's errno; `error` its name, `text` its words.

    `host` is as given to bind(); `option` is set on the trying socket, "" for none. Systems without the option
    leave `error` as "ENOPROTOOPT".
    """

    host: str
    option: str
    number: int
    error: str = ""
    text: str = ""

    @property
    def works(self) -> bool:
        return self.number == 0

    @property
    def taken(self) -> bool:
        return self.error in ("EADDRINUSE", "WSAEADDRINUSE")


def try_bind(host: str, port: int, option: str = "") -> Trial:
    """Bind a TCP socket there and close it. `::` is tried as servers take it: for IPv4 too (IPV6_V6ONLY off)."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as sock:
            if not set_option(sock, option):
                number = errno.ENOPROTOOPT
                return Trial(host, option, number, "ENOPROTOOPT", "This system has no such option.")
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            sock.bind((host, port))
    except OSError as error:
        return Trial(host, option, *named(error))
    return Trial(host, option, 0)


def set_option(sock: socket.socket, option: str) -> bool:
    """Set `SO_REUSEADDR` or `SO_REUSEPORT`, nothing for "". False where the system has no such option."""
    if not option:
        return True
    number: int | None = getattr(socket, option, None)
    if number is None:
        return False
    sock.setsockopt(socket.SOL_SOCKET, number, 1)
    return True


def try_all(port: int) -> list[Trial]:
    """Every host with every option: nine trials, in the order of HOSTS and OPTIONS.

    Linux keeps a short cut for each port (`fastreuseport`, net/ipv4/inet_connection_sock.c): a bind() with
    SO_REUSEPORT that worked lets the next one in on the same address, or on a wildcard, without a look at the
    others. So those trials come last, the widest address first: what it may have, the narrower ones may have too.
    """
    done = {(host, option): try_bind(host, port, option) for option in OPTIONS[:2] for host in HOSTS}
    forget_short_cut(port)
    for host in reversed(HOSTS):
        done[host, OPTIONS[2]] = try_bind(host, port, OPTIONS[2])
    forget_short_cut(port)
    return [done[host, option] for host in HOSTS for option in OPTIONS]


def forget_short_cut(port: int) -> None:
    """A bind() without an option that works makes Linux look at all sockets again."""
    if sys.platform.startswith("linux") and not try_bind(_SPARE, port).works:
        try_bind("::1", port)


def named(error: OSError) -> tuple[int, str, str]:
    """The number that the system prints, the name, and the words: (98, "EADDRINUSE", "Address already in use")."""
    number: int = getattr(error, "winerror", None) or error.errno or 0
    name = errno.errorcode.get(number) or errno.errorcode.get(error.errno or 0, type(error).__name__)
    words = error.strerror or (os.strerror(error.errno) if error.errno else str(error))
    return number or -1, name, words


def free_port(near: int, taken: Sequence[int] = ()) -> int | None:
    """A port that every address still has: the first after `near`; above 1024 for the low ones (80: 8080)."""
    first = near + 1 if near >= 1024 else near + 8000
    near_by: list[int] = [*range(first, min(first + 64, 65536)), *range(8000, 8064)]
    for port in near_by:
        if port in taken:
            continue
        if all(_not_in_the_way(try_bind(host, port)) for host in HOSTS):
            return port
    return None


def _not_in_the_way(trial: Trial) -> bool:
    return trial.works or trial.error in NO_SUCH_ADDRESS


def lowest_unprivileged() -> int:
    """The first port that an ordinary user may take. macOS and Windows let anybody have all but a few."""
    if not sys.platform.startswith("linux"):
        return 0
    try:
        with open("/proc/sys/net/ipv4/ip_unprivileged_port_start") as file:
            return int(file.read())
    except (OSError, ValueError):
        return 1024


def ephemeral_range() -> tuple[int, int] | None:
    """From which ports the kernel gives a client its own, when it says so."""
    try:
        with open("/proc/sys/net/ipv4/ip_local_port_range") as file:
            low, high = file.read().split()
            return int(low), int(high)
    except (OSError, ValueError):
        return None
