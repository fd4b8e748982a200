"""Watches a WSGI application from the inside of its server, without changing what either of them sees.

Child side: only the standard library. `traced(app, tell)` is what the server gets instead of the application. For
each request it tells, with `request` counting from 1 in this process:

- "environ": `values` (texts cut, other values as the name of their type), in parts of a size that fits an event;
  `part` of `parts`, `count` keys.
- "start_response": `status`, `headers`, `exc_info` (whether it was given), `times` (its number), `refused` (what the
  server raised, or "").
- "returned": `type`, `length` (None: not known), `closes` (has a close), `watched`, `took_ms`. Lists, tuples and the
  server's own file wrapper are not `watched`: servers know them by their type, so they are handed on as they are.
  Items of a list are told at once, its end is not seen.
- "item", "write": `number`, `type`, `bytes`, `start` (a repr of the beginning), `took_ms`; for the first ones.
- "raised": `where` (call, item or close), `error` (its type), `text`.
- "close": `closes`, `items` and `bytes` in all, `items_ms` for making them, `took_ms`, `error`.
- "valid": `said`, what wsgiref.validate says when the same is played again inside of it ("" when nothing); `server`,
  what the server's own environ breaks, or ""; `read`, how many bytes of the request's content the application took.

After PEP 3333; the replay is `wsgi_replay`.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from labctl.serving.wsgi_replay import Record, unfit, valid
from labctl.serving.wsgi_trace_words import headers, parts, raised, size, start, text, word

# tell(kind, **data), as labctl.serving.children.job has it.
Tell = Callable[..., None]
Application = Callable[..., Any]

# Items and writes of a response that are told one by one.
MOST_TOLD = 40


def traced(app: Application, tell: Tell) -> Application:
    """An application that does what `app` does, and tells about it."""
    numbers = itertools.count(1)
    lock = threading.Lock()

    def watched(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        with lock:
            number = next(numbers)
        return _Watch(number, tell, environ).call(app, environ, start_response)

    return watched


class _Watch:
    """One request."""

    def __init__(self, number: int, tell: Tell, environ: dict[str, Any]) -> None:
        self._number = number
        self._tell_all = tell
        self.record = Record(dict(environ))
        self._starts = 0
        self._told = 0
        self.items = 0
        self.items_ms = 0.0
        self.bytes = 0
        self._ended = False

    def tell(self, kind: str, **data: Any) -> None:
        self._tell_all(kind, request=self._number, **data)

    def call(self, app: Application, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        for part in parts(environ):
            self.tell("environ", **part)
        source = environ.get("wsgi.input")
        if source is not None:
            environ["wsgi.input"] = _Input(source, self.record)
        began = time.perf_counter()
        try:
            found = app(environ, self._starting(start_response))
        except BaseException as error:
            self.raised("call", error)
            self.finish()
            raise
        took = _since(began)
        self.record.returned = found
        self.record.calls_before = len(self.record.calls)
        closes = callable(getattr(found, "close", None))
        wrapper = environ.get("wsgi.file_wrapper")
        own = isinstance(wrapper, type) and isinstance(found, wrapper)
        ready = type(found) in (list, tuple)
        iterable = not own and not ready and _can_be_iterated(found)
        name, length = type(found).__name__, size(found)
        self.tell("returned", type=name, length=length, closes=closes, watched=iterable, took_ms=took)
        if not iterable:
            for item in found if ready else ():
                self.record.keep(item)
                self.say("item", item, 0.0)
            self.finish()
            return found
        return _Sized(found, self) if hasattr(found, "__len__") else _Watched(found, self)

    def _starting(self, start_response: Callable[..., Any]) -> Callable[..., Any]:
        def starting(*arguments: Any, **named: Any) -> Any:
            self._starts += 1
            self.record.calls.append(("start_response", arguments, named))
            refused, write = "", None
            try:
                write = start_response(*arguments, **named)
            except BaseException as error:
                refused = raised(error)
                raise
            finally:
                self._say_start(arguments, named, refused)
            return self._writing(write) if callable(write) else write

        return starting

    def _say_start(self, arguments: tuple[Any, ...], named: Mapping[str, Any], refused: str) -> None:
        status, fields, exc_info = (*arguments, *(None,) * 3)[:3]
        self.tell(
            "start_response",
            status=word(named.get("status", status)),
            headers=headers(named.get("response_headers", named.get("headers", fields))),
            exc_info=bool(named.get("exc_info", exc_info)),
            times=self._starts,
            refused=refused,
        )

    def _writing(self, write: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def writing(data: Any) -> Any:
            self.record.calls.append(("write", (data,), {}))
            self.say("write", data, 0.0)
            return write(data)

        return writing

    def say(self, kind: str, data: Any, took: float) -> None:
        """An item, or what was given to write()."""
        self.items += 1
        self.items_ms += took
        length = size(data) or 0
        self.bytes += length
        if self._told < MOST_TOLD:
            self._told += 1
            about = {"type": type(data).__name__, "bytes": length, "start": start(data)}
            self.tell(kind, number=self.items, **about, took_ms=took)

    def raised(self, where: str, error: BaseException) -> None:
        self.record.error = error
        self.tell("raised", where=where, error=type(error).__name__, text=text(error))

    def closed(self, closes: bool, took: float, error: str) -> None:
        made = {"items": self.items, "bytes": self.bytes, "items_ms": round(self.items_ms, 3)}
        self.tell("close", closes=closes, **made, took_ms=took, error=error)
        self.record.closed = True
        self.finish()

    def finish(self) -> None:
        """Play it again inside of the validator, once."""
        if not self._ended:
            self._ended = True
            said, server = valid(self.record)[:400], unfit(self.record.environ)
            self.tell("valid", said=said, server=server, read=self.record.read_bytes)


class _Watched:
    """The iterable, watched. It has a close() in any case: a server that calls it would call one that is there."""

    def __init__(self, inner: Any, watch: _Watch) -> None:
        self._inner = inner
        self._watch = watch
        self._iterator: Iterator[Any] | None = None

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        began = time.perf_counter()
        try:
            if self._iterator is None:
                self._iterator = iter(self._inner)
            item = next(self._iterator)
        except StopIteration:
            raise
        except BaseException as error:
            self._watch.raised("item", error)
            raise
        self._watch.record.keep(item)
        self._watch.say("item", item, _since(began))
        return item

    def close(self) -> None:
        began, error = time.perf_counter(), ""
        close = getattr(self._inner, "close", None)
        try:
            if callable(close):
                close()
        except BaseException as problem:
            error = raised(problem)
            raise
        finally:
            self._watch.closed(callable(close), _since(began), error)


class _Sized(_Watched):
    """One that has a length: servers make a Content-Length of a single item."""

    def __len__(self) -> int:
        return len(self._inner)


class _Input:
    """wsgi.input, with what is read of it counted and remembered."""

    def __init__(self, inner: Any, record: Record) -> None:
        self._inner = inner
        self._record = record

    def _counted(self, name: str, arguments: tuple[Any, ...]) -> Any:
        data = getattr(self._inner, name)(*arguments)
        lines: Iterable[Any] = data if isinstance(data, list) else (data,)
        self._record.reads.append((name, arguments))
        self._record.read_bytes += sum(len(line) for line in lines if isinstance(line, bytes))
        return data

    def read(self, *arguments: Any) -> Any:
        return self._counted("read", arguments)

    def readline(self, *arguments: Any) -> Any:
        return self._counted("readline", arguments)

    def readlines(self, *arguments: Any) -> Any:
        return self._counted("readlines", arguments)

    def __iter__(self) -> Iterator[Any]:
        while line := self.readline():
            yield line

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


def _can_be_iterated(found: Any) -> bool:
    return hasattr(found, "__iter__") or hasattr(found, "__getitem__")


def _since(began: float) -> float:
    return round((time.perf_counter() - began) * 1000, 3)
