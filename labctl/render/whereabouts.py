"""Where a run's packets went, in the words of the page's head."""

from __future__ import annotations

import re

from labctl.lab import NEAR, Place
from labctl.play import Run
from labctl.protocols.nearness import is_this_machine


def whereabouts(run: Run) -> str:
    """`sandbox internet`, `LIVE internet`, `this machine` for a loopback address, or what is the user's own.

    A server of ours that waits for visitors waits on this machine too.
    """
    if run.internet != "live":
        return "sandbox internet"
    if run.lab.place(run.arguments) == "own":
        return "your own, on this machine"
    target = run.arguments.get("target")
    waits = run.arguments.get("show") == "serve" and not target
    named = [run.arguments.get(name) for name in ("target", "url", "redis")]
    near = waits or any(isinstance(each, str) and _is_loopback(each) for each in named)
    return "this machine" if near else "LIVE internet"


def place_of(run: Run) -> Place:
    """Whom the run asked: `sandbox`, `live`, `local` (this machine or its network), `own` (what is the user's)."""
    if run.internet != "live":
        return "sandbox"
    place = run.lab.place(run.arguments)
    return place if place in NEAR else "live"


def _is_loopback(target: str) -> bool:
    rest = re.sub(r"^[a-z]+://", "", target.strip().lower()).partition("/")[0].rpartition("@")[2]
    bracketed = re.fullmatch(r"\[([^\]]+)\](?::\d*)?", rest)
    host = bracketed[1] if bracketed else rest.partition(":")[0] if rest.count(":") == 1 else rest
    return is_this_machine(host)
