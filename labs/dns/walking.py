"""The walk, with a transport under it: each question and each reply becomes an arrow of the ladder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from random import Random

from labctl.events import Event, Exchange, Json, Step
from labctl.internet import Endpoint, Internet, Reply, Via
from labctl.protocols.dns_cache import Cache
from labctl.protocols.dns_result import Heard, Question, Result, Server
from labctl.protocols.dns_walk import Walk
from labs.dns.words import WALKER, asking, hearing, lane, ms, sentence
from labs.words import count


@dataclass
class Walked:
    """A finished walk: its result, everything heard in order, and how long it took in milliseconds."""

    result: Result
    heard: list[Heard] = field(default_factory=list)
    started_ms: float = 0.0
    elapsed_ms: float = 0.0

    @property
    def on_the_way(self) -> list[Heard]:
        """What was heard for the name itself, without the detours to find a name server's address."""
        return [h for h in self.heard if h.question.depth == 0]


class Ladder:
    """Turns questions and replies into Exchanges with lanes; a zone keeps the lane that it got."""

    def __init__(self, internet: Internet, role: str) -> None:
        self._internet = internet
        self._asker = WALKER
        self._addresses: dict[str, str] = {WALKER: role}

    def now_ms(self) -> float:
        """Milliseconds on the internet's clock."""
        return self._internet.clock() * 1000

    def question(self, question: Question, at_ms: float) -> Exchange:
        """The arrow of a question, at the moment when it is sent."""
        server, arrow = question.server, asking(question)
        target = self._lane(server)
        told = "" if self._addresses[target] == server.address else f"  to {server.address}"
        detour = " to find a name server's address" if question.why == "ns-address" else ""
        by = " by TCP" if question.via == "tcp" else ""
        whom = f"{server.name} ({server.address})" if server.name != server.address else server.address
        text = (
            f"{at_ms:.1f} ms. {self._asker} asks {whom}{by}: "
            f"{question.type} {question.name.rstrip('.') or '.'}?{detour}"
        )
        return Exchange(
            text=text,
            at_ms=at_ms,
            source=self._asker,
            target=target,
            label=arrow.label + told,
            role=arrow.role,
            hue=arrow.hue,
            lanes=self._lanes(target),
            data={
                "name": question.name,
                "type": question.type,
                "server": server.name,
                "address": server.address,
                "address_from": server.source,
                "zone": server.zone,
                "via": question.via,
                "why": question.why,
            },
        )

    def reply(self, heard: Heard, reply: Reply, at_ms: float) -> Exchange:
        """The arrow of what came back, or of the silence."""
        arrow = hearing(heard, reply.elapsed_ms)
        source = self._lane(heard.question.server)
        data: dict[str, Json] = {
            "kind": heard.kind,
            "rcode": heard.rcode,
            "aa": heard.aa,
            "ra": heard.ra,
            "tc": heard.tc,
            "records": [f"{r.name} {r.ttl} {r.type} {r.text}" for r in heard.records],
            "ns": list(heard.ns),
            "glue": [f"{n} {a}" for n, a in heard.glue],
            "thrown_away": list(heard.scrubbed),
            "notes": list(heard.notes),
            "strays": [f"{s.source}: {s.why}" for s in reply.strays],
        }
        if arrow.wide:
            data["wide"] = arrow.wide
        text = f"{at_ms:.1f} ms. {heard.text}"
        return Exchange(
            text=text,
            at_ms=at_ms,
            source=source,
            target=self._asker,
            label=arrow.label,
            role=arrow.role,
            hue=arrow.hue,
            heavy=arrow.heavy,
            lost=arrow.lost,
            lanes=self._lanes(source),
            data=data,
        )

    def _lane(self, server: Server) -> str:
        name = lane(server.zone)
        self._addresses.setdefault(name, server.address)
        return name

    def _lanes(self, other: str) -> dict[str, str]:
        return {self._asker: self._addresses[self._asker], other: self._addresses[other]}


def walk(
    internet: Internet,
    name: str,
    type: str,
    *,
    cache: Cache | None = None,
    qmin: bool = False,
    dnssec: bool = False,
    first: Server | None = None,
    endpoint: Endpoint | None = None,
    via: Via = "udp",
    role: str = "as a resolver",
) -> Generator[Event, None, Walked]:
    """Walk to the end of a question; yields the arrows, returns a `Walked` (use `yield from`).

    With `first` only that server is asked, at `endpoint` over `via`, with recursion desired.
    """
    machine = Walk(
        name,
        type,
        internet.root_servers,
        clock=internet.clock,
        cache=cache,
        qmin=qmin,
        dnssec=dnssec,
        random=Random(internet.seed) if internet.kind == "sandbox" else None,
        first=first,
        recursion_desired=first is not None,
    )
    ladder = Ladder(internet, role)
    started = ladder.now_ms()
    heard: list[Heard] = []
    aside: list[Step] = []
    while (question := machine.next_question()) is not None:
        yield ladder.question(question, ladder.now_ms() - started)
        reply = internet.ask(
            endpoint or Endpoint(question.server.address),
            question.wire,
            via=via if first is not None and via != "udp" else question.via,
            timeout=internet.timeout or question.timeout,
        )
        said = machine.hear(reply.wire, failure=reply.failure or "timeout")
        heard.append(said)
        yield ladder.reply(said, reply, reply.received_at * 1000 - started)
        aside += _aside(said, reply)
    yield from _once_each(aside)
    return Walked(machine.result, heard, started, ladder.now_ms() - started)


def _once_each(steps: list[Step]) -> list[Step]:
    return [step for place, step in enumerate(steps) if step.text not in {s.text for s in steps[:place]}]


def _aside(heard: Heard, reply: Reply) -> list[Step]:
    """What came with a reply and does not fit on an arrow: forged datagrams, the transport's reasons, notes."""
    steps = []
    counted = Counter((stray.source, stray.why) for stray in reply.strays)
    for (source, why), times in counted.items():
        often = "" if times == 1 else f", {times} times"
        words = f"A datagram from {source} was not taken for the answer{often}: {why}"
        steps.append(Step(text=sentence(words), role="warning"))
    if reply.detail and (reply.failure or reply.via in ("tls", "https")):
        server = heard.question.server
        steps.append(
            Step(text=sentence(f"{server.name}: {reply.detail}"), role="warning" if reply.failure else "note")
        )
    steps += [
        Step(text=sentence(f"{heard.question.server.name}: {note}"), role="note") for note in heard.notes
    ]
    return steps


# A headline number that stands above what it sums up is worth waiting for, for so long.
PATIENCE_MS = 250.0


def headlined(
    internet: Internet,
    events: Generator[Event, None, Walked],
    opening: Callable[[str], Generator[Event, None, None]],
) -> Generator[Event, None, Walked]:
    """The walk behind its `opening`, which is given the headline when the walk ends soon enough, and else "".

    A walk that takes longer, and every walk on the live internet, is shown as it happens.
    """
    held: list[Event] = []
    since = internet.clock() * 1000
    try:
        while internet.kind == "sandbox" and internet.clock() * 1000 - since < PATIENCE_MS:
            held.append(next(events))
    except StopIteration as stop:
        walked: Walked = stop.value
        yield from opening(summary(walked) + ".")
        yield from held
        return walked
    except KeyboardInterrupt:
        # What was seen until then is shown, and kept.
        yield from opening("")
        yield from held
        raise
    yield from opening("")
    yield from held
    return (yield from events)


def summary(walked: Walked) -> str:
    """The headline number of a walk: `3 questions, 44.9 ms`."""
    return f"{count(walked.result.questions, 'question')}, {ms(walked.elapsed_ms)}"
