"""A connection to any address and port of the town: what is there answers, or nobody does."""

from __future__ import annotations

import time
from collections.abc import Iterator

from labctl.events import Event
from labctl.internet import Internet
from labctl.protocols.tcp_close import how_it_closed
from labctl.protocols.tcp_ladder import Conversation
from labs.tcp import judging, ladder
from labs.tcp.shows.connection import headline, told
from labs.tcp.stage import Stage
from labs.tcp.target import Target, address_of
from labs.tcp.telling import explained, note, opening, plainly, result
from labs.tcp.words import ms


def show(internet: Internet, stage: Stage, target: Target) -> Iterator[Event]:
    """Connects, says nothing (what to say depends on the port), and closes."""
    network = stage.network
    address = address_of(internet, target, network.server_address)
    outcome, took = "", 0.0
    with stage.client(timeout=internet.timeout or 3.0) as client:
        began = time.monotonic()
        try:
            client.connect((address, target.port))
        except OSError as error:
            outcome = f"{type(error).__name__}: {error}"
        took = (time.monotonic() - began) * 1000
    segments = stage.crossed(port=target.port)
    if not segments:
        yield opening(f"a connection to {target}")
        yield note(f"Nothing was seen on the wire: {outcome or 'no segment'}.")
        return
    conversation = Conversation(segments)
    if not outcome:
        yield from told(stage, conversation, "data")
        return
    yield opening(f"a connection to {target}", headline(conversation))
    yield from ladder.exchanges(conversation)
    yield from explained(conversation, "ack=1")
    yield from judging.opened(conversation)
    yield result(f"{outcome} after {ms(took)}. {plainly(how_it_closed(conversation).text)}", "bad")
