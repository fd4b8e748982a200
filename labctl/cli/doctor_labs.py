"""Which labs can run on this machine, and how well."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from labctl import catalog
from labctl.capabilities import Capability
from labctl.errors import LabctlError
from labctl.events import Evidence
from labctl.lab import Lab

Runs = Literal["yes", "weaker", "no"]


@dataclass(frozen=True)
class Standing:
    """How a lab runs here. `evidence` is the best that it can show of packets, "" for labs that show none."""

    name: str
    imports: bool
    runs: Runs
    text: str
    evidence: Evidence | Literal[""] = ""


def standings(probe: Callable[[str], Capability]) -> list[Standing]:
    """Every lab, built in and of other packages."""
    return [standing(entry, probe) for entry in (*catalog.built_in(), *catalog.foreign())]


def standing(entry: catalog.Entry, probe: Callable[[str], Capability]) -> Standing:
    """One lab: does it import, and is there what it needs?"""
    try:
        lab = catalog.load(entry)
    except LabctlError as error:
        seen = "; ".join(text for _, text in error.evidence)
        return Standing(entry.name, False, "no", f"{error.headline} ({seen})")
    return carried(lab, probe)


def carried(lab: Lab, probe: Callable[[str], Capability]) -> Standing:
    """How the machine carries a lab that imports."""
    if lab.carrier == "box":
        if probe("box").have:
            text = "every segment is captured, and can be lost or delayed"
            return Standing(lab.name, True, "yes", text, "captured")
        if probe("raw-capture").have:
            text = "captured on the loopback; without a box no segment can be lost or delayed"
            return Standing(lab.name, True, "weaker", text, "captured")
    loopback = probe("loopback")
    if not loopback.have:
        return Standing(lab.name, True, "no", loopback.text)
    if lab.carrier != "box":
        return Standing(lab.name, True, "yes", "in the sandbox")
    if probe("kernel-view").have:
        return Standing(lab.name, True, "weaker", "observed only; no segment is captured here", "observed")
    return Standing(lab.name, True, "weaker", "inferred only; segments are told from states", "inferred")
