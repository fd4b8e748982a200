"""The phases of `labctl url` beside those of `curl -w`, for the same sites in the same box, in turn.

Each round begins with empty memories: the resolver's have run out (the town's clock is moved on), and both clients are
new. Ours shares its process, and so Python's one lock, with the town's servers and the wire; curl is a process of its
own. Where there are redirects each leg is compared, and the leg that differs most is shown.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator

from labctl.events import Event, Measure
from labctl.internet import Internet
from labctl.lab import Lab

ROUNDS = 20
PHASES = ("dns", "connect", "tls", "wait", "response", "total")
ONE = ("https://www.shop.test/",)
REDIRECTED = ("http://shop.test/", "https://shop.test/", "https://www.shop.test/")
PAGE = ("https://origin.shop.test/size/50000",)
# What both are allowed to differ by: a share, or so many milliseconds.
SHARE, ABSOLUTE_MS = 0.05, 2.0
_FORM = (
    r'{"dns": %{time_namelookup}, "connect": %{time_connect}, "tls": %{time_appconnect}, '
    r'"ready": %{time_pretransfer}, "wait": %{time_starttransfer}, "total": %{time_total}}\n'
)
# Longer than the TTL of any address of the shop.
_FORGOTTEN_S = 400.0

# Milliseconds by phase, one for each leg.
Legs = list[dict[str, float]]


def ours(internet: Internet, urls: tuple[str, ...]) -> Legs:
    """One first visit. curl counts the sending of the request to the wait for its answer, and so is it done here."""
    from labctl.fetch.phases import phases
    from labctl.fetch.visit import Visitor
    from labctl.protocols.url import parse_url

    with Visitor(internet) as client:
        client.prepare()
        visit = client.visit(parse_url(urls[0]), fields=(("User-Agent", "curl"), ("Accept", "*/*")))
    if visit.failure or len(visit.legs) != len(urls):
        raise RuntimeError(f"{urls[0]}: {visit.detail or len(visit.legs)}")
    legs: Legs = []
    for leg in visit.legs:
        times = dict.fromkeys(PHASES, 0.0)
        for phase in phases(leg, visit.started_at):
            times["wait" if phase.kind == "request" else phase.kind] += phase.ms
        times["total"] = (leg.ended_at - leg.started_at) * 1000
        legs.append(times)
    return legs


def curls(root: str, urls: tuple[str, ...]) -> Legs:
    """The same by curl, which is given each URL of the chain and asks for them in one process.

    curl remembers names with their ports, and asks again for the same name on another one: that is taken off.
    """
    line = ["curl", "-s", "--cacert", root, "-A", "curl", "-w", _FORM]
    words = [*line, *(word for url in urls for word in ("-o", "/dev/null", url))]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    legs: Legs = []
    known: set[str] = set()
    for url, text in zip(urls, done.stdout.splitlines(), strict=True):
        at = {name: seconds * 1000 for name, seconds in json.loads(text).items()}
        again = at["dns"] if (host := url.split("/")[2]) in known else 0.0
        known.add(host)
        secured = at["tls"] or at["connect"]
        legs.append(
            {
                "dns": at["dns"] - again,
                "connect": at["connect"] - at["dns"],
                "tls": secured - at["connect"],
                "wait": at["wait"] - at["ready"],
                "response": at["total"] - at["wait"],
                "total": at["total"] - again,
            }
        )
    return legs


def run(internet: Internet) -> Iterator[Event]:
    """In the box: both, in turn; yields the pairs of each chain as JSON."""
    web = internet.web()  # type: ignore[attr-defined]
    web.warm_up()
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as root:
        root.write(web.certificates.root_pem)
        root.flush()
        for urls in (ONE, REDIRECTED, PAGE):
            pairs: list[tuple[Legs, Legs]] = []
            # The first round wakes the servers.
            for number in range(-1, ROUNDS):
                internet.pass_time(_FORGOTTEN_S)
                first = ours(internet, urls) if number % 2 else curls(root.name, urls)
                internet.pass_time(_FORGOTTEN_S)
                second = curls(root.name, urls) if number % 2 else ours(internet, urls)
                if number >= 0:
                    pairs.append((first, second) if number % 2 else (second, first))
            yield Measure("", urls[0], json.dumps(pairs))


LAB = Lab("journey", "", (), run, "")


def agrees(difference: float, theirs: float) -> bool:
    """Whether a phase is within the bar."""
    return abs(difference) <= max(ABSOLUTE_MS, SHARE * theirs)


def rows_of(url: str, pairs: list[tuple[Legs, Legs]]) -> Iterator[tuple[str, str, str]]:
    """A row for each phase: the medians, and the median difference within a round."""
    count = len(pairs[0][0])
    for phase in PHASES:
        compared = []
        for leg in range(count):
            both = [(mine[leg][phase], theirs[leg][phase]) for mine, theirs in pairs]
            mine, theirs = (statistics.median(values) for values in zip(*both, strict=True))
            compared.append((statistics.median(m - t for m, t in both), mine, theirs, leg + 1))
        difference, mine, theirs, leg = max(compared, key=lambda each: abs(each[0]))
        mark = "" if agrees(difference, theirs) else "**"
        which = f", leg {leg} of {count}" if count > 1 else ""
        what = f"{phase} of {url}{which}: ms by labctl and by curl, difference in a round"
        yield what, f"{mine:.1f}, {theirs:.1f}, {mark}{difference:+.1f}{mark}", "5 % or 2 ms"


def report() -> list[tuple[str, str, str]]:
    """Rows of (what, figure, goal)."""
    import journey  # this very file, by a name that the box's process can import

    from labctl.sandbox.box import Box, BoxRefused

    rows: list[tuple[str, str, str]] = []
    try:
        box = Box(timeout=10.0)
        box.wait_until_ready()
    except BoxRefused as refused:
        return [("labctl url beside curl", f"not measured: {refused}", "")]
    with box:
        for event in box.run(journey.LAB, {}, save=lambda path, data: None):
            assert isinstance(event, Measure)
            rows += rows_of(event.id, json.loads(str(event.value)))
    return rows


if __name__ == "__main__":
    sys.path.insert(0, __file__.rpartition("/")[0] or ".")
    for row in report():
        print(*row, sep="  |  ")
