"""What carries a lab on packets: the box, or the weaker networks of this machine, and then that is said.

DESIGN.md section 7: nothing downgrades silently.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from labctl.cli.options import Shared
from labctl.errors import CannotRun
from labctl.internet import Internet
from labctl.lab import Lab

if TYPE_CHECKING:
    from labctl.capabilities import Capability
    from labctl.network import Network
    from labctl.sandbox.box import Box


def carried(lab: Lab, internet: Internet, shared: Shared, opened: ExitStack) -> tuple[Lab, Sequence[str]]:
    """The lab as it will run, and what must be said about what carries it. `opened` closes what was opened.

    Raises CannotRun "captured-required" when segments cannot be captured and `--require captured` was said.
    """
    if lab.carrier != "box":
        return lab, ()
    if internet.kind == "live":
        if shared.require == "captured":
            _captured_or_error(None)
        return lab, ()
    box = open_box(fault=internet.fault, seed=shared.seed, timeout=shared.timeout)
    if not isinstance(box, CannotRun):
        from labctl.sandbox.box import boxed

        opened.enter_context(box)
        return boxed(lab, box), ()
    if shared.require == "captured":
        _captured_or_error(box)
    internet.network = _weaker_network()
    opened.callback(internet.network.close)
    return lab, (_weaker_said(box, internet.network),)


def open_box(
    *, fault: str = "", seed: int = 1, timeout: float | None = None, terminal: bool = False
) -> Box | CannotRun:
    """A box that is ready, or why there is none on this machine: an error that one may raise."""
    from labctl import capabilities
    from labctl.capabilities.namespaces import judged
    from labctl.sandbox.box import Box, BoxRefused

    # Where it is forced, or where there are no namespaces at all, the probe knows without trying.
    if capabilities.forced("box") or not sys.platform.startswith("linux"):
        known = capabilities.probe("box")
        if not known.have:
            return _no_box(known)
    try:
        box = Box(fault=fault, seed=seed, timeout=timeout, terminal=terminal)
        box.wait_until_ready()
    except BoxRefused as refused:
        in_docker = Path("/.dockerenv").exists()
        return _no_box(judged(refused.step, refused.number, Path("/proc/sys"), in_docker=in_docker))
    return box


def _no_box(found: Capability) -> CannotRun:
    return CannotRun(
        "no-box",
        "there is no private network on this machine",
        evidence=((found.step, found.errno),) if found.step else (("because", found.text),),
        fixes=tuple(fix for fix in (found.fix, "labctl doctor") if fix),
    )


def _weaker_network() -> Network:
    from labctl import capabilities

    if capabilities.probe("raw-capture").have:
        from labctl.sandbox.captured_loopback import CapturedLoopback

        return CapturedLoopback()
    from labctl.sandbox.observed_loopback import ObservedLoopback

    return ObservedLoopback()


def _weaker_said(no_box: CannotRun, network: Network) -> str:
    why = "; ".join(f"{step}: {said}" if step != "because" else said for step, said in no_box.evidence)
    if network.evidence == "captured":
        seen = "segments can be captured on it"
    else:
        seen = "segments are not captured; they are told from what the kernel says about its connections"
    return (
        f"No private network here, so servers stand on this machine's loopback: {seen}; what a program sends can be "
        f"lost on purpose, and nothing can be delayed on its way ({why.removesuffix('.')})."
    )


def _captured_or_error(no_box: CannotRun | None) -> None:
    """Raise unless this process may capture on the host."""
    from labctl import capabilities

    raw = capabilities.probe("raw-capture")
    if raw.have:
        return
    tried = no_box.evidence if no_box else ()
    raise CannotRun(
        "captured-required",
        "segments cannot be captured here, and --require captured was said",
        evidence=(*tried, (raw.step or "because", raw.errno or raw.text)),
        fixes=(*(no_box.fixes[:-1] if no_box else ()), *((raw.fix,) if raw.fix else ()), "labctl doctor"),
    )
