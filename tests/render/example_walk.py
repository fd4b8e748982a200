"""A small lab as the screens show it, for the renderers: what its run would yield, without a network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from labctl.events import Claim, Event, Exchange, Measure, Row, Rows, Step
from labctl.internet import Internet
from labctl.lab import Lab
from labctl.play import Run

REFERRAL = Claim(
    "dns.referral",
    "A root server does not know the address; it says whom to ask next.",
    source="RFC 1034 section 4.3.2",
    broken_by="root-knows-it-all",
)
CACHED = Claim(
    "dns.cached",
    "A resolver that has answered once keeps the answer: it has it even when told not to ask anyone.",
    source="RFC 1035 section 7.4",
    broken_by="resolver-forgets",
)
REVERSE = Claim(
    "dns.reverse",
    "The way back is another tree: the name an address gives is set by its holder.",
    source="RFC 1034 section 5.2.1",
    broken_by="ptr-mirrors-a",
    kind="habit",
)
ADDRESSES = {
    "resolver": "198.51.100.53",
    "root  .": "198.41.0.4",
    "TLD  com.": "192.5.6.30",
    "example.com.": "203.0.113.53",
}


def arrow(
    at_ms: float, source: str, target: str, label: str, role: str, text: str, wide: str = ""
) -> Exchange:
    """One message of the walk."""
    return Exchange(
        text=f"{at_ms:.1f} ms. {text}",
        at_ms=at_ms,
        source=source,
        target=target,
        label=label,
        role=role,
        hue={"question": "accent", "referral": "alt", "answer": "ok", "silent": "bad"}[role],  # type: ignore[arg-type]
        heavy=role == "answer",
        lost=role == "silent",
        lanes={lane: ADDRESSES.get(lane, "192.0.2.1") for lane in (source, target)},
        data={"wide": wide} if wide else {},
    )


def exchanges(slow: float = 1.0) -> list[Exchange]:
    """The six messages; `slow` stretches their times."""
    question = "A www.example.com?"
    rows = [
        (1.3, "resolver", "root  .", question, "question", f"resolver asks root: {question}", ""),
        (
            12.6, "root  .", "resolver", "ask com. (13 NS)", "referral",
            "root refers to com., 13 name servers.", "I don't know. Ask com.",
        ),
        (12.7, "resolver", "TLD  com.", question, "question", f"resolver asks com.: {question}", ""),
        (
            31.0, "TLD  com.", "resolver", "ask example.com. (2 NS + glue)", "referral",
            "com. refers to example.com., 2 name servers and glue.",
            "I don't know. Ask example.com. (2 NS + glue)",
        ),
        (31.1, "resolver", "example.com.", question, "question", f"resolver asks it: {question}", ""),
        (
            44.9, "example.com.", "resolver", "A 203.0.113.10   ttl 300", "answer",
            "example.com. answers: A 203.0.113.10, TTL 300 s.", "",
        ),
    ]  # fmt: skip
    return [arrow(at * slow, *rest) for at, *rest in rows]  # type: ignore[arg-type]


def caches() -> Rows:
    """The table of caches, all of them a miss."""
    rows = [
        ("browser", "0.0 ms", "did this browser ask recently?"),
        ("OS stub", "0.1 ms", "did any app on this machine?"),
        ("router", "0.4 ms", "did anyone on this network?"),
        ("ISP resolver", "1.3 ms", "did any customer? No: walk the tree"),
    ]
    return Rows(
        text="Caches, closest first:",
        id="caches",
        title="Closest cache first",
        columns=("cache", "had it", "took", "what it is"),
        rows=tuple(
            Row(f"{name}: miss, {took}. {why}", (name, "✗ miss", took, why), hues=("", "warn", "", "mute"))
            for name, took, why in rows
        ),
    )


def remembered() -> Rows:
    """What the resolver keeps, with the share of the TTL that is left."""
    rows = [
        ("com.", "NS", "2 days", "1d 23h 59m", 172799 / 172800),
        ("example.com.", "NS", "1 day", "23h 59m", 86399 / 86400),
        ("www.example.com.", "A", "5 min", "2m 03s", 0.41),
    ]
    return Rows(
        text="What the resolver remembers now: 3 sets of records.",
        id="remembered",
        title="What the resolver remembers now",
        columns=("name", "type", "TTL", "left"),
        rows=tuple(
            Row(
                f"{name} {kind}: {left} left of {ttl}, {share:.0%}.",
                (name, kind, ttl, left),
                share=share,
                hues=("", "", "mute", ""),
            )
            for name, kind, ttl, left, share in rows
        ),
        note="bar: share of the TTL still left",
    )


def lesson(refuted: bool = False) -> list[Event]:
    """The whole run."""
    return [
        Step(
            "The resolver walks the tree. 3 questions, 44.9 ms.",
            role="phase",
            phase="OBSERVE",
            title="the resolver walks the tree",
            summary="3 questions, 44.9 ms",
        ),
        caches(),
        *exchanges(),
        Measure("The walk took 3 questions.", "dns.walk.questions", 3),
        Measure("The answer's TTL is 300 s.", "dns.answer.ttl", 300, "s"),
        REFERRAL.judged(
            not refuted,
            "The root answered itself, with AA." if refuted else "The root named 13 servers of com.",
        ),
        CACHED.judged(True, "The resolver had it with 299 s left, and asked nobody."),
        REVERSE.not_seen("203.0.113.10 has no name of its own (PTR: NXDOMAIN)."),
        remembered(),
        Step(
            "www.example.com is 203.0.113.10. Ask again now: 0 questions, 0.2 ms.",
            role="result",
            title="www.example.com is **203.0.113.10**.  Ask again now: 0 questions, 0.2 ms",
            hue="ok",
        ),
        Step("By hand: dig +trace a.test", role="command", label="by hand", title="dig +trace a.test"),
        Step("Next: labctl dns shop.test", role="command", label="next", title="labctl dns shop.test"),
    ]  # fmt: skip


def run_of(events: Sequence[Event] = (), **more: object) -> Run:
    """A run that has seen these events."""

    def nothing(internet: Internet) -> Iterator[Event]:
        yield from events

    lab = Lab("dns", "How a name becomes an address", (REFERRAL, CACHED, REVERSE), nothing, "labs.dns")
    run = Run(lab, "labctl dns www.example.com", {"name": "www.example.com"}, "sandbox", seed=7)
    run.events = list(events)
    run.elapsed_ms = 45.0
    for name, value in more.items():
        setattr(run, name, value)
    return run
