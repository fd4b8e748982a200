"""Whether a change of the code reaches the server, and what that takes."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from typing import NamedTuple

from labctl.events import Event, Hue, Row
from labctl.internet import Internet
from labctl.serving.application import own_app
from labctl.serving.asking import Ask
from labctl.serving.standing import Standing
from labs.by_hand import of_python
from labs.telling import about, command, measured, note, opening, result, table
from labs.words import count
from labs.wsgi.claims import RELOAD
from labs.wsgi.stage import Stage, asked, staged

# The reloader looks at the files each second, and starts the process anew then.
_PATIENCE_S = 8.0
CODE = """import os
from flask import Flask
app = Flask(__name__)

@app.get("/")
def home():
    return f"{version} {{os.getpid()}}"
"""


class Told(NamedTuple):
    """`version` of the code that answered, and the pid of its process."""

    version: str
    pid: int


def show(internet: Internet) -> Iterator[Event]:
    with staged(internet) as stage, tempfile.TemporaryDirectory(prefix="labctl-") as folder:
        file = os.path.join(folder, "shop_of_today.py")
        _write(file, "old")
        plain = _stand(stage, folder, debug="dev-server-in-debug-mode" in stage.habits)
        debug = _stand(stage, folder, debug=True)
        servers = {"flask run": plain, "flask run --debug": debug}
        before = {name: _told(standing) for name, standing in servers.items()}
        yield opening("does a change arrive?", "one file, edited while it is served")
        _write(file, "new")
        _until_new(debug)
        if _processes(plain, before["flask run"]) > 1:  # a reloader, then, and it needs its time
            _until_new(plain)
        after = {name: _told(standing) for name, standing in servers.items()}
        rows = [_row(name, servers[name], before[name], after[name]) for name in servers]
        yield table(
            "reload", "The file was edited in between", ("command", "processes", "before", "after"), rows
        )
        yield about("--debug", "the first process watches the files, the second one serves and is replaced.")
        yield about(
            "debugger", "comes with --debug: a page that runs Python for whoever reaches it. Never outside."
        )
        yield note(
            "flask run --reload has the reloader without the debugger; gunicorn --reload is for development, too."
        )
        processes = _processes(plain, before["flask run"])
        yield measured(
            "wsgi.reload.processes", processes, f"flask run was {count(processes, 'process', 'processes')}."
        )
        if after["flask run --debug"].version != "new":
            yield RELOAD.not_seen("flask run --debug did not come back with the new code in time.")
        else:
            two = _processes(debug, before["flask run --debug"])
            yield RELOAD.judged(
                processes == 1 and two == 2 and after["flask run"].version == "old",
                f"flask run was {count(processes, 'process', 'processes')} and answered with the"
                f" {after['flask run'].version} code; with --debug there were {two}, and the"
                f" {after['flask run --debug'].version} code.",
            )
    yield result("Without --debug or --reload, restart it.")
    yield command("by hand", f"{of_python('flask')} --app shop run --debug", "then: ps f, and edit shop.py")
    yield command("next", "labctl wsgi --show bind")


def _write(file: str, version: str) -> None:
    with open(file, "w", encoding="utf-8") as written:
        written.write(CODE.format(version=version))


def _stand(stage: Stage, folder: str, *, debug: bool) -> Standing:
    app = own_app("shop_of_today")._replace(folder=folder)
    return stage.stand_app(app, "flask", options=("--debug",) if debug else (), cwd=folder)


def _told(standing: Standing) -> Told:
    answer = asked(standing, Ask("/", timeout_s=3.0))
    version, _, pid = answer.text.partition(" ")
    return Told(version, int(pid)) if answer.status == 200 and pid.isdigit() else Told("no", 0)


def _until_new(standing: Standing) -> None:
    until = time.monotonic() + _PATIENCE_S
    while time.monotonic() < until and _told(standing).version != "new":
        time.sleep(0.05)


def _processes(standing: Standing, told: Told) -> int:
    """One when the process that was started is the one that answers."""
    return 1 if told.pid == standing.pid else 2


def _row(name: str, standing: Standing, before: Told, after: Told) -> Row:
    number = _processes(standing, before)
    hue: Hue = "ok" if after.version == "new" else "warn"
    return Row(
        f"{name}: {count(number, 'process', 'processes')}; before {before.version} code from pid {before.pid},"
        f" after {after.version} code from pid {after.pid}.",
        (name, str(number), f"{before.version}, pid {before.pid}", f"{after.version}, pid {after.pid}"),
        hues=("accent", "", "mute", hue),
        bold=(3,),
    )
