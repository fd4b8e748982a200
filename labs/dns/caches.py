"""The caches between a program and the DNS, closest first: what this machine has, and what cannot be seen."""

from __future__ import annotations

from collections.abc import Generator

from labctl.events import Event, Hue, Row, Rows
from labctl.internet import Internet
from labctl.protocols import host_files
from labs.dns.claims import HOSTS_FIRST
from labs.dns.resolver import Said, ask
from labs.dns.words import ms


def closest_first(internet: Internet, name: str, type: str) -> Generator[Event, None, None]:
    """The table of caches for this name, and the judgement of who is asked first."""
    files = internet.host_files
    order = host_files.parse_nsswitch(files.nsswitch)
    in_hosts = host_files.lookup(files.hosts, name)
    stub = host_files.local_stub(files.resolv_conf)
    rows = [
        _row("browser", "not seen", "", "its own cache cannot be seen from here", "mute"),
    ]
    if in_hosts:
        found = in_hosts[0]
        rows.append(
            _row("hosts file", "HIT", "", f"line {found.line} says {found.address}: programs use that", "ok")
        )
    else:
        rows.append(_row("hosts file", "✗ miss", "", "no line for this name", "warn"))
    rows.append(_row("OS stub", "✗ none" if stub.kind == "none" else "asked", "", _stub(stub), "mute"))
    rows.append(_resolver_row(internet, name, type))
    yield Rows(
        text="Caches, closest first.",
        id="caches",
        title="Closest cache first",
        columns=("cache", "had it", "took", "what it is"),
        rows=tuple(rows),
    )
    yield HOSTS_FIRST.judged(order.files_first, order.text)


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
    return "✗ miss", "nobody asked it: walk", "warn"


def _row(cache: str, verdict: str, took: str, remark: str, hue: Hue) -> Row:
    words = verdict.removeprefix("✗ ")
    return Row(
        text=f"{cache}: {words}{', ' + took if took else ''}, {remark}.",
        cells=(cache, verdict, took, remark),
        hues=("", hue, "", "mute"),
    )
