"""A connection to any address and port of the town: what is there answers, or nobody does."""

from __future__ import annotations

import time
from collections.abc import Iterator

from labctl.errors import CannotRun
from labctl.events import Event
from labctl.internet import Internet
from labctl.protocols.tcp_close import how_it_closed
from labctl.protocols.tcp_ladder import Conversation
from labctl.sandbox.box_internet import addresses_of
from labctl.sandbox.faults import town_under
from labs.tcp import judging, ladder
from labs.tcp.shows.connection import headline, told
from labs.tcp.shows.connection import show as site
from labs.tcp.sites import sites
from labs.tcp.stage import Stage, family_of
from labs.tcp.target import Target, address_of
from labs.tcp.telling import explained, plainly
from labs.telling import note, opening, result
from labs.words import ms


def show(internet: Internet, stage: Stage, target: Target) -> Iterator[Event]:
    """A GET at a site; elsewhere it connects, says nothing (what to say depends on the port), and closes.

    Raises CannotRun needs-box for an address that is not there without a box.
    """
    address = address_of(internet, target, stage.network.server_address)
    if target.port == 80 and target.asks and address in sites(town_under(internet.fault)):
        yield from site(stage, target.host, target.path, address)
        return
    if not stage.boxed:
        raise CannotRun(
            "needs-box",
            f"{address} can be reached in the sandbox's private network only, and there is none here",
            fixes=("labctl tcp http://www.shop.test/", "labctl doctor"),
        )
    outcome, took = "", 0.0
    with stage.client(timeout=internet.timeout or 3.0, family=family_of(address)) as client:
        began = time.monotonic()
        try:
            client.connect((address, target.port))
        except OSError as error:
            outcome = f"{type(error).__name__}: {error.strerror or error}"
        took = (time.monotonic() - began) * 1000
    segments = stage.crossed(port=target.port)
    if not segments:
        yield opening(f"a connection to {target}")
        yield note(f"Nothing was seen on the wire: {outcome or 'no segment'}.")
        return
    conversation = Conversation(segments)
    if not outcome:
        yield from told(stage, conversation, "data", asked=False)
        return
    yield opening(f"a connection to {target}", headline(conversation))
    yield from ladder.exchanges(conversation)
    yield from explained(conversation, "ack=1")
    yield from judging.opened(conversation)
    close = plainly(how_it_closed(conversation).text)
    if "Unreachable" in outcome or "No route" in outcome:
        close = "Nobody in the sandbox has this address, and a router said so."
    elif address in addresses_of(town_under(internet.fault)) and target.port == 80:
        close += " The sandbox has no site at this address."
    yield result(f"{address}: {outcome} after {ms(took)}. {close}", "bad")
