"""flask run and gunicorn: how many at once, and who looks after them."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator

from labctl.events import Event, Hue, Row
from labctl.internet import Internet
from labctl.serving.asking import Answer, Ask, ask_all
from labctl.serving.standing import Kind, Standing
from labs.telling import about, command, measured, note, opening, result, table
from labs.wsgi.apps import together_words
from labs.wsgi.claims import DEV_ALONE, DEV_THREADS
from labs.wsgi.stage import asked, staged
from labs.wsgi.words import status_of

_PATIENCE_S = 2.0


def show(internet: Internet) -> Iterator[Event]:
    with staged(internet) as stage:
        threads = {"flask": 0 if "dev-server-without-threads" in stage.habits else 1}
        standings: dict[Kind, Standing] = {
            kind: stage.stand("together", kind, threads=threads.get(kind, 1)) for kind in ("flask", "sync")
        }
        many = together_words.TOGETHER
        yield opening("the development server", f"flask run and gunicorn, {many} requests at once")
        most = {kind: _together(standing, many) for kind, standing in standings.items()}
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
        yield measured("wsgi.dev.at_once", most["flask"], f"flask run had {most['flask']} of {many} requests at once.")
        yield measured("wsgi.sync.at_once", most["sync"], f"gunicorn had {most['sync']} of {many} requests at once.")
        yield DEV_THREADS.judged(
            most["flask"] > 1 and most["sync"] == 1,
            f"Of {many} requests flask run had {most['flask']} at once, one sync worker {most['sync']}.",
        )
        yield DEV_ALONE.judged(
            killed["flask"].failure == "refused" and killed["sync"].status == 200,
            f"After kill -9 flask run: {status_of(killed['flask'])}; gunicorn, whose worker was killed:"
            f" {status_of(killed['sync'])}.",
        )
    yield result("The development server is not slow. It is alone.")
    yield command("by hand", "flask --app shop run", "then: kill -9 its pid, and ask again")
    yield command("next", "labctl workers", "the master and its workers")


def _together(standing: Standing, many: int) -> int:
    """The most requests that were inside of the application at once."""
    answers = ask_all(standing.where, [Ask("/together") for _ in range(many)])
    return max((int(json.loads(answer.body)["most"]) for answer in answers if answer.status == 200), default=0)


def _killed(standing: Standing) -> Answer:
    """Kill the process that serves, wait for another one to be ready, and ask."""
    began = time.monotonic_ns()
    standing.signal(signal.SIGKILL, standing.workers()[0])
    if standing.kind == "sync":
        standing.wait_for("booted", timeout_s=_PATIENCE_S, since_ns=began)
    else:
        _gone(standing)
    return asked(standing, Ask("/", timeout_s=_PATIENCE_S / 4))


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
