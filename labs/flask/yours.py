"""Requests of the learner's own, to an application of the learner's own: what ran, what did not, what came of it."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator

from labctl.errors import CannotRun
from labctl.events import Event
from labctl.internet import Internet
from labs.expecting import checked
from labs.flask.by_hand import footer
from labs.flask.cookies import Jar, cookie_table, session_in
from labs.flask.culprits import failures
from labs.flask.habits import habits_of
from labs.flask.picture import HOOKS, picture
from labs.flask.reply import DUMP, printed, response_table, route_said
from labs.flask.stage import PATIENCE_S, Seen, Stage
from labs.flask.target import Target, Wanted
from labs.flask.words import number, place, short, where
from labs.telling import about, measured, opening, result, warning
from labs.words import count

_STACK = 4
_ENDS_S = 1.0
# faulthandler's lines.
_DUMPED = re.compile(r'File "([^"]+)", line (\d+) in (.+)$', re.MULTILINE)


def asked(internet: Internet, target: Target, boot_s: float) -> Iterator[Event]:
    """Raises CannotRun for an application that cannot be served, and for a view that does not end (view-hangs)."""
    folder = os.path.join(target.app.folder, "labs", "flask", "apps") if target.is_ours else target.app.folder
    patience = internet.timeout or PATIENCE_S
    jar, failed = Jar(), False
    with Stage(target.app, habits_of(internet), patience_s=patience, boot_s=boot_s) as stage:
        for at, wanted in enumerate(target.requests, 1):
            fields = wanted.fields
            if not any(name.lower() == "cookie" for name, _ in fields):
                fields = (*jar.fields(), *fields)
            log = stage.standing.log()
            seen = stage.ask(wanted.target, wanted.method, fields, wanted.body)
            jar.take(seen.answer.fields)
            failed = failed or seen.answer.status >= 500
            yield from _told(seen, wanted, folder, "request" if at == 1 else f"request-{at}")
            if _has_ended(stage, seen):
                stage.standing.end()  # then all that it printed has come
            yield from printed(stage.standing.log(), log, folder)
            _expect_an_answer(stage, seen, wanted, folder, target)
            yield outcome(seen)
            check = "flask.unexpected" if len(target.requests) == 1 else f"flask.unexpected.{at}"
            yield from checked(check, f"{wanted.method} {wanted.target}", seen.answer, target.allowed[at - 1])
        is_flask = stage.is_flask
    yield from footer(target, is_flask=is_flask, failed=failed)


def _told(seen: Seen, wanted: Wanted, folder: str, id: str) -> Iterator[Event]:
    request, answer = seen.traced, seen.answer
    said = answer.status or answer.failure
    yield opening(f"{wanted.method} {wanted.target}", f"{said}, {number(answer.end_ms)} ms")
    if request is None:
        if answer.status:
            yield warning(
                "No Flask application saw this request: something before it answered, or this application is none."
            )
            yield from response_table(answer, id)
        return
    yield from picture(seen, folder, id=f"{id}.order", title="What ran")
    if request.first("flask") is None and request.whole:
        yield warning("A middleware around Flask.wsgi_app answered: Flask itself was not called.")
    yield from route_said(request)
    for name in ("g", "session"):
        kept = request.facts.get(name)
        if kept:
            held = ", ".join(f"{key} ({kind})" for key, kind in kept.items())
            yield about(name, f"{held} when teardown began.")
    if not request.whole and not answer.status:
        return
    yield from response_table(answer, id)
    found = session_in(answer.fields)
    if found is not None:
        yield from cookie_table(*found, id=f"{id}.cookie")
    ran = sum(record.kind in HOOKS for record in request.records)
    skipped = len(request.skipped)
    yield measured(f"flask.{id}.status", answer.status, f"The status was {answer.status}.")
    yield measured(f"flask.{id}.functions", ran, f"{count(ran, 'function')} of the application ran.")
    if not request.whole:
        for at in own_frames(seen, folder)[:1]:
            yield about("now", f"it is at {at}.")
        return
    yield measured(f"flask.{id}.skipped", skipped, f"{count(skipped, 'function')} of its own did not run.")
    took = round(request.records[0].took_ms, 1)
    first = ", as the first request of its process" if id == "request" else ""
    yield measured(f"flask.{id}.took", took, f"The application took {took} ms{first}.", "ms")


def outcome(seen: Seen) -> Event:
    """The line at the end: who made the answer what it is."""
    request, status = seen.traced, seen.answer.status
    if request is None:
        return result(f"The answer was {status}.", "warn")
    got = f"the visitor got {status or 'no answer'}"
    told = failures(request)
    if told:
        return result(f"{'; '.join(told)}; {got}.", "warn" if 0 < status < 500 else "bad")
    unhandled = request.first("unhandled")
    if unhandled is not None:
        return result(f"{short(unhandled.name)}: {got}.", "bad")
    ended = next((r for r in request.records if r.kind == "before_request" and r.notes.get("returned")), None)
    if ended is not None:
        return result(f"{ended.name} answered itself with {status}; the view did not run.", "warn")
    if seen.answer.failure in ("timeout", "large"):
        return result(_without_an_end(seen), "warn")
    if seen.answer.failure:
        return result(f"The answer was cut off ({seen.answer.failure}).", "bad")
    return result(f"The visitor got {status}.", "ok" if status < 400 else "warn")


def _without_an_end(seen: Seen) -> str:
    """A stream of events has none, and that is no mistake."""
    size, answer = count(len(seen.answer.body), "byte"), seen.answer
    if answer.failure == "large":
        return f"The visitor got {answer.status}; after {size} of its body the rest was not read."
    return f"The visitor got {answer.status}, and its body had not ended after {number(answer.end_ms)} ms and {size}."


def _expect_an_answer(stage: Stage, seen: Seen, wanted: Wanted, folder: str, target: Target) -> None:
    """Raises CannotRun when the application did not come to an end, or ended itself."""
    line = f"{wanted.method} {wanted.target}"
    again = target.asking() if wanted is target.requests[0] else line
    if seen.answer.failure == "timeout" and not seen.answer.status:
        evidence = [("waited", f"{number(stage.patience_s * 1000)} ms")]
        frames = own_frames(seen, folder)
        if frames:
            evidence.append(("it is at", frames[0]))
            if len(frames) > 1:
                evidence.append(("called by", ", ".join(frames[1:_STACK])))
        elif dumped := _dumped(stage.standing.log(), folder):
            evidence.append(("it is at", dumped))
            evidence.append(
                ("besides", "it holds the interpreter's lock: all other threads of the process wait, too")
            )
        raise CannotRun(
            "view-hangs",
            f"{line} has no answer yet, and its process was ended",
            evidence=tuple(evidence),
            fixes=(f"{target.command} {again} --timeout {max(1, round(stage.patience_s * 3))}",),
        )
    if not stage.standing.alive():
        raise CannotRun(
            "app-exits",
            f"{line} ended the process of the application",
            evidence=_of_the_end(stage, folder),
        )


def _of_the_end(stage: Stage, folder: str) -> tuple[tuple[str, str], ...]:
    """How the process ended, and where it was: it called os._exit, or faulthandler saw it."""
    from labctl.serving.evidence import places, signal_name

    status = stage.standing.status() or 0
    ended = ("signal", signal_name(-status)) if status < 0 else ("status", str(status))
    left = stage.left_at()
    if left:
        return (*places(stage.app, left)[-1:], ended, ("by", "os._exit, which ends a process at once"))
    dumped = _dumped(stage.standing.log(), folder)
    return (ended, ("it was at", dumped)) if dumped else (ended,)


def _has_ended(stage: Stage, seen: Seen) -> bool:
    """Whether the process is gone. Its connections are closed a little before it is."""
    cut = seen.answer.failure in ("empty", "reset", "cut") and not (
        seen.traced is not None and seen.traced.whole
    )
    deadline = time.monotonic() + (_ENDS_S if cut else 0.0)
    while stage.standing.alive() and time.monotonic() < deadline:
        time.sleep(0.01)
    return not stage.standing.alive()


def own_frames(seen: Seen, folder: str) -> list[str]:
    """Where a request is that does not end, innermost first: the learner's own lines, when there are any."""
    stack = seen.traced.stuck if seen.traced is not None else ()
    own = [f for f in stack if f.file.startswith(folder + os.sep) and "site-packages" not in f.file]
    return [where(frame, folder) for frame in (own or stack)]


def _dumped(log: str, folder: str) -> str:
    """Where faulthandler saw the learner's code, holding the interpreter's lock or crashing it: innermost first."""
    frames = _DUMPED.findall(DUMP.split(log)[-1])
    own = [each for each in frames if each[0].startswith(folder + os.sep) and "site-packages" not in each[0]]
    return ", ".join(f"{name} {place(file, int(line), folder)}" for file, line, name in own[:_STACK])
