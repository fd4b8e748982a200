"""Probes of the network, the loopback, capturing, the state directory and the terminal."""

from __future__ import annotations

import codecs
import os
import socket
import sys

from labctl.capabilities.found import Capability, said

ALIAS = "127.53.0.1"


def internet() -> Capability:
    """Two small questions, at most a second: see `live.reaches_internet`."""
    from labctl.live import reaches_internet

    reach = reaches_internet()
    if reach.yes:
        return Capability("internet", True, reach.text)
    step, seen = reach.tried[-1]
    return Capability("internet", False, reach.text, f"ask {step}", seen, "labctl dns --sandbox")


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
        text = f"Packets cannot be captured without help on {sys.platform}; messages are observed instead."
        return Capability(name, False, text, "look for packet sockets", "only Linux has them")
    try:
        # Protocol 0 hears nothing: the permission is what is asked for.
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0).close()
    except OSError as error:
        text = "Packets of this machine cannot be captured; inside a network namespace of our own they can."
        return Capability(name, False, text, "open a packet socket (CAP_NET_RAW)", said(error))
    return Capability(name, True, "Packets can be captured (CAP_NET_RAW).")


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
