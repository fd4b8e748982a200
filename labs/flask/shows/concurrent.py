"""Requests at once, in threads and as tasks of one thread: each sees its own request and g."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from labctl.events import Event, Row
from labctl.internet import Internet
from labs.flask.claims import TASKS
from labs.flask.habits import habits_of
from labs.flask.shows.footer import footer
from labs.flask.stage import Stage
from labs.telling import measured, opening, result, table
from labs.words import count

PEOPLE = ("ana", "ben", "cleo", "dan")


def show(internet: Internet) -> Iterator[Event]:
    from labctl.serving.application import own_app

    with Stage(own_app("labs.flask.apps.contexts"), habits_of(internet)) as stage:
        yield opening("requests that do not see each other", "4 threads, 3 tasks")
        answers = stage.ask_at_once([f"/meet/{who}" for who in PEOPLE])
        tasks = stage.ask("/tasks").answer
    met = [json.loads(answer.body) if answer.status == 200 else None for answer in answers]
    threads: dict[int, str] = {}
    rows = [_row(f"/meet/{who}", found, threads) for who, found in zip(PEOPLE, met, strict=True)]
    yield table(
        "threads",
        "Four requests, all inside of the view at once",
        ("asked", "request.path", "g.who", "thread"),
        rows,
    )
    if tasks.status != 200:
        yield TASKS.not_seen(f"The tasks' view answered {tasks.status or tasks.failure}.")
        return
    three: list[dict[str, Any]] = json.loads(tasks.body)
    threads = {}
    rows = [_row(each["asked"], each, threads) for each in three]
    yield table(
        "tasks",
        "Three tasks of asyncio, all begun, then each looks",
        ("asked", "request.path", "g.who", "thread"),
        rows,
    )
    own = [each["path"] == each["asked"] and each["who"] == each["asked"][1:] for each in three]
    yield measured(
        "flask.tasks.threads", len(threads), f"The three tasks ran in {count(len(threads), 'thread')}."
    )
    yield measured("flask.tasks.own", sum(own), f"{sum(own)} of three tasks saw their own request.")
    yield TASKS.judged(
        all(own) and len(threads) == 1,
        f"Three tasks in {count(len(threads), 'thread')} saw {' '.join(each['path'] for each in three)}: each its own."
        if all(own)
        else f"Three tasks in one thread all saw {three[0]['path']}: the last one that began.",
    )
    yield result(
        "request, g and session are found through a context variable: in threads and in tasks."
        if all(own)
        else "Tasks that share a thread share its thread-locals: one visitor's data in another one's answer.",
        "ok" if all(own) else "bad",
    )
    yield from footer("concurrent")


def _row(asked: str, found: dict[str, Any] | None, threads: dict[int, str]) -> Row:
    if found is None:
        return Row(f"{asked}: no answer.", (asked, "no answer"), hues=("", "bad"))
    thread = threads.setdefault(found["thread"], f"thread {len(threads) + 1}")
    good = found["path"] == asked and found["who"] == asked.rpartition("/")[2]
    return Row(
        f"{asked}: request.path is {found['path']}, g.who is {found['who']}, {thread}.",
        (asked, found["path"], found["who"], thread),
        hues=("mute", "ok" if good else "bad", "ok" if good else "bad", "mute"),
    )
