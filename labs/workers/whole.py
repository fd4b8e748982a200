"""The lesson on one screen: requests on a time line per worker, with the queue below."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from labctl.errors import CannotRun
from labctl.events import Event
from labctl.internet import Internet
from labs.telling import command, opening, result
from labs.words import count, ms
from labs.workers.answers import about_answers, check
from labs.workers.claims import HEARTBEAT, TIMEOUT
from labs.workers.plan import MOST_WORK_MS, USUAL_REQUESTS, USUAL_WORKERS, Plan
from labs.workers.server import missing_gunicorn, standing
from labs.workers.told import Other, one_at_a_time, other_workers, summary
from labs.workers.watching import Watched, watch
from labs.workers.without import without_gunicorn

if TYPE_CHECKING:
    from labctl.serving.application import App
    from labctl.serving.child_events import ChildEvent


def whole(
    internet: Internet,
    plan: Plan,
    app: App | None = None,
    boot_timeout_s: float | None = None,
) -> Iterator[Event]:
    """`app`: somebody's own application, else the lab's. Raises CannotRun for what does not stand."""
    if app is None and not internet.fault and (missing := missing_gunicorn(plan.kind)) is not None:
        yield from without_gunicorn(internet, plan, missing)
        return
    workers = count(plan.workers, f"{plan.kind} worker")
    if plan.kind == "gthread":
        workers += f" x {count(plan.threads, 'thread')}"
    title = f"{count(len(plan.requests), 'request')}, {workers}"
    with standing(
        internet,
        plan.kind,
        app=app,
        workers=plan.workers,
        threads=plan.threads,
        timeout_s=plan.timeout_s,
        boot_timeout_s=boot_timeout_s or 10 + plan.workers / 2,
    ) as server:
        yield opening(title, f"{_version(server.events())}, live")
        seen: Watched | None = None
        for each in watch(server, plan.requests, plan.threads, plan.timeout_s, most_s=most_s(plan)):
            if isinstance(each, Watched):
                seen = each
            else:
                yield each
        if seen is None:
            raise CannotRun("server-ended", "nothing was seen of this run")
        yield from summary(plan, seen)
        if app is None:
            yield one_at_a_time(plan, seen)
            yield from _about_the_one_that_hangs(plan, seen)
        else:
            yield from about_answers(plan, seen)
    total = len(plan.requests)
    good = sum(1 for each in seen.asked if each.answered)
    how = "got 2xx or 3xx" if app is not None and good < total else "answered"
    yield result(
        f"{good} of {total} {how} in {ms(seen.lasted_ms)}, by {workers}.",
        "ok" if good == total or plan.hanging is not None else "warn",
    )
    if plan.allowed:
        yield from check(plan, seen)
    yield from _footer(internet, plan, app, other_workers(plan, seen.works, seen.board.replaced))


def _version(events: Sequence[ChildEvent]) -> str:
    """`gunicorn 27`, as it says itself."""
    told = next((str(event.data.get("server", "")) for event in events if event.kind == "started"), "")
    name, _, number = told.partition(" ")
    return f"{name} {number.partition('.')[0]}" if number else "gunicorn"


def most_s(plan: Plan) -> float:
    """How long a run may be, whatever happens. What an application of one's own takes nobody knows before."""
    if plan.app:
        return max(MOST_WORK_MS / 1000, plan.timeout_s + 5.0)
    last_s = max(request.after_ms for request in plan.requests) / 1000
    return (
        15.0 + last_s + plan.timeout_s + 2 * sum(request.ms for request in plan.requests) / 1000 / plan.slots
    )


def _about_the_one_that_hangs(plan: Plan, seen: Watched) -> Iterator[Event]:
    hanging = plan.hanging
    if hanging is None:
        return
    work = next((each for each in seen.works if each.label == hanging.label), None)
    if work is None or work.end_ms is None:
        return
    took = work.end_ms - work.begin_ms
    successor = next((each for each in seen.board.replaced if each.old == work.pid), None)
    if plan.kind == "sync":
        said = f"Request {hanging.label} was in hand for {ms(took)}, with --timeout {plan.timeout_s}"
        if work.cut and successor is not None:
            yield TIMEOUT.judged(
                True,
                f"{said}: then pid {successor.old} was ended, and pid {successor.new} was ready "
                f"{ms(successor.ready_ms - successor.gone_ms)} later.",
            )
        elif work.pid in seen.board.aborted:
            yield TIMEOUT.not_seen(
                f"{said}: its worker was ended, and we stopped looking before another one came."
            )
        else:
            yield TIMEOUT.judged(False, f"{said}, and its worker was left alone.")
    else:
        said = f"Request {hanging.label} took {ms(took)}, with --timeout {plan.timeout_s}"
        if plan.timeout_s < 2:
            yield HEARTBEAT.not_seen(
                "A gthread worker reports once a second, so --timeout 1 is as long as its pause."
            )
        elif work.cut:
            yield HEARTBEAT.judged(False, f"{said}, and its worker was ended.")
        else:
            yield HEARTBEAT.judged(
                True, f"{said}, and was answered: its worker went on sending its heartbeat."
            )


def _footer(internet: Internet, plan: Plan, app: App | None, other: Other) -> Iterator[Event]:
    words = f"-w {plan.workers} -t {plan.timeout_s}"
    if plan.kind == "gthread":
        words = f"-k gthread -w {plan.workers} --threads {plan.threads} -t {plan.timeout_s}"
    if app is not None:
        yield command("by hand", f"gunicorn {words} {shlex.quote(app.target)}")
    else:
        yield command("by hand", f"gunicorn {words} labs.workers.apps.shop:app", "in labctl's venv")
    same = _same_again(internet, plan, app)
    if other.timeout_s:
        line = f"{_same_again(internet, plan._replace(timeout_s=other.timeout_s), app)}{_of_workers(plan)}"
        yield command("see it", line, "whether it ends by itself")
    elif other.wanted:
        yield command("see it", f"{same} --workers {other.wanted}", "whether the computed number is right")
    elif plan.kind == "sync":
        yield command("see it", f"{same} --worker-class gthread --threads 4", "threads, and --timeout")
    if app is None:
        yield command("next", "labctl workers --show kill", "kill -9 under load")


def _of_workers(plan: Plan) -> str:
    """What was said of workers, to be said again."""
    if plan.kind == "gthread":
        return f" --workers {plan.workers} --worker-class gthread --threads {plan.threads}"
    return f" --workers {plan.workers}" if plan.workers != USUAL_WORKERS else ""


def _same_again(internet: Internet, plan: Plan, app: App | None) -> str:
    """The command that asks for the same requests again, without what it says of workers."""
    words = ["labctl workers"]
    if app is not None:
        words.append(shlex.quote(app.target))
        words += [f"--path {shlex.quote(path)}" for path in plan.paths if plan.paths != ("/",)]
        words += [shlex.quote(each) for each in plan.more]
    if len(plan.requests) != USUAL_REQUESTS:
        words.append(f"--requests {len(plan.requests)}")
    if plan.timeout_s != plan.usual_timeout_s:
        words.append(f"--timeout {plan.timeout_s}")
    if app is None and internet.seed != 1:
        words.append(f"--seed {internet.seed}")
    return " ".join(words)
