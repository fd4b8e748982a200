"""A redirect that the app makes of its inner name, with the proxy rewriting it and without."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from labctl.events import Event, Row
from labctl.internet import Internet
from labctl.protocols.http1 import get
from labctl.sandbox.proxy_configuration import Configuration
from labctl.sandbox.proxy_street import HOST
from labctl.sandbox.site import SiteAnswer, SiteRequest
from labctl.serving.asking import ask
from labs.proxy.arguments import With
from labs.proxy.claims import REDIRECTS
from labs.proxy.front import Front, other_fronts
from labs.proxy.way import street_of
from labs.telling import command, note, opening, result, table


def show(internet: Internet, with_: With) -> Iterator[Event]:
    """Raises CannotRun when a proxy cannot stand."""
    front = Front(with_)
    yield opening("where a redirect leads", front.name)
    plain = "nginx-default" if with_ == "nginx" else "apache-default"
    rewriting = "proxy_redirect" if with_ == "nginx" else "ProxyPassReverse"
    with contextlib.ExitStack() as stack:
        street = stack.enter_context(street_of(internet))
        app = street.app(_landed)
        inner = f"http://{app[0]}:{app[1]}"
        rows, found = [], []
        for title, manners, rewrites in (
            ("plain", plain, ()),
            (f"with {rewriting}", plain, ((inner, f"http://{HOST}"),)),
            ("with the visitor's Host passed on", front.careful, ()),
        ):
            proxy = front.stand(stack, street, Configuration(manners, rewrites=rewrites), {"app": [app]})
            answer = ask(proxy, "/old", fields=(("Host", HOST),))
            location = get(answer.fields, "Location") or ""
            found.append(location)
            good = location.startswith(f"http://{HOST}")
            rows.append(
                Row(
                    f"The proxy {title}: Location is {location or 'absent'}.",
                    (title, location or "absent"),
                    hues=("", "ok" if good else "bad"),
                )
            )
    yield table(
        "redirects", "The app answers /old with a redirect to /landed", ("the proxy", "Location"), rows
    )
    yield REDIRECTS.judged(
        found[0].startswith(inner) and found[1] == f"http://{HOST}/landed",
        f"Without rewriting the visitor was sent to {found[0]}, with it to {found[1]}.",
    )
    yield note(
        "nginx does it by itself for its own proxy_pass (proxy_redirect default); it was switched off here."
    )
    yield result("Pass Host on, and the app makes right links everywhere; rewriting mends Location alone.")
    yield command(
        "by hand", f"curl -sI -H 'Host: {HOST}' http://127.0.0.1:8000/old", "at your own app: read Location"
    )
    yield command("next", "labctl proxy --show routing", "which rule takes a path")
    yield from other_fronts(with_, "redirects")


def _landed(request: SiteRequest) -> SiteAnswer:
    """What `url_for(..., _external=True)` makes: a URL of the Host that the app was asked by."""
    host = get(request.fields, "Host") or "localhost"
    return SiteAnswer(
        302, (("Location", f"http://{host}/landed"), ("Content-Type", "text/plain")), b"moved\n"
    )
