"""A name becomes addresses, the way a program does it: its own memory, the hosts file, then the resolver.

Asked by ourselves, so that the time is known: A and AAAA side by side, each over a socket of its own. With `walk`
nobody's memory helps and we ask from the root down, as a resolver would.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterable
from itertools import zip_longest
from random import Random
from typing import TYPE_CHECKING, Literal, NamedTuple

from labctl.internet import Endpoint, Internet
from labctl.protocols.ip_addresses import is_address

if TYPE_CHECKING:
    from labctl.protocols.dns_cache import Cache
    from labctl.protocols.dns_result import Result
    from labctl.protocols.dns_walk import Walk

Source = Literal["literal", "hosts", "memory", "resolver", "walk", "system"]
Failure = Literal["", "nxdomain", "nodata", "failed", "no-resolver"]
TYPES = ("A", "AAAA")
# Names that a program keeps at most; the oldest goes first.
_KEPT = 1000


class Lookup(NamedTuple):
    """What became of a name. Seconds on the internet's clock; `questions` counts messages that were sent.

    `addresses` are in the order in which they are to be tried (RFC 8305 section 4): IPv6 first, then in turns.
    `ttl_s` is the shortest TTL on the way, or what is left of it; None where nobody said one. `cname` is the name
    at the end of the aliases ("" when there is none). `detail` is a sentence.
    """

    name: str
    addresses: tuple[str, ...]
    started_at: float
    ended_at: float
    questions: int
    source: Source
    ttl_s: int | None = None
    failure: Failure = ""
    detail: str = ""
    cname: str = ""

    @property
    def elapsed_ms(self) -> float:
        """Milliseconds between the question and its answer."""
        return (self.ended_at - self.started_at) * 1000


class NameMemory:
    """What one program remembers of names, until their TTL has run out. For one thread at a time."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[Lookup, float]] = {}

    def recall(self, name: str, now: float) -> Lookup | None:
        """What is still good at `now`, as a look-up that asked nobody."""
        held = self._kept.get(name)
        if held is None:
            return None
        lookup, until = held
        if now >= until:
            del self._kept[name]
            return None
        return lookup._replace(
            started_at=now, ended_at=now, questions=0, source="memory", ttl_s=int(until - now)
        )

    def keep(self, lookup: Lookup) -> None:
        """Remember an answer, or a "no", for as long as its TTL says. Failures are not kept."""
        if not lookup.ttl_s or lookup.failure in ("failed", "no-resolver"):
            return
        self._kept.pop(lookup.name, None)
        self._kept[lookup.name] = lookup, lookup.ended_at + lookup.ttl_s
        while len(self._kept) > _KEPT:
            del self._kept[next(iter(self._kept))]

    def forget(self) -> None:
        """Start over."""
        self._kept.clear()

    def __len__(self) -> int:
        return len(self._kept)


def look_up(
    internet: Internet,
    name: str,
    *,
    memory: NameMemory | None = None,
    walk: bool = False,
    timeout: float = 5.0,
) -> Lookup:
    """The addresses of a host (an A-label name without its last dot, or an address). Never raises for a peer.

    `timeout` is in seconds, for one question.
    """
    now = internet.clock()
    if is_address(name):
        return Lookup(name, (name,), now, now, 0, "literal")
    if memory is not None and (known := memory.recall(name, now)) is not None:
        return known
    if (found := _in_hosts_file(internet, name, now)) is not None:
        return found
    if walk:
        lookup = _walk(internet, name, timeout)
    elif internet.resolvers:
        lookup = _ask_resolver(internet, internet.resolvers[0], name, timeout)
    elif internet.kind == "live":
        lookup = _ask_system(internet, name)
    else:
        lookup = Lookup(
            name, (), now, now, 0, "resolver", None, "no-resolver", "No resolver is configured here."
        )
    if memory is not None:
        memory.keep(lookup)
    return lookup


def interleaved(addresses: Iterable[str]) -> tuple[str, ...]:
    """IPv6 first, then the families in turns; within a family the order stays (RFC 8305 section 4)."""
    every = tuple(dict.fromkeys(addresses))
    six, four = [a for a in every if ":" in a], [a for a in every if ":" not in a]
    return tuple(a for pair in zip_longest(six, four) for a in pair if a is not None)


def _in_hosts_file(internet: Internet, name: str, now: float) -> Lookup | None:
    from labctl.protocols import host_files

    files = internet.host_files
    if not host_files.parse_nsswitch(files.nsswitch).files_first:
        return None
    lines = host_files.lookup(files.hosts, name)
    listed = [line.address for line in lines]
    if name == "localhost" or (not listed and name.endswith(".localhost")):
        # RFC 6761 section 6.3: never asked for. Browsers and curl try both, whatever the file says.
        listed += ["::1", "127.0.0.1"]
    found = interleaved(listed)
    return Lookup(name, found, now, internet.clock(), 0, "hosts") if found else None


def _random(internet: Internet) -> Random | None:
    return Random(internet.seed) if internet.kind == "sandbox" else None


def _ask_resolver(internet: Internet, resolver: Endpoint, name: str, timeout: float) -> Lookup:
    from labctl.protocols.dns_result import Server
    from labctl.protocols.dns_walk import Walk

    there = Server("", resolver.name or resolver.address, resolver.address, "given")
    asking = [
        Walk(
            f"{name}.",
            kind,
            (),
            clock=internet.clock,
            random=_random(internet),
            first=there,
            recursion_desired=True,
        )
        for kind in TYPES
    ]
    # Both questions are written before the clock starts.
    for each in asking:
        each.next_question()
    ended_at = [0.0, 0.0]
    raised: list[BaseException] = []

    def run(place: int) -> None:
        try:
            ended_at[place] = _to_the_end(internet, asking[place], timeout, resolver)
        except BaseException as error:  # handed on to the caller's thread
            raised.append(error)

    second = threading.Thread(target=run, args=(1,), name="asks for AAAA")
    started_at = internet.clock()
    second.start()
    run(0)
    second.join()
    if raised:
        raise raised[0]
    return _lookup(name, started_at, max(ended_at), "resolver", [each.result for each in asking])


def _walk(internet: Internet, name: str, timeout: float) -> Lookup:
    """AAAA after A, along what the first walk has learnt: it costs one question more."""
    from labctl.protocols.dns_cache import Cache
    from labctl.protocols.dns_walk import Walk

    memory: Cache = Cache(internet.clock)
    results: list[Result] = []
    started_at = ended_at = internet.clock()
    for place, kind in enumerate(TYPES):
        machine = Walk(
            f"{name}.",
            kind,
            internet.root_servers,
            clock=internet.clock,
            cache=memory,
            random=_random(internet),
        )
        machine.next_question()
        if place == 0:
            started_at = internet.clock()
        ended_at = max(ended_at, _to_the_end(internet, machine, timeout))
        results.append(machine.result)
    return _lookup(name, started_at, ended_at, "walk", results)


def _to_the_end(internet: Internet, machine: Walk, timeout: float, resolver: Endpoint | None = None) -> float:
    """Ask until the machine has its answer; when the last reply came."""
    at = internet.clock()
    while (question := machine.next_question()) is not None:
        there = resolver or Endpoint(question.server.address)
        reply = internet.ask(there, question.wire, via=question.via, timeout=min(timeout, question.timeout))
        at = reply.received_at
        machine.hear(reply.wire, failure=reply.failure or "timeout")
    return at


def _lookup(name: str, started_at: float, ended_at: float, source: Source, results: list[Result]) -> Lookup:
    records = [r for result in results for r in result.records if r.type in TYPES]
    chain = next((result.chain for result in results if result.chain), ())
    questions = sum(result.questions for result in results)
    addresses = interleaved(record.text for record in records)
    cname = ""
    if chain:
        final = next(result.final_name for result in results if result.chain)
        cname = final.rstrip(".")
    if addresses:
        ttls = [record.ttl for record in (*records, *chain)]
        return Lookup(name, addresses, started_at, ended_at, questions, source, min(ttls), "", "", cname)
    worst = next((result for result in results if result.status == "failed"), results[0])
    failure: Failure = "failed"
    ttl = None
    if worst.status in ("nxdomain", "nodata"):
        failure = "nxdomain" if worst.status == "nxdomain" else "nodata"
        ttl = worst.negative_ttl
    detail = worst.why or worst.text
    if failure != "failed":
        who = worst.final_name.rstrip(".") or name
        held = f", and that may be remembered for {ttl} s" if ttl is not None else ""
        detail = f"{who} {'does not exist' if failure == 'nxdomain' else 'exists and has no address'}{held}."
    return Lookup(name, (), started_at, ended_at, questions, source, ttl, failure, detail, cname)


def _ask_system(internet: Internet, name: str) -> Lookup:
    """Where no resolver is known, the system's own look-up is asked; what it does cannot be seen."""
    started_at = internet.clock()
    found: list[str] = []
    detail = ""
    try:
        for family, _, _, _, address in socket.getaddrinfo(name, None, type=socket.SOCK_STREAM):
            if family in (socket.AF_INET, socket.AF_INET6):
                found.append(str(address[0]).partition("%")[0])
    except (OSError, UnicodeError) as error:
        detail = f"The system found no address for {name}: {getattr(error, 'strerror', None) or error}."
    ended_at = internet.clock()
    failure: Failure = "" if found else "failed"
    return Lookup(name, interleaved(found), started_at, ended_at, 0, "system", None, failure, detail)
