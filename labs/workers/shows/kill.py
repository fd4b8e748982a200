"""kill -9 of a worker under load, an exception in a view, and the same blow to a server without a master."""

from __future__ import annotations

import signal
import time
from collections.abc import Generator, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from labctl.errors import CannotRun
from labctl.events import Event, Hue, Row
from labctl.internet import Internet
from labctl.serving.asking import ask
from labs.telling import command, heading, measured, note, opening, result, table
from labs.words import count, ms
from labs.workers.claims import EXCEPTION, IN_FLIGHT, RESPAWN
from labs.workers.client import Asked, Clients, many, said
from labs.workers.processes import mb, memory_of
from labs.workers.server import address_of, label_in, standing
from labs.workers.told import in_short

if TYPE_CHECKING:
    from labctl.serving.child_events import ChildEvent
    from labctl.serving.standing import Standing

REQUESTS, EACH_MS = 6, 100


def show(internet: Internet) -> Iterator[Event]:
    with standing(internet, "sync", workers=1) as server:
        yield opening("a view that raises, then kill -9 under load", "1 sync worker")
        price = price_of(server, "gunicorn, 1 worker")
        yield from _raises(server)
        respawned, lost = yield from _killed(server)
    after = "nobody serves any more" if respawned is None else f"a new worker after {ms(respawned)}"
    yield from _prices(internet, price._replace(after=after, back=respawned is not None))
    if respawned is None:
        yield result("A worker that nobody replaces is the end of the site.", "bad")
    elif lost <= 1:
        yield result("A worker is replaceable: what is lost is what it had in its hands.")
    else:
        yield result(f"{lost} of {REQUESTS} requests died with one worker.", "bad")
    yield command("by hand", "pgrep -P $(pgrep -o gunicorn) | head -1 | xargs kill -9")
    yield command("next", "labctl workers --show hang", "a worker that does not end by itself")


def _raises(server: Standing) -> Iterator[Event]:
    before = server.workers()
    failed = ask(address_of(server), "/raise", timeout_s=30)
    server.wait_for("gone", timeout_s=0.15, where=lambda event: event.pid in before)
    after = said(ask(address_of(server), "/", timeout_s=30)).get("pid")
    same = after in before
    was = f"{failed.status}" if failed.status else failed.failure
    pid = before[0] if before else 0
    yield note(
        f"The view raised RuntimeError: the client got {was}, and pid {after} answered the next request."
    )
    yield EXCEPTION.judged(
        failed.status == 500 and same,
        f"The answer was {was}; it came from pid {pid}, and the next one from pid {after}.",
    )


def _killed(server: Standing) -> Generator[Event, None, tuple[float | None, int]]:
    """Returns the milliseconds until there was a new worker, None when none came, and how many requests got lost."""
    address = address_of(server)
    started = time.monotonic_ns()
    with Clients(address, many(f"/wait?ms={EACH_MS}", REQUESTS, apart_ms=5)) as clients:
        first = server.wait_for("begin", timeout_s=5, since_ns=started)
        # The second one: by now all others are in the queue.
        began = first and server.wait_for("begin", timeout_s=5, since_ns=first.at_ns + 1)
        if began is None:
            raise CannotRun("server-ended", "no request reached the worker")
        victim = began.pid
        time.sleep(EACH_MS / 2000)  # it is half done
        killed_ns = time.monotonic_ns()
        server.signal(signal.SIGKILL, victim)
        # The master forks at once, and it may take its time until that one is ready.
        forked = server.wait_for("forked", timeout_s=1.2, since_ns=killed_ns)
        born = forked and server.wait_for("booted", timeout_s=10, since_ns=killed_ns)
        if born is None:
            # Nobody will answer those that wait.
            server.end()
        asked = clients.wait()
    hit = _in_hand(server.events(), victim)
    lost = [each for each in asked if not each.answered]
    rows = [_row(each, victim, killed_ns) for each in asked]
    yield heading(
        "kill -9 under load", f"{REQUESTS} requests of {EACH_MS} ms, pid {victim} is killed during the second"
    )
    yield table("kill.requests", "", ("request", "when", "what became of it", "by"), rows)
    if born is None:
        yield RESPAWN.judged(False, f"Pid {victim} was gone, and 1.2 s later nobody had come in its place.")
    else:
        later = (born.at_ns - killed_ns) / 1e6
        yield measured(
            "workers.respawn", round(later, 1), f"The new worker was ready {ms(later)} after the kill.", "ms"
        )
        yield RESPAWN.judged(
            True,
            f"Pid {born.pid} was ready {ms(later)} after pid {victim} was killed.",
            respawn_ms=round(later, 1),
        )
    yield measured("workers.lost", len(lost), f"{len(lost)} of {count(REQUESTS, 'request')} got no answer.")
    if born is None:
        yield IN_FLIGHT.not_seen(
            "Nobody came in the worker's place, so those that waited were answered by nobody."
        )
        return None, len(lost)
    if not hit or not lost:
        yield IN_FLIGHT.not_seen("The kill fell between two requests, so none was in the worker's hands.")
        return (born.at_ns - killed_ns) / 1e6, len(lost)
    yield IN_FLIGHT.judged(
        [each.request.label for each in lost] == [hit],
        f"{count(len(lost), 'request')} of {REQUESTS} lost; one was in the worker's hands.",
        lost=len(lost),
    )
    return (born.at_ns - killed_ns) / 1e6, len(lost)


def _row(asked: Asked, victim: int, killed_ns: int) -> Row:
    label = asked.request.label
    pid = said(asked.answer).get("pid")
    since = (asked.done_ns - killed_ns) / 1e6
    when = f"{ms(since)} after the kill" if since > 0 else "before the kill"
    what = (
        f"answered {asked.answer.status}" if asked.answered and asked.answer else f"lost: {in_short(asked)}"
    )
    hue: Hue = "ok" if asked.answered else "bad"
    by = f"pid {pid}" if pid else "nobody"
    return Row(
        f"Request {label}: {what}, {when}, by {by}.", (label, when, what, by), hues=("", "mute", hue, "mute")
    )


def _in_hand(events: Sequence[ChildEvent], pid: int) -> str:
    """The label of the request that a process had begun and not ended; "" when there is none."""
    begun = {
        event.data.get("id"): label_in(event) for event in events if (event.kind, event.pid) == ("begin", pid)
    }
    for event in events:
        if (event.kind, event.pid) == ("end", pid):
            begun.pop(event.data.get("id"), None)
    return next(iter(begun.values()), "")


class Price(NamedTuple):
    """What a server needs, and what becomes of it after kill -9 of what serves."""

    name: str
    memory_kb: float
    boot_ms: float
    after: str
    back: bool


def price_of(server: Standing, name: str) -> Price:
    """Its memory and how long it took to start; `after` is not known yet."""
    pids = {server.pid, *server.workers()}
    memory = sum(each.pss_kb for pid in pids if (each := memory_of(pid)) is not None)
    return Price(name, memory, server.boot_ms, "", False)


def _prices(internet: Internet, gunicorn: Price) -> Iterator[Event]:
    """`flask run` and the like: one process, nobody behind it."""
    found = [gunicorn]
    for kind, name in (("flask", "flask run"), ("toy", "labctl's toy server")):
        try:
            with standing(internet, kind) as server:
                price = price_of(server, name)
                before = ask(address_of(server), "/", timeout_s=5)
                server.signal(signal.SIGKILL)
                while server.alive():
                    time.sleep(0.002)
                after = ask(address_of(server), "/", timeout_s=1)
        except CannotRun as problem:
            if problem.code != "server-missing":
                raise
            continue
        then = f"answers {after.status}" if after.status else f"{after.failure}, from then on"
        found.append(price._replace(after=then, back=before.status == after.status))
    yield table(
        "kill.prices",
        "What it costs, and what it is for",
        ("server", "memory", "ready after", "after kill -9"),
        [
            Row(
                f"{each.name}: {mb(each.memory_kb) if each.memory_kb else 'not told'}, ready after {ms(each.boot_ms)}; "
                f"after kill -9: {each.after}.",
                (
                    each.name,
                    mb(each.memory_kb) if each.memory_kb else "not told",
                    ms(each.boot_ms),
                    each.after,
                ),
                hues=("accent", "", "mute", "ok" if each.back else "bad"),
            )
            for each in found
        ],
    )
    yield note(
        "This is what gunicorn gives for its price: somebody who holds the socket, looks at the workers, and "
        "starts new ones. Ending the master itself is another matter: systemd or the like must start it again."
    )
