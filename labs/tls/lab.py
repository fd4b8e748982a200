"""A private pipe: a TLS handshake record by record, what stays readable, the chain, and certificates that are wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from labctl.errors import UsageError
from labctl.events import Event
from labctl.internet import Internet
from labctl.lab import Lab, Place
from labs.tls.claims import CLAIMS
from labs.tls.oddities import NAMES

LONGEST_RTT = 5000
# A hundred years.
LONGEST_DAYS = 36_500


def place(arguments: Mapping[str, Any]) -> Place:
    """Where the target lives; without one, and for `--bad` and `--show`, the sandbox. Raises UsageError."""
    from labctl.protocols.nearness import place_of
    from labs.tls.target import read_target

    if not arguments.get("target"):
        return "sandbox"
    return place_of(read_target(str(arguments["target"])).host)


def run(
    internet: Internet,
    target: Annotated[str | None, "HOST, HOST:PORT or an https URL. [default: the sandbox's shop]"] = None,
    *,
    bad: Annotated[
        str | None, "Visit the sandbox's site with this wrong certificate; all: a table.", NAMES
    ] = None,
    show: Annotated[Literal["termination"] | None, "One demonstration: TLS that ends at an edge."] = None,
    tls: Annotated[Literal["1.2", "1.3"] | None, "Speak only this version."] = None,
    resume: Annotated[bool, "Draw the second visit, which resumes the session of the first."] = False,
    days: Annotated[
        int | None, "Fail (exit 1) unless the chain verifies and is good for N more days; 0: verifies."
    ] = None,
    rtt: Annotated[int | None, "In the sandbox: how far away everything is, there and back, in ms."] = None,
    pcap: Annotated[str | None, "Write what was captured there, for tshark and Wireshark."] = None,
    keylog: Annotated[str | None, "Write the secrets that open it there."] = None,
) -> Iterator[Event]:
    """The lab's events. Raises UsageError, at once, for a target or options that cannot be meant."""
    from labs.tls.target import OURS, read_target

    wanted = read_target(target) if target else OURS
    _sensible(target, bad, show, tls, resume or bool(pcap or keylog) or days is not None)
    if days is not None and not 0 <= days <= LONGEST_DAYS:
        raise UsageError("days-out-of-range", f"--days {days} is not between 0 and {LONGEST_DAYS} days")
    _distance(internet, rtt)
    if internet.kind == "live" and not target:
        raise UsageError(
            "target-missing",
            "on the real internet somebody must be named to shake hands with",
            fixes=("labctl tls example.com --live", "labctl tls"),
        )

    def events() -> Iterator[Event]:
        refused = ""
        if rtt is not None and internet.network is not None:
            internet.network.move_away(rtt)
        if bad is not None:
            from labs.tls import bad as wrong

            yield from wrong.show(internet, bad)
        elif show is not None:
            from labs.tls import termination

            yield from termination.show(internet)
        else:
            from labctl.sandbox.faults import town_under
            from labs.tls import handshake
            from labs.tls.visit import Visits

            habits = town_under(internet.fault).web if internet.kind == "sandbox" else frozenset()
            visits = Visits(internet, wanted, habits)
            refused = yield from handshake.show(visits, version=tls or "", resume=resume, days=days)
            if pcap or keylog:
                from labs.tls.files import saved

                yield from saved(visits, pcap, keylog)
        from labs.tls.by_hand import footer

        yield from footer(internet.kind, wanted, bad, show, tls, resume, refused)

    return events()


def _sensible(target: str | None, bad: str | None, show: str | None, tls: str | None, more: bool) -> None:
    """Raises UsageError for a name that nobody has, and for options of which one would be silently ignored."""
    if bad is not None and bad not in NAMES:
        from difflib import get_close_matches

        close = get_close_matches(bad, NAMES, n=1)
        raise UsageError(
            "bad-unknown",
            f"no site of the sandbox is wrong in the way {bad or '(nothing)'}",
            evidence=(("there are", ", ".join(NAMES)),),
            fixes=(f"labctl tls --bad {close[0] if close else 'all'}",),
        )
    if bad and show:
        raise UsageError(
            "options-contradict",
            "--bad and --show are two demonstrations",
            fixes=(f"labctl tls --bad {bad}", f"labctl tls --show {show}"),
        )
    demonstration = f"--bad {bad}" if bad else f"--show {show}" if show else ""
    if demonstration and (target or tls or more):
        raise UsageError(
            "options-contradict",
            f"{demonstration} visits sites of its own choice: a target and other options would be ignored",
            fixes=(f"labctl tls {demonstration}", f"labctl tls {target or ''}".rstrip()),
        )


def _distance(internet: Internet, rtt: int | None) -> None:
    """Raises UsageError for a distance that cannot be made."""
    if rtt is None:
        return
    if not 0 <= rtt <= LONGEST_RTT:
        raise UsageError("rtt-out-of-range", f"--rtt {rtt} is not between 0 and {LONGEST_RTT} milliseconds")
    if internet.kind == "live":
        raise UsageError(
            "options-contradict", "--rtt makes the sandbox's distance; the real internet has its own"
        )


LAB = Lab(
    "tls",
    "A private pipe",
    CLAIMS,
    run,
    __package__,
    examples=(
        "tls",
        "tls --bad all",
        "tls example.com",
        "tls localhost:5443 --days 14",
        "tls --rtt 100",
        "tls --show termination",
        "tls --pcap a.pcap --keylog a.keys",
    ),
    place=place,
    # A target may have a certificate that is refused: that shows no claim, and is what was asked for.
    judges=lambda arguments: arguments.get("target") is None and arguments.get("bad") in (None, "all"),
    carrier="box",
)
