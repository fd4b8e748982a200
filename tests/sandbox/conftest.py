"""A short way to ask the town, and labs in boxes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import dns.flags
import dns.message
import pytest
from dns.message import Message

from labctl.events import Event, Measure
from labctl.internet import Endpoint, Via
from labctl.sandbox.loopback import LoopbackInternet

Open = Callable[..., LoopbackInternet]
ROOT, TEST, SHOP1, SHOP2, HOSTER = "198.41.0.4", "192.0.2.1", "203.0.113.61", "203.0.113.62", "203.0.113.63"
RESOLVER, OTHER_RESOLVER = "198.51.100.53", "192.0.2.53"


@pytest.fixture
def ask(opened: Open) -> Callable[..., Message]:
    """Asks one question of one town address; `fault` opens a sandbox for it, and keeps it for the test."""
    sandboxes: dict[str, LoopbackInternet] = {}

    def ask_(
        address: str,
        name: str,
        type: str = "A",
        *,
        fault: str = "",
        do: bool = False,
        rd: bool = False,
        edns: bool = True,
        via: Via = "udp",
        pass_time: float = 0,
    ) -> Message:
        internet = sandboxes.get(fault) or sandboxes.setdefault(fault, opened(fault))
        if pass_time:
            internet.pass_time(pass_time)
        query = dns.message.make_query(
            name, type, use_edns=0 if edns else False, want_dnssec=do, payload=1232
        )
        if not rd:
            query.flags &= ~dns.flags.RD
        reply = internet.ask(Endpoint(address), query.to_wire(), via=via)
        assert reply.wire is not None, (reply.failure, reply.detail)
        return dns.message.from_wire(reply.wire)

    return ask_


Run = Callable[..., dict[str, Any]]


@pytest.fixture
def labs(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module of the tests' labs, which a box imports by name."""
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parent))
    import labs_in_boxes

    return labs_in_boxes


@pytest.fixture
def run_boxed(labs: Any, needs_box: None) -> Callable[..., list[Event]]:
    """Runs one of the tests' labs in a box of its own. Returns its events."""
    from labctl.sandbox.box import run_in_box

    def run(name: str, /, *, fault: str = "", save: Any = None, **arguments: Any) -> list[Event]:
        lab = labs.lab(getattr(labs, name))
        return list(run_in_box(lab, arguments, fault=fault, save=save or (lambda path, data: None)))

    return run


@pytest.fixture
def measured(run_boxed: Callable[..., list[Event]]) -> Run:
    """Runs one of the tests' labs in a box. Returns what it measured, by id."""

    def run(name: str, /, **arguments: Any) -> dict[str, Any]:
        return {event.id: event.value for event in run_boxed(name, **arguments) if isinstance(event, Measure)}

    return run
