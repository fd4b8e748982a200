"""The state machine of RFC 9293, drawn, and the way that one connection took through it."""

from __future__ import annotations

from collections.abc import Iterator

from labctl.events import Event, Row, Rows
from labctl.protocols.tcp_endpoint import Endpoint
from labctl.protocols.tcp_ladder import Conversation
from labctl.protocols.tcp_states import diagram, meaning
from labs.tcp import judging, time_wait
from labs.tcp.programs import get, web
from labs.tcp.stage import Stage, converse
from labs.tcp.target import OURS
from labs.telling import opening, result


def show(stage: Stage) -> Iterator[Event]:
    segments = converse(stage, web(stage), get(OURS.host))
    yield opening("the state machine of TCP", "RFC 9293 figure 5")
    yield Rows(
        text="The states and what leads from one to the next, as a drawing:",
        id="diagram",
        title="Eleven states",
        columns=("",),
        rows=tuple(Row(text=line, cells=(line,)) for line in diagram()),
    )
    if not segments:
        return
    conversation = Conversation(segments)
    yield _path("The client's way in this run", "CLOSED", conversation.client_end)
    yield _path("The server's way in this run", "LISTEN", conversation.server_end)
    yield from judging.opened(conversation)
    yield from judging.closed(conversation)
    yield from time_wait.judged(stage, conversation)
    yield result(
        f"The client ended in {conversation.client_end.state}, the server in {conversation.server_end.state}."
    )


def _path(title: str, began: str, end: Endpoint) -> Rows:
    state, rows = began, []
    for event, passage in end.history:
        if passage.state == state:
            continue
        does = passage.action or "nothing to send"
        rows.append(
            Row(
                text=f"{state}, {event}: {does}, and now {passage.state}: {meaning(passage.state)}.",
                cells=(event, does, passage.state),
                hues=("", "accent", "ok"),
            )
        )
        state = passage.state
    return Rows(
        text=f"{title}, from {began}.",
        id="path",
        title=title,
        columns=("event", "does", "state"),
        rows=tuple(rows),
        note=f"from {began}",
    )
