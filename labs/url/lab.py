"""The whole journey: everything from Enter to the last byte, as one waterfall."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

from labctl.errors import UsageError
from labctl.events import Event
from labctl.internet import Internet
from labctl.lab import Lab, Place
from labs.output_file import expect_writable
from labs.url.claims import CLAIMS

if TYPE_CHECKING:
    from labs.url.slo import Limits

DEFAULT_URL = "https://www.shop.test/"
MOST_VISITS = 20
LONGEST_RTT = 5000

Show = Literal["connections", "slow-start", "slow-view"]


def place(arguments: Mapping[str, Any]) -> Place:
    """Where the URL lives; a demonstration has none and lives in the sandbox.

    Raises UsageError, and CannotRun for a file that could not be written in the end.
    """
    from labctl.protocols.nearness import place_of, read_url

    if arguments.get("har") is not None:
        expect_writable(str(arguments["har"]), "labctl url --har visit.har")
    if arguments.get("show") or arguments.get("rtt") is not None:
        return "sandbox"
    url = arguments.get("url")
    return place_of(read_url(DEFAULT_URL if url is None else str(url)).host)


def run(
    internet: Internet,
    url: Annotated[
        str | None, "The URL to visit; https when it has no scheme. [default: the sandbox's shop]"
    ] = None,
    *,
    show: Annotated[Show | None, "One demonstration instead of a visit."] = None,
    repeat: Annotated[int | None, "Visit so many times and draw each; 1 makes no second visit."] = None,
    walk: Annotated[bool, "Look names up from the root down instead of asking the resolver."] = False,
    http1: Annotated[bool, "Do not offer HTTP/2."] = False,
    slo: Annotated[
        str | None,
        "Limits of the first visit that fail the run, as does an error page: total=500,wait=0.2s (ms, or s). "
        "Names: total, dns, connect, tls, setup, request, wait, first-byte, response, again (the second visit); "
        "status=404 wants that status, status=any allows any.",
    ] = None,
    har: Annotated[str | None, "Write the visits there as an HTTP Archive (HAR 1.2)."] = None,
    rtt: Annotated[int | None, "In the sandbox: how far away everything is, there and back, in ms."] = None,
    method: Annotated[str | None, "The request's method. [default: GET]", "-X"] = None,
    header: Annotated[
        list[str] | None, "A field of the request, 'Name: value'. May be repeated.", "-H"
    ] = None,
) -> Iterator[Event]:
    """The lab's events. Raises UsageError, at once, for a URL or options that cannot be meant."""
    from labctl.protocols.nearness import read_url
    from labs.url.asking import read_asked
    from labs.url.slo import NO_LIMITS, read

    target = read_url(DEFAULT_URL if url is None else url)
    limits = read(slo, target.text) if slo is not None else NO_LIMITS
    asked = read_asked(method, header or ())
    _sensible(
        internet,
        url,
        show,
        repeat,
        rtt,
        walk=walk,
        http1=http1,
        slo=slo,
        limits=limits,
        har=har,
        method=method,
        header=header,
    )

    def events() -> Iterator[Event]:
        from labs.url.conditions import conditions

        with conditions(internet, rtt):
            if show == "connections":
                from labs.url.shows import connections

                yield from connections.show(internet)
            elif show == "slow-start":
                from labs.url.shows import slow_start

                yield from slow_start.show(internet, rtt)
            elif show == "slow-view":
                from labs.url.shows import slow_view

                yield from slow_view.show(internet)
            else:
                from labs.url.journey import Journey

                journey = Journey(internet, target, limits, asked, har=har, rtt=rtt, repeat=repeat)
                yield from journey.events(walk=walk, http2=not http1)

    return events()


def _sensible(
    internet: Internet,
    url: str | None,
    show: Show | None,
    repeat: int | None,
    rtt: int | None,
    *,
    walk: bool,
    http1: bool,
    slo: str | None,
    limits: Limits,
    har: str | None,
    method: str | None,
    header: list[str] | None,
) -> None:
    """Raises UsageError for options of which one would be silently ignored."""
    if show is not None:
        others = {
            "a URL": url is not None,
            "--repeat": repeat is not None,
            "--walk": walk,
            "--http1": http1,
            "--slo": slo is not None,
            "--har": har is not None,
            "-X": method is not None,
            "-H": bool(header),
            "--rtt": rtt is not None and show != "slow-start",
        }
        if other := next((name for name, given in others.items() if given), ""):
            raise UsageError(
                "options-contradict",
                f"--show {show} visits sites of its own and takes no {other.removeprefix('a ')}",
                fixes=(f"labctl url --show {show}",),
            )
    if internet.kind == "live" and show is not None:
        raise UsageError(
            "options-contradict",
            f"--show {show} is played in the sandbox",
            fixes=(f"labctl url --show {show}",),
        )
    if internet.kind == "live" and url is None:
        raise UsageError(
            "target-missing",
            "on the real internet somebody must be named to be visited",
            fixes=("labctl url https://example.com/ --live",),
        )
    if repeat is not None and not 1 <= repeat <= MOST_VISITS:
        raise UsageError("repeat-out-of-range", f"--repeat {repeat} is not between 1 and {MOST_VISITS}")
    if rtt is not None and not 0 <= rtt <= LONGEST_RTT:
        raise UsageError("rtt-out-of-range", f"--rtt {rtt} is not between 0 and {LONGEST_RTT} milliseconds")
    if rtt is not None and internet.kind == "live":
        raise UsageError(
            "options-contradict", "--rtt makes the sandbox's distance; the real internet has its own"
        )
    if repeat == 1 and "again" in limits.phases:
        raise UsageError(
            "options-contradict", "--slo again=MS needs a second visit, and --repeat 1 makes none"
        )


LAB = Lab(
    "url",
    "Everything from Enter to the last byte",
    CLAIMS,
    run,
    __package__,
    examples=(
        "url",
        "url http://shop.test/ --repeat 2",
        "url https://example.com/ --slo total=500,wait=200",
        "url --rtt 100",
    ),
    place=place,
    carrier="box",
)
