"""Sandboxes without latency that must end without a trace: no crash of theirs, no thread of ours."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from labctl.sandbox.faults import town_under
from labctl.sandbox.loopback import LoopbackInternet

Open = Callable[..., LoopbackInternet]


@pytest.fixture
def opened() -> Iterator[Open]:
    """Opens sandboxes; at the end they are closed, nothing crashed and no thread is left."""
    before = set(threading.enumerate())
    made: list[LoopbackInternet] = []

    def open_(fault: str = "") -> LoopbackInternet:
        made.append(LoopbackInternet(town_under(fault), fault=fault, latency=False))
        return made[-1]

    yield open_
    crashes = [crash for internet in made for crash in internet.crashes]
    for internet in made:
        internet.close()
    assert not crashes
    assert set(threading.enumerate()) <= before


@pytest.fixture
def town(opened: Open) -> LoopbackInternet:
    """A healthy sandbox."""
    return opened()


@pytest.fixture(scope="module")
def standing() -> Iterator[LoopbackInternet]:
    """One healthy sandbox for all tests of a file that leave no trace in it."""
    before = set(threading.enumerate())
    internet = LoopbackInternet(town_under(""), latency=False)
    yield internet
    crashes = internet.crashes
    internet.close()
    assert not crashes
    assert set(threading.enumerate()) <= before
