"""Where a server listens: one address, all of them, or a file."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Iterator

from labctl.events import Event, Hue, Row
from labctl.internet import Internet
from labctl.serving.asking import Answer, Ask, ask
from labs.by_hand import of_python
from labs.telling import about, command, opening, result, table
from labs.wsgi.claims import BIND
from labs.wsgi.stage import asked, staged
from labs.wsgi.words import status_of

OTHER = "127.0.0.2"


def show(internet: Internet) -> Iterator[Event]:
    with staged(internet) as stage, tempfile.TemporaryDirectory(prefix="labctl-") as folder:
        everywhere = "server-binds-all-addresses" in stage.habits
        toy = stage.stand("mounted", "toy", bind="0.0.0.0:0" if everywhere else "127.0.0.1:0")
        assert toy.address is not None
        port = toy.address[1]
        yield opening("where a server can be reached", "one address, or a file")
        near, far = (ask((host, port), "/environ", timeout_s=2.0) for host in ("127.0.0.1", OTHER))
        rows = [_row("127.0.0.1", near), _row(OTHER, far)]
        unix = None
        if hasattr(socket, "AF_UNIX"):
            unix = asked(
                stage.stand("mounted", "toy", bind=f"unix:{os.path.join(folder, 'app.sock')}"),
                Ask("/environ"),
            )
            rows.append(_row("unix:app.sock", unix))
        yield table("bind", "The same server, asked at", ("address", "answer", "REMOTE_ADDR"), rows)
        yield about(OTHER, "is this machine, too: all of 127.0.0.0/8 is. The server is at 127.0.0.1 only.")
        yield about(
            "a file", "can be reached by processes with the right to it; there is no address of a client."
        )
        yield about("0.0.0.0", "is every address, the one that the network knows included.")  # noqa: S104
        if not _there(OTHER):
            yield BIND.not_seen(f"This machine does not have the address {OTHER}.")
        else:
            yield BIND.judged(
                near.status == 200 and far.failure == "refused",
                f"At 127.0.0.1 came {status_of(near)}; at {OTHER} {status_of(far)}.",
            )
    yield result("Behind a proxy of the same machine, bind to 127.0.0.1 or to a file.")
    yield command(
        "by hand", f"{of_python('gunicorn')} -b 127.0.0.1:8000 shop:app", "or -b unix:/run/shop.sock"
    )
    yield command("next", "labctl proxy")


def _there(address: str) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as trial:
        try:
            trial.bind((address, 0))
        except OSError:
            return False
        return True


def _row(where: str, answer: Answer) -> Row:
    import json

    hue: Hue = "ok" if answer.status == 200 else "warn"
    remote = "-"
    if answer.status == 200:
        remote = f'"{json.loads(answer.body).get("REMOTE_ADDR", "")}"'
    return Row(
        f"Asked at {where}: {status_of(answer)}; REMOTE_ADDR is {remote}.",
        (where, status_of(answer), remote),
        hues=("accent", hue, "mute"),
    )
