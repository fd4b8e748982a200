"""How long g lives, and whose it is."""

from __future__ import annotations

import json
from collections.abc import Iterator

from labctl.events import Event, Row
from labctl.internet import Internet
from labs.flask.claims import G
from labs.flask.habits import habits_of
from labs.flask.shows.footer import footer
from labs.flask.stage import Stage
from labs.telling import measured, opening, result, table

TIMES = 3


def show(internet: Internet) -> Iterator[Event]:
    from labctl.serving.application import own_app

    with Stage(own_app("labs.flask.apps.contexts"), habits_of(internet)) as stage:
        yield opening("how long g lives", f"{TIMES} requests")
        counts = [json.loads(stage.ask("/count").answer.body) for _ in range(TIMES)]
        nested = json.loads(stage.ask("/nested").answer.body)
    rows = [
        Row(
            f"Request {number}: the counter in g is {each['g']}, the module's is {each['module']}.",
            (f"request {number}", str(each["g"]), str(each["module"])),
            hues=("mute", "ok" if each["g"] == 1 else "bad", ""),
            bold=(1,),
        )
        for number, each in enumerate(counts, 1)
    ]
    yield table("counts", "Each request adds 1", ("", "in g", "in the module"), rows)
    said = [
        ("in the request", nested["outer"]),
        ("inside of it, with app.app_context():", nested["inner"]),
        ("in a thread, with app.app_context():", nested["alone"]),
    ]
    rows = [Row(f"{what} {value}.", (what, value), hues=("", "accent")) for what, value in said]
    yield table("nested", "What g.get('who') finds", ("", "g.who"), rows, named=False)
    last = counts[-1]["g"]
    yield measured("flask.g.last", last, f"After {TIMES} requests the counter in g was {last}.")
    module = counts[-1]["module"]
    yield measured(
        "flask.g.module", module, f"After {TIMES} requests the counter in the module was {module}."
    )
    fresh = all(each["g"] == 1 for each in counts)
    own = nested["inner"] == "nothing" and nested["outer"] == "the request"
    yield G.judged(
        fresh and own and nested["alone"] == "no request",
        f"Each of {TIMES} requests found an empty g; the inner context found {nested['inner']} of the outer one's."
        if fresh and own
        else f"The counter in g came to {last}, and the inner context found {nested['inner']!r}.",
    )
    yield result(
        "g is for what belongs to one request: the user, a connection. Between requests: session or a database."
    )
    yield from footer("contexts")
