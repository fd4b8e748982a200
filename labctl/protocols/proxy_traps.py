"""The known traps of a reverse proxy's configuration: each is a named object, with its explanation beside it.

A test produces each one, and another shows that a good configuration has none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal, NamedTuple

from labctl.protocols.proxy_answers import Place

Weight = Literal["danger", "wrong", "note"]
_ORDER: tuple[Weight, ...] = ("danger", "wrong", "note")
# A path that WebSockets are usually at.
SOCKETS = re.compile(
    r"(?:^|[/_.-])(?:ws|wss|websockets?|sockets?|socket\.io|sockjs|cable)(?:$|[/_.-])", re.IGNORECASE
)


class Trap(NamedTuple):
    """A trap. `title` says what is so, `why` what comes of it, `instead` what to write. All are whole sentences.

    `id` is its name on every screen and in `labctl explain`; the two servers share none.
    `weight`: "danger" lets somebody in or out, "wrong" breaks an app, "note" is worth knowing.
    """

    id: str
    weight: Weight
    title: str
    why: str
    instead: str


class Caught(NamedTuple):
    """A trap in a configuration: where, and the words that stand there.

    `here` is what to write instead in the words of this configuration ("": as the trap says), `rule` the line of the
    block that it is in (None: it has none).
    """

    trap: Trap
    place: Place
    words: str
    here: str = ""
    rule: Place | None = None

    @property
    def instead(self) -> str:
        """What to write instead."""
        return self.here or self.trap.instead


def by_weight(found: Iterable[Caught]) -> list[Caught]:
    """Each once, the dangerous ones first, then in the order of the lines."""
    return sorted(
        dict.fromkeys(found),
        key=lambda each: (_ORDER.index(each.trap.weight), each.place.file, each.place.line),
    )
