"""The whole journey: everything from Enter to the last byte, as one waterfall."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

from labctl.errors import CannotRun, UsageError
from labctl.events import Event
from labctl.internet import Internet
from labctl.lab import Lab, Place
from labs.url.claims import CLAIMS

if TYPE_CHECKING:
    from labctl.protocols.url import Url

DEFAULT_URL = "https://www.shop.test/"
# Names outside `test.` that only the town has.
TOWN_NAMES = ("resolver.example.net", "shop-hosting.example.net")
MOST_VISITS = 20
LONGEST_RTT = 5000

Show = Literal["connections", "slow-start", "slow-view"]


def place(arguments: Mapping[str, Any]) -> Place:
    """Where the URL lives; a demonstration has none and lives in the sandbox.

    Raises UsageError, and CannotRun for a file that could not be written in the end.
    """
    from labctl.protocols import dns_target

    if arguments.get("har") is not None:
        _writable(str(arguments["har"]))
    if arguments.get("show") or arguments.get("rtt") is not None:
        return "sandbox"
    url = arguments.get("url")
    host = read_url(DEFAULT_URL if url is None else str(url)).host
    where = dns_target.place(host, TOWN_NAMES)
    return "local" if where == "live" and _is_near(host) else where


def _writable(path: str) -> None:
    """Raises CannotRun file-not-written when it is plain before the run that `path` cannot be written."""
    import errno
    import os

    folder = os.path.dirname(path) or "."
    if not path or os.path.isdir(path):
        number = errno.EISDIR if path else errno.ENOENT
    elif not os.path.isdir(folder):
        number = errno.ENOTDIR if os.path.exists(folder) else errno.ENOENT
    elif not os.access(path if os.path.exists(path) else folder, os.W_OK):
        number = errno.EACCES
    else:
        return
    raise CannotRun(
        "file-not-written",
        f"{path or 'a file without a name'} cannot be written, so nothing was run",
        evidence=(("file", path), ("got", os.strerror(number))),
        fixes=("labctl url --har visit.har",),
    )


def read_url(text: str) -> Url:
    """What was typed; without a scheme https is meant, and http on this machine. Raises UsageError."""
    from labctl.protocols.url import parse_url

    url = parse_url(text)
    if "//" not in text and url.scheme == "https" and _is_this_machine(url.host):
        return parse_url(text, default_scheme="http")
    return url


def _is_this_machine(host: str) -> bool:
    import ipaddress

    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_near(host: str) -> bool:
    """Whether it is reached without the internet: this machine, or one on its own network."""
    import ipaddress

    if host == "localhost" or host.endswith((".localhost", ".local")):
        return True
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return False


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
    slo: Annotated[str | None, "Limits in ms that fail the run: total=500,wait=200."] = None,
    har: Annotated[str | None, "Write the visits there as an HTTP Archive (HAR 1.2)."] = None,
    rtt: Annotated[int | None, "In the sandbox: how far away everything is, there and back, in ms."] = None,
    method: Annotated[str | None, "The request's method. [default: GET]", "-X"] = None,
    header: Annotated[
        list[str] | None, "A field of the request, 'Name: value'. May be repeated.", "-H"
    ] = None,
) -> Iterator[Event]:
    """The lab's events. Raises UsageError, at once, for a URL or options that cannot be meant."""
    from labs.url.asking import read_asked
    from labs.url.slo import read

    target = read_url(DEFAULT_URL if url is None else url)
    limits = read(slo) if slo is not None else {}
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
    if slo is not None and repeat == 1 and "again" in slo:
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
