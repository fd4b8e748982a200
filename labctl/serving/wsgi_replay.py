"""What an application did with one request, played again inside of wsgiref.validate.

Child side: only the standard library. The application is not called a second time: its calls of start_response and
write, its reads, the items and the close() are repeated, and the validator judges them (PEP 3333, checked by
wsgiref.validate).
"""

from __future__ import annotations

import io
import threading
import warnings
from collections.abc import Iterator, Mapping
from typing import Any
from wsgiref.validate import validator

# Items of a response that are kept for the replay; their contents are not, only their types and sizes.
_MOST_ITEMS = 64
# Its assertions about wsgi.input have no text.
_SILENT = "the size is missing in a read of wsgi.input"


class Record:
    """One request: `environ` as it was, `calls` of start_response and write, `reads` of wsgi.input, the items."""

    def __init__(self, environ: dict[str, Any]) -> None:
        self.environ = environ
        self.calls: list[tuple[str, tuple[Any, ...], Mapping[str, Any]]] = []
        self.reads: list[tuple[str, tuple[Any, ...]]] = []
        self.read_bytes = 0
        self.returned: Any = None
        # Each with how many calls had been made before it.
        self.items: list[tuple[int, Any]] = []
        # How many calls there were when the application returned; -1 before that.
        self.calls_before = -1
        self.error: BaseException | None = None
        self.closed = False

    def keep(self, item: Any) -> None:
        """An item of the iterable."""
        if len(self.items) < _MOST_ITEMS:
            kept = item[:1] if isinstance(item, (bytes, str)) else item
            self.items.append((len(self.calls), kept))


class _Raised(Exception):
    """The application raised here."""


def unfit(environ: Mapping[str, Any]) -> str:
    """What the server gave that is no str and should be one, half a sentence; the application cannot help it."""
    found = [key for key in environ if _is_cgi(key) and type(environ[key]) is not str]
    return ", ".join(f"{key} is of type {type(environ[key]).__name__}, not str" for key in sorted(found))


def _is_cgi(key: object) -> bool:
    """Keys with a point are extensions, and may be anything."""
    return isinstance(key, str) and "." not in key


# The list of warnings that Python keeps is one for all threads.
_one_at_a_time = threading.Lock()


def valid(record: Record) -> str:
    """What the validator says about it; "" when it has nothing to say. What it warns of counts, too."""
    # A missing QUERY_STRING is the server's affair, and so is a port that is an int: the validator would stop there.
    given = {key: str(value) if _is_cgi(key) else value for key, value in record.environ.items()}
    environ = {
        "QUERY_STRING": "",
        **given,
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": io.StringIO(),
    }
    with _one_at_a_time, warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            _replay(record, environ)
        except _Raised:
            pass
        except Exception as error:
            return str(error) or _SILENT
    return str(warned[0].message) if warned else ""


def _replay(record: Record, environ: dict[str, Any]) -> None:
    """Raises what the validator raises; _Raised where the application did."""

    def again(environ: dict[str, Any], start_response: Any) -> Any:
        for name, arguments in record.reads:
            getattr(environ["wsgi.input"], name)(*arguments)
        first = len(record.calls) if record.calls_before < 0 else record.calls_before
        write = _played(record.calls[:first], start_response, None)
        if record.returned is None and record.error is not None:
            raise _Raised
        if isinstance(record.returned, (str, bytes)) or record.returned is None:
            return record.returned
        iter(record.returned)  # raises TypeError, as it would in the validator, whose __del__ then complains
        return _Again(record, first, start_response, write)

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        return lambda data: None

    answer = validator(again)(environ, start_response)
    try:
        for _ in answer:
            pass
    finally:
        answer.close()  # type: ignore[attr-defined]


def _played(calls: list[Any], start_response: Any, write: Any) -> Any:
    for name, arguments, named in calls:
        if name == "write":
            write(*(data[:1] for data in arguments))
        else:
            write = start_response(*arguments, **named)
    return write


class _Again:
    """The items, with the calls that came in between played where they came."""

    def __init__(self, record: Record, first: int, start_response: Any, write: Any) -> None:
        self._record = record
        self._played = first
        self._start_response = start_response
        self._write = write
        self._items = iter(record.items)

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        calls = self._record.calls
        until, item = next(self._items, (len(calls), _END))
        self._write = _played(calls[self._played : until], self._start_response, self._write)
        self._played = max(self._played, until)
        if item is not _END:
            return item
        if self._record.error is not None:
            raise _Raised
        raise StopIteration

    def close(self) -> None:
        """What the application's own close() did is not repeated."""


_END = object()
