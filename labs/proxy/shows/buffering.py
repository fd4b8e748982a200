"""One sync worker and one slow client: how long the client holds the worker, by what stands between the two."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeVar

from labctl.events import Event, Hue, Row, Span
from labctl.internet import Internet
from labctl.sandbox.proxy_configuration import Configuration
from labctl.serving.asking import ask
from labctl.serving.child_events import ChildEvent
from labctl.serving.standing import Standing
from labs.proxy.arguments import With
from labs.proxy.claims import SLOW_READER, SLOW_SENDER, STREAMING
from labs.proxy.front import Front, other_fronts
from labs.proxy.slow_client import Slow, read_slowly, send_slowly
from labs.proxy.way import address_of, stand_app, street_of
from labs.telling import command, heading, measured, note, opening, result, table
from labs.words import ms

# The app's answer: apps/slow.py.
SIZE_BYTES = 20 << 20
_SLOW_S, _SLOWEST_S = 0.8, 4.0
# Of the slow client's time: without a proxy a worker is held for longer.
_HELD = 0.4
# A proxy that buffers frees the worker in less than this part of that; on a machine that is too busy to move 20 MiB
# in less than the second part, nothing can be told.
_FREED, _MOVED = 0.5, 0.4


T = TypeVar("T")
_WHILE = {"reading": "During the slow read", "sending": "During the slow upload"}


class Path(NamedTuple):
    """A way to the worker: straight, or through a proxy that buffers or does not."""

    title: str
    buffers: bool | None
    app: Standing
    where: tuple[str, int]


class Held(NamedTuple):
    """What a slow client did to a worker; all in milliseconds since the client began."""

    title: str
    buffers: bool | None
    slow: Slow
    begin_ms: float
    end_ms: float

    @property
    def busy_ms(self) -> float:
        return self.end_ms - self.begin_ms

    @property
    def share(self) -> float:
        """The part of the slow client's time for which the worker was held."""
        return self.busy_ms / self.slow.took_ms if self.slow.took_ms else 0.0


def show(internet: Internet, with_: With) -> Iterator[Event]:
    """Raises CannotRun when an app or a proxy cannot stand."""
    front = Front(with_)
    yield opening("a slow client and one worker", f"gunicorn, {front.name}")
    with contextlib.ExitStack() as stack:
        street = stack.enter_context(street_of(internet))
        paths = []
        for title, manners, buffers in _ways(with_):
            app = stack.enter_context(stand_app(internet, "slow"))
            where = address_of(app)
            if buffers is not None:
                configuration = Configuration(manners, buffers_answers=buffers, buffers_requests=buffers)
                where = front.stand(stack, street, configuration, {"app": [where]})
            paths.append(Path(title, buffers, app, where))
        fast_ms = _fast_ms(paths)
        # Slow is what is slower than this machine, which may have other work.
        slow_s = round(min(max(_SLOW_S, 4 * fast_ms / 1000), _SLOWEST_S), 1)
        reading = _at_once(paths, "/big", lambda where: read_slowly(where, SIZE_BYTES, slow_s))
        sending = _at_once(paths, "/upload", lambda where: send_slowly(where, slow_s))
        # Somebody may have begun to use this machine meanwhile.
        fast_ms = max(fast_ms, _fast_ms(paths))
    yield from _told("reading", f"Somebody reads 20 MiB in {slow_s} s", reading)
    yield from _told("sending", f"Somebody uploads 400 kB in {slow_s} s", sending)
    yield from _judged(reading, sending, fast_ms)
    if with_ == "nginx":
        yield note("off: proxy_buffering off and proxy_request_buffering off.")
    if with_ == "embedded":
        yield note(
            "labctl's own proxy, twice: with buffers for answers and uploads as nginx has them, and without."
        )
    if with_ == "apache":
        yield note("Apache has no such buffer: mod_proxy passes bytes on as they come, both ways.")
    yield result(
        "A sync worker belongs behind a proxy that buffers: else a few slow phones are your whole capacity."
    )
    yield command(
        "by hand", "curl --limit-rate 100k -o /dev/null http://127.0.0.1:8000/big", "and ask again meanwhile"
    )
    yield command("next", "labctl proxy --show balance", "more than one app")
    yield from other_fronts(with_, "buffering")


def _ways(with_: With) -> tuple[tuple[str, str, bool | None], ...]:
    if with_ == "nginx":
        return (
            ("no proxy", "", None),
            ("nginx", "nginx-recommended", True),
            ("nginx, off", "nginx-recommended", False),
        )
    if with_ == "apache":
        return ("no proxy", "", None), ("Apache", "apache-repaired", False)
    return (
        ("no proxy", "", None),
        ("buffering", "nginx-recommended", True),
        ("streaming", "apache-repaired", False),
    )


def _fast_ms(paths: list[Path]) -> float:
    """How long 20 MiB take at full speed on the slowest of the ways, all asked at the same moment."""
    return max(answer.end_ms for answer in _on_all(paths, lambda where: ask(where, "/big")).values())


def _at_once(paths: list[Path], path: str, act: Callable[[tuple[str, int]], Slow]) -> list[Held]:
    """The same client on all ways at the same moment, each with a worker of its own."""
    slows = _on_all(paths, act)
    return [_held(way, path, slows[way.title]) for way in paths]


def _on_all(paths: list[Path], act: Callable[[tuple[str, int]], T]) -> dict[str, T]:
    """What `act` gives on each way, by its title; all begin together."""
    found: dict[str, T] = {}

    def one(way: Path) -> None:
        found[way.title] = act(way.where)

    threads = [
        threading.Thread(target=one, args=(way,), name=f"client {way.title}", daemon=True) for way in paths
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def _held(way: Path, path: str, slow: Slow) -> Held:
    """When the worker had the request, as the worker told."""

    def ours(event: ChildEvent) -> bool:
        return event.data.get("path") == path

    begun = way.app.wait_for("begin", timeout_s=2.0, since_ns=slow.began_ns, where=ours)
    begin_ms = end_ms = 0.0
    if begun is not None:
        begin_ms = end_ms = (begun.at_ns - slow.began_ns) / 1e6
        number = begun.data.get("id")
        ended = way.app.wait_for(
            "end", timeout_s=5.0, since_ns=begun.at_ns, where=lambda event: event.data.get("id") == number
        )
        if ended is not None:
            end_ms = (ended.at_ns - slow.began_ns) / 1e6
    return Held(way.title, way.buffers, slow, begin_ms, end_ms)


def _told(id: str, title: str, ways: list[Held]) -> Iterator[Event]:
    yield heading(title, "when the worker was held")
    for held in ways:
        yield Span(
            f"{held.title}: the worker was held from {ms(held.begin_ms)} to {ms(held.end_ms)}.",
            held.title,
            held.begin_ms,
            max(held.end_ms, held.begin_ms + 0.1),
            label=ms(held.busy_ms),
            hue="bad" if held.share >= _HELD else "ok",
        )
    rows = []
    for held in ways:
        hue: Hue = "bad" if held.share >= _HELD else "ok"
        wait = held.slow.other_waited_ms
        rows.append(
            Row(
                f"{held.title}: the worker was held for {ms(held.busy_ms)} of {ms(held.slow.took_ms)}, and somebody "
                f"else waited {ms(wait)}.",
                (held.title, ms(held.busy_ms), ms(wait)),
                hues=("", hue, hue),
            )
        )
    yield table(id, "", ("between client and worker", "worker held for", "somebody else waited"), rows)
    for held in ways:
        kind = {None: "direct", True: "buffered", False: "streamed"}[held.buffers]
        yield measured(
            f"proxy.{id}.{kind}",
            held.slow.other_waited_ms,
            f"{_WHILE[id]}, with {held.title}: somebody else waited {ms(held.slow.other_waited_ms)}.",
            "ms",
        )


def _judged(reading: list[Held], sending: list[Held], fast_ms: float) -> Iterator[Event]:
    reasons = [f"an answer was not whole: {held.title}" for held in (*reading, *sending) if not held.slow.ok]
    if not reasons and fast_ms > reading[0].busy_ms * _MOVED:
        reasons = [f"this machine is too busy to tell: 20 MiB took {ms(fast_ms)} at full speed"]
    if not reasons and min(reading[0].share, sending[0].share) < _HELD:
        reasons = [
            "without any proxy the slow client did not hold the worker either: this machine's buffers are too big"
        ]
    if reasons:
        for claim in (SLOW_READER, SLOW_SENDER, STREAMING):
            yield claim.not_seen(f"{reasons[0][:1].upper()}{reasons[0][1:]}.")
        return
    for claim, ways in ((SLOW_READER, reading), (SLOW_SENDER, sending)):
        buffered = next((held for held in ways if held.buffers), None)
        if buffered is None:
            yield claim.not_seen("Apache, which took part here, does not buffer.")
            continue
        yield claim.judged(
            buffered.busy_ms < ways[0].busy_ms * _FREED,
            f"The worker was held for {ms(ways[0].busy_ms)} without a proxy, and for {ms(buffered.busy_ms)} with "
            f"{buffered.title}.",
        )
    streamed = [next(held for held in ways if held.buffers is False) for ways in (reading, sending)]
    yield STREAMING.judged(
        all(
            held.busy_ms >= direct.busy_ms * _FREED
            for held, direct in zip(streamed, (reading[0], sending[0]), strict=True)
        ),
        f"With {streamed[0].title} the reader held the worker for {ms(streamed[0].busy_ms)}, and the sender for "
        f"{ms(streamed[1].busy_ms)}.",
    )
