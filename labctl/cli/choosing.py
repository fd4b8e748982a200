"""Live or sandbox: the target decides, and it is always said (DESIGN.md section 6)."""

from __future__ import annotations

import inspect
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from labctl.cli.options import Shared
from labctl.errors import UsageError
from labctl.internet import Internet
from labctl.lab import NEAR, Lab, Place

if TYPE_CHECKING:
    from labctl.live import Reach


def open_internet(
    lab: Lab, arguments: Mapping[str, Any], shared: Shared, *, command: str = ""
) -> tuple[Internet, list[str]]:
    """The internet of this run, and what must be said about the choice. `command` is the line without options
    of where.

    Raises CannotRun when the real internet was asked for and cannot be reached, UsageError for an unknown
    fault.
    """
    notices: list[str] = []
    place = lab.place(arguments)
    where = shared.internet or place
    if shared.phase == "quiz" and shared.internet is None:
        where = "sandbox"
    if place == "own" and not shared.break_:
        where = "own"  # an application of the user's runs here, whatever internet is around it
    if where != "sandbox":
        from labctl import live
    if where == "both":
        reach = _reach()
        where = "live" if reach.yes else "sandbox"
        if not reach.yes:
            here = "this is the sandbox internet that labctl carries along"
            real = _target(lab, arguments, "both")
            notices += [f"No internet from here: {here}, not the real {real}."]
            notices += [reach.text] if shared.flags.verbose else []
    elif where == "live" and place not in NEAR:
        asked_for = "the real internet was asked for"
        if place == "live":
            asked_for = f"{_target(lab, arguments, place)} is on the real internet"
        fixes = [f"labctl {example}" for example in lab.examples[:1]]
        if shared.internet == "live" and command:
            fixes.append(f"{command} --sandbox")
        live.require_internet(_reach(), asked_for, fixes)
    elif place == "live":
        target = _target(lab, arguments, place)
        notices.append(
            f"{target} is not part of the sandbox internet; what is said about it here is not so in the real one."
        )
    elif where == "sandbox" and (near := _near(lab, arguments)):
        notices.append(near)
    if where in ("live", *NEAR):
        internet: Internet = live.LiveInternet()
    else:
        from labctl.sandbox import open_sandbox

        if shared.break_:
            _known(shared.break_, lab)
            notices.append(_said_of(shared.break_))
        internet = open_sandbox(fault=shared.break_, seed=shared.seed)
    internet.seed = shared.seed
    internet.timeout = shared.timeout
    return internet, notices


def _target(lab: Lab, arguments: Mapping[str, Any], place: Place) -> str:
    """The argument because of which the target lives at this place, as it was typed."""
    usual = {
        p.name: arguments[p.name] if p.default is inspect.Parameter.empty else p.default
        for p in lab.parameters()
    }
    for name, value in arguments.items():
        if value and lab.place({**usual, name: value}) == place:
            return (", ".join(value) if isinstance(value, list) else str(value)).rstrip(".")
    return lab.name


def _near(lab: Lab, arguments: Mapping[str, Any]) -> str:
    """What is said of a target of this machine or its own network that a sandbox run cannot reach; "" without one."""
    usual = {p.name: p.default for p in lab.parameters()}
    for p in lab.parameters():
        typed = arguments.get(p.name)
        if not p.positional or not typed or lab.place({**usual, p.name: typed}) != "local":
            continue
        from labctl.protocols import nearness

        target = ", ".join(typed) if isinstance(typed, list) else str(typed)
        try:
            here = nearness.is_this_machine(nearness.read_url(target).host)
        except UsageError:  # it is no URL: an address with colons
            here = nearness.is_this_machine(target)
        if here:
            return (
                f"{target} is on this machine and not part of the sandbox internet; in there this address is "
                "the sandbox's own, and what runs on this machine is not reached."
            )
        return (
            f"{target} is on your own network and not part of the sandbox internet; from in there it is not "
            "reached."
        )
    return ""


def _reach() -> Reach:
    """Does this machine reach the internet? LABCTL_CAPABILITY_INTERNET may say so by force."""
    from labctl import capabilities, live

    if "LABCTL_CAPABILITY_INTERNET" in os.environ:
        forced = capabilities.probe("internet")
        return live.Reach("yes" if forced.have else "no", forced.text, ())
    return live.reaches_internet()


def _said_of(fault: str) -> str:
    from labctl.sandbox.faults import FAULTS

    return f"Broken on purpose ({fault}): {FAULTS[fault].sentence}"


def _known(fault: str, lab: Lab) -> None:
    from difflib import get_close_matches

    from labctl.sandbox.faults import FAULTS

    if fault in FAULTS:
        return
    names = [c.broken_by for c in lab.claims if c.broken_by] or list(FAULTS)
    near = get_close_matches(fault, list(FAULTS), n=1, cutoff=0.5)
    fixes = [f"did you mean labctl {lab.name} --break {near[0]}?"] if near else []
    raise UsageError(
        "fault-unknown",
        f"the sandbox knows no fault called {fault!r}",
        evidence=(("there are", ", ".join(names)),),
        fixes=(*fixes, "labctl explain FAULT   says what a fault changes"),
    )
