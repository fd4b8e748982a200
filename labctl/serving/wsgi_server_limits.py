"""What the WSGI server bears of its clients, and what its connections share."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import IO, NamedTuple

from labctl.protocols.wsgi_contract import Application

Tell = Callable[[str, Mapping[str, object]], object]


class Limits(NamedTuple):
    """What the server bears, in bytes and seconds.

    `idle_s`: silence before a request; `crowded_s`: the same while another client waits for a thread. `head_s`: for a
    whole head. `body_s`, `write_s`: without any progress. `linger_s`: for a client that still sends when it has its
    last response. `requests`: on one connection.
    """

    head: int = 65536
    body: int | None = 1 << 30
    idle_s: float = 15.0
    crowded_s: float = 0.1
    head_s: float = 10.0
    body_s: float = 30.0
    write_s: float = 30.0
    linger_s: float = 1.0
    requests: int | None = None


class Service(NamedTuple):
    """What all connections share. `ending` is set when the server closes, `crowded` while a client waits for one."""

    app: Application
    limits: Limits
    ending: threading.Event
    crowded: threading.Event
    tell: Tell | None
    errors: IO[str]
    multithread: bool = True
    multiprocess: bool = False
