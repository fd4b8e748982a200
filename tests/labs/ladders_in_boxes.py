"""The whole-connection show again and again in one box. The box's process imports this module by its name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from labctl.events import Event
from labctl.internet import Internet
from labctl.lab import Lab
from labs.tcp.shows import connection
from labs.tcp.stage import Stage


def repeated(internet: Internet, times: Annotated[int, "how often"] = 1) -> Iterator[Event]:
    """Each begins with its phase step."""
    assert internet.network is not None
    stage = Stage(internet.network)
    for _ in range(times):
        yield from connection.show(stage, "www.shop.test")


def lab() -> Lab:
    return Lab("repeated", "Again and again", (), repeated, "labs.tcp", carrier="box")
