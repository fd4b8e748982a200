"""Why bind() says what it says of a port, in a sentence, and what to do about it. Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from labctl.ports import words
from labctl.ports.owners import Process
from labctl.ports.sockets import BOUND
from labctl.ports.trials import NO_SUCH_ADDRESS, Trial
from labctl.protocols.proc_net_tcp import SocketLine

State = Literal["free", "taken", "partly-taken", "not-allowed"]


@dataclass(frozen=True)
class Held:
    """A socket that has the port, with who holds it: the processes that could be found, and the words for it."""

    line: SocketLine
    processes: tuple[Process, ...]
    owner: str


@dataclass(frozen=True)
class Fix:
    """Something to do: a command that works as pasted, or "" when it is only words."""

    text: str
    command: str = ""


@dataclass(frozen=True)
class Reason:
    """`cause` is one of: none, listener, bound, connections, time-wait, source-port, unseen, privileged."""

    state: State
    cause: str
    text: str
    fixes: tuple[Fix, ...]
    # Seconds until the last of what only time removes is gone, None when it is not a matter of time.
    wait: float | None = None


@dataclass(frozen=True)
class Machine:
    """What must be known about the machine to judge: a free port, the first unprivileged one, the clients' range."""

    free: int | None
    unprivileged: int = 1024
    ephemeral: tuple[int, int] | None = None
    tables: bool = True


def judge(port: int, held: Sequence[Held], trials: Sequence[Trial], machine: Machine) -> Reason:
    """The reason, from the sockets with this local port and from what bind() said."""
    plain = {trial.host: trial for trial in trials if not trial.option}
    there = [trial for trial in plain.values() if trial.error not in NO_SUCH_ADDRESS]
    tcp = [each for each in held if each.line.transport == "tcp"]
    if any(trial.error in ("EACCES", "WSAEACCES") for trial in there):
        return _not_allowed(port, tcp, machine)
    failed = [trial for trial in there if not trial.works]
    if not failed:
        return _free(port, tcp, held, plain)
    state: State = "taken" if len(failed) == len(there) else "partly-taken"
    reason = _taken(port, tcp, trials, machine)
    if state == "partly-taken":
        free = ", ".join(words.place(trial.host, port) for trial in there if trial.works)
        reason = Reason(
            state, reason.cause, f"{reason.text} {free} is still free.", reason.fixes, reason.wait
        )
    other = Fix(f"another port: {machine.free} is free") if machine.free else Fix("another port")
    return Reason(state, reason.cause, reason.text, (*reason.fixes, other), reason.wait)


def _free(port: int, tcp: Sequence[Held], held: Sequence[Held], plain: dict[str, Trial]) -> Reason:
    text = f"Port {port} is free: bind() works on every address that was tried."
    if any(trial.error in NO_SUCH_ADDRESS for trial in plain.values()):
        text = f"Port {port} is free; this machine has no IPv6 to try."
    if any(each.line.transport == "udp" for each in held):
        text += " The UDP sockets do not matter to TCP: each protocol has ports of its own."
    elif tcp:
        addresses = sorted({each.line.local for each in tcp})
        text += f" What has it on {', '.join(addresses)} does not stand in the way."
    return Reason("free", "none", text, ())


def _not_allowed(port: int, tcp: Sequence[Held], machine: Machine) -> Reason:
    text = f"Port {port} is for the administrator: an ordinary user may take ports from {machine.unprivileged} on."
    listener = next((each for each in tcp if each.line.state == "LISTEN"), None)
    if listener is not None:
        text += f" It is taken as well: {listener.owner}."
    fixes = [Fix(f"another port: {machine.free} is free")] if machine.free else []
    return Reason("not-allowed", "privileged", text, tuple(fixes))


def _taken(port: int, tcp: Sequence[Held], trials: Sequence[Trial], machine: Machine) -> Reason:
    listeners = [each for each in tcp if each.line.state == "LISTEN"]
    bound = [each for each in tcp if each.line.state == BOUND]
    left = [each for each in tcp if each.line.state not in ("LISTEN", BOUND)]
    if listeners:
        return _listener(port, listeners, trials)
    if bound:
        text = f"A socket is bound to port {port} and does not listen: {bound[0].owner}. That is enough to have it."
        return Reason("taken", "bound", text, (*_kill(bound), *_share(trials)))
    if left:
        return _left(port, left, trials, machine)
    if not machine.tables:
        text = f"Port {port} is taken. This system does not tell us by whom; the commands below ask it."
    else:
        text = (
            f"Port {port} is taken, and no socket that we may see has it: it may be one that is bound and does not "
            "listen, which Linux before 6.8 does not tell."
        )
    return Reason("taken", "unseen", text, tuple(_share(trials)))


def _listener(port: int, listeners: Sequence[Held], trials: Sequence[Trial]) -> Reason:
    first = listeners[0]
    where = " and ".join(dict.fromkeys(words.place(each.line.local, port) for each in listeners))
    told = f": {first.owner}." if first.processes else f". It is {first.owner}."
    text = f"A server is listening on {where}{told}"
    if any(each.line.local in ("0.0.0.0", "::") for each in listeners):  # noqa: S104
        text += " That address stands for all of them."
    if len(first.processes) > 1:
        pids = ", ".join(str(each.pid) for each in first.processes)
        text += f" {len(first.processes)} processes share its socket (pids {pids}); it is gone when all are."
    return Reason("taken", "listener", text, (*_kill(listeners), *_share(trials)))


def _left(port: int, left: Sequence[Held], trials: Sequence[Trial], machine: Machine) -> Reason:
    """No listener: connections are what has the port."""
    states = Counter(each.line.state for each in left)
    listed = ", ".join(f"{number} {state}" for state, number in states.most_common())
    timed = [each.line for each in left if each.line.timer == "time-wait"]
    only_time = len(timed) == len(left)
    wait = max((line.timer_seconds for line in timed), default=0.0) if only_time else None
    source = next((each for each in left if _is_source(each.line, machine)), None)
    if source is not None:
        cause = "source-port"
        target = words.place(source.line.remote, source.line.remote_port)
        text = f"Port {port} is the source port of a client's connection to {target}: {source.owner}."
    elif only_time:
        cause = "time-wait"
        text = (
            f"Nobody listens on port {port} any more. Connections of the old server are left ({listed}), because it "
            "closed first."
        )
    else:
        cause = "connections"
        holder = next((each for each in left if each.processes or each.line.owned), left[0])
        text = f"Nobody listens on port {port} any more, but connections are left ({listed}): {holder.owner}."
    shared = _share(trials)
    if not shared:
        text += " SO_REUSEADDR on the new socket does not help here: the old one had not set it."
    waiting = [Fix(f"wait {math.ceil(wait)} s: {listed}")] if wait is not None else []
    return Reason("taken", cause, text, (*shared, *_kill(left), *waiting), wait)


def _is_source(line: SocketLine, machine: Machine) -> bool:
    """A port of the range that clients get theirs from, connected to one that is not in it: a client's."""
    if machine.ephemeral is None or not line.remote_port:
        return False
    low, high = machine.ephemeral
    return low <= line.local_port <= high and not low <= line.remote_port <= high


def _share(trials: Sequence[Trial]) -> list[Fix]:
    """Where an option makes every bind() work that failed without it, the old socket has set it too."""
    fixes = []
    failed = {trial.host for trial in trials if not trial.option and trial.taken}
    for option in ("SO_REUSEADDR", "SO_REUSEPORT"):
        tried = [trial for trial in trials if trial.option == option and trial.host in failed]
        if tried and all(trial.works for trial in tried):
            fixes.append(Fix(f"set {option} before bind(): the old socket has set it too"))
    return fixes


def _kill(held: Sequence[Held]) -> list[Fix]:
    """`kill PID` for processes of this user, and only for them; it is proposed, never run."""
    processes = {each.pid: each for one in held for each in one.processes}
    mine = [str(pid) for pid, each in sorted(processes.items()) if each.mine]
    if not mine or len(mine) < len(processes):
        return []
    command = f"kill {' '.join(mine)}"
    return [Fix(command, command)]
