"""Programs that labs compare themselves with, or run, when they are there."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass

from labctl.capabilities.found import Capability

# Debian keeps servers out of a user's PATH.
_SYSTEM_DIRECTORIES = ("/usr/sbin", "/sbin", "/usr/local/sbin", "/opt/homebrew/sbin")
_INSTALLERS = {
    "apt-get": "sudo apt-get install {}",
    "dnf": "sudo dnf install {}",
    "pacman": "sudo pacman -S {}",
    "apk": "sudo apk add {}",
    "brew": "brew install {}",
}


@dataclass(frozen=True)
class Tool:
    """`use` says what for; `packages` are its names for apt-get, dnf, pacman, apk and brew; `also` other
    names.
    """

    use: str
    packages: tuple[str, str, str, str, str]
    also: tuple[str, ...] = ()


TOOLS = {
    "dig": Tool("asks the DNS by hand", ("bind9-dnsutils", "bind-utils", "bind", "bind-tools", "bind")),
    "delv": Tool("validates DNSSEC by hand", ("bind9-dnsutils", "bind-utils", "bind", "bind-tools", "bind")),
    "unbound": Tool("a validating resolver", ("unbound",) * 5),
    "curl": Tool("asks HTTP by hand", ("curl",) * 5),
    "openssl": Tool("speaks TLS by hand", ("openssl",) * 5),
    "nginx": Tool("a front door", ("nginx",) * 5),
    "apache2": Tool("another front door", ("apache2", "httpd", "apache", "apache2", "httpd"), ("httpd",)),
    "tcpdump": Tool("shows packets by hand", ("tcpdump",) * 5),
    "tshark": Tool("reads captures", ("tshark", "wireshark-cli", "wireshark-cli", "tshark", "wireshark")),
}


def tool(name: str) -> Capability:
    """Whether the program is on PATH or where servers are kept."""
    wanted = TOOLS[name]
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), *_SYSTEM_DIRECTORIES))
    for command in (name, *wanted.also):
        if (found := shutil.which(command, path=path)) is not None:
            return Capability(name, True, f"{name} ({wanted.use}) is {found}.")
    fix = ""
    for (installer, line), package in zip(_INSTALLERS.items(), wanted.packages, strict=True):
        if shutil.which(installer):
            fix = line.format(package)
            break
    return Capability(
        name, False, f"{name} ({wanted.use}) is not installed.", f"look for {name} on PATH", "", fix
    )
