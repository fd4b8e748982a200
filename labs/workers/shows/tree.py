"""Who is who: master, workers, one socket; and what gunicorn does when nobody says anything."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from labctl.events import Event, Row
from labctl.internet import Internet
from labs.telling import command, heading, measured, note, opening, result, table
from labs.words import count, ms
from labs.workers.claims import MASTER, ONE_SOCKET, ONE_WORKER
from labs.workers.client import Clients, many, said
from labs.workers.happening import at_once
from labs.workers.processes import listening, parent_of, sockets_of
from labs.workers.server import AS_IT_COMES, address_of, cores, standing
from labs.workers.watching import works_in

if TYPE_CHECKING:
    from labctl.serving.standing import Standing

WORKERS, REQUESTS, EACH_MS = 4, 20, 20


def show(internet: Internet) -> Iterator[Event]:
    with standing(internet, "sync", workers=WORKERS) as server:
        yield opening(f"gunicorn --workers {WORKERS}, in processes", f"{REQUESTS} requests")
        port = address_of(server)[1]
        with Clients(address_of(server), many(f"/wait?ms={EACH_MS}", REQUESTS)) as clients:
            asked = clients.wait()
        answered = Counter(int(said(each.answer).get("pid", 0)) for each in asked)
        workers, inodes = server.workers(), set(listening(port))
        rows, holders = [], {}
        for pid in (server.pid, *workers):
            role = "master" if pid == server.pid else f"worker {workers.index(pid) + 1}"
            held = {fd: inode for fd, inode in sockets_of(pid).items() if inode in inodes}
            holders[pid] = held
            rows.append(_row(role, pid, parent_of(pid), held, answered[pid]))
        yield table("tree.processes", "", ("process", "pid", "parent", "listening socket", "answered"), rows)
        yield note(
            "The number of the socket is its inode: who has the same number has the same socket, with one queue. "
            "Whichever worker is free calls accept() and gets the next connection."
        )
        yield _one_socket(inodes, holders, server.pid, len(workers))
        by_master, total = answered[server.pid], sum(answered[pid] for pid in workers)
        yield measured(
            "workers.tree.answered", total, f"The workers answered {total} of {REQUESTS} requests."
        )
        yield MASTER.judged(
            by_master == 0 and total > 0,
            f"The workers answered {total} of {REQUESTS} requests, and the master {by_master}.",
            workers=total,
            master=by_master,
        )
    yield from _default(internet)
    sockets = f", {count(len(inodes), 'listening socket')}" if inodes else ""
    yield result(f"1 master, {count(len(workers), 'worker')}{sockets}.")
    yield command("by hand", f"ss -tlnp sport = :{port}", "while it runs: one socket, all pids")
    yield command("next", "labctl workers --show kill", "kill -9 one of them")


def _row(role: str, pid: int, parent: int | None, held: dict[int, int], answered: int) -> Row:
    socket = ", ".join(f"{inode} (fd {fd})" for fd, inode in held.items()) or "not seen"
    whose = "not seen" if parent is None else str(parent)
    return Row(
        f"{role.capitalize()}: pid {pid}, parent {whose}, listening socket {socket}, answered {answered}.",
        (role, str(pid), whose, socket, str(answered)),
        hues=("accent" if role == "master" else "", "", "mute", "ok", ""),
    )


def _one_socket(inodes: set[int], holders: dict[int, dict[int, int]], master: int, workers: int) -> Event:
    if not inodes or not any(holders.values()):
        return ONE_SOCKET.not_seen("This system does not tell which process holds which socket; Linux does.")
    held = [set(each.values()) for each in holders.values()]
    if len(inodes) == 1 and all(each == inodes for each in held):
        (inode,) = inodes
        return ONE_SOCKET.judged(
            True,
            f"Socket {inode} is in the hands of the master and of {workers} workers, and nobody else listens.",
        )
    return ONE_SOCKET.judged(
        False,
        f"{count(len(inodes), 'socket')} listened on this port, and the master held {len(holders[master])} of them.",
    )


def _default(internet: Internet) -> Iterator[Event]:
    """Four requests at once for a gunicorn that was told nothing."""
    each_ms = 60
    with standing(internet, "sync", prepare=AS_IT_COMES) as server:
        workers = _all_there(server)
        with Clients(address_of(server), many(f"/wait?ms={each_ms}", 4)) as clients:
            asked = clients.wait()
        together = at_once(works_in(server.events()))
        sync = server.says("Using worker: sync", timeout_s=2)
        last = max(each.done_ns for each in asked) - min(each.sent_ns for each in asked)
        formula = 2 * cores() + 1
        yield heading("gunicorn without --workers", f"4 requests of {each_ms} ms at once")
        yield note(
            f"It has {count(workers, 'sync worker' if sync else 'worker')}, and the 4 took {ms(last / 1e6)}: "
            f"{4 * each_ms} ms are one after the other, {each_ms} ms all together."
        )
        yield measured(
            "workers.default",
            workers,
            f"Without --workers gunicorn has {count(workers, 'worker')} here.",
            "workers",
        )
        yield ONE_WORKER.judged(
            workers == 1 and sync and together == 1 and last / 1e6 >= 4 * each_ms,
            f"Nobody named a number: gunicorn started {count(workers, 'worker')}, with {together} of the 4 in hand at "
            f"once, and 2 x cores + 1 would be {formula}.",
            workers=workers,
            at_once=together,
        )


def _all_there(server: Standing) -> int:
    """How many workers gunicorn wants, when all of them take requests."""
    told = server.events()
    wanted = max((int(event.data["now"]) for event in told if event.kind == "workers"), default=1)
    booted = sum(1 for event in told if event.kind == "booted")
    while booted < wanted and server.wait_for("booted", timeout_s=3):
        booted += sum(1 for event in server.events() if event.kind == "booted")
    return booted
