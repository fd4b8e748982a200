"""What this run happens under: the distance that was asked for, the habits of a fault, and a town that is awake."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from labctl.errors import CannotRun
from labctl.fetch.visit import Visitor
from labctl.internet import Internet
from labctl.network import Rule
from labctl.protocols.tcp_segments import Segment
from labctl.protocols.url import Url

WEB_PORTS = (80, 443)
# How long a client that tries one address after the other waits for each; real ones wait a minute and more.
PATIENCE_FOR_ONE = 2.0


def habits_of(internet: Internet) -> frozenset[str]:
    """The habits of servers, wire and client that the fault of this sandbox has switched on."""
    if internet.kind != "sandbox" or not internet.fault:
        return frozenset()
    from labctl.sandbox.faults import town_under

    return town_under(internet.fault).web


@contextmanager
def conditions(internet: Internet, rtt: float | None) -> Iterator[None]:
    """Inside, the town is `rtt` milliseconds there and back away, and the wire has its fault's habits.

    Raises CannotRun needs-box where there is no wire.
    """
    habits = habits_of(internet)
    network = internet.network
    with ExitStack() as stack:
        if rtt is not None:
            if network is None:
                raise CannotRun("needs-box", "there is no distance here that could be changed")
            network.move_away(rtt)
        if "window-of-two" in habits and network is not None:
            network.begin_with(2)
        if "first-syn-lost" in habits and network is not None:
            stack.enter_context(network.script(Rule(_first_syns(), "drop", "to-server", nth=0)))
        yield


def _first_syns() -> Callable[[Segment], bool]:
    """Matches the first SYN of each connection to a web server, and no second one."""
    seen: set[tuple[str, int]] = set()

    def match(segment: Segment) -> bool:
        if segment.flags != "S" or segment.target_port not in WEB_PORTS:
            return False
        connection = (segment.target, segment.source_port)
        if connection in seen:
            return False
        seen.add(connection)
        return True

    return match


def visitor(internet: Internet, **options: Any) -> Visitor:
    """A Visitor with the habits of this sandbox's client."""
    habits = habits_of(internet)
    if "client-one-at-a-time" in habits:
        options |= {"head_start": PATIENCE_FOR_ONE, "side_by_side": False}
    if "client-coalesces" in habits:
        options["coalesce"] = True
    return Visitor(internet, **options)


def wake(internet: Internet, *urls: Url) -> None:
    """Make now what the sandbox's servers would make at their first connection: real ones stand there already."""
    if internet.kind != "sandbox":
        return
    internet.web().warm_up()  # type: ignore[attr-defined]  # a town has one
    from labctl.fetch.names import look_up
    from labctl.protocols.dns_message import build_query

    for name in dict.fromkeys(url.host for url in urls if not url.is_address):
        # A walk of our own wakes the name servers, and the resolver does not learn of it.
        look_up(internet, name, walk=True)
        if internet.resolvers:
            # Without RD: the resolver looks into its memory and asks nobody.
            internet.ask(internet.resolvers[0], build_query(f"{name}.", "A", 1, rd=False))
