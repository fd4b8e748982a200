"""Who says what: a zone's servers or several resolvers side by side, the parent's list and the child's."""

from __future__ import annotations

from collections.abc import Generator, Sequence

from labctl.events import Event, Hue, Measure, Row, Rows
from labctl.internet import Endpoint, Internet
from labctl.protocols.dns_result import Cut, Server
from labs.dns.claims import ALL_AGREE, AUTHORITY, PARENT_CHILD
from labs.dns.resolver import Said, ask
from labs.dns.walking import Walked, walk
from labs.dns.words import listed, ms, sentence
from labs.words import count

# Gently: a zone rarely has more servers, and each is one question to somebody.
MOST_SERVERS = 13


def servers_of_the_zone(internet: Internet, walked: Walked) -> Generator[Event, None, None]:
    """Ask every server of the answer's zone the same question, and its SOA serial."""
    cut = next((c for c in walked.result.cuts if c.zone == walked.result.zone), None)
    if cut is None:
        return
    servers = _addresses(internet, cut)
    said = {
        s: ask(internet, Endpoint(s.address), walked.result.name, walked.result.type, recurse=False)
        for s in servers
    }
    serials = {
        s: _serial(ask(internet, Endpoint(s.address), cut.zone, "SOA", recurse=False)) for s in servers
    }
    rows = tuple(_row(s.name, s.address, said[s], serials[s]) for s in servers)
    yield Rows(
        text=f"The {len(rows)} servers of {cut.zone} side by side.",
        id="compare",
        title=f"All servers of {cut.zone}",
        columns=("server", "address", "took", "said", "ttl", "serial"),
        rows=rows,
        show_columns=True,
    )
    serving = {s: v for s, v in said.items() if v.aa and v.rcode in ("NOERROR", "NXDOMAIN")}
    answers = {_answer(v) for v in serving.values()}
    yield Measure(
        f"{len(serving)} of {count(len(servers), 'server')} answered with authority; "
        f"{count(len(answers), 'different answer')}.",
        "dns.compare.answers",
        len(answers),
    )
    if len(serving) < 2:
        yield ALL_AGREE.not_seen(f"Fewer than two servers of {cut.zone} answered with authority.")
    else:
        different = "; ".join(f"{s.name} says {_words(v)}" for s, v in serving.items())
        yield ALL_AGREE.judged(
            len(answers) == 1,
            f"{len(serving)} servers of {cut.zone} gave the same answer."
            if len(answers) == 1
            else f"They do not agree: {different}.",
        )
    yield from _parent_and_child(internet, walked, cut, servers)


def resolvers(
    internet: Internet, servers: Sequence[Endpoint], name: str, type: str
) -> Generator[Event, None, None]:
    """Ask several resolvers the same question: the answer, and how old each one's copy is."""
    said = [ask(internet, s, name, type) for s in servers]
    yield Rows(
        text=f"{len(servers)} resolvers side by side.",
        id="compare",
        title="Several resolvers, the same question",
        columns=("resolver", "took", "said", "ttl"),
        rows=tuple(
            Row(
                text=f"{s}: {_words(v)}, {ms(v.elapsed_ms)}, ttl {'none' if v.ttl is None else v.ttl}.",
                cells=(str(s), ms(v.elapsed_ms), _words(v), "" if v.ttl is None else f"{v.ttl} s"),
                hues=("", "", _hue(v), ""),
            )
            for s, v in zip(servers, said, strict=True)
        ),
        show_columns=True,
    )
    heard = [v for v in said if not v.failure]
    both = [v for v in heard if v.aa and v.ra]
    yield Measure(
        f"{count(len(heard), 'resolver')} gave {count(len({_answer(v) for v in heard}), 'different answer')}.",
        "dns.compare.answers",
        len({_answer(v) for v in heard}),
    )
    if not heard:
        yield AUTHORITY.not_seen("None of them answered.")
    else:
        yield AUTHORITY.judged(
            not both,
            f"{both[0].server} claims authority (AA) and looks further for others (RA), both at once."
            if both
            else f"Of {count(len(heard), 'server')} none claims authority (AA) for what it looked up for others (RA).",
        )


def _addresses(internet: Internet, cut: Cut) -> list[Server]:
    """The zone's servers with an address each; a name that came without glue is looked up quietly."""
    known = {s.name.lower(): s for s in cut.servers}
    found: list[Server] = []
    for name in cut.ns[:MOST_SERVERS]:
        server = known.get(name.lower())
        if server is None:
            looked = quietly(walk(internet, name, "A"))
            if looked.result.records:
                server = Server(cut.zone, name, looked.result.records[0].text, "resolved")
        if server is not None:
            found.append(server)
    return found


def quietly(events: Generator[Event, None, Walked]) -> Walked:
    """A walk that is not shown: a detour, not the lesson."""
    try:
        while True:
            next(events)
    except StopIteration as stop:
        walked: Walked = stop.value
    return walked


def _parent_and_child(
    internet: Internet, walked: Walked, cut: Cut, servers: Sequence[Server]
) -> Generator[Event, None, None]:
    child = next(
        (
            v
            for s in servers
            if not (v := ask(internet, Endpoint(s.address), cut.zone, "NS", recurse=False)).failure
        ),
        None,
    )
    if child is None or not child.records:
        return
    ours = {n.lower() for n in cut.ns}
    theirs = {r.text.lower() for r in child.records if r.type == "NS"}
    same = ours == theirs
    yield Measure(
        f"Parent and child {'agree' if same else 'do not agree'} on the servers of {cut.zone}: "
        f"the parent {len(ours)}, the zone itself {len(theirs)}.",
        "dns.compare.parent_equals_child",
        same,
    )
    copy = next((h for h in walked.heard if h.kind == "referral" and h.zone == cut.zone), None)
    if copy is None:
        return
    lists = (
        f"both list {listed(sorted(ours))}"
        if same
        else f"the parent lists {listed(sorted(ours))}, the zone itself {listed(sorted(theirs))}"
    )
    yield PARENT_CHILD.judged(
        child.aa and not copy.aa,
        sentence(
            f"The parent's list came {'with' if copy.aa else 'without'} AA, the zone's own "
            f"{'with' if child.aa else 'without'}; {lists}"
        ),
    )


def _serial(said: Said) -> str:
    soa = next((r for r in said.records if r.type == "SOA"), None)
    return soa.text.split()[2] if soa and len(soa.text.split()) > 2 else "none"


def _answer(said: Said) -> tuple[str, tuple[str, ...]]:
    return said.rcode, tuple(sorted(r.text for r in said.records))


def _words(said: Said) -> str:
    if said.failure:
        return f"nothing ({said.failure})"
    return listed([r.text for r in said.records]) if said.records else said.rcode


def _hue(said: Said) -> Hue:
    return "bad" if said.failure else "ok" if said.records else "warn"


def _row(name: str, address: str, said: Said, serial: str) -> Row:
    ttl = "" if said.ttl is None else f"{said.ttl} s"
    return Row(
        text=f"{name} at {address}: {_words(said)}, {ms(said.elapsed_ms)}, ttl {ttl or 'none'}, {serial}.",
        cells=(name, address, ms(said.elapsed_ms), _words(said), ttl, serial),
        hues=("", "mute", "", _hue(said), "", "mute"),
    )
