"""Tell when a request begins and ends in the application, at the cost of two writes, and change nothing else.

What the server sees of the response is kept: its length, if it has one, its `close`, and that it is the server's own
file wrapper.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from typing import Any

from labctl.serving.children.job import tell


class Watched:
    """An iterable of a response. `close` is the server's last call (PEP 3333), and there the request ends."""

    def __init__(self, answer: Any, ended: Callable[[], None]) -> None:
        self._answer = answer
        self._ended = ended

    def __iter__(self) -> Iterator[Any]:
        return iter(self._answer)

    def close(self) -> None:
        """Close the application's iterable, if it wants that."""
        close = getattr(self._answer, "close", None)
        try:
            if close is not None:
                close()
        finally:
            self._ended()


class WatchedSized(Watched):
    """The same for what has a length: servers make a Content-Length of a list with one piece."""

    def __len__(self) -> int:
        return len(self._answer)


class WatchedList(list[Any]):
    """The same for a list, which stays one."""

    ended: Callable[[], None]

    def close(self) -> None:
        """A list has nothing to close."""
        self.ended()


class WatchedTuple(tuple[Any, ...]):
    """The same for a tuple."""

    ended: Callable[[], None]

    def close(self) -> None:
        """A tuple has nothing to close."""
        self.ended()


def watch(app: Callable[..., Any]) -> Callable[..., Any]:
    """The application, telling "begin" and "end"."""
    numbers = itertools.count(1)

    def application(environ: Any, start_response: Any) -> Any:
        number = next(numbers)
        about = {
            "id": number,
            "thread": threading.current_thread().name,
            "request": environ.get("HTTP_X_LABCTL_REQUEST", ""),
        }
        status = 0
        told = False

        def started(*words: Any, **named: Any) -> Any:
            nonlocal status
            write = start_response(*words, **named)
            line = words[0] if words else ""
            status = int(line[:3]) if isinstance(line, str) and line[:3].isdigit() else 0
            return write

        def ended(raised: str = "") -> None:
            nonlocal told
            if not told:
                told = True
                tell("end", **about, status=status, raised=raised)

        tell(
            "begin",
            **about,
            method=environ.get("REQUEST_METHOD", ""),
            path=environ.get("PATH_INFO", ""),
            query=environ.get("QUERY_STRING", ""),
        )
        try:
            answer = app(environ, started)
        except BaseException as problem:
            ended(type(problem).__name__)
            raise
        if answer is None:
            ended()
            return answer
        wrapper = environ.get("wsgi.file_wrapper")
        if isinstance(wrapper, type) and isinstance(answer, wrapper):
            return _watched_file(answer, ended)
        return _watched(answer, ended)

    return application


def _watched(answer: Any, ended: Callable[[], None]) -> Any:
    """What the server gets instead of the iterable, as like it as can be."""
    kind = type(answer)
    if kind is list or kind is tuple:
        same = WatchedList(answer) if kind is list else WatchedTuple(answer)
        same.ended = ended
        return same
    return (WatchedSized if hasattr(answer, "__len__") else Watched)(answer, ended)


def _watched_file(answer: Any, ended: Callable[[], None]) -> Any:
    """The server looks at the type of this one, so it stays what it is, with another `close`."""
    close = getattr(answer, "close", None)

    def closed() -> None:
        try:
            if close is not None:
                close()
        finally:
            ended()

    try:
        answer.close = closed
    except AttributeError:
        ended()
    return answer
