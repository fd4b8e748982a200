"""A private pipe: a TLS handshake record by record, what stays readable, the chain, and certificates that are wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from labctl.errors import UsageError
from labctl.events import Event
from labctl.internet import Internet
from labctl.lab import Lab, Place
from labs.tls.claims import CLAIMS

Bad = Literal[
    "all",
    "expired",
    "not-yet-valid",
    "wrong-name",
    "unknown-issuer",
    "missing-intermediate",
    "self-signed",
    "weak",
    "wrong-purpose",
    "name-in-cn",
    "look-alike",
    "tls12",
    "no-alpn",
    "reset-on-sni",
    "no-tls",
]
# Names outside `test.` that only the town has.
TOWN_NAMES = ("resolver.example.net", "shop-hosting.example.net")


def place(arguments: Mapping[str, Any]) -> Place:
    """Where the target lives; without one, and for `--bad` and `--show`, the sandbox. Raises UsageError."""
    from labctl.protocols import dns_target
    from labs.tls.target import read_target

    if not arguments.get("target"):
        return "sandbox"
    target = read_target(str(arguments["target"]))
    where = dns_target.place(target.host, TOWN_NAMES)
    return "local" if where == "live" and target.near else where


def run(
    internet: Internet,
    target: Annotated[str | None, "HOST, HOST:PORT or an https URL. [default: the sandbox's shop]"] = None,
    *,
    bad: Annotated[Bad | None, "Visit the sandbox's site whose certificate is wrong in this way."] = None,
    show: Annotated[Literal["termination"] | None, "One demonstration: TLS that ends at an edge."] = None,
    tls: Annotated[Literal["1.2", "1.3"] | None, "Speak only this version."] = None,
    resume: Annotated[bool, "Draw the second visit, which resumes the session of the first."] = False,
) -> Iterator[Event]:
    """The lab's events. Raises UsageError, at once, for a target or options that cannot be meant."""
    from labs.tls.target import OURS, read_target

    wanted = read_target(target) if target else OURS
    _sensible(target, bad, show, tls, resume)
    if internet.kind == "live" and not target:
        raise UsageError(
            "target-missing",
            "on the real internet somebody must be named to shake hands with",
            fixes=("labctl tls example.com --live", "labctl tls"),
        )

    def events() -> Iterator[Event]:
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
            yield from handshake.show(visits, version=tls or "", resume=resume)
        from labs.tls.by_hand import footer

        yield from footer(internet.kind, wanted, bad, show, tls, resume)

    return events()


def _sensible(target: str | None, bad: str | None, show: str | None, tls: str | None, resume: bool) -> None:
    """Raises UsageError for options of which one would be silently ignored."""
    if bad and show:
        raise UsageError(
            "options-contradict",
            "--bad and --show are two demonstrations",
            fixes=(f"labctl tls --bad {bad}", f"labctl tls --show {show}"),
        )
    demonstration = f"--bad {bad}" if bad else f"--show {show}" if show else ""
    if demonstration and (target or tls or resume):
        other = target or (f"--tls {tls}" if tls else "--resume")
        raise UsageError(
            "options-contradict",
            f"{demonstration} visits sites of its own choice: {other} would be ignored",
            fixes=(f"labctl tls {demonstration}", f"labctl tls {other}"),
        )


LAB = Lab(
    "tls",
    "A private pipe",
    CLAIMS,
    run,
    __package__,
    examples=("tls", "tls --bad all", "tls example.com", "tls --show termination"),
    place=place,
    carrier="box",
)
