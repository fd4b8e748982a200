"""Registers of functions that hand out wrapped ones to Flask while a request is traced. Child side, stdlib only.

Whoever else looks gets the functions as they were registered: `app.view_functions["index"] is index` stays true.
"""

from __future__ import annotations

import functools
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, SupportsIndex

from labctl.serving.flask_trace_places import is_async, locate
from labctl.serving.flask_trace_records import CURRENT, NOTES

# Flask's methods that call what is registered; a subclass may have its own.
_CALLERS = frozenset(
    (
        "preprocess_request",
        "dispatch_request",
        "process_response",
        "do_teardown_request",
        "do_teardown_appcontext",
        "update_template_context",
    )
)


def _is_for_calling() -> bool:
    """Whether the caller's caller is going to call what it gets, and the request is traced."""
    return CURRENT.get() is not None and sys._getframe(2).f_code.co_name in _CALLERS


class Traced:
    """A function that notes when it began and ended, what it returned in short, and what it raised.

    It compares equal to the function, hashes like it and has its attributes, so that sets of exempt views work.
    """

    def __init__(self, function: Any, kind: str, scope: str) -> None:
        functools.update_wrapper(self, function)
        self._labctl = (function, kind, scope, is_async(function))
        self._labctl_where: Any = None

    def __call__(self, *given: Any, **named: Any) -> Any:
        function, kind, scope, runs_async = self._labctl
        trace = CURRENT.get()
        if trace is None:
            return _synchronous(function)(*given, **named) if runs_async else function(*given, **named)
        if self._labctl_where is None:
            self._labctl_where = locate(function, trace.method)
        where = locate(function, trace.method) if hasattr(function, "view_class") else self._labctl_where
        trace.ran.add((kind, id(function)))
        record = trace.begin(kind, where, scope)
        try:
            returned = (_synchronous(function) if runs_async else function)(*given, **named)
        except BaseException as error:
            trace.raised(record, error)
            raise
        notes = _notes(kind, returned, given)
        if notes:
            record[NOTES].update(notes)
        trace.end(record)
        return returned

    def __eq__(self, other: object) -> bool:
        theirs = other._labctl[0] if isinstance(other, Traced) else other
        return bool(self._labctl[0] == theirs)

    def __hash__(self) -> int:
        return hash(self._labctl[0])

    def __getattr__(self, name: str) -> Any:
        # With __code__ it would pass for a function, and for a coroutine function where that one is.
        if name.startswith("_labctl") or name == "__code__":
            raise AttributeError(name)
        return getattr(self._labctl[0], name)


def _synchronous(function: Any) -> Any:
    """By the application's own ensure_sync, which it may have overridden. Without asgiref it raises RuntimeError."""
    from flask import current_app

    return current_app.ensure_sync(function)


_WRAPPED: dict[tuple[int, str, str], Traced] = {}


def wrapped(function: Any, kind: str, scope: str) -> Traced:
    """The function wrapped, the same object each time; the wrapper keeps the function, so an id stays its own."""
    key = (id(function), kind, scope)
    found = _WRAPPED.get(key)
    if found is None:
        found = _WRAPPED[key] = Traced(function, kind, scope)
    return found


def _notes(kind: str, returned: Any, given: tuple[Any, ...]) -> dict[str, Any]:
    if kind in ("before_request", "view", "error_handler", "method"):
        return (
            {}
            if returned is None and kind not in ("view", "error_handler")
            else {"returned": describe(returned)}
        )
    if kind in ("after_request", "after_this_request") and (not given or returned is not given[0]):
        return {"returned": describe(returned)}
    return {}


def describe(value: Any) -> str:
    """What a view gave, in short: `str`, `Response 302`, `str, 404`."""
    if isinstance(value, tuple):
        parts = [str(each) if isinstance(each, int) else type(each).__name__ for each in value[:3]]
        return ", ".join(parts)[:120] or "()"
    status = getattr(value, "status_code", None)
    name = type(value).__name__
    return f"{name} {status}"[:120] if isinstance(status, int) else name[:120]


class Hooks(list[Any]):
    """A list of registered functions. It holds them as they are; Flask gets wrapped ones in a traced request."""

    def __init__(self, functions: Iterable[Any], kind: str, scope: str | None) -> None:
        super().__init__(functions)
        self._kind = kind
        self._scope = scope or ""

    def __iter__(self) -> Iterator[Any]:
        if not _is_for_calling():
            return super().__iter__()
        return (wrapped(each, self._kind, self._scope) for each in list.__iter__(self))

    def __reversed__(self) -> Iterator[Any]:
        if not _is_for_calling():
            return super().__reversed__()
        return (wrapped(each, self._kind, self._scope) for each in list.__reversed__(self))

    def __getitem__(self, index: SupportsIndex | slice) -> Any:
        found = super().__getitem__(index)
        if isinstance(index, slice) or not _is_for_calling():
            return found
        return wrapped(found, self._kind, self._scope)


class Register(defaultdict[Any, Any]):
    """Functions by scope: None for the application's, else a blueprint's name."""

    def __init__(self, functions: Mapping[Any, Any], kind: str) -> None:
        super().__init__(None, functions)
        self._kind = kind

    def __missing__(self, scope: Any) -> Hooks:
        found = self[scope] = Hooks((), self._kind, scope)
        return found

    def __getitem__(self, scope: Any) -> Any:
        found = super().__getitem__(scope)
        if type(found) is list:
            found = Hooks(found, self._kind, scope)
            self[scope] = found
        return found


class Views(dict[str, Any]):
    """View functions by endpoint; Flask gets a wrapped one in a traced request."""

    def __getitem__(self, endpoint: str) -> Any:
        view = super().__getitem__(endpoint)
        return wrapped(view, "view", endpoint) if _is_for_calling() else view
