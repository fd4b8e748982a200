"""A worker that cannot go on begins anew: it ends, and whoever starts it again resumes from the last checkpoints.

The engine waits for a lost connection, for up to a minute at a time; and what it could not write on a full disk it
does not write again. To begin anew is quicker, and right in both cases.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, NoReturn, TypeVar

from labctl.jobs.records import StoreUnavailable

if TYPE_CHECKING:
    from labctl.jobs.store import Store

_Result = TypeVar("_Result")
_log = logging.getLogger("labctl.jobs")

# EX_TEMPFAIL of sysexits.h.
STATUS = 75
_PAUSE_S = 0.25


def begin(store: Store, why: str) -> NoReturn:
    """End this process, as soon as the database can be written again."""
    _log.warning("The worker begins anew when the database can be written (%s).", why)
    insisted(store.touch)
    os._exit(STATUS)


def insisted(ask: Callable[[], _Result]) -> _Result:
    """What `ask` returns, asked again for as long as the database cannot be used."""
    from sqlalchemy.exc import DBAPIError
    from sqlalchemy.exc import TimeoutError as PoolTimeout

    while True:
        try:
            return ask()
        except (DBAPIError, PoolTimeout, StoreUnavailable):
            time.sleep(_PAUSE_S)
