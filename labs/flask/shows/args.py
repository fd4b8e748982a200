"""One argument, read in three ways."""

from __future__ import annotations

import json
from collections.abc import Iterator

from labctl.events import Event, Row
from labctl.internet import Internet
from labs.flask.claims import ARGS
from labs.flask.habits import habits_of
from labs.flask.shows.footer import footer
from labs.flask.stage import Stage
from labs.flask.target import SHOP
from labs.telling import measured, opening, result, table

QUERIES = ("?page=2", "", "?page=two")
_PLAIN, _TYPED = "get(page, 1)", "get(page, 1, type=int)"


def show(internet: Internet) -> Iterator[Event]:
    from labctl.serving.application import own_app

    with Stage(own_app(SHOP), habits_of(internet)) as stage:
        yield opening("text or number", "request.args")
        found = {query: json.loads(stage.ask(f"/search{query}").answer.body) for query in QUERIES}
    rows = []
    for way in found[QUERIES[0]]:
        said = [_said(*found[query][way]) for query in QUERIES]
        spoken = way.replace("page", "'page'")
        each = ", ".join(
            f"{query or 'nothing'} gives {one}" for query, one in zip(QUERIES, said, strict=True)
        )
        rows.append(
            Row(
                f"{spoken}: {each}.",
                (spoken, *said),
                hues=("", *(["accent" if "'" in one else "" for one in said])),
            )
        )
    yield table(
        "args", "What the view gets of request.args", ("", *(f"/search{query}" for query in QUERIES)), rows
    )
    sent, missing = found["?page=2"][_PLAIN][1], found[""][_PLAIN][1]
    typed = [found[query][_TYPED] for query in QUERIES]
    yield measured("flask.args.sent", sent, f"get('page', 1) gave {sent} for ?page=2.")
    yield measured("flask.args.missing", missing, f"get('page', 1) gave {missing} without a page.")
    kinds = " and ".join(sorted({kind for _, kind in typed}))
    yield ARGS.judged(
        sent == "str" and missing == "int" and typed == [["2", "int"], ["1", "int"], ["1", "int"]],
        f"Sent, it is of type {sent}; not sent, of type {missing}; with type=int, {kinds}.",
    )
    yield result("Write type=int: what is no number then counts as not sent.")
    yield from footer("args")


def _said(value: str, kind: str) -> str:
    return repr(value) if kind == "str" else "400 Bad Request" if value == "400" else value
