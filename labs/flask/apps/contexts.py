"""What request and g live in: requests at once, tasks of asyncio in one thread, new threads, contexts in contexts."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import Any

from flask import Flask, copy_current_request_context, current_app, g, has_request_context, jsonify, request

app = Flask(__name__)
PATIENCE_S = 5.0
meeting = threading.Barrier(4)
counted = 0


@app.get("/meet/<who>")
def meet(who: str) -> Any:
    """Writes into g, waits until all four are in here, and looks what is there."""
    g.who = who
    with contextlib.suppress(threading.BrokenBarrierError):
        meeting.wait(PATIENCE_S)
    return jsonify(path=request.path, who=g.who, thread=threading.get_ident())


@app.get("/tasks")
def tasks() -> Any:
    """Three requests as tasks of one event loop, in one new thread: all are begun, then each looks.

    Not in the view's own context: a request's context that is pushed inside of another one shares its g.
    """
    found: list[dict[str, Any]] = []
    thread = threading.Thread(target=lambda: found.extend(asyncio.run(_three())))
    thread.start()
    thread.join(PATIENCE_S)
    return jsonify(found)


async def _three() -> list[dict[str, Any]]:
    begun = asyncio.Barrier(3)
    return list(await asyncio.gather(*(_task(name, begun) for name in "abc")))


async def _task(name: str, begun: asyncio.Barrier) -> dict[str, Any]:
    context = app.test_request_context(f"/{name}")
    context.push()
    g.who = name
    await begun.wait()
    seen = {"asked": f"/{name}", "path": request.path, "who": g.who, "thread": threading.get_ident()}
    await begun.wait()
    # With thread-locals another task's context is on top.
    with contextlib.suppress(AssertionError, LookupError, RuntimeError):
        context.pop()
    return seen


def _in_thread(function: Any) -> str:
    found: list[str] = []

    def run() -> None:
        try:
            found.append(function())
        except RuntimeError as error:
            found.append(f"RuntimeError: {str(error).splitlines()[0]}")

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(PATIENCE_S)
    return found[0] if found else "nothing"


def _path() -> str:
    return str(request.path)


@app.get("/thread")
def thread() -> Any:
    """The same function in the view's thread, in a new one, and in a new one with a copy of the context."""
    return jsonify(
        here=_path(), bare=_in_thread(_path), copied=_in_thread(copy_current_request_context(_path))
    )


@app.get("/count")
def count() -> Any:
    """A counter in g, and a global one."""
    global counted
    counted += 1
    g.count = g.get("count", 0) + 1
    return jsonify(g=g.count, module=counted)


@app.get("/nested")
def nested() -> Any:
    """A context of the application in the request's, and one in a thread that has no request at all."""
    g.who = "the request"
    with app.app_context():
        inner = g.get("who", "nothing")
        g.who = "the inner context"
    return jsonify(inner=inner, outer=g.get("who", "nothing"), alone=_in_thread(_without_request))


def _without_request() -> str:
    with app.app_context():
        g.who = "no request"
        return g.who if current_app.name == app.name and not has_request_context() else "a request"
