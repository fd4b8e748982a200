"""One URL, visited and told: the waterfall, where the time went, what was remembered, the limits, the archive."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from labctl.errors import CannotRun
from labctl.events import Event, Measure, Step
from labctl.fetch.browser_cache import PrivateCache
from labctl.fetch.legs import Leg, Visit
from labctl.fetch.phases import Spent, last_way_ms, spent, tls_round_trips
from labctl.internet import Internet
from labctl.protocols.url import Url
from labs.url import again, judging
from labs.url.addresses import addresses
from labs.url.asking import ASKED, Asked
from labs.url.conditions import habits_of, visitor, wake
from labs.url.picture import waterfall
from labs.url.shares import told_of_the_time
from labs.url.slo import NO_LIMITS, Limits, checks
from labs.url.words import listed, ms, sentence, size
from labs.words import count

# Requests of a redirect chain that is followed no further.
MOST_LEGS = 10


# What curl's clock shows, in seconds from Enter on: our word, its variable.
_CURLS_TIMES = (
    ("dns", "namelookup"),
    ("tcp", "connect"),
    ("tls", "appconnect"),
    ("first", "starttransfer"),
    ("all", "total"),
)


class Journey:
    """The visits of one run. `limits` are those of --slo; `repeat` None makes a second visit and does not draw it."""

    def __init__(
        self,
        internet: Internet,
        url: Url,
        limits: Limits,
        asked: Asked = ASKED,
        *,
        har: str | None = None,
        rtt: int | None = None,
        repeat: int | None = None,
    ) -> None:
        self._internet = internet
        self._url = url
        self._limits = limits
        self._asked = asked
        self._http2 = True
        self._har = har
        self._rtt = rtt
        self._repeat = repeat
        self._visits: list[tuple[Visit, float]] = []
        self._forgets = "client-remembers-nothing" in habits_of(internet)

    def events(self, *, walk: bool, http2: bool) -> Iterator[Event]:
        """Visit, and tell."""
        self._http2 = http2
        wake(self._internet, self._url)
        with visitor(self._internet, walk=walk, http2=http2, cache=PrivateCache()) as client:
            client.prepare()
            visits = 2 if self._repeat is None else self._repeat
            for number in range(1, visits + 1):
                began = self._internet.date()
                visit = client.visit(self._url, self._asked.method, self._asked.fields, follow=MOST_LEGS - 1)
                self._visits.append((visit, began))
                if number == 1 or self._repeat is not None:
                    yield from self._drawn(visit, number)
                if visit.failure and number == 1:
                    break
                if self._forgets:
                    client.forget()
        yield from self._after()

    def _drawn(self, visit: Visit, number: int) -> Iterator[Event]:
        nth = "" if number == 1 else f", visit {number}"
        title = f"from Enter {'to where it ended' if visit.failure else 'to the last byte'}{nth}"
        took = ms(visit.elapsed_ms)
        yield Step(
            text=f"OBSERVE: {title}. {took[0].upper()}{took[1:]}.",
            role="phase",
            phase="OBSERVE",
            title=title,
            summary=took,
        )
        # A visit over an open connection has no round trip of its own.
        known = last_way_ms(self._visits[0][0])
        yield from waterfall(visit, known)
        retried = [leg.url.origin for leg in visit.legs if leg.retried]
        if retried:
            where = listed(list(dict.fromkeys(retried)))
            yield Step(text=f"{where} had closed the kept connection, so a new one was made.", role="note")
        if visit.failure and not self._out_of_reach:
            yield Step(text=sentence(visit.detail or visit.failure), role="warning")
        yield from told_of_the_time(visit, known)
        if number == 1:
            yield from addresses(visit)

    def _after(self) -> Iterator[Event]:
        first = self._visits[0][0]
        second = self._visits[1][0] if len(self._visits) > 1 else None
        yield from measures(first)
        if second is not None and not first.failure:
            if second.failure:
                yield Step(text=sentence(f"The second visit failed: {second.detail}"), role="warning")
            else:
                if len(self._visits) > 2:
                    yield again.visits_table([visit for visit, _ in self._visits])
                if (rows := again.saved(first, second)) is not None:
                    yield rows
                command = self._command("--repeat 2") if self._repeat is None else ""
                yield from again.second_visit(first, second, command)
                yield from judging.before_dns(first, second)
        yield from judging.redirects(first)
        yield from judging.happy_eyeballs(first)
        yield from judging.round_trips(first, self._rtt, live=self._internet.kind == "live")
        if self._limits != NO_LIMITS:
            yield from checks(self._limits, first, second)
        if self._har is not None:
            yield self._saved(self._har)
        yield from self._by_hand()
        if self._out_of_reach:
            raise _nobody(first.legs[0])

    @property
    def _out_of_reach(self) -> bool:
        """Whether the name has no address, which ends the run and is said there."""
        return self._visits[0][0].legs[0].failure == "name" and self._limits == NO_LIMITS

    def _saved(self, path: str) -> Step:
        from labs.url.har import archive

        data = archive(self._visits, comment=f"{self._internet.kind} internet")
        self._internet.save_file(path, data)
        entries = sum(len(visit.legs) for visit, _ in self._visits)
        return Step(
            text=f"{path} has {count(entries, 'request')} as HAR 1.2, {size(len(data))}.", role="note"
        )

    def _command(self, options: str) -> str:
        words = ["labctl", "url", shlex.quote(self._url.text), *self._asked.words]
        return " ".join([*words, "--http1", options] if not self._http2 else [*words, options])

    def _by_hand(self) -> Iterator[Step]:
        form = " ".join(f"{name} %{{time_{key}}}" for name, key in _CURLS_TIMES) + r"\n"
        options = " ".join(
            ["-sLo /dev/null", *(["--http1.1"] if not self._http2 else []), *self._asked.curls_words]
        )
        line = f"curl {options} -w '{form}' {shlex.quote(self._url.text)}"
        if self._internet.kind == "sandbox":
            broken = f" --break {self._internet.fault}" if self._internet.fault else ""
            line = f"labctl shell{broken} -- {line}"
        if not self._out_of_reach:
            # curl -s would say nothing.
            yield Step(text=f"By hand: {line}", role="command", label="by hand", title=line)
        if (why := self._why()) is not None:
            yield why
        far = self._internet.kind == "sandbox" and not self._internet.fault and self._rtt is None
        if far and not self._visits[0][0].failure:
            line = self._command("--rtt 100")
            yield Step(text=f"Farther away: {line}", role="command", label="farther", title=line)

    def _why(self) -> Step | None:
        """The command that looks closer at what failed."""
        leg = self._visits[0][0].legs[-1]
        line = {
            "name": f"labctl dns {leg.url.host}",
            "connect": f"labctl tcp {leg.url.authority if leg.url.port != 443 else f'{leg.url.host}:443'}",
            "tls": f"labctl tls {leg.url.authority}",
            "http": f"labctl http {shlex.quote(leg.url.text)}",
        }.get(leg.failure)
        return None if line is None else Step(text=f"Why: {line}", role="command", label="why", title=line)


def _nobody(leg: Leg) -> CannotRun:
    """A name without an address: there is nobody who could be visited (DESIGN.md section 9)."""
    return CannotRun(
        "name-not-found",
        f"{leg.url.host} has no address that could be found",
        evidence=(("asked", leg.lookup.source if leg.lookup is not None else ""), ("got", leg.detail)),
        fixes=(f"labctl dns {leg.url.host}",),
    )


def measures(visit: Visit) -> Iterator[Event]:
    """The numbers of a visit, for checks, quiz keys and explanations."""
    times: Spent = spent(visit)
    whole = (
        ("ended", "From Enter to where it ended")
        if visit.failure
        else ("total", "From Enter to the last byte")
    )
    for name, value, what in (
        (whole[0], times.total, whole[1]),
        ("dns", times.dns, "DNS"),
        ("tcp", times.connect, "TCP"),
        ("tls", times.tls, "TLS"),
        ("request", times.request, "The request"),
        ("wait", times.wait, "The wait for the first byte"),
        ("response", times.response, "The response"),
        ("setup", times.setting_up, "Setting up (DNS, TCP, TLS)"),
    ):
        if name in (whole[0], "setup") or value:
            yield Measure(f"{what} took {_exactly(value)}.", f"url.{name}", round(value, 1), "ms")
    if times.paused.times:
        yield Measure(
            f"Within the response the server sent nothing for {_exactly(times.paused.ms)}.",
            "url.paused",
            round(times.paused.ms, 1),
            "ms",
        )
    trips = next((n for leg in visit.legs if (n := tls_round_trips(leg)) is not None), None)
    if trips is not None:
        # One of TCP, those of TLS, and the request's.
        yield Measure(
            f"Behind the name, the first byte took {count(trips + 2, 'round trip')}.", "url.trips", trips + 2
        )
    asked = sum(leg.answer is not None for leg in visit.legs)
    yield Measure(f"It took {count(asked, 'request')}.", "url.legs", asked)
    yield Measure(f"It made {count(visit.connections, 'connection')}.", "url.connections", visit.connections)
    if times.rtt_ms is not None:
        yield Measure(
            f"One round trip took {_exactly(times.rtt_ms)}.", "url.round_trip", round(times.rtt_ms, 1), "ms"
        )


def _exactly(value: float) -> str:
    return f"{value:,.1f} ms"


def raise_if_unreachable(visit: Visit) -> None:
    """For demonstrations, which need their own sites: raises CannotRun when one did not answer."""
    if visit.failure:
        raise CannotRun("target-unreachable", f"the sandbox's own site did not answer: {visit.detail}")
