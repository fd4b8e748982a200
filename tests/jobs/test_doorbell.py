"""The doorbell on SQLite: heard by everybody who waits, and never in the way of who rings."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest
from jobs.scripted_store import settings_in

from labctl.jobs.doorbell import Clock, Doorbell, SocketBell, hear, ring

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no Unix sockets: it polls there")


def test_everybody_who_listens_hears_which_job_has_news(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    with closing(hear(settings)) as one, closing(hear(settings)) as other:
        ring(settings, "j1")
        assert one.wait(10) == {"j1"}
        ring(settings, "j2")
        assert one.wait(10) == {"j2"}
        assert other.wait(10) == {"j1", "j2"}


def test_so_many_rings_that_some_may_be_lost_mean_any_job(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    with closing(hear(settings)) as bell:
        for number in range(1000):
            ring(settings, f"j{number}")
        assert bell.wait(10) is None


def test_nobody_listening_and_no_folder_at_all_are_no_errors(tmp_path: Path) -> None:
    ring(settings_in(tmp_path / "missing"), "j1")
    hear(settings_in(tmp_path)).close()
    assert os.listdir(tmp_path / "bells") == []
    ring(settings_in(tmp_path), "j1")


def test_the_name_that_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    killed = hear(settings)
    assert isinstance(killed, SocketBell)
    killed._socket.close()
    with closing(hear(settings)) as bell:
        ring(settings, "j1")
        assert len(os.listdir(tmp_path / "bells")) == 1
        assert bell.wait(10) == {"j1"}
    killed.close()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere a long path means polling")
def test_a_folder_whose_path_is_too_long_for_a_socket_has_a_bell_too(tmp_path: Path) -> None:
    settings = settings_in(tmp_path / ("x" * 120) / ("y" * 120))
    with closing(hear(settings)) as bell:
        assert isinstance(bell, SocketBell)
        ring(settings, "j1")
        assert bell.wait(10) == {"j1"}


@pytest.mark.parametrize("fault", ["", "polls-every-250-ms"])
def test_a_wait_is_ended_by_another_thread(tmp_path: Path, fault: str) -> None:
    with closing(hear(settings_in(tmp_path, faults=frozenset({fault})))) as bell:
        heard: list[frozenset[str] | None] = []
        waiting = threading.Thread(target=_wait_until_woken, args=(bell, heard))
        waiting.start()
        bell.wake()
        waiting.join()
        assert heard[-1] == frozenset()


def _wait_until_woken(bell: Doorbell, heard: list[frozenset[str] | None]) -> None:
    while not heard or heard[-1] is None:
        heard.append(bell.wait(60))


def test_under_the_fault_nothing_is_heard_but_a_clock(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, faults=frozenset({"polls-every-250-ms"}))
    with closing(hear(settings)) as bell:
        assert isinstance(bell, Clock)
        ring(settings, "j1")
        assert bell.wait(10) is None
    assert not (tmp_path / "bells").exists()
