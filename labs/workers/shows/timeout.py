"""The same --timeout, and a request that takes longer: sync and gthread, waiting and computing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

from labctl.events import Event, Hue, Row
from labctl.internet import Internet
from labs.telling import command, note, opening, result, table
from labs.words import ms
from labs.workers.claims import HEARTBEAT
from labs.workers.client import Asked, Clients, many
from labs.workers.server import address_of, standing
from labs.workers.told import became

# A gthread worker reports once a second: 1 would be as long as its own pause. The master looks once a second, too.
TIMEOUT_S, LONG_MS = 2, 3400


def show(internet: Internet) -> Iterator[Event]:
    yield opening(f"--timeout {TIMEOUT_S}, and requests of {LONG_MS / 1000:.1f} s", "sync and gthread")
    with ExitStack() as opened:
        started = []
        for kind, what, target in (
            ("sync", "waits", f"/wait?ms={LONG_MS}"),
            ("gthread", "waits", f"/wait?ms={LONG_MS}"),
            ("gthread", "computes", f"/spin?ms={LONG_MS}"),
        ):
            threads = 1 if kind == "sync" else 2
            server = opened.enter_context(
                standing(internet, kind, workers=1, threads=threads, timeout_s=TIMEOUT_S)
            )
            started.append((kind, what, server, target))
        clients = [
            (kind, what, server, opened.enter_context(Clients(address_of(server), many(target, 1))))
            for kind, what, server, target in started
        ]
        found = []
        for kind, what, server, each in clients:
            asked = each.wait()[0]
            server.wait_for("gone", timeout_s=0.05)
            found.append((kind, what, asked, any(event.kind == "timeout" for event in server.events())))
    yield table(
        "timeout.classes",
        "",
        ("worker class", "the view", "took", "the client got", "the worker"),
        [_row(*each) for each in found],
    )
    yield note(
        "A sync worker cannot say that it is alive while it is in your view. In gthread the main thread accepts "
        "connections and sends the heartbeat, and the view is in another thread: nobody ends it, however long it takes."
    )
    yield note(
        "So with gthread nothing limits a request: put a limit where the waiting is, such as the timeout of a database "
        "or of an HTTP client."
    )
    threads_only = [(asked, ended) for kind, _, asked, ended in found if kind == "gthread"]
    good = sum(1 for asked, ended in threads_only if asked.answered and not ended)
    longest = max(asked.took_ms for asked, _ in threads_only)
    told = (
        f"In gthread {good} of {len(threads_only)} requests longer than --timeout {TIMEOUT_S} were answered; the "
        f"longest took {ms(longest)}."
    )
    if good < len(threads_only) and not any(ended for _, ended in threads_only):
        yield HEARTBEAT.not_seen(f"No worker was ended, and this machine was too busy to wait for. {told}")
    else:
        yield HEARTBEAT.judged(good == len(threads_only), told)
    if good == len(threads_only):
        yield result("For sync, --timeout is a limit for requests. For gthread it is not.")
    else:
        yield result("Here --timeout was a limit for requests, in gthread too.", "bad")
    yield command(
        "by hand",
        "gunicorn --threads 2 -t 2 labs.workers.apps.shop:app",
        "in labctl's venv",
    )
    yield command("next", "labctl workers --show reload", "HUP, and nobody notices")


def _row(kind: str, what: str, asked: Asked, ended: bool) -> Row:
    got = f"{asked.answer.status}" if asked.answered and asked.answer else became(asked)
    fate = "ended: SIGABRT" if ended else "lives on"
    hue: Hue = "ok" if asked.answered else "bad"
    return Row(
        f"{kind}, a view that {what}: {ms(asked.took_ms)}, the client got {got}, the worker {fate}.",
        (kind, what, ms(asked.took_ms), got, fate),
        hues=("accent", "", "", hue, "bad" if ended else "ok"),
    )
