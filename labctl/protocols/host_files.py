"""hosts, nsswitch.conf and resolv.conf: what a machine says about a name before any packet leaves.

Pure parsers of text. They follow glibc (hosts(5), nsswitch.conf(5), resolv.conf(5)); what it would ignore is
ignored here too, so nothing raises.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Literal, NamedTuple

from labctl.protocols.ip_addresses import is_address

_FILES = "files"
_SERVICES = {
    "files": "the hosts file",
    "dns": "the resolvers of resolv.conf",
    "mdns": "multicast DNS on the local link (.local names), by Avahi",
    "resolve": "systemd-resolved, which has its own cache and reads the hosts file itself",
    "myhostname": "this machine's own name, answered by systemd",
    "mymachines": "containers registered with systemd-machined",
    "libvirt": "guests of libvirt",
    "wins": "Windows names by Samba",
    "nis": "NIS maps",
    "db": "a local database of hosts",
}


class HostsLine(NamedTuple):
    """One line of a hosts file: `line` counts from 1, `names` are the canonical name and its aliases."""

    line: int
    address: str
    names: tuple[str, ...]


def parse_hosts(text: str) -> tuple[HostsLine, ...]:
    """The lines that hold an address and a name or more. IPv6 zone ids (`fe80::1%eth0`) are kept."""
    found = []
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), 1):
        words = line.partition("#")[0].split()
        if len(words) >= 2 and is_address(words[0]):
            found.append(HostsLine(number, words[0], tuple(words[1:])))
    return tuple(found)


def lookup(text: str, name: str) -> tuple[HostsLine, ...]:
    """The lines of a hosts file that answer for `name`, in order; case and a trailing dot do not matter."""
    wanted = name.rstrip(".").lower()
    return tuple(
        line for line in parse_hosts(text) if wanted in (each.rstrip(".").lower() for each in line.names)
    )


class Service(NamedTuple):
    """One service of the `hosts:` line and what stands in brackets behind it: `[!UNAVAIL=return]`."""

    name: str
    actions: tuple[str, ...]
    text: str


class NameServiceSwitch(NamedTuple):
    """Who is asked for a host name, in which order. `configured` is False when the file said nothing."""

    services: tuple[Service, ...]
    configured: bool

    @property
    def files_first(self) -> bool:
        """Whether the hosts file is read before any question can leave.

        nss-resolve reads it itself, before it asks anybody (resolved.conf, ReadEtcHosts).
        """
        for service in self.services:
            if service.name in {"files", "resolve"}:
                return True
            if service.name == "dns":
                return False
        return False

    @property
    def text(self) -> str:
        """One sentence: the order, and what it means for the hosts file."""
        order = ", then ".join(service.name for service in self.services) or "nobody"
        said = "nsswitch.conf says" if self.configured else "without a hosts: line the system asks"
        if self.files_first:
            return f"{said} {order}: the hosts file wins over DNS."
        if any(service.name == _FILES for service in self.services):
            return f"{said} {order}: DNS is asked before the hosts file."
        return f"{said} {order}: the hosts file is never read."


def parse_nsswitch(text: str) -> NameServiceSwitch:
    """The `hosts:` line. Without one: files, then dns (glibc since 2.35, musl and macOS always)."""
    for line in text.splitlines():
        database, colon, rest = line.partition("#")[0].partition(":")
        if not colon or database.strip().lower() != "hosts":
            continue
        services: list[Service] = []
        for word in re.findall(r"\[[^\]]*\]?|[^\s\[]+", rest):
            if not word.startswith("["):
                services.append(Service(word, (), _explained(word)))
            elif services:
                actions = tuple(word.strip("[]").split())
                services[-1] = Service(services[-1].name, actions, services[-1].text)
        return NameServiceSwitch(tuple(services), True)
    return NameServiceSwitch(tuple(Service(name, (), _explained(name)) for name in ("files", "dns")), False)


def _explained(service: str) -> str:
    kind = "mdns" if service.startswith("mdns") else service
    return _SERVICES.get(kind, "a service of this machine that is not in the usual list")


class ResolvConf(NamedTuple):
    """resolv.conf. `nameservers` are the first three, which are all that a C library asks; `ignored` the
    rest.
    """

    nameservers: tuple[str, ...]
    search: tuple[str, ...]
    options: tuple[str, ...]
    ndots: int
    ignored: tuple[str, ...]

    @property
    def text(self) -> str:
        """One sentence: who is asked, and what is done to names with few dots."""
        if not self.nameservers:
            return "resolv.conf names no resolver: the C library would ask 127.0.0.1."
        said = f"resolv.conf names {', '.join(self.nameservers)}"
        if self.ignored:
            said += f" ({', '.join(self.ignored)} too, but only the first three are asked)"
        if self.search:
            few = f"fewer than {self.ndots} dots" if self.ndots != 1 else "no dot"
            said += f"; names with {few} are first tried under {', '.join(self.search)}"
        return said + "."


def parse_resolv_conf(text: str) -> ResolvConf:
    """resolv.conf(5): the last `search` or `domain` line counts, `options` add up, ndots is at most 15."""
    servers: list[str] = []
    search: tuple[str, ...] = ()
    options: list[str] = []
    for line in text.splitlines():
        if line[:1] in {"#", ";", " ", "\t"}:  # a keyword stands at the start of its line
            continue
        words = re.split(r"\s[#;]", line)[0].split()
        if len(words) < 2:
            continue
        if words[0] == "nameserver" and is_address(words[1]):
            servers.append(words[1])
        elif words[0] in {"search", "domain"}:
            search = tuple(words[1:] if words[0] == "search" else words[1:2])
        elif words[0] == "options":
            options += words[1:]
    ndots = 1
    for option in options:
        if (match := re.fullmatch(r"ndots:(\d{1,9})", option)) is not None:
            ndots = min(int(match[1]), 15)
    return ResolvConf(tuple(servers[:3]), search, tuple(options), ndots, tuple(servers[3:]))


def parse_scutil(text: str) -> tuple[str, ...]:
    """The default resolvers in the output of macOS `scutil --dns`, at most three.

    Entries for one domain only (VPN, .local) and the per-interface list after "for scoped queries" are not
    the default. An entry is a `resolver #N` heading with its lines.
    """
    general = text.partition("DNS configuration (for scoped queries)")[0]
    for entry in re.split(r"^resolver #\d+[ \t]*$", general, flags=re.MULTILINE)[1:]:
        if re.search(r"^\s*(domain\s*:|options\s*:.*\bmdns\b)", entry, flags=re.MULTILINE):
            continue
        servers = re.findall(r"^\s*nameserver\[\d+\]\s*:\s*(\S+)", entry, flags=re.MULTILINE)
        if found := tuple(server for server in servers if is_address(server)):
            return found[:3]
    return ()


class Stub(NamedTuple):
    """Whether a program on this machine answers first, and which it probably is."""

    kind: Literal["systemd-resolved", "local", "none"]
    address: str
    text: str


def local_stub(resolv_conf: str) -> Stub:
    """The local stub that resolv.conf points at, judged by its first nameserver's address alone."""
    servers = parse_resolv_conf(resolv_conf).nameservers
    first = servers[0] if servers else ""
    if not first:
        return Stub("none", "", "no resolver is configured")
    address = ipaddress.ip_address(first)
    if first in {"127.0.0.53", "127.0.0.54"}:
        cached = (
            "with a cache of its own"
            if first.endswith("53")
            else "its plain proxy, which does not alter answers"
        )
        return Stub("systemd-resolved", first, f"systemd-resolved listens on {first}, {cached}")
    if address.is_loopback:
        likely = (
            "dnsmasq of NetworkManager" if first == "127.0.1.1" else "dnsmasq, unbound or a container's proxy"
        )
        return Stub("local", first, f"a local resolver listens on {first}: probably {likely}")
    return Stub("none", "", f"no local stub: programs ask {first} over the network themselves")
