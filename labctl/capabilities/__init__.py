"""What this machine lets us do: one probe each, asked once, with the step that failed and what would fix it.

`probe(name)` and `probe_all()`. Each can be forced, for tests and classrooms, by
`LABCTL_CAPABILITY_<NAME>=yes|no` (`LABCTL_CAPABILITY_IPV6_LOOPBACK=no`, `LABCTL_CAPABILITY_DIG=no`). A probe
really tries the thing; it does not read version numbers. Nothing heavy is imported before a probe runs.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable

from labctl.capabilities import machine, namespaces, tools
from labctl.capabilities.found import Capability
from labctl.errors import CannotRun, UsageError

__all__ = ["NAMES", "Capability", "forget", "probe", "probe_all", "require"]

_PROBES: dict[str, Callable[[], Capability]] = {
    "internet": machine.internet,
    "ipv6-loopback": machine.ipv6_loopback,
    "loopback-aliases": machine.loopback_aliases,
    "user-namespaces": namespaces.user_namespaces,
    "raw-capture": machine.raw_capture,
    "state-directory": machine.state_directory,
    "terminal-utf8": machine.terminal_utf8,
    **{name: functools.partial(tools.tool, name) for name in tools.TOOLS},
}

NAMES: tuple[str, ...] = tuple(_PROBES)


def probe(name: str) -> Capability:
    """Whether this machine has the capability `name`, one of NAMES. Asked once per process; KeyError
    otherwise.
    """
    variable = "LABCTL_CAPABILITY_" + name.upper().replace("-", "_")
    forced = os.environ.get(variable, "").lower()
    if not forced:
        return _probe(name)
    if forced not in {"yes", "no"}:
        raise UsageError("capability-value", f"{variable} is {forced}; it must be yes or no.")
    _PROBES[name]  # an unknown name is a mistake of ours, forced or not
    return Capability(name, forced == "yes", f"{name}: {forced}, because {variable} says so.")


@functools.cache
def _probe(name: str) -> Capability:
    return _PROBES[name]()


def probe_all() -> list[Capability]:
    """Every capability, in the order of NAMES, for `labctl doctor`. Asks the internet two questions."""
    return [probe(name) for name in NAMES]


def require(name: str, purpose: str) -> Capability:
    """The capability, or CannotRun "no-<name>" that says what it was wanted for (`purpose`: a verb)."""
    found = probe(name)
    if not found.have:
        raise CannotRun(
            f"no-{name}",
            f"this machine cannot {purpose}: {found.text}",
            evidence=((found.step, found.errno),) if found.step else (),
            fixes=tuple(fix for fix in (found.fix, "labctl doctor") if fix),
        )
    return found


def forget() -> None:
    """Probe anew from now on: for tests, and for a program that lives long."""
    _probe.cache_clear()
