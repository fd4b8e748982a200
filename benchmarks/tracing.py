"""What tracing costs a request of a Flask application that does 10 ms of work, beside the same one without, in turn.

Both stand behind the toy server in children of their own and are asked over kept connections, one request each in
turn; what is compared are medians within a run. The application has eight hooks, a template and a session.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from labctl.serving.application import App, read_app
from labctl.serving.asking import Connection
from labctl.serving.standing import Standing, stand

ROUNDS = 200
_APP = """
import time
from flask import Flask, g, render_template_string, session

app = Flask(__name__)
app.secret_key = "for a benchmark"
for number in range(3):
    app.before_request(lambda number=number: setattr(g, f"step{number}", number))
    app.after_request(lambda response: response)
app.teardown_request(lambda error: None)
app.teardown_appcontext(lambda error: None)


def answer():
    session["seen"] = True
    return render_template_string("<p>{{ g.step2 }}</p>")


@app.get("/work")
def work():
    # Busy, not asleep; as long by the clock however fast the machine is.
    until = time.perf_counter() + 0.010
    while time.perf_counter() < until:
        pass
    return answer()


@app.get("/nothing")
def nothing():
    return answer()
"""


def _stand(app: App, traced: bool) -> Standing:
    prepare = "labctl.serving.flask_trace_prepare:prepare" if traced else ""
    # With a deadline, as the lab has it: a thread looks for requests that do not end.
    env = {"LABCTL_FLASK_DEADLINE_S": "10"} if traced else {}
    return stand(app, "toy", prepare=prepare, env=env, watched=False)


def _ask(connection: Connection, path: str) -> float:
    began = time.perf_counter()
    answer = connection.ask(path)
    took = time.perf_counter() - began
    assert answer.status == 200, answer
    return took * 1000


def measure() -> dict[str, list[tuple[float, float]]]:
    """Milliseconds of each pair of requests: without, with."""
    found: dict[str, list[tuple[float, float]]] = {}
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "busy.py").write_text(_APP)
        app = read_app(str(Path(name) / "busy.py"))
        with (
            _stand(app, False) as plain,
            _stand(app, True) as traced,
            Connection(plain.where) as one,
            Connection(traced.where) as other,
        ):
            for path, rounds in (("/work", ROUNDS), ("/nothing", 2 * ROUNDS)):
                for _ in range(10):
                    _ask(one, path), _ask(other, path)
                pairs = found[path] = []
                for number in range(rounds):
                    # Each goes first as often: who comes second finds a warm processor.
                    if number % 2:
                        pairs.append((_ask(one, path), _ask(other, path)))
                    else:
                        pairs.append((_ask(other, path), _ask(one, path))[::-1])
                    traced.events()
    return found


def report() -> list[tuple[str, str, str]]:
    """Rows of (what, figure, goal)."""
    found = measure()
    rows = []
    for path, what, goal in (
        ("/work", "a traced request of 10 ms of work, to the same untraced", "1.10"),
        ("/nothing", "(the same without the work)", ""),
    ):
        plain, traced = (statistics.median(each) for each in zip(*found[path], strict=True))
        more = statistics.median(b - a for a, b in found[path])
        rows.append((what, f"{traced / plain:.3f} ({plain:.2f} ms; {more * 1000:,.0f} us more)", goal))
    return rows


if __name__ == "__main__":
    for row in report():
        print(*row, sep="  |  ")
