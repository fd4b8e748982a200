"""How bytes get there: a connection opened, used and closed, segment by segment, and what goes wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from labctl.errors import UsageError
from labctl.events import Event
from labctl.internet import Internet
from labctl.lab import Lab, Place
from labs.output_file import expect_writable
from labs.tcp.claims import CLAIMS

Show = Literal[
    "handshake",
    "close",
    "reset",
    "loss",
    "blackhole",
    "reorder",
    "time-wait",
    "backlog",
    "half-close",
    "nagle",
    "sequence",
    "serve",
    "byhand",
    "states",
]


def place(arguments: Mapping[str, Any]) -> Place:
    """Where the target lives; a demonstration has none and lives in the sandbox.

    Raises UsageError, and CannotRun for a file that could not be written in the end.
    """
    from labctl.protocols.nearness import place_of
    from labs.tcp.target import read_target

    if arguments.get("pcap") is not None:
        expect_writable(str(arguments["pcap"]), "labctl tcp --pcap seen.pcap")
    if not arguments.get("target"):
        return "local" if arguments.get("show") == "serve" and arguments.get("port") else "sandbox"
    return place_of(read_target(str(arguments["target"])).host)


def run(
    internet: Internet,
    target: Annotated[str | None, "HOST, HOST:PORT or a URL. [default: the sandbox's shop]"] = None,
    *,
    show: Annotated[Show | None, "One demonstration instead of a whole connection."] = None,
    pcap: Annotated[str | None, "Write what was captured there, for tshark and Wireshark."] = None,
    port: Annotated[int | None, "With --show serve: wait for visitors on this port of this machine."] = None,
) -> Iterator[Event]:
    """The lab's events. Raises UsageError, at once, for a target or options that cannot be meant."""
    from labs.tcp.target import read_target

    wanted = read_target(target) if target else None
    _sensible(target, show, port)
    if pcap is not None and port is not None:
        raise UsageError(
            "options-contradict",
            "--port waits for visitors from outside, and those are not captured for --pcap",
            fixes=("labctl tcp --pcap seen.pcap", f"labctl tcp --show serve --port {port}"),
        )
    if internet.kind == "live" and not (target or (show == "serve" and port)):
        raise UsageError(
            "target-missing",
            "on the real internet somebody must be named to connect to",
            fixes=("labctl tcp http://example.com/ --live", f"labctl tcp{f' --show {show}' if show else ''}"),
        )

    def events() -> Iterator[Event]:
        if internet.kind == "live" and port is not None:
            from labs.tcp import visitors

            yield from visitors.show(port, internet.timeout)
            return
        if internet.kind == "live":
            from labs.tcp.live import connect

            assert wanted is not None
            yield from connect(internet, wanted, pcap)
            return
        from labs.tcp.sandboxed import play

        yield from play(internet, wanted, show, pcap, port)

    return events()


def _sensible(target: str | None, show: str | None, port: int | None) -> None:
    """Raises UsageError for options of which one would be silently ignored."""
    if target and show:
        raise UsageError(
            "options-contradict",
            f"--show {show} plays between two sides of its own: it has no target",
            fixes=(f"labctl tcp --show {show}", f"labctl tcp {target}"),
        )
    if port is not None and show != "serve":
        raise UsageError(
            "options-contradict",
            "--port belongs to --show serve; another target is HOST:PORT",
            fixes=("labctl tcp --show serve --port 8000", f"labctl tcp www.shop.test:{port}"),
        )
    if port is not None and not 1 <= port <= 65535:
        raise UsageError("target-port", f"{port} is no port: ports are 1 to 65535")


LAB = Lab(
    "tcp",
    "How bytes get there",
    CLAIMS,
    run,
    __package__,
    examples=("tcp", "tcp --show loss", "tcp http://example.com/", "tcp --pcap shop.pcap"),
    place=place,
    carrier="box",
)
