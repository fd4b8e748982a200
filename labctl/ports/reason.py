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

# net.ipv4.tcp_fin_timeout as it comes, and TCP_TIMEWAIT_LEN.
_KEPT = 60.0
# States of the side that closes second, or that has no connection yet: nothing of it outlives its process for long.
_GONE_AT_ONCE = ("CLOSE-WAIT", "LAST-ACK", "SYN-SENT", "SYN-RECEIVED", "SYN-RECV", BOUND)

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
    # TCP ports on which something listens.
    listening: frozenset[int] = frozenset()


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
        return _listener(port, listeners, left, trials)
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


def _listener(port: int, listeners: Sequence[Held], left: Sequence[Held], trials: Sequence[Trial]) -> Reason:
    first = listeners[0]
    where = " and ".join(dict.fromkeys(words.place(each.line.local, port) for each in listeners))
    told = f": {first.owner}." if first.processes else f". It is {first.owner}."
    text = f"A server is listening on {where}{told}"
    if any(each.line.local in ("0.0.0.0", "::") for each in listeners):  # noqa: S104
        text += " That address stands for all of them."
    if len(first.processes) > 1:
        pids = ", ".join(str(each.pid) for each in first.processes)
        text += f" {len(first.processes)} processes share its socket (pids {pids}); it is gone when all are."
    open_ = sum(each.line.state not in _GONE_AT_ONCE for each in left)
    if open_:
        kept = "connection then keeps" if open_ == 1 else f"{open_} connections then keep"
        text += (
            f" When it ends, its {kept} the port for about {_KEPT:.0f} s, unless the old and the new socket both set "
            "SO_REUSEADDR."
        )
    return Reason("taken", "listener", text, (*_kill(listeners), *_share(trials)))


def _left(port: int, left: Sequence[Held], trials: Sequence[Trial], machine: Machine) -> Reason:
    """No listener: connections are what has the port."""
    listed = _listed(left)
    timed = [each.line for each in left if each.line.timer == "time-wait"]
    only_time = len(timed) == len(left)
    wait = max((line.timer_seconds for line in timed), default=0.0) if only_time else None
    # A port that a client got may have served before: what has ended says nothing of who has it now.
    living = left if only_time else [each for each in left if each.line.timer != "time-wait"]
    sides = {_side(each.line, machine) for each in living}
    holder = next((each for each in left if each.processes or each.line.owned), left[0])
    if sides == {"client"}:
        cause, text = "source-port", _as_source(port, left, holder, only_time)
    elif "server" not in sides:
        cause = "time-wait" if only_time else "connections"
        text = (
            f"Nobody listens on port {port}, and connections have it ({listed}): {holder.owner}. They are a client's "
            "that uses it as its source port, or those of a server that is gone."
        )
    elif only_time:
        cause = "time-wait"
        text = (
            f"Nobody listens on port {port} any more. Connections of the old server are left ({listed}), because it "
            "closed first."
        )
    else:
        cause = "connections"
        text = f"Nobody listens on port {port} any more, but connections are left ({listed}): {holder.owner}."
    shared = _share(trials)
    if not shared:
        text += " SO_REUSEADDR on the new socket does not help here: the old one had not set it."
    waiting = [Fix(f"wait {math.ceil(wait)} s: {listed}")] if wait is not None else []
    return Reason("taken", cause, text, (*shared, *_kill_and_wait(left, cause), *waiting), wait)


def _listed(left: Sequence[Held]) -> str:
    states = Counter(each.line.state for each in left)
    return ", ".join(f"{number} {state}" for state, number in states.most_common())


def _as_source(port: int, left: Sequence[Held], holder: Held, ended: bool) -> str:
    """Clients that go out from this port."""
    targets = list(dict.fromkeys(words.place(each.line.remote, each.line.remote_port) for each in left))
    target = targets[0] if len(targets) == 1 else f"{targets[0]} and {len(targets) - 1} more"
    one = len(left) == 1
    subject = "An outgoing connection" if one else f"{len(left)} outgoing connections"
    verb, its = ("uses", "its") if one else ("use", "their")
    text = f"{subject} to {target} {verb} port {port} as {its} source port ({_listed(left)})"
    return (
        f"{text}. The client has closed; the kernel keeps the rest." if ended else f"{text}: {holder.owner}."
    )


def _side(line: SocketLine, machine: Machine) -> Literal["client", "server", "unknown"]:
    """Which side of its connection this socket is, as far as the two ports tell: the kernel does not say.

    A client's port comes from a range of its own, as a rule, and a server's does not.
    """
    here, there = line.local_port, line.remote_port
    if there in machine.listening and (line.remote == line.local or line.remote.startswith("127.")):
        return "client"
    if machine.ephemeral is None or not there:
        return "unknown"
    low, high = machine.ephemeral
    local, remote = low <= here <= high, low <= there <= high
    if local == remote:
        local, remote = here >= 1024 > there, there >= 1024 > here
    if local == remote:
        return "unknown"
    return "client" if local else "server"


def _share(trials: Sequence[Trial]) -> list[Fix]:
    """Where an option makes every bind() work that failed without it, the old socket has set it too."""
    fixes = []
    failed = {trial.host for trial in trials if not trial.option and trial.taken}
    for option in ("SO_REUSEADDR", "SO_REUSEPORT"):
        tried = [trial for trial in trials if trial.option == option and trial.host in failed]
        if tried and all(trial.works for trial in tried):
            fixes.append(Fix(f"set {option} before bind(): the old socket has set it too"))
    return fixes


def _kill_and_wait(left: Sequence[Held], cause: str) -> list[Fix]:
    """What ends with its process at once, and what the kernel keeps: the side that closes first has to wait."""
    kill = _kill(left)
    if not kill or all(each.line.state in _GONE_AT_ONCE for each in left):
        return kill
    rest = f"then wait about {_KEPT:.0f} s: the kernel keeps its connections that long, in FIN-WAIT-2 or TIME-WAIT"
    fixes = [Fix(f"{kill[0].command}, {rest}")]
    if cause != "source-port":
        fixes.append(Fix(f"end the client first, then {kill[0].command}"))
    return fixes


def _kill(held: Sequence[Held]) -> list[Fix]:
    """`kill PID` for processes of this user, and only for them; it is proposed, never run."""
    processes = {each.pid: each for one in held for each in one.processes}
    mine = [str(pid) for pid, each in sorted(processes.items()) if each.mine]
    if not mine or len(mine) < len(processes):
        return []
    command = f"kill {' '.join(mine)}"
    return [Fix(command, command)]
