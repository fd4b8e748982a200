"""Watching an application: the server sees the same response, and the end of a request is when the server closes it."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Any
from wsgiref.util import FileWrapper

import pytest

from labctl.serving.children import looking, watching

Told = list[tuple[str, dict[str, Any]]]
ENVIRON = {"REQUEST_METHOD": "GET", "PATH_INFO": "/a", "QUERY_STRING": "b", "wsgi.file_wrapper": FileWrapper}


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    found: Told = []
    monkeypatch.setattr(watching, "tell", lambda kind, **data: found.append((kind, data)))
    return found


def answering(answer: Any) -> Callable[..., Any]:
    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])
        return answer

    return watching.watch(app)


def start(status: str, headers: Any, exc_info: Any = None) -> None:
    """A server's start_response."""


def ends(told: Told) -> list[dict[str, Any]]:
    return [data for kind, data in told if kind == "end"]


@pytest.mark.parametrize("answer", [[b"a", b"b"], (b"a",), []])
def test_lists_and_tuples_stay_what_they_are(answer: Any, told: Told) -> None:
    got = answering(answer)(ENVIRON, start)
    assert isinstance(got, type(answer))
    assert got == answer
    assert ends(told) == []
    got.close()
    got.close()
    assert [end["status"] for end in ends(told)] == [200]


def test_a_generator_has_no_length_and_is_closed(told: Told) -> None:
    closed = []

    def pieces() -> Iterator[bytes]:
        try:
            yield b"one"
            yield b"two"
        finally:
            closed.append(True)

    got = answering(pieces())(ENVIRON, start)
    assert not hasattr(got, "__len__")
    assert next(iter(got)) == b"one"
    got.close()
    assert closed == [True]
    assert len(ends(told)) == 1


def test_the_servers_own_file_wrapper_is_handed_on_and_closes_its_file(told: Told) -> None:
    file = io.BytesIO(b"content")
    wrapper = FileWrapper(file)
    got = answering(wrapper)(ENVIRON, start)
    assert got is wrapper
    got.close()
    assert file.closed
    assert len(ends(told)) == 1


@pytest.mark.parametrize("answer", ["text", b"bytes", None, {b"a": 1}])
def test_what_breaks_the_contract_reaches_the_server_as_it_is(answer: Any, told: Told) -> None:
    got = answering(answer)(ENVIRON, start)
    if answer is None:
        assert got is None
        assert len(ends(told)) == 1
    else:
        assert list(got) == list(answer)
        assert len(got) == len(answer)


def test_an_exception_is_told_and_goes_on(told: Told) -> None:
    def app(environ: Any, start_response: Any) -> Any:
        raise LookupError("no")

    with pytest.raises(LookupError):
        watching.watch(app)(ENVIRON, start)
    assert [(end["status"], end["raised"]) for end in ends(told)] == [(0, "LookupError")]


def test_a_close_that_fails_ends_the_request_too(told: Told) -> None:
    class Pieces:
        def __iter__(self) -> Iterator[bytes]:
            return iter([b"a"])

        def close(self) -> None:
            raise OSError("no")

    got = answering(Pieces())(ENVIRON, start)
    with pytest.raises(OSError, match="no"):
        got.close()
    assert len(ends(told)) == 1


def test_start_response_is_called_as_the_application_calls_it(told: Told) -> None:
    calls = []

    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])
        start_response(status="500 Oops", headers=[], exc_info=None)
        write = start_response("404 Not Found", [], None)
        assert write == "write"
        return []

    def starting(*words: Any, **named: Any) -> str:
        calls.append((len(words), sorted(named)))
        return "write"

    watching.watch(app)(ENVIRON, starting).close()
    assert calls == [(2, []), (0, ["exc_info", "headers", "status"]), (3, [])]
    assert ends(told)[0]["status"] == 404


class Coroutine:
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None: ...


class Plain:
    def __call__(self, environ: Any, start_response: Any) -> list[bytes]:
        return []


class AsClass:
    def __init__(self, environ: Any, start_response: Any) -> None: ...

    async def __call__(self) -> None: ...


async def function(scope: Any, receive: Any, send: Any) -> None: ...


@pytest.mark.parametrize(
    ("app", "asgi", "two"),
    [
        (Coroutine(), True, False),
        (function, True, False),
        (lambda scope, receive, send: None, True, False),
        (Plain(), False, True),
        (AsClass, False, True),
        (lambda environ, start_response: [], False, True),
        (lambda *words: [], False, True),
        (list, False, False),
        (lambda a, b, c: [], False, False),
    ],
)
def test_wsgi_and_asgi_are_told_apart_without_a_call(app: Any, asgi: bool, two: bool) -> None:
    assert looking.is_asgi(app) is asgi
    assert looking.takes(app, 2) is two
