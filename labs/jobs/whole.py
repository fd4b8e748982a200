"""The lesson on one screen: a job is accepted, its stream is cut, the client comes back, and nothing is lost."""

from __future__ import annotations

import time
from collections.abc import Iterator

from labctl.errors import CannotRun
from labctl.events import Event, Step, Verdict
from labctl.internet import Internet
from labs.jobs.claims import ACCEPTED, GOES_ON, LAST_EVENT_ID, LOCATION, REPLAY, RETRY
from labs.jobs.rail import Got, Rail
from labs.jobs.stage import Engine, Reply, Stage, standing
from labs.jobs.watching import Watched, watch
from labs.telling import command, note, opening, result
from labs.words import count, ms

STEPS = 7
STEP_S = 0.6
USUAL_DROP = 4
_MOST_S = 25.0
# A wait is on time when it is so much shorter at most, in milliseconds.
_EARLY_MS = 60.0
STORES = {"sqlite": "SQLite", "postgres": "PostgreSQL"}


def whole(
    internet: Internet, drop_after: int = USUAL_DROP, *, replay: bool = True, engine: Engine = "sqlite"
) -> Iterator[Event]:
    """`drop_after`: the id of the event behind which the connection is cut. `replay` False: a server without one."""
    faults = frozenset() if replay else frozenset({"no-replay"})
    with standing(internet, engine=engine, faults=faults) as stage:
        title = "one job, a dropped stream, a replay" if replay else "one job, a dropped stream, no replay"
        yield opening(title, f"{STORES[engine]}, 2 workers, live")
        yield booted(stage)
        rail, reply = submitted(stage)
        yield rail.submitted(reply)
        seen = Watched(reply, rail.job_id, STEPS)
        found = _found(stage, reply)

        def cut(_: Got) -> Iterator[Event]:
            stage.wire.cut()
            yield from ()

        yield from watch(stage, rail, seen, STEP_S, disturb_after=drop_after, disturb=cut, most_s=_MOST_S)
        status = stage.wait_ended(seen.job_id, 5.0)
        yield counted(seen)
        yield from _judged(stage, seen, status, found, replay)
    yield from _footer(seen, drop_after, replay, engine)


def booted(stage: Stage) -> Step:
    """What stands before the first request."""
    return note(
        f"gunicorn with threads, 2 workers and a database started in {ms(stage.boot_ms)}. Times are since the POST."
    )


def submitted(stage: Stage) -> tuple[Rail, Reply]:
    """The job of this lab, handed in. The key is always the same, and so is the id. Raises CannotRun jobs-refused."""
    rail = Rail(time.monotonic())
    reply = stage.submit(STEPS, STEP_S, key="a-lesson", wired=True)
    if not reply.body.get("job_id"):
        raise CannotRun(
            "jobs-refused", f"the service said {reply.status}: {reply.body.get('message', 'no more')}"
        )
    return rail, reply


def counted(seen: Watched) -> Step:
    """The count under the rail."""
    sent, got = seen.sent, len(seen.got)
    if seen.once:
        return result(f"{sent} sent, {got} received, in order, none twice.")
    words = [f"{sent} sent, {got} received"]
    if seen.missing:
        words.append(f"{seen.missing} never came" if seen.closed is None else f"{seen.missing} are missing")
    if seen.twice:
        words.append(f"{seen.twice} came a second time")
    if seen.closed is not None:
        words.append(f"the stream was closed by a {seen.closed}")
    return result(", ".join(words) + ".", "bad")


def _found(stage: Stage, reply: Reply) -> tuple[str, int]:
    """Location, and the status of a GET of it, asked at once."""
    location = reply.fields.get("location", "")
    if not location.startswith("/"):
        return location, 0
    answer = stage.ask("GET", location)
    same = answer.body.get("job_id") == reply.body.get("job_id")
    return location, answer.status if answer.status != 200 or same else 0


def _judged(
    stage: Stage, seen: Watched, status: str, found: tuple[str, int], replay: bool
) -> Iterator[Verdict]:
    yield _accepted(stage, seen)
    location, answered = found
    if answered == 200:
        yield LOCATION.judged(True, "A GET of the 202's Location told of this job: 200.")
    elif not location:
        yield LOCATION.judged(False, "The answer to the POST has no Location.")
    else:
        yield LOCATION.judged(False, f"A GET of the answer's Location, {location}, got {answered}.")
    if not seen.lost_at:
        for claim in (GOES_ON, LAST_EVENT_ID, RETRY, *((REPLAY,) if replay else ())):
            yield claim.not_seen("The job ended before its connection was cut.")
        return
    yield _goes_on(seen, status)
    yield _last_event_id(seen)
    if replay:
        yield _replay(seen)
    yield _retry(stage, seen)


def _accepted(stage: Stage, seen: Watched) -> Verdict:
    reply = seen.reply
    least_ms = STEPS * STEP_S * 1000
    ran = [each for each in stage.ledger(seen.job_id) if each.at < reply.at]
    told = f"The POST was answered by {reply.status} in {ms(reply.took_ms)}"
    if reply.status == 202 and len(ran) < STEPS and reply.took_ms < least_ms:
        return ACCEPTED.judged(True, f"{told}; the job has {STEPS} steps of {STEP_S:g} s.")
    if reply.status == 202:
        return ACCEPTED.not_seen(f"{told}: this machine was too busy to tell.")
    return ACCEPTED.judged(False, f"{told}, when {len(ran)} of {STEPS} steps had begun.")


def _goes_on(seen: Watched, status: str) -> Verdict:
    steps = count(seen.away, "step")
    if status in ("cancelled", "failed"):
        return GOES_ON.judged(False, f"After the cut the job was {status}.")
    if not seen.away:
        return GOES_ON.not_seen("No step ended between the two connections.")
    return GOES_ON.judged(
        True, f"While nobody listened {steps} ended, and the job came to its end: {status}."
    )


def _last_event_id(seen: Watched) -> Verdict:
    if len(seen.opened_at) < 2 and len(seen.asked) < 2:
        return LAST_EVENT_ID.not_seen("The client did not come back to an open stream.")
    asked = seen.asked[1]
    if asked and asked == seen.last_id:
        return LAST_EVENT_ID.judged(
            True,
            f"The last complete event had id {seen.last_id}, and the request said Last-Event-ID: {asked}.",
        )
    if not asked:
        return LAST_EVENT_ID.judged(False, "The client came back without Last-Event-ID: no event had an id.")
    return LAST_EVENT_ID.judged(
        False, f"The last complete event had id {seen.last_id}, and the request said Last-Event-ID: {asked}."
    )


def _replay(seen: Watched) -> Verdict:
    if seen.once:
        return REPLAY.judged(
            True, f"All {seen.sent} events came, ids 0 to {seen.sent - 1}, each once, in order."
        )
    if not seen.done and not seen.twice and seen.closed is not None:
        return REPLAY.not_seen("The job did not come to its end.")
    return REPLAY.judged(
        False, f"Of {seen.sent} events {seen.missing} never came, and {seen.twice} came a second time."
    )


def _retry(stage: Stage, seen: Watched) -> Verdict:
    wanted, wait = stage.service.settings.retry_ms, seen.waits_ms[0]
    again = [at for at in stage_requests(stage) if at > seen.lost_at[0]]
    if not again:
        return RETRY.not_seen("The client did not come back.")
    gap = (again[0] - seen.lost_at[0]) * 1000
    told = f"retry: {wanted} was wanted, and the next request came {ms(gap)} after the cut"
    if wait == wanted and gap >= wanted - _EARLY_MS:
        return RETRY.judged(True, f"{told}.")
    return RETRY.judged(False, f"{told}: the client's own {wait} ms.")


def stage_requests(stage: Stage) -> list[float]:
    """When the stream was asked for, on the wire."""
    return [head.at for head in stage.wire.heads() if "/stream" in head.line]


def _footer(seen: Watched, drop_after: int, replay: bool, engine: Engine) -> Iterator[Event]:
    other = " --engine postgres" if engine == "postgres" else ""
    drop = f" --drop-after {drop_after}" if drop_after != USUAL_DROP else ""
    if replay:
        lost = count(seen.away, "event")
        yield command("no replay", f"labctl jobs --no-replay{drop}{other}", f"{lost} would be lost")
    else:
        yield command("with it", f"labctl jobs{drop}{other}", "the server sends what was missed")
    yield command("by hand", "labctl jobs serve", "its page in a browser; docs/jobs.md has it with curl")
    yield command("next", f"labctl jobs --kill worker{other}", "kill -9 in mid-step")
