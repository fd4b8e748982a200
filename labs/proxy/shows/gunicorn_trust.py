"""Whom gunicorn believes X-Forwarded-Proto, with no ProxyFix anywhere; and what REMOTE_ADDR is over a Unix socket."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from labctl.events import Event, Row
from labctl.internet import Internet
from labctl.serving.folders import Folder
from labs.by_hand import of_python
from labs.proxy.arguments import With
from labs.proxy.claims import TRUSTS
from labs.proxy.way import environ_at, habits_of, stand_app
from labs.telling import command, note, opening, result, table

_NOBODY = ("--forwarded-allow-ips", "192.0.2.1")
_SAYS = (("Host", "www.shop.test"), ("X-Forwarded-Proto", "https"))


def show(internet: Internet, with_: With) -> Iterator[Event]:
    """Straight to gunicorn: no proxy takes part. Raises CannotRun when it cannot stand."""
    yield opening("who may say https?", "gunicorn, and no ProxyFix")
    default = _NOBODY if "gunicorn-trusts-nobody" in habits_of(internet) else ()
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(Folder())
        rows, schemes = [], []
        for title, bind, options in (
            ("127.0.0.1:PORT", "127.0.0.1:0", default),
            ("the same, allowed: 192.0.2.1", "127.0.0.1:0", _NOBODY),
            ("unix:/run/app.sock", f"unix:{folder}/app.sock", default),
        ):
            app = stack.enter_context(stand_app(internet, "environ", bind=bind, options=options))
            plain, says = environ_at(app.where, _SAYS[:1]), environ_at(app.where, _SAYS)
            peer = str(says.get("REMOTE_ADDR", "?"))
            before, after = (str(environ.get("wsgi.url_scheme", "?")) for environ in (plain, says))
            schemes.append(after)
            rows.append(
                Row(
                    f"{title}: REMOTE_ADDR is {peer or 'empty'}; the scheme is {before}, and {after} for who says so.",
                    (title, peer or "(empty)", before, after),
                    hues=("", "", "mute", "warn" if after != before else "ok"),
                )
            )
        yield table(
            "trust",
            "One raw request, with X-Forwarded-Proto: https and without",
            ("gunicorn listens on", "REMOTE_ADDR", "without", "with it"),
            rows,
        )
    yield TRUSTS.judged(
        schemes[0] == "https",
        f"From 127.0.0.1, with X-Forwarded-Proto: https, wsgi.url_scheme was {schemes[0]}; "
        f"when only 192.0.2.1 is allowed it was {schemes[1]}.",
    )
    yield note("Behind a proxy on this machine every request comes from 127.0.0.1, also those of liars.")
    yield note(
        "Over a Unix socket there is no peer address: REMOTE_ADDR is empty, and gunicorn believes everybody."
    )
    yield result(
        "request.is_secure is decided by whoever sets X-Forwarded-Proto last: let that be your proxy."
    )
    yield command(
        "by hand",
        f"{of_python('gunicorn')} --help | grep -A2 forwarded-allow",
        "whom it believes",
    )
    yield command("next", "labctl proxy --show underscore", "another way in")
