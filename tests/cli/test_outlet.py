"""Output of a program that must not wait."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from typing import TextIO

import pytest

from labctl.cli.outlet import Outlet


def left_out(lines: int) -> str:
    return f"{lines} left out\n"


@pytest.fixture
def pipe() -> Iterator[tuple[int, TextIO]]:
    """A pipe: its end to read from, and the other as a stream."""
    reads, writes = os.pipe()
    with os.fdopen(writes, "w") as stream:
        yield reads, stream
    os.close(reads)


def outlet_to(stream: TextIO, most: int = 1_000_000) -> Outlet:
    # pytest puts a stdout of its own in place after the fixtures.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdout", stream)
        return Outlet(left_out, most)


def everything(outlet: Outlet, reads: int) -> str:
    heard = b""
    while not outlet.pour():
        heard += os.read(reads, 1_000_000)
    os.set_blocking(reads, False)
    while True:
        try:
            heard += os.read(reads, 1_000_000)
        except BlockingIOError:
            return heard.decode()


def test_lines_come_in_order_and_whole(pipe: tuple[int, TextIO]) -> None:
    outlet = outlet_to(pipe[1])
    lines = [f"line {n} {'x' * (n % 700)}\n" for n in range(2000)]
    for line in lines:
        outlet.put(line)
        outlet.pour()
    heard = everything(outlet, pipe[0]).splitlines(keepends=True)
    assert len(heard) == len(lines)
    assert all(one == other for one, other in zip(heard, lines, strict=True))


def test_a_pipe_that_nobody_reads_makes_nobody_wait_and_says_what_is_missing(
    pipe: tuple[int, TextIO],
) -> None:
    outlet = outlet_to(pipe[1], most=10_000)
    for n in range(20_000):
        outlet.put(f"line {n}\n")
        outlet.pour()
    heard = everything(outlet, pipe[0]).splitlines()
    missing = int(heard[-1].removesuffix(" left out"))
    assert heard[:-1] == [f"line {n}" for n in range(20_000 - missing)]
    outlet.put("more\n")
    assert everything(outlet, pipe[0]) == "more\n"


def test_a_line_longer_than_the_pipe_passes_in_pieces(pipe: tuple[int, TextIO]) -> None:
    outlet = outlet_to(pipe[1])
    outlet.put("x" * 300_000 + "\n")
    assert not outlet.pour()
    assert everything(outlet, pipe[0]) == "x" * 300_000 + "\n"


def test_a_reader_that_is_gone_is_a_broken_pipe() -> None:
    reads, writes = os.pipe()
    os.close(reads)
    with os.fdopen(writes, "w") as stream:
        outlet = outlet_to(stream)
        outlet.put("line\n")
        with pytest.raises(BrokenPipeError):
            outlet.pour()


def test_an_output_without_a_file_descriptor_is_written_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stdout", stream)
    outlet = Outlet(left_out)
    outlet.put("line\n")
    assert outlet.pour()
    assert stream.getvalue() == "line\n"
