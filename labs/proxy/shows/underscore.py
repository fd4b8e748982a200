"""X_Forwarded_For and X-Forwarded-For to three servers: two names of a field are one name in the environ."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from labctl.events import Event, Row
from labctl.internet import Internet
from labs.by_hand import of_python
from labs.proxy.arguments import With
from labs.proxy.claims import UNDERSCORE
from labs.proxy.way import environ_at, habits_of, stand_app
from labs.telling import command, note, opening, result, table

_DANGEROUS = ("--header-map", "dangerous")
_LIE = "6.6.6.6"
_KEY = "HTTP_X_FORWARDED_FOR"


def show(internet: Internet, with_: With) -> Iterator[Event]:
    """Straight to the servers: no proxy takes part. Raises CannotRun when one cannot stand."""
    yield opening("a name with underscores", "X_Forwarded_For: 6.6.6.6")
    options = _DANGEROUS if "gunicorn-lets-underscores-in" in habits_of(internet) else ()
    kinds: tuple[tuple[str, Any, tuple[str, ...]], ...] = (
        ("wsgiref", "wsgiref", ()),
        ("gunicorn", "sync", options),
        ("gunicorn --header-map dangerous", "sync", _DANGEROUS),
    )
    rows: list[Row] = []
    found: list[tuple[str, str]] = []
    with contextlib.ExitStack() as stack:
        for title, kind, more in kinds:
            app = stack.enter_context(stand_app(internet, "environ", kind=kind, options=more))
            odd, usual = (
                str(environ_at(app.where, (("Host", "www.shop.test"), (name, _LIE))).get(_KEY, ""))
                for name in ("X_Forwarded_For", "X-Forwarded-For")
            )
            found.append((odd, usual))
            rows.append(
                Row(
                    f"{title}: of X_Forwarded_For the app finds {odd or 'nothing'}, of X-Forwarded-For "
                    f"{usual or 'nothing'}.",
                    (title, odd or "not there", usual or "not there"),
                    hues=("", "bad" if odd else "ok", "mute"),
                )
            )
    yield table(
        "underscore", f"What the app finds as {_KEY}", ("server", "X_Forwarded_For", "X-Forwarded-For"), rows
    )
    yield UNDERSCORE.judged(
        found[:2] == [(_LIE, _LIE), ("", _LIE)],
        f"Of the two names wsgiref gave the app {_both(found[0])}, gunicorn {_both(found[1])}.",
    )
    yield note(
        "A proxy that removes X-Forwarded-For does not remove X_Forwarded_For. nginx drops such names, Apache does not."
    )
    yield result("Names with underscores have no business on the way to an app: let the proxy drop them.")
    yield command(
        "by hand",
        f"{of_python('gunicorn')} --help | grep -A2 header-map",
        "drop, refuse or dangerous",
    )
    yield command("next", "labctl proxy --show termination", "where TLS ends")


def _both(values: tuple[str, str]) -> str:
    odd, usual = values
    return (
        "both"
        if odd and usual
        else "the one with _ only"
        if odd
        else "the one with - only"
        if usual
        else "none"
    )
