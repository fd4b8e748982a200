"""What a demonstration of the application layer plays on: a store, and the habits of this world."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from shlex import quote
from typing import NamedTuple

from labctl.events import Event
from labctl.internet import Internet
from labs.cache.application.store import OwnStore, Store, without_password
from labs.telling import command, note


class Stage(NamedTuple):
    """`redis` is the URL when the store is a real Redis, whose clock cannot be moved."""

    store: Store
    habits: frozenset[str]
    redis: str = ""

    @property
    def ttl_s(self) -> float:
        """A time to live that can be waited for."""
        return 0.4 if self.redis else 2.0

    @property
    def tick_s(self) -> float:
        """How often somebody reads meanwhile."""
        return self.ttl_s / 20


@contextmanager
def staged(internet: Internet, redis: str | None) -> Iterator[Stage]:
    """The store for this run. Raises CannotRun for a Redis that cannot be used."""
    habits: frozenset[str] = frozenset()
    if internet.fault:
        from labctl.sandbox.faults import town_under

        habits = town_under(internet.fault).web
    store: Store
    if redis:
        from labs.cache.application.redis_store import RedisStore

        store = RedisStore(redis)
    else:
        store = OwnStore(
            internet.clock,
            internet.pass_time,
            slides="ttl-slides" in habits,
            leases="store-grants-leases" in habits,
            grants_every_lock="lock-for-everybody" in habits,
            full="store-is-full" in habits,
        )
    try:
        yield Stage(store, habits, redis or "")
    finally:
        store.close()


def footer(stage: Stage, show: str, by_hand: tuple[str, str], following: str) -> Iterator[Event]:
    """Which store it was, and what to type next."""
    again = f" --redis {quote(without_password(stage.redis))}" if stage.redis else ""
    if stage.redis:
        yield note(f"All this was kept in {stage.store.name}, under keys of our own that are deleted now.")
    else:
        yield note("The store here is a dictionary with the rules of Redis; --redis URL takes a real one.")
    yield command("by hand", *by_hand)
    if not stage.redis:
        yield command("or", f"labctl cache --show {show} --redis redis://127.0.0.1:6379/0")
    yield command("next", f"labctl cache --show {following}{again if following in STORES else ''}")


# The demonstrations that a store takes part in.
STORES = ("aside", "write-through", "ttl", "types", "stampede", "layers")
