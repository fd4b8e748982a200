"""Where TLS ends: the same request as raw bytes on both sides of the proxy."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from labctl.events import Event, Row
from labctl.internet import Internet
from labctl.protocols.http1 import write_request_head
from labctl.sandbox.proxy_configuration import Configuration
from labctl.sandbox.proxy_street import HOST, Street
from labctl.sandbox.proxy_tap import Tap
from labctl.serving.asking import Connection
from labctl.serving.folders import Folder
from labs.proxy.arguments import With
from labs.proxy.claims import TERMINATION
from labs.proxy.front import Front, other_fronts
from labs.proxy.way import address_of, habits_of, stand_app, street_of
from labs.telling import command, opening, result, table

COOKIE = "session=s3cr3t"
_LINE = 16


def show(internet: Internet, with_: With) -> Iterator[Event]:
    """Raises CannotRun when an app or a proxy cannot stand."""
    front = Front(with_)
    yield opening("where TLS ends", front.name)
    with contextlib.ExitStack() as stack:
        street = stack.enter_context(street_of(internet))
        to_app, at_app = _app(internet, stack, street)
        proxy = front.stand(stack, street, Configuration(front.careful), {"app": [to_app]}, secure=True)
        to_proxy, at_proxy = street.tap(proxy)
        raw = write_request_head(
            "GET", "/account", (("Host", HOST), ("Cookie", COOKIE), ("Connection", "close"))
        )
        with Connection(to_proxy) as connection:
            connection.socket = street.client_context().wrap_socket(connection.socket, server_hostname=HOST)
            connection.send(raw)
            answer = connection.read_answer()
        outside, inside = (_bytes(tap) for tap in (at_proxy, at_app))
    yield _dump("outside", "Between you and the proxy", outside)
    yield _dump("inside", "Between the proxy and the app", inside)
    if answer.status != 200:
        yield TERMINATION.not_seen(f"The app did not answer: status {answer.status}.")
        return
    seen = [COOKIE.encode() in data for data in (outside, inside)]
    says = b"x-forwarded-proto: https" in inside.lower()
    yield TERMINATION.judged(
        seen == [False, True] and says,
        f"The cookie {COOKIE} {'stands' if seen[0] else 'does not stand'} in the bytes before the proxy, "
        f"{'it does' if seen[1] else 'it does not'} in those behind it; X-Forwarded-Proto: https "
        f"{'stands there too' if says else 'cannot be read there'}.",
    )
    yield result(
        "Behind the proxy the request is plain text: keep that way on one machine, or encrypt it again."
    )
    yield command("by hand", "sudo tcpdump -i lo -A port 8000", "on the server: cookies and passwords go by")
    yield command("next", "labctl proxy --show redirects", "what else the app does not know")
    yield from other_fronts(with_, "termination")


def _app(internet: Internet, stack: contextlib.ExitStack, street: Street) -> tuple[tuple[str, int], Tap]:
    """The app behind a tap; under the fault it speaks TLS, and so does a tunnel before it."""
    if "proxy-encrypts-upstream" not in habits_of(internet):
        app = stack.enter_context(stand_app(internet, "environ"))
        return street.tap(address_of(app))
    folder = stack.enter_context(Folder())
    leaf = street.leaf()
    (folder / "chain.pem").write_text(leaf.chain)
    (folder / "key.pem").write_text(leaf.key)
    options = ("--certfile", str(folder / "chain.pem"), "--keyfile", str(folder / "key.pem"))
    app = stack.enter_context(stand_app(internet, "environ", options=options))
    to_app, at_app = street.tap(address_of(app))
    return street.tap(to_app, secure=True)[0], at_app


def _bytes(tap: Tap) -> bytes:
    return b"".join(talk.asked.since() for talk in tap.talks)


def _dump(id: str, title: str, data: bytes) -> Event:
    """The beginning of what went to the server, as `xxd` shows it."""
    rows = []
    for at in range(0, min(len(data), 6 * _LINE), _LINE):
        piece = data[at : at + _LINE]
        text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in piece)
        rows.append(
            Row(f"Byte {at} and on: {piece.hex(' ')}, as text {text}", (f"{at:04x}", piece.hex(" "), text))
        )
    return table(id, f"{title}: the first of {len(data):,} bytes", ("", "bytes", "text"), rows, named=False)
