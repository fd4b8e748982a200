"""The lab in the sandbox: a stage on its network, under the manners of this world, and one show on it."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from itertools import pairwise

from labctl.errors import CannotRun
from labctl.events import Event
from labctl.internet import Internet
from labctl.protocols.tcp_segments import Segment
from labctl.sandbox.faults import town_under
from labctl.sandbox.tcp_world import tcp_world
from labs.tcp.stage import Stage
from labs.tcp.target import OURS, Target
from labs.telling import command, note

# What shows the same with the system's own tools, and what to look at.
_BY_HAND = {
    "": ("tcpdump -ni any tcp port 80", "and elsewhere: curl http://example.com/"),
    "handshake": ("ss -tin", "mss, wscale, sack, ts of every connection"),
    "close": ("ss -tano", "states and timers"),
    "reset": ("curl -v http://127.0.0.1:9/", "nobody listens there"),
    "loss": ("nstat -az TcpRetransSegs TcpExtTCPTimeouts TcpExtTCPLossProbes", ""),
    "blackhole": ("curl -m 4 http://192.0.2.1/", "meanwhile: ss -tno state syn-sent"),
    "reorder": ("nstat -az TcpExtTCPDSACKRecv TcpExtTCPDSACKOldSent", ""),
    "time-wait": ("ss -tano state time-wait", ""),
    "backlog": ("ss -tln", "Recv-Q waits for accept, Send-Q is the backlog"),
    "half-close": ("printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -N example.com 80", ""),
    "nagle": ("strace -r -e trace=network PROGRAM", "40 ms before recvfrom"),
    "sequence": ("tcpdump -ni any -S tcp port 80", "-S: the numbers as they are"),
    "serve": ("printf 'GET / HT' | nc 127.0.0.1 8000", "with the ten lines running"),
    "states": ("ss -tan", "the first column is the state"),
    "byhand": ("tcpdump -ni any -X tcp port 80", ""),
}


# From one demonstration to the one that asks what it leaves open; the last leads to the first.
_ORDER = (
    *("handshake", "sequence", "close", "half-close", "time-wait", "reset", "loss"),
    *("reorder", "blackhole", "backlog", "nagle", "serve", "byhand", "states"),
)
_NEXT = dict(pairwise([*_ORDER, _ORDER[0]]))


def play(
    internet: Internet, target: Target | None, show: str | None, pcap: str | None, port: int | None
) -> Iterator[Event]:
    """Raises CannotRun where there is no network to play on."""
    network = internet.network
    if network is None:
        raise CannotRun("needs-box", "this sandbox has no network for segments")
    manners = town_under(internet.fault).tcp
    stage = Stage(network, manners, seed=internet.seed)
    kept: list[Segment] = []
    if pcap:
        stage.keep = kept
    with tcp_world(network, manners):
        yield from _events(internet, stage, target, show, port)
    if not network.capture_complete:
        yield note("The capture is incomplete: the kernel dropped some segments before they could be read.")
    if target is not None and not (target.asks and target.port == 80):
        # What is only in the sandbox can only be reached there.
        yield command("by hand", f"labctl shell -- {target.by_hand}")
    else:
        line, remark = _BY_HAND[show or ""]
        # Outside of a box the server has whichever port was free.
        yield command("by hand", line if stage.boxed else line.replace("tcp port 80", "tcp"), remark)
    yield command("next", f"labctl tcp --show {_NEXT.get(show or '', 'loss')}")
    if pcap:
        yield from saved(internet, kept, pcap)


def _events(
    internet: Internet, stage: Stage, target: Target | None, show: str | None, port: int | None
) -> Iterator[Event]:
    if show:
        module = import_module(f"labs.tcp.shows.{show.replace('-', '_')}")
        yield from module.show(stage, port) if show == "serve" else module.show(stage)
    elif target is None or (target.host in (OURS.host, stage.network.server_address) and target.port == 80):
        from labs.tcp.shows.connection import show as whole

        yield from whole(stage, (target or OURS).host, (target or OURS).path)
    else:
        from labs.tcp.shows.somewhere import show as elsewhere

        yield from elsewhere(internet, stage, target)


def saved(internet: Internet, segments: list[Segment], path: str) -> Iterator[Event]:
    """Write the captured ones. Raises CannotRun nothing-captured: a file without a packet would say nothing."""
    from labctl.protocols.pcap import pcap_bytes

    frames = [s for s in segments if s.frame]
    if not frames:
        told = f"{len(segments)} rows, of which none was captured" if segments else "no segment"
        raise CannotRun(
            "nothing-captured",
            f"{path} was not written: nothing was captured",
            evidence=(("seen", told),),
            fixes=("labctl doctor", "labctl tcp --require captured"),
        )
    internet.save_file(path, pcap_bytes(frames))
    yield note(f"{len(frames)} segments were written to {path}; read them with tshark -r {path}.")
