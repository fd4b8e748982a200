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

__all__ = ["GROUPS", "NAMES", "Capability", "forced", "forget", "probe", "probe_all", "require"]

_PROBES: dict[str, Callable[[], Capability]] = {
    "loopback": machine.loopback,
    "ipv6-loopback": machine.ipv6_loopback,
    "loopback-aliases": machine.loopback_aliases,
    "box": namespaces.box,
    "raw-capture": machine.raw_capture,
    "kernel-view": machine.kernel_view,
    "internet": machine.internet,
    "terminal-utf8": machine.terminal_utf8,
    "state-directory": machine.state_directory,
    **{name: functools.partial(tools.tool, name) for name in tools.TOOLS},
}

NAMES: tuple[str, ...] = tuple(_PROBES)
# How `labctl doctor` orders them; what stands in no other group is a tool.
GROUPS: dict[str, tuple[str, ...]] = {
    "Carriers": ("loopback", "ipv6-loopback", "loopback-aliases", "box"),
    "Captures": ("raw-capture", "kernel-view"),
    "Internet": ("internet",),
    "This terminal": ("terminal-utf8", "state-directory"),
    "Tools": tuple(tools.TOOLS),
}


# Other names under which a capability may be asked for and forced.
_ALSO = {"user-namespaces": "box"}


def probe(name: str) -> Capability:
    """Whether this machine has the capability `name`, one of NAMES. Asked once per process; KeyError
    otherwise.
    """
    name = _ALSO.get(name, name)
    decided: Capability | None = None
    for variable in _variables(name):
        forced = os.environ.get(variable, "").lower()
        if not forced:
            continue
        if forced not in {"yes", "no"}:
            raise UsageError("capability-value", f"{variable} is {forced}; it must be yes or no.")
        _PROBES[name]  # an unknown name is a mistake of ours, forced or not
        # Of two variables that contradict each other, the one that takes away is obeyed.
        if decided is None or forced == "no":
            decided = Capability(name, forced == "yes", f"{name}: {forced}, because {variable} says so.")
    return decided or _probe(name)


def forced(name: str) -> bool:
    """Whether the environment decides about this capability."""
    return any(os.environ.get(variable) for variable in _variables(_ALSO.get(name, name)))


def _variables(name: str) -> list[str]:
    names = [name, *(also for also, meant in _ALSO.items() if meant == name)]
    return ["LABCTL_CAPABILITY_" + each.upper().replace("-", "_") for each in names]


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
