"""One raw request with X_Forwarded_For to three servers: two names of a field are one name in the environ."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from labctl.events import Event, Row
from labctl.internet import Internet
from labs.proxy.claims import UNDERSCORE
from labs.proxy.front import With
from labs.proxy.way import environ_at, habits_of, stand_app
from labs.telling import command, note, opening, result, table

_DANGEROUS = ("--header-map", "dangerous")
_LIE = (("Host", "www.shop.test"), ("X_Forwarded_For", "6.6.6.6"))
_KEY = "HTTP_X_FORWARDED_FOR"


def show(internet: Internet, with_: With) -> Iterator[Event]:
    """Straight to the servers: no proxy takes part. Raises CannotRun when one cannot stand."""
    yield opening("a name with underscores", "X_Forwarded_For: 6.6.6.6")
    options = _DANGEROUS if "gunicorn-takes-underscores" in habits_of(internet) else ()
    kinds: tuple[tuple[str, Any, tuple[str, ...]], ...] = (
        ("wsgiref", "wsgiref", ()),
        ("gunicorn", "sync", options),
        ("gunicorn --header-map dangerous", "sync", _DANGEROUS),
    )
    rows, found = [], []
    with contextlib.ExitStack() as stack:
        for title, kind, more in kinds:
            app = stack.enter_context(stand_app(internet, "environ", kind=kind, options=more))
            value = str(environ_at(app.where, _LIE).get(_KEY, ""))
            found.append(value)
            rows.append(
                Row(
                    f"{title}: {_KEY} is {value or 'not there'}.",
                    (title, value or "not there"),
                    hues=("", "bad" if value else "ok"),
                )
            )
    yield table("underscore", "What the app finds", ("server", _KEY), rows)
    yield UNDERSCORE.judged(
        found[0] == "6.6.6.6" and not found[1],
        f"wsgiref gave the app {found[0] or 'nothing'}, gunicorn {found[1] or 'nothing'}.",
    )
    yield note(
        "A proxy that removes X-Forwarded-For does not remove X_Forwarded_For. nginx drops such names, Apache does not."
    )
    yield result("Names with underscores have no business on the way to an app: let the proxy drop them.")
    yield command(
        "by hand",
        'python -c "import gunicorn.config as c; print(c.HeaderMap.default)"',
        "drop, refuse or dangerous",
    )
    yield command("next", "labctl proxy --show termination", "where TLS ends")
