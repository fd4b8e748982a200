"""The time line on a real terminal: painted in place, never taller than the screen, gone before the page goes on."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import threading
from collections.abc import Callable, Iterator

import pytest

if sys.platform == "win32":
    pytest.skip("there are no pseudo-terminals here", allow_module_level=True)

import fcntl
import pty
import signal
import struct
import termios

from conftest import plan_of, rendered
from example_walk import run_of
from test_timeline import PICTURE, many, on

from labctl.events import Event
from labctl.render.growing import GrowingTimeline
from labctl.render.page import Page
from labctl.render.waiting import hush

pyte = pytest.importorskip("pyte")


class Terminal:
    """A pseudo-terminal with somebody who looks: `screen` is what stands there now."""

    def __init__(self, columns: int, rows: int) -> None:
        self._master, slave = pty.openpty()
        self.screen = pyte.HistoryScreen(columns, rows, history=1000)
        self._stream = pyte.ByteStream(self.screen)
        self._changed = threading.Condition()
        self.written = b""
        self.size(columns, rows)
        self.file = open(slave, "w", encoding="utf-8")  # noqa: SIM115
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def size(self, columns: int, rows: int) -> None:
        with self._changed:
            fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            self.screen.resize(rows, columns)

    def _look(self) -> None:
        with contextlib.suppress(OSError):
            while data := os.read(self._master, 65536):
                with self._changed:
                    self.written += data
                    # pyte does not know synchronised output, and would print its end.
                    self._stream.feed(data.replace(b"\x1b[?2026h", b"").replace(b"\x1b[?2026l", b""))
                    self._changed.notify_all()

    def lines(self) -> list[str]:
        return [line.rstrip() for line in self.screen.display]

    def wait(self, seen: Callable[[list[str]], bool]) -> list[str]:
        with self._changed:
            assert self._changed.wait_for(lambda: seen(self.lines()), 30), "\n".join(self.lines())
            return self.lines()

    def scrolled(self) -> int:
        return len(self.screen.history.top)

    def close(self) -> None:
        self.file.close()
        self._thread.join(10)
        os.close(self._master)


@pytest.fixture
def terminal() -> Iterator[Callable[[int, int], Terminal]]:
    made: list[Terminal] = []

    def one(columns: int, rows: int) -> Terminal:
        made.append(Terminal(columns, rows))
        return made[-1]

    yield one
    hush()
    for each in made:
        each.close()


Make = Callable[[int, int], Terminal]


def growing(
    screen: Terminal, clock: Callable[[], float] = lambda: 0.0, **env: str
) -> tuple[Page, GrowingTimeline]:
    plan = plan_of(80, {"TERM": "xterm-256color", **env}, color="auto")
    assert plan.live
    page = Page(plan, screen.file, command="labctl workers")
    page.note("What stands above.", "")
    page.gap()
    return page, GrowingTimeline(page, live=True, clock=clock, every=0.001)


def finish(page: Page, picture: GrowingTimeline) -> None:
    page.put(picture.finish(all_rows=False), "timeline")
    page.note("What stands below.", "")


def painters() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "live picture"]


def test_it_grows_in_place_and_stands_once_when_it_is_over(terminal: Make) -> None:
    screen = terminal(80, 24)
    page, picture = growing(screen)
    for span in PICTURE[:6]:
        picture.add(span)
    screen.wait(lambda lines: any("██a██" in line for line in lines))
    for span in PICTURE[6:]:
        picture.add(span)
    screen.wait(lambda lines: any("timeout: SIGABRT" in line for line in lines))
    finish(page, picture)
    lines = screen.wait(lambda lines: any("below" in line for line in lines))
    assert next(line for line in lines if line).strip() == "What stands above."
    assert sum("worker 1" in line for line in lines) == 1
    assert lines[2].endswith("10 s")
    assert lines[14].strip() == "What stands below."
    assert not screen.scrolled()
    assert not painters()


def test_it_grows_by_its_own_clock_while_nothing_happens(terminal: Make) -> None:
    screen = terminal(80, 24)
    now = [0.0]
    page, picture = growing(screen, clock=lambda: now[0])
    picture.add(on("worker 1", 0, 0, "a", state="open"))
    begun = screen.wait(lambda lines: any("worker 1" in line for line in lines))
    assert not any("█" in line for line in begun), "one cell, and that is its letter"
    now[0] = 0.9
    screen.wait(lambda lines: any(line.count("█") > 40 for line in lines))
    finish(page, picture)


def test_the_cursor_is_shown_and_stands_below_after_every_painting(terminal: Make) -> None:
    screen = terminal(80, 24)
    page, picture = growing(screen)
    picture.add(PICTURE[3])
    screen.wait(lambda lines: any("idle" in line for line in lines))
    assert not screen.screen.cursor.hidden
    assert screen.screen.cursor.x == 0
    finish(page, picture)
    assert screen.written.count(b"\x1b[?25l") == screen.written.count(b"\x1b[?25h")


def test_on_a_low_screen_it_is_bounded_and_nothing_scrolls_away_until_it_is_over(terminal: Make) -> None:
    screen = terminal(80, 12)
    page, picture = growing(screen)
    for span in many(40):
        picture.add(span)
    screen.wait(lambda lines: any("more" in line for line in lines))
    before = screen.scrolled()
    for n in range(20):
        picture.add(on("worker 1", 100 + n, 101 + n, "b"))
    screen.wait(lambda lines: True)
    assert before <= 3
    finish(page, picture)
    screen.wait(lambda lines: any("below" in line for line in lines))
    everything = "\n".join(
        ["".join(line[x].data for x in range(80)) for line in screen.screen.history.top] + screen.lines()
    )
    assert everything.count("worker 7 ") == 1
    assert everything.count("idle") == 1


@pytest.mark.parametrize(("columns", "rows"), [(60, 24), (120, 40), (80, 9), (30, 5), (80, 1)])
def test_a_terminal_may_change_its_size_meanwhile(terminal: Make, columns: int, rows: int) -> None:
    screen = terminal(80, 24)
    page, picture = growing(screen)
    for span in PICTURE:
        picture.add(span)
    screen.wait(lambda lines: any("idle" in line for line in lines))
    screen.size(columns, rows)
    picture.add(on("worker 1", 9000, 9500, "z"))
    mark = len(screen.written)
    screen.wait(lambda lines: len(screen.written) > mark + 4000 or rows == 1)
    finish(page, picture)
    screen.wait(lambda lines: any("below" in line for line in lines) or rows == 1)
    assert not painters()


def test_text_of_others_cannot_move_the_cursor(terminal: Make) -> None:
    screen = terminal(80, 24)
    page, picture = growing(screen)
    evil = "\x1b[2J\x1b[9;9Hevil\r\n"
    picture.add(on(evil, 0, 10, evil, under=evil))
    screen.wait(lambda lines: any("evil" in line for line in lines))
    finish(page, picture)
    screen.wait(lambda lines: any("below" in line for line in lines))
    assert screen.lines()[0].strip() == "What stands above."
    assert b"\x1b[2J" not in screen.written


def test_without_colour_it_is_painted_too(terminal: Make) -> None:
    screen = terminal(80, 24)
    page, picture = growing(screen, NO_COLOR="1")
    for span in PICTURE:
        picture.add(span)
    screen.wait(lambda lines: any("▓▓b▓▓" in line for line in lines))
    finish(page, picture)
    assert b"38;" not in screen.written


def test_an_error_can_silence_it_and_the_picture_still_comes_at_the_end(terminal: Make) -> None:
    screen = terminal(80, 24)
    page, picture = growing(screen)
    picture.add(PICTURE[3])
    screen.wait(lambda lines: any("idle" in line for line in lines))
    hush()
    assert not painters()
    picture.add(PICTURE[4])
    finish(page, picture)
    screen.wait(lambda lines: any("d" in line[15:] for line in lines if "worker 1" in line))


def test_a_terminal_that_goes_away_ends_the_painting(terminal: Make) -> None:
    screen = terminal(80, 24)
    _, picture = growing(screen)
    picture.add(PICTURE[3])
    screen.wait(lambda lines: any("idle" in line for line in lines))
    screen.file.close()
    picture.finish(all_rows=False)
    assert not painters()


SCRIPT = """
import sys, time
sys.path.insert(0, {tests!r})
from test_timeline import PICTURE
from labctl.play import Run, play
from labctl.render import make
from labctl.render.mode import Flags, look, resolve
class Lab:
    name, claims = "workers", ()
    def run(self, internet):
        yield from PICTURE[:8]
        time.sleep(60)
    def judges(self, arguments):
        return False
run = Run(Lab(), "labctl workers", {{}}, "sandbox")
plan = resolve(Flags(), look(sys.stdin, sys.stdout, sys.stderr), {{"TERM": "xterm-256color"}})
page = make(plan, sys.stdout, command=run.command)
page.begin(run)
play(run, None, [page])
page.end(run)
"""


def test_ctrl_c_leaves_the_picture_once_and_a_working_terminal() -> None:
    pexpect = pytest.importorskip("pexpect")
    here = os.path.dirname(__file__)
    child = pexpect.spawn(
        sys.executable,
        ["-c", SCRIPT.format(tests=here)],
        dimensions=(30, 80),
        encoding="utf-8",
        timeout=60,
    )
    child.logfile_read = everything = io.StringIO()
    with child:
        child.expect("a request")
        child.kill(signal.SIGINT)
        child.expect(pexpect.EOF)
    screen = pyte.Screen(80, 30)
    pyte.Stream(screen).feed(everything.getvalue().replace("\x1b[?2026h", "").replace("\x1b[?2026l", ""))
    lines = "\n".join(screen.display)
    assert lines.count("worker 1") == 1
    assert "Interrupted" in lines
    assert not screen.cursor.hidden


def test_piped_there_is_one_picture_and_no_escape_code() -> None:
    events: list[Event] = list(PICTURE)
    page = rendered(plan_of(80, {"TERM": "xterm-256color"}), events, run_of(events))
    assert "\x1b" not in page
    assert page.count("worker 2 ") == 1
    assert not painters()
