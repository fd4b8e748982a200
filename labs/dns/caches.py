"""The caches between a program and the DNS, closest first: what this machine has, and what cannot be seen."""

from __future__ import annotations

from collections.abc import Generator

from labctl.events import Event, Hue, Row, Rows, Step
from labctl.internet import Internet
from labctl.protocols import host_files
from labs.dns.claims import HOSTS_FIRST
from labs.dns.resolver import Said, ask
from labs.dns.words import ms


def closest_first(internet: Internet, name: str, type: str) -> Generator[Event, None, None]:
    """The table of caches for this name, and the judgement of who is asked first."""
    files = internet.host_files
    order = host_files.parse_nsswitch(files.nsswitch)
    in_hosts = host_files.lookup(files.hosts, name) if type in ("A", "AAAA") else ()
    stub = host_files.local_stub(files.resolv_conf)
    if in_hosts:
        found = in_hosts[0]
        then = "programs use that" if order.files_first else "used when the DNS has no answer"
        told = f"line {found.line} says {found.address}: {then}"
        hosts = _row("hosts file", "HIT", "", told, "ok")
    else:
        hosts = _row("hosts file", "✗ miss", "", "no line for this name and type", "warn")
    has_stub = stub.kind != "none"
    asked = [
        _row("OS stub", "asked" if has_stub else "✗ none", "", _stub(stub), "mute"),
        _resolver_row(internet, name, type),
    ]
    rows = [
        _row("browser", "not seen", "", "its own cache cannot be seen from here", "mute"),
        *([hosts, *asked] if order.files_first else [*asked, hosts]),
    ]
    yield Rows(
        text="Caches, closest first.",
        id="caches",
        title="Closest cache first",
        columns=("cache", "had it", "took", "what it is"),
        rows=tuple(rows),
    )
    whose = "The machine of the sandbox" if internet.kind == "sandbox" else "This machine"
    yield HOSTS_FIRST.judged(order.files_first, f"{whose}: {order.text}")


def instead(internet: Internet, name: str, type: str) -> Generator[Event, None, None]:
    """Programs that ask the system get the hosts file's line, whatever the DNS says."""
    files = internet.host_files
    lines = host_files.lookup(files.hosts, name) if type in ("A", "AAAA") else ()
    if lines and host_files.parse_nsswitch(files.nsswitch).files_first:
        words = f"Programs on this machine use {lines[0].address} all the same: the hosts file comes first."
        yield Step(text=words, role="note")


def _stub(stub: host_files.Stub) -> str:
    return "programs ask the resolver themselves" if stub.kind == "none" else stub.text


def _resolver_row(internet: Internet, name: str, type: str) -> Row:
    if not internet.resolvers:
        return _row("resolver", "✗ none", "", "no resolver is configured on this machine", "warn")
    server = internet.resolvers[0]
    said = ask(internet, server, name, type, recurse=False)
    verdict, remark, hue = _memory(said)
    return _row("resolver", verdict, ms(said.elapsed_ms), f"{server}: {remark}", hue)


def _memory(said: Said) -> tuple[str, str, Hue]:
    if said.failure:
        return "✗ silent", f"no usable answer ({said.failure})", "bad"
    if said.ttl is not None and (said.records or said.rcode in ("NXDOMAIN", "NOERROR")):
        return "HIT", f"someone asked before, {said.ttl} s left", "ok"
    if said.rcode in ("REFUSED", "SERVFAIL"):
        return "not said", f"it does not say what it remembers ({said.rcode})", "mute"
    return "✗ miss", "not asked lately", "warn"


def _row(cache: str, verdict: str, took: str, remark: str, hue: Hue) -> Row:
    words = verdict.removeprefix("✗ ")
    return Row(
        text=f"{cache}: {words}{', ' + took if took else ''}, {remark}.",
        cells=(cache, verdict, took, remark),
        hues=("", hue, "", "mute"),
    )
