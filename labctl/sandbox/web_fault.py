"""A fault of the web: named habits of servers, edge or client, and what else of the town changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from labctl.sandbox.town import Town


class WebFault(NamedTuple):
    """`sentence` says what is different; `habits` go into `Town.web`; `apply` changes zones or sites."""

    name: str
    sentence: str
    habits: tuple[str, ...] = ()
    apply: Callable[[Town], Town] | None = None
