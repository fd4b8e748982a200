"""The box from outside: what comes out of it, what stays outside, and what is left of it."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labctl import errors
from labctl.events import Event, Measure, Step
from labctl.sandbox.box import Box, BoxMistake, boxed, run_in_box

pytestmark = pytest.mark.usefixtures("needs_box")
Run = Callable[..., list[Event]]
Facts = Callable[..., dict[str, Any]]
HERE = Path(__file__).resolve().parent


def test_events_of_a_lab_come_out_of_the_box_with_its_files(run_boxed: Run) -> None:
    saved = {}
    events = run_boxed("hello", name="Ada", fault="wrong-ds", save=saved.__setitem__)
    assert events == [Step(text="Hello Ada.", data={"seed": 1, "fault": "wrong-ds"}), Step(text="Bye.")]
    assert saved == {"greeting.txt": b"Ada"}


def test_an_argument_that_means_nothing_is_told_before_the_first_event(labs: Any) -> None:
    with pytest.raises(errors.UsageError) as told:
        run_in_box(labs.lab(labs.hello), {"name": "nobody"}, save=lambda path, data: None)
    assert told.value.code == "nobody"
    assert told.value.headline == "nobody is not anybody"
    assert told.value.evidence == (("name", "nobody"),)
    assert told.value.fixes == ("say who",)


def test_an_error_of_ours_in_the_middle_is_raised_outside_after_the_events_before_it(labs: Any) -> None:
    events = run_in_box(labs.lab(labs.hello), {"name": "unlucky"}, save=lambda path, data: None)
    assert next(events) == Step(text="Hello unlucky.", data={"seed": 1, "fault": ""})
    with pytest.raises(errors.UsageError, match="too late"):
        next(events)


def test_a_mistake_inside_comes_out_with_its_traceback(run_boxed: Run) -> None:
    with pytest.raises(BoxMistake, match=r"(?s)a mistake of ours.*in _hello"):
        run_boxed("hello", name="mistaken")


def test_a_box_that_dies_is_told_as_such(run_boxed: Run) -> None:
    with pytest.raises(errors.CannotRun) as told:
        run_boxed("dying")
    assert told.value.code == "box-ended"


def test_the_command_line_of_a_boxed_lab_is_that_of_the_lab(labs: Any) -> None:
    lab = labs.lab(labs.hello)
    with Box() as box:
        assert boxed(lab, box).parameters() == lab.parameters()


def test_every_server_answers_at_its_address_as_far_away_as_the_town_says(measured: Facts) -> None:
    seen = measured("asking")
    assert seen["crashes"] == []
    for address, milliseconds in (
        ("198.41.0.4", 11.0),
        ("2001:500:2::c", 11.0),
        ("203.0.113.61", 14.0),
        ("198.51.100.53", 1.2),
    ):
        size, elapsed = seen[address]
        assert size > 40, address
        # Never nearer; a hundredth is for a clock that is being set.
        assert elapsed >= milliseconds * 0.99, address
        assert seen[f"tcp {address}"] == size, address


def test_what_the_town_does_not_have_is_unreachable_and_a_port_without_a_server_is_closed(
    measured: Facts,
) -> None:
    seen = measured("asking")
    assert seen["nobody 8.8.8.8"] == "unreachable"
    assert seen["nobody 2606:4700::1111"] == "unreachable"
    assert seen["nobody 203.0.113.10"] == "refused"


def test_nothing_of_the_host_can_be_reached_from_inside_and_nothing_of_it_is_changed(measured: Facts) -> None:
    files = [Path("/etc", name) for name in ("resolv.conf", "nsswitch.conf", "hosts")]
    before = [file.read_bytes() if file.exists() else None for file in files]
    mounts = Path("/proc/self/mountinfo").read_text()
    interfaces = socket.if_nameindex()
    with socket.create_server(("127.0.0.1", 0)) as listening, socket.socket(socket.AF_UNIX) as abstract:
        port = listening.getsockname()[1]
        abstract.bind(f"\0labctl-test-{port}")
        abstract.listen()
        seen = measured("looking_around", host_port=port)
    assert seen["resolv.conf"] == "nameserver 198.51.100.53\n"
    assert seen["nsswitch.conf"] == "hosts: files dns\n"
    assert "203.0.113.99 intranet.shop.test" in seen["hosts"]
    assert seen["interfaces"] == ["eth0", "lo"]
    assert seen["host's listener"] != 0
    assert seen["host's abstract socket"] != 0
    assert seen["resolver sockets"] == []
    # One address of the client, and no way out.
    assert seen["server's routes"] == [["*", "00000000"], ["uplink", "0200350A"]]
    assert seen["user"] == os.getuid()
    assert [file.read_bytes() if file.exists() else None for file in files] == before
    assert Path("/proc/self/mountinfo").read_text() == mounts
    assert socket.if_nameindex() == interfaces


def test_the_lab_is_in_namespaces_of_its_own_and_this_process_never_was(measured: Facts, labs: Any) -> None:
    before = labs.namespaces()
    seen = measured("looking_around", host_port=9)
    assert labs.namespaces() == before
    for kind in ("net", "mnt", "pid"):
        assert seen["namespaces"][kind] != before[kind], kind
    assert (seen["namespaces"]["user"] == before["user"]) == (os.geteuid() == 0)


def test_twenty_boxes_stand_side_by_side(labs: Any) -> None:
    lab = labs.lab(labs.conversation)
    with contextlib.ExitStack() as opened:
        boxes = [opened.enter_context(Box(distance=False)) for _ in range(20)]
        for box in boxes:
            box.wait_until_ready()
        running = [box.run(lab, {}, save=lambda path, data: None) for box in boxes]
        ladders = [
            next(event.value for event in events if isinstance(event, Measure) and event.id == "ladder")
            for events in running
        ]
    assert all(ladder == ladders[0] for ladder in ladders)


def test_a_box_that_nobody_listens_to_any_more_ends_with_all_that_runs_in_it(labs: Any) -> None:
    events = run_in_box(labs.lab(labs.waiting), {}, save=lambda path, data: None)
    next(events)
    gone = [os.pidfd_open(pid) for pid in _inhabitants()]
    assert len(gone) >= 3  # the process that waits, process 1, the program
    events.close()  # type: ignore[attr-defined]
    _end(gone)


def test_kill_9_leaves_no_process_and_with_it_no_interface_and_no_mount(labs: Any) -> None:
    program = (
        "import sys; sys.path[:0] = [sys.argv[1]]; import labs_in_boxes as labs; "
        "from labctl.sandbox.box import run_in_box; "
        "events = run_in_box(labs.lab(labs.waiting), {}, save=None); next(events); "
        "print('on', flush=True); next(events)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(HERE)], stdout=subprocess.PIPE, env={**os.environ}
    ) as labctl:
        assert labctl.stdout is not None
        assert labctl.stdout.readline() == b"on\n"
        inhabitants = _inhabitants(labctl.pid)
        gone = [os.pidfd_open(pid) for pid in inhabitants]
        assert len(gone) >= 3
        labctl.kill()
    # Namespaces end with their last process, and interfaces and mounts with them.
    _end(gone)


def test_no_thread_is_left_in_this_process(run_boxed: Run) -> None:
    before = set(threading.enumerate())
    run_boxed("hello")
    assert set(threading.enumerate()) == before


def _inhabitants(of: int | None = None) -> list[int]:
    """The processes below this one (or that one) and theirs."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with contextlib.suppress(OSError):
                stat = (entry / "stat").read_text().rpartition(")")[2].split()
                parents[int(entry.name)] = int(stat[1])
    found = {of or os.getpid()}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return sorted(found - {of or os.getpid()})


def _end(pidfds: list[int]) -> None:
    """All of these end soon; a pidfd is readable when its process has."""
    left = set(pidfds)
    deadline = time.monotonic() + 10
    try:
        while left:
            ready, _, _ = select.select(list(left), [], [], max(0, deadline - time.monotonic()))
            assert ready, "a process of the box is still there"
            left -= set(ready)
    finally:
        for pidfd in pidfds:
            os.close(pidfd)
