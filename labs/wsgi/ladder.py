"""One request as a ladder: the client, the server, the application."""

from __future__ import annotations

from collections.abc import Iterator

from labctl.events import Event, Exchange, Hue
from labctl.serving.child_events import ChildEvent
from labs.words import count
from labs.wsgi.stage import Seen
from labs.wsgi.words import a, cut, failure_of, framing, raised, start_line, status_of

CLIENT, SERVER, APP = "client", "server", "application"
# Rows of items that are drawn.
_MOST = 12
# What fits between the second and the third lane at 80 columns.
_NARROW = 17


def ladder(
    seen: Seen, target: str, server: str = "our toy", app: str = "your code", method: str = "GET"
) -> Iterator[Event]:
    """The rows, in the order in which they happened."""
    lanes = {CLIENT: seen.answer.local, SERVER: server, APP: app}
    yield _asked(seen, f"{method} {target}", lanes)
    rows = [*_calls(seen), _answered(seen, lanes)]
    # close() comes before or after the client has read all.
    yield from sorted(rows, key=lambda row: row.at_ms)


def _asked(seen: Seen, asked: str, lanes: dict[str, str]) -> Exchange:
    return Exchange(
        f"The client sends {asked}.",
        seen.answer.sent_at_ms,
        CLIENT,
        SERVER,
        cut(asked, 29),
        role="bytes over the socket",
        heavy=True,
        evidence="observed",
        lanes=lanes,
        data={"wide": f"{asked} HTTP/1.1"},
    )


def _calls(seen: Seen) -> Iterator[Exchange]:
    """What server and application say to each other."""
    first = seen.of("environ")
    if first:
        keys = first[0].data["count"]
        yield _call(
            seen, first[0], True, "app(environ, sr)", "app(environ, start_response)",
            f"The server calls app(environ, start_response), environ with {keys} keys.",
        )  # fmt: skip
    given = seen.of("item", "write")
    closed = seen.of("close")
    total = closed[0].data["items"] if closed else len(given)
    shown = given[:_MOST]
    for event in seen.events:
        if event.kind not in ("item", "write") or event in shown:
            yield from _row(seen, event)
    if total > len(shown):
        said = f"{count(total - len(shown), 'item')} more"
        yield _call(seen, given[-1], False, said, said, f"The application gives {said}.", "mute")


def _answered(seen: Seen, lanes: dict[str, str]) -> Exchange:
    answer = seen.answer
    body = f"{len(answer.body):,} B"
    failed = f", {failure_of(answer)}" if answer.status and answer.failure else ""
    line = start_line(answer) or status_of(answer)
    ends = "" if not answer.status else f", {framing(answer)}"
    return Exchange(
        f"The client has {status_of(answer)}{ends}, {count(len(answer.body), 'byte')} of body{failed}.",
        answer.end_ms,
        SERVER,
        CLIENT,
        cut(f"{answer.status or status_of(answer)} {cut(answer.reason, 12)}   {body}{failed}", 29),
        role="bytes over the socket",
        hue="ok" if 0 < answer.status < 500 and not answer.failure else "bad",
        heavy=True,
        lost=not answer.status,
        evidence="observed",
        lanes=lanes,
        data={"wide": f"{line}   {body}{failed}{ends}", "bytes": len(answer.body)},
    )


def _row(seen: Seen, event: ChildEvent) -> Iterator[Exchange]:
    data = event.data
    if event.kind == "start_response":
        status, fields = data["status"], len(data["headers"])
        again = ", exc_info" if data["exc_info"] else ""
        refused = f", and the server raises {data['refused'].rstrip('.')}" if data["refused"] else ""
        yield _call(
            seen, event, False, _short(status, data["exc_info"]),
            f"start_response({_code(status)!r}, ...{again})",
            f"The application calls start_response({status!r}, ...) with {count(fields, 'header')}{again}{refused}.",
            "bad" if refused else "alt",
        )  # fmt: skip
    elif event.kind == "returned":
        kind = data["type"]
        size = "" if data["length"] is None else f" of {data['length']}"
        closes = ", it has a close()" if data["closes"] else ""
        yield _call(
            seen, event, False, cut(f"return {kind}", _NARROW), f"return {kind}{size}{closes}",
            f"The application returns {a(kind)}{size}{closes}.", "alt",
        )  # fmt: skip
    elif event.kind in ("item", "write"):
        what = "item" if event.kind == "item" else "write()"
        yield _call(
            seen, event, False, cut(f"{data['start']}", _NARROW), f"{what} {data['number']}: {data['start']}",
            f"{what.capitalize()} {data['number']}: {data['start']}, {count(data['bytes'], 'byte')}.",
            "ok" if data["type"] == "bytes" else "bad",
        )  # fmt: skip
    elif event.kind == "raised":
        error = raised(data)
        yield _call(
            seen, event, False, cut(data["error"], _NARROW), f"raises {error}",
            f"The application raises {error}.", "bad",
        )  # fmt: skip
    elif event.kind == "close" and data["closes"]:
        yield _call(seen, event, True, "close()", "close()", "The server calls close().")


def _code(status: str) -> str:
    """`200 OK` as it is, of a longer status its number."""
    return status if len(status) <= 6 else status.partition(" ")[0]


def _short(status: str, again: bool) -> str:
    """The call in 17 cells."""
    code = _code(status)
    return cut(f"sr({code!r}, exc)" if again and len(code) < 4 else f"sr({code!r}, ...)", _NARROW)


def _call(
    seen: Seen, event: ChildEvent, to_app: bool, label: str, wide: str, text: str, hue: Hue = "accent"
) -> Exchange:
    source, target = (SERVER, APP) if to_app else (APP, SERVER)
    return Exchange(
        text,
        seen.at_ms(event),
        source,
        target,
        label,
        role="a call in Python" if to_app else "what the application gives",
        hue=hue,
        evidence="observed",
        data={"wide": wide},
    )
