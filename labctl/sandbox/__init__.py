"""A small internet of name servers on this machine: the same wire, none of the distance.

`open_sandbox` is all that a caller needs. Nothing heavy is imported and no socket is opened before the first
question.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from labctl.internet import Internet

__all__ = ["open_sandbox"]


def open_sandbox(*, fault: str = "", seed: int = 1, latency: bool = True) -> Internet:
    """The town's internet, healthy or under one named fault. Close it, or use it as a context manager.

    `latency` False answers at once: for tests and benchmarks. Raises UsageError `fault-unknown`.
    """
    from labctl.sandbox.loopback import LoopbackInternet

    if fault:
        from labctl.sandbox.faults import town_under

        town = town_under(fault)
    else:
        from labctl.sandbox.town import healthy_town

        town = healthy_town()
    return LoopbackInternet(town, fault=fault, seed=seed, latency=latency)
