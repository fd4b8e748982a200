"""Happy Eyeballs: who is tried when, who wins, and that nobody is left behind."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from collections.abc import Callable, Iterator

import pytest
from free_ports import held

from labctl.fetch.connecting import MOST, race
from labctl.fetch.dialling import CALLED_OFF, connect, wait_in_vain
from labctl.internet import Dialled, Endpoint
from labctl.sandbox.faults import town_under
from labctl.sandbox.loopback import LoopbackInternet
from labctl.sandbox.town_sites import BLACK_HOLE


class Scripted(LoopbackInternet):
    """Dials as a script says: "answers", "refuses", "hangs" until called off, or an exception."""

    def __init__(self, script: dict[str, str]) -> None:
        super().__init__(town_under(""), latency=False)
        self.script = script
        self.dialled: list[str] = []
        self.given: list[socket.socket] = []
        self._listening = socket.create_server(("127.0.0.1", 0))

    def dial(self, to: Endpoint, *, timeout: float = 10.0, until: socket.socket | None = None) -> Dialled:
        self.dialled.append(to.address)
        started = self.clock()
        what = self.script[to.address]
        if what == "answers":
            made = connect(self._listening.getsockname()[:2], timeout=5.0, clock=self.clock)
            assert made.socket is not None
            self.given.append(made.socket)
            return made
        if what == "hangs":
            if until is None:
                return Dialled(None, started, self.clock(), "timeout")
            called_off = select.select([until], [], [], 20.0)[0]
            return Dialled(None, started, self.clock(), "timeout", CALLED_OFF if called_off else "")
        if what == "breaks":
            raise RuntimeError("a mistake of ours")
        return Dialled(None, started, self.clock(), "refused", "ECONNREFUSED: Connection refused")

    def close(self) -> None:
        self._listening.close()
        for each in self.given:
            each.close()
        super().close()


@pytest.fixture
def scripted() -> Iterator[Callable[[dict[str, str]], Scripted]]:
    before = set(threading.enumerate())
    with contextlib.ExitStack() as stack:
        yield lambda script: stack.enter_context(Scripted(script))
    assert set(threading.enumerate()) <= before


Make = Callable[[dict[str, str]], Scripted]


def test_the_first_address_wins_when_it_answers(scripted: Make) -> None:
    internet = scripted({"2001:db8::1": "answers", "192.0.2.1": "answers"})
    made = race(internet, tuple(internet.script), 443)
    assert made.address == "2001:db8::1"
    assert [attempt.outcome for attempt in made.attempts] == ["won"]
    assert internet.dialled == ["2001:db8::1"]
    assert made.local.startswith("127.0.0.1:")


def test_a_dead_family_costs_the_head_start_and_is_called_off(scripted: Make) -> None:
    internet = scripted({"2001:db8::1": "hangs", "192.0.2.1": "answers"})
    made = race(internet, tuple(internet.script), 443, head_start=0.01)
    assert made.address == "192.0.2.1"
    assert [attempt.outcome for attempt in made.attempts] == ["called-off", "won"]
    first, second = made.attempts
    assert second.started_at - first.started_at >= 0.01
    assert made.started_at == first.started_at


def test_an_address_that_fails_hands_over_at_once(scripted: Make) -> None:
    internet = scripted({"2001:db8::1": "refuses", "192.0.2.1": "answers"})
    # A head start that nobody would wait for.
    made = race(internet, tuple(internet.script), 443, head_start=15.0)
    assert [attempt.outcome for attempt in made.attempts] == ["refused", "won"]


def test_when_all_fail_each_of_them_is_told(scripted: Make) -> None:
    internet = scripted({"2001:db8::1": "refuses", "192.0.2.1": "refuses"})
    made = race(internet, tuple(internet.script), 443)
    assert made.socket is None
    assert made.failure == "refused"
    assert len(made.attempts) == 2


def test_one_by_one_gives_an_address_up_before_the_next(scripted: Make) -> None:
    internet = scripted({"2001:db8::1": "hangs", "192.0.2.1": "answers", "192.0.2.2": "answers"})
    made = race(internet, tuple(internet.script), 443, head_start=0.01, side_by_side=False)
    assert [attempt.outcome for attempt in made.attempts] == ["timeout", "won"]
    assert made.address == "192.0.2.1"


def test_nobody_tries_a_hundred_addresses(scripted: Make) -> None:
    internet = scripted({f"192.0.2.{n}": "refuses" for n in range(100)})
    made = race(internet, tuple(internet.script), 443)
    assert len(made.attempts) == MOST


def test_no_address_is_a_failure_with_words(scripted: Make) -> None:
    made = race(scripted({}), (), 443)
    assert (made.socket, made.failure) == (None, "unreachable")
    assert made.detail


def test_a_mistake_of_ours_is_not_swallowed(scripted: Make) -> None:
    internet = scripted({"2001:db8::1": "hangs", "192.0.2.1": "breaks"})
    with pytest.raises(RuntimeError):
        race(internet, tuple(internet.script), 443, head_start=0.01)


def test_the_black_hole_of_the_town_swallows_and_lets_go_when_called_off(town: LoopbackInternet) -> None:
    made = race(town, (BLACK_HOLE, "203.0.113.186"), 80, head_start=0.01)
    assert made.socket is not None
    made.socket.close()
    assert [attempt.outcome for attempt in made.attempts] == ["called-off", "won"]


def test_dialling_is_called_off_by_a_socket(town: LoopbackInternet) -> None:
    send, until = socket.socketpair()
    with send, until:
        send.send(b"\0")
        given_up = wait_in_vain(timeout=20.0, clock=town.clock, until=until)
        assert (given_up.failure, given_up.detail) == ("timeout", CALLED_OFF)


def test_dialling_with_a_way_out_connects_and_is_refused_like_without(town: LoopbackInternet) -> None:
    send, until = socket.socketpair()
    with send, until, held() as port, socket.create_server(("127.0.0.1", port)) as listening:
        made = connect(("127.0.0.1", port), timeout=5.0, clock=town.clock, until=until)
        assert made.socket is not None
        assert made.socket.gettimeout() == 5.0
        made.socket.close()
        listening.close()
        refused = connect(("127.0.0.1", port), timeout=5.0, clock=town.clock, until=until)
        assert refused.failure == "refused"
