"""flask run and gunicorn: how many at once, and who looks after them."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from typing import NamedTuple

from labctl.events import Event, Hue, Row
from labctl.internet import Internet
from labctl.serving.asking import Answer, Ask, ask_all
from labctl.serving.standing import Kind, Standing
from labs.by_hand import of_python
from labs.telling import about, command, measured, note, opening, result, table
from labs.wsgi.apps import together_words
from labs.wsgi.claims import DEV_ALONE, DEV_THREADS
from labs.wsgi.stage import asked, staged
from labs.wsgi.words import status_of

_PATIENCE_S, _BOOT_S, _GIVE_UP_S = 1.5, 8.0, 0.3


def show(internet: Internet) -> Iterator[Event]:
    with staged(internet) as stage:
        threads = {"flask": 0 if "dev-server-without-threads" in stage.habits else 1}
        standings: dict[Kind, Standing] = {
            kind: stage.stand("together", kind, threads=threads.get(kind, 1)) for kind in ("flask", "sync")
        }
        many = together_words.TOGETHER
        yield opening("the development server", f"{many} requests at once")
        together = {kind: _together(standing, many) for kind, standing in standings.items()}
        most = {kind: found.most for kind, found in together.items()}
        killed = {kind: _killed(standing) for kind, standing in standings.items()}
        rows = [
            _row("flask run", most["flask"], killed["flask"], "the only process"),
            _row("gunicorn, as it comes", most["sync"], killed["sync"], "its only worker"),
        ]
        yield table("dev", "Side by side", ("server", "at once", "kill -9", "a moment later"), rows)
        yield about("at once", f"how many of {many} requests were inside of the application together.")
        yield about("gunicorn", "has one sync worker unless told otherwise: gunicorn -w 4 for four at once.")
        yield about("flask run", "starts a thread for every connection, without a limit, all on one core.")
        yield note(
            "What speaks against flask run in production is no supervision, no limits, one process, a debugger that"
            " runs code for whoever reaches it with --debug, and lax checks: labctl wsgi --violate crlf-in-header."
        )
        yield measured(
            "wsgi.dev.at_once", most["flask"], f"flask run had {most['flask']} of {many} requests at once."
        )
        yield measured(
            "wsgi.sync.at_once", most["sync"], f"gunicorn had {most['sync']} of {many} requests at once."
        )
        because = f"Of {many} requests flask run had {most['flask']} at once, one sync worker {most['sync']}."
        late = together["flask"].spread_ms > together_words.PATIENCE_S * 500
        if most["flask"] == 1 and late:
            yield DEV_THREADS.not_seen(f"This machine was too busy to send them together. {because}")
        else:
            yield DEV_THREADS.judged(most["flask"] > 1 and most["sync"] == 1, because)
        yield DEV_ALONE.judged(
            killed["flask"].failure == "refused" and killed["sync"].status == 200,
            f"After kill -9 flask run: {status_of(killed['flask'])}; gunicorn, whose worker was killed:"
            f" {status_of(killed['sync'])}.",
        )
    yield result("The development server is not slow. It is alone.")
    yield command("by hand", f"{of_python('flask')} --app shop run", "then: kill -9 its pid, and ask again")
    yield command("next", "labctl workers", "the master and its workers")


class Together(NamedTuple):
    """The most requests that were inside of the application at once; `spread_ms` apart were they sent."""

    most: int
    spread_ms: float


def _together(standing: Standing, many: int) -> Together:
    answers = ask_all(standing.where, [Ask("/together") for _ in range(many)])
    most = [int(json.loads(answer.body)["most"]) for answer in answers if answer.status == 200]
    sent = [answer.sent_at_ms for answer in answers]
    return Together(max(most, default=0), max(sent) - min(sent))


def _killed(standing: Standing) -> Answer:
    """Kill the process that serves, wait for another one to be ready, and ask."""
    began = time.monotonic_ns()
    standing.signal(signal.SIGKILL, standing.workers()[0])
    if standing.kind == "sync":
        # A master that replaces it does so at once; how long the new one takes to boot is another matter.
        if standing.wait_for("forked", timeout_s=_PATIENCE_S, since_ns=began):
            standing.wait_for("booted", timeout_s=_BOOT_S, since_ns=began)
    else:
        _gone(standing)
    patience = _BOOT_S if standing.wait_for("booted", timeout_s=0, since_ns=began) else _GIVE_UP_S
    return asked(standing, Ask("/", timeout_s=patience))


def _gone(standing: Standing) -> None:
    """Wait until the killed process is seen to be gone."""
    until = time.monotonic() + _PATIENCE_S
    while standing.alive() and time.monotonic() < until:
        time.sleep(0.005)


def _row(name: str, most: int, after: Answer, what: str) -> Row:
    hue: Hue = "ok" if after.status == 200 else "bad"
    return Row(
        f"{name}: {most} at once; kill -9 of {what}; then {status_of(after)}.",
        (name, str(most), what, status_of(after)),
        hues=("accent", "", "mute", hue),
        bold=(1,),
    )
