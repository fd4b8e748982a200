"""What a server's processes tell while they run: one JSON line an event, on a pipe that they inherit."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple


class ChildEvent(NamedTuple):
    """`at_ns` is CLOCK_MONOTONIC, which all processes of this machine share: compare with time.monotonic_ns().

    `pid` is the process that the event is about. Kinds and their data:

    - "started": the server's first process runs our code. `python` "3.11.7", `server` "gunicorn 27.0.1".
    - "loading", "loaded": the application is being imported, and was. `load_ms`.
    - "forked": a worker exists; `worker` is its number, from 1, counting all that ever were.
    - "booted": this process takes requests.
    - "begin", "end": a request in the application. `id` counts in this process, `thread` is the thread's name,
      `request` the value of the field X-Labctl-Request; `method`, `path`, `query`; at the end `status` (0 for none)
      and `raised`, the type of an exception or "".
    - "timeout": the master found the worker silent; it is in its abort handler (gunicorn).
    - "gone": a process has ended. `status` its exit status or None, `signal` its number or 0, `why` a sentence's end.
    - "workers": the wanted number of workers changed, `before` to `now`. "listening", "reloading", "ended": of the
      master. "exiting": a worker is about to end by itself.
    - "broken", "refused": of our own small server. The application broke the contract (`name`, `detail`, `rule`); what
      came was no good request (`status`, `code`, `why`).
    - "leaving": the application calls os._exit while it is imported, or, traced, in a request; `at` as in "failed".
    - "failed": the application cannot be served. `code` and facts for `refusals`.

    With a tracer also its kinds.
    """

    at_ns: int
    kind: str
    pid: int
    data: Mapping[str, Any]


def read_event(line: bytes) -> ChildEvent | None:
    """The event of a line; None for one that is not ours, such as what an application wrote to a wrong descriptor."""
    try:
        found = json.loads(line)
        return ChildEvent(int(found["at_ns"]), str(found["kind"]), int(found["pid"]), dict(found["data"]))
    except (ValueError, KeyError, TypeError):
        return None
