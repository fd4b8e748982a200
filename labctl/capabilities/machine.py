"""Probes of the network, the loopback, capturing, the state directory and the terminal."""

from __future__ import annotations

import codecs
import os
import shlex
import socket
import sys

from labctl.capabilities import container
from labctl.capabilities.found import Capability, said

ALIAS = "127.53.0.1"


def internet() -> Capability:
    """Two small questions, at most a second: see `live.reaches_internet`."""
    from labctl.live import reaches_internet

    reach = reaches_internet()
    # What was asked and seen stands in the details; the sentence alone says what it means.
    listed = "; ".join(f"{who}: {what}" for who, what in reach.tried)
    text = reach.text.replace(f" ({listed})", "")
    text = text[:1].upper() + text[1:]
    if reach.yes:
        return Capability("internet", True, f"{text} A root server answers as one.", details=reach.tried)
    step, seen = reach.tried[-1]
    text += " Labs use the sandbox, which needs no internet."
    return Capability("internet", False, text, f"ask {step}", seen, "labctl dns --sandbox", reach.tried)


def loopback() -> Capability:
    """Connect to ourselves on 127.0.0.1: what the sandbox's servers need at least."""
    name, step = "loopback", "bind 127.0.0.1"
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            step = "connect to 127.0.0.1"
            socket.create_connection(listener.getsockname(), 2).close()
    except OSError as error:
        fix = "sudo ip link set lo up" if sys.platform.startswith("linux") else ""
        text = "Nothing can be served on 127.0.0.1, and every lab needs that."
        return Capability(name, False, text, step, said(error), fix)
    return Capability(name, True, "Servers can stand on 127.0.0.1.")


def ipv6_loopback() -> Capability:
    """Bind a socket to ::1."""
    name = "ipv6-loopback"
    if (error := _bind(socket.AF_INET6, "::1")) is None:
        return Capability(name, True, "IPv6 works on the loopback (::1).")
    fix = "sudo sysctl -w net.ipv6.conf.lo.disable_ipv6=0" if sys.platform.startswith("linux") else ""
    return Capability(name, False, "There is no IPv6 on the loopback (::1).", "bind ::1", said(error), fix)


def loopback_aliases() -> Capability:
    """Bind a socket to another address of 127.0.0.0/8: Linux has them all, macOS only 127.0.0.1."""
    name = "loopback-aliases"
    if (error := _bind(socket.AF_INET, ALIAS)) is None:
        return Capability(name, True, f"Servers can have loopback addresses of their own ({ALIAS}).")
    fix = f"sudo ifconfig lo0 alias {ALIAS} up" if sys.platform == "darwin" else ""
    text = f"The loopback has no address {ALIAS}, so name servers cannot share one port."
    return Capability(name, False, text, f"bind {ALIAS}", said(error), fix)


def _bind(family: socket.AddressFamily, host: str) -> OSError | None:
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.bind((host, 0))
    except OSError as error:
        return error
    return None


def raw_capture() -> Capability:
    """Open a packet socket, which needs CAP_NET_RAW."""
    name = "raw-capture"
    if not hasattr(socket, "AF_PACKET"):
        text = f"Packets cannot be captured without help on {sys.platform}; they are observed instead."
        return Capability(name, False, text, "look for packet sockets", "only Linux has them")
    try:
        # Protocol 0 hears nothing: the permission is what is asked for.
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0).close()
    except OSError as error:
        text = "Packets of this machine itself cannot be captured; in a box they can."
        fix = _capture_fix()
        if "setcap" in fix:
            text += " setcap would let every program of this interpreter capture."
        return Capability(name, False, text, "open a packet socket (CAP_NET_RAW)", said(error), fix)
    return Capability(name, True, "Packets of this machine can be captured (CAP_NET_RAW).")


def _capture_fix() -> str:
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        # Root without CAP_NET_RAW: whoever started the container took it away.
        runtime = container.runtime()
        return container.run_with(runtime, container.CAPTURE) if runtime else ""
    # A capability sticks to a file, not to a link: the interpreter behind a virtual environment's.
    return f"sudo setcap cap_net_raw+ep {shlex.quote(os.path.realpath(sys.executable))}"


# Linux; the socket module has no names for them.
_TCP_INFO, _TCP_SAVE_SYN, _TCP_SAVED_SYN = 11, 27, 28


def kernel_view() -> Capability:
    """What the kernel tells an ordinary process of its own connection: the SYN as it came, and TCP_INFO."""
    name = "kernel-view"
    text = "The kernel shows its side of a connection: the SYN that came, TCP_INFO."
    if not sys.platform.startswith("linux"):
        text = f"On {sys.platform} little is told of a connection: its segments are inferred from its states."
        return Capability(name, False, text, "look for TCP_SAVED_SYN", "only Linux has it")
    step = "set TCP_SAVE_SYN"
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
            listener.setsockopt(socket.IPPROTO_TCP, _TCP_SAVE_SYN, 1)
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            listener.settimeout(2)
            with socket.create_connection(listener.getsockname(), 2):
                accepted, _ = listener.accept()
                with accepted:
                    step = "read TCP_SAVED_SYN"
                    accepted.getsockopt(socket.IPPROTO_TCP, _TCP_SAVED_SYN, 256)
                    step = "read TCP_INFO"
                    accepted.getsockopt(socket.IPPROTO_TCP, _TCP_INFO, 256)
    except OSError as error:
        text = "The kernel does not show its side of a connection: segments are inferred from its states."
        return Capability(name, False, text, step, said(error))
    return Capability(name, True, text)


def state_directory() -> Capability:
    """Write and remove a file where progress is kept; a directory that is not there yet is made."""
    from labctl.directories import directory

    name = "state-directory"
    place = directory("state")
    trial = place / f".probe-{os.getpid()}"
    try:
        place.mkdir(parents=True, exist_ok=True)
        trial.write_bytes(b"labctl\n")
        trial.unlink()
    except OSError as error:
        text = f"Nothing can be kept in {place}: labs run, progress is not saved."
        return Capability(
            name, False, text, f"write in {place}", said(error), "export LABCTL_HOME=/tmp/labctl"
        )
    return Capability(name, True, f"{place} can be written.")


def terminal_utf8() -> Capability:
    """Whether standard output can carry the glyphs of the screens."""
    name = "terminal-utf8"
    encoding = getattr(sys.stdout, "encoding", None) or "ascii"
    try:
        utf8 = codecs.lookup(encoding).name == "utf-8"
    except LookupError:
        utf8 = False
    if utf8:
        return Capability(name, True, "The output is UTF-8.")
    text = f"The output is {encoding}, not UTF-8: screens are drawn in ASCII."
    fix = "set PYTHONUTF8=1" if sys.platform == "win32" else "export PYTHONUTF8=1"
    return Capability(name, False, text, "look at the encoding of standard output", encoding, fix)
