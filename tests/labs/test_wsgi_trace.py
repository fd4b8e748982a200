"""The tracer: it tells what happened, and neither side sees that it is there."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any
from wsgiref.util import FileWrapper, setup_testing_defaults

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labctl.serving.wsgi_trace import MOST_TOLD, traced

PLAIN = [("Content-Type", "text/plain")]
Told = list[tuple[str, dict[str, Any]]]


def drive(app: Any, **environ: Any) -> tuple[list[Any], Any, Told, list[Any]]:
    """Call an application as a server does: items, what was returned, what was told, calls of start_response."""
    given: dict[str, Any] = dict(environ)
    setup_testing_defaults(given)
    told: Told = []
    started: list[Any] = []

    def start_response(*arguments: Any) -> Callable[[bytes], object]:
        started.append(arguments)
        return lambda data: started.append(("write", data))

    returned = traced(app, lambda kind, **data: told.append((kind, data)))(given, start_response)
    items = []
    try:
        for item in returned:
            items.append(item)
    finally:
        close = getattr(returned, "close", None)
        if close is not None:
            close()
    return items, returned, told, started


def of(told: Told, kind: str) -> list[dict[str, Any]]:
    return [data for name, data in told if name == kind]


class Closing:
    def __init__(self, *items: bytes) -> None:
        self.items = items
        self.closed = 0

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.items)

    def close(self) -> None:
        self.closed += 1


@given(st.lists(st.binary(max_size=30), max_size=60))
def test_items_come_through_as_they_were_and_are_counted(items: list[bytes]) -> None:
    body = Closing(*items)

    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", PLAIN)
        return body

    found, _, told, started = drive(app)
    assert found == items
    assert body.closed == 1
    assert len(of(told, "item")) == min(len(items), MOST_TOLD)
    (closed,) = of(told, "close")
    assert (closed["items"], closed["bytes"]) == (len(items), sum(map(len, items)))
    assert started == [("200 OK", PLAIN)]
    assert of(told, "valid") == [{"request": 1, "said": "", "server": "", "read": 0}]


@pytest.mark.parametrize("body", [[b"a", b"b"], (b"a",), []], ids=["list", "tuple", "nothing in it"])
def test_lists_and_tuples_are_handed_on_as_they_are(body: Any) -> None:
    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", PLAIN)
        return body

    _, returned, told, _ = drive(app)
    assert returned is body
    assert len(of(told, "item")) == len(body)


def test_the_servers_own_file_wrapper_is_handed_on_as_it_is(tmp_path: Any) -> None:
    file = tmp_path / "page"
    file.write_bytes(b"page")

    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", PLAIN)
        return environ["wsgi.file_wrapper"](file.open("rb"))

    found, returned, told, _ = drive(app, **{"wsgi.file_wrapper": FileWrapper})
    assert isinstance(returned, FileWrapper)
    assert found == [b"page"]
    assert of(told, "returned")[0]["watched"] is False


def test_a_length_is_there_when_the_iterable_has_one_and_only_then() -> None:
    class Sized(Closing):
        def __len__(self) -> int:
            return len(self.items)

    for body, sized in ((Sized(b"a"), True), (Closing(b"a"), False)):

        def app(environ: Any, start_response: Any, body: Any = body) -> Any:
            start_response("200 OK", PLAIN)
            return body

        _, returned, _, _ = drive(app)
        assert hasattr(returned, "__len__") is sized


@pytest.mark.parametrize("returned", [None, 7], ids=["None", "a number"])
def test_what_is_no_iterable_reaches_the_server(returned: Any) -> None:
    def app(environ: Any, start_response: Any) -> Any:
        return returned

    told: Told = []
    environ: dict[str, Any] = {}
    setup_testing_defaults(environ)
    assert traced(app, lambda kind, **data: told.append((kind, data)))(environ, lambda *a: None) is returned
    assert of(told, "valid")[0]["said"]


def test_write_is_told_and_done() -> None:
    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", PLAIN)(b"written")
        return []

    _, _, told, started = drive(app)
    assert ("write", b"written") in started
    assert of(told, "write")[0]["start"] == "b'written'"


def test_an_exception_is_told_and_goes_on() -> None:
    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", PLAIN)
        yield b"first"
        raise LookupError("gone")

    with pytest.raises(LookupError, match="gone"):
        drive(app)
    told: Told = []
    environ: dict[str, Any] = {}
    setup_testing_defaults(environ)
    body = traced(app, lambda kind, **data: told.append((kind, data)))(environ, lambda *a: None)
    with pytest.raises(LookupError):
        list(body)
    body.close()
    assert of(told, "raised") == [{"request": 1, "where": "item", "error": "LookupError", "text": "gone"}]
    assert of(told, "valid")[0]["said"] == ""


def test_what_the_server_refuses_is_told() -> None:
    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", PLAIN)
        return [b""]

    def refusing(*arguments: Any) -> None:
        raise AssertionError("Headers already set")

    told: Told = []
    environ: dict[str, Any] = {}
    setup_testing_defaults(environ)
    with pytest.raises(AssertionError):
        traced(app, lambda kind, **data: told.append((kind, data)))(environ, refusing)
    assert of(told, "start_response")[0]["refused"] == "AssertionError: Headers already set"


def test_reading_the_content_is_counted() -> None:
    import io

    def app(environ: Any, start_response: Any) -> Any:
        read = environ["wsgi.input"].read(4) + b"".join(environ["wsgi.input"])
        start_response("200 OK", PLAIN)
        return [read]

    content = io.BytesIO(b"one\ntwo\nthree")
    found, _, told, _ = drive(app, **{"wsgi.input": content, "CONTENT_LENGTH": "13"})
    assert found == [b"one\ntwo\nthree"]
    assert of(told, "valid")[0] == {"request": 1, "said": "", "server": "", "read": 13}


def test_environ_is_told_in_parts_that_fit_an_event() -> None:
    import json

    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", PLAIN)
        return [b""]

    many = {f"HTTP_X_{number}": "v" * 400 for number in range(60)}
    _, _, told, _ = drive(app, **many)
    parts = of(told, "environ")
    assert len(parts) == parts[0]["parts"] > 1
    assert all(len(json.dumps(part)) < 3500 for part in parts)
    keys = {key for part in parts for key in part["values"]}
    assert set(many) <= keys
    assert len(keys) == parts[0]["count"]


@pytest.mark.parametrize(
    ("name", "sees"),
    [
        ("no_start_response", "start_response has not yet been called"),
        ("late_start", "start_response has not yet been called"),
        ("str_items", "non-bytestring"),
        ("str_alone", "should not return a string"),
        ("bytes_alone", "should not return a string"),
        ("nothing", "must return an iterator"),
        ("crlf_in_header", "Bad header value"),
        ("no_reason", "space"),
        ("status_number", "Status"),
        ("headers_dict", "must be of type list"),
        ("body_with_204", "204"),
        ("reads_all", "size is missing"),
        ("start_twice", ""),
        ("length_too_long", ""),
        ("raises_before", ""),
        ("raises_after", ""),
        ("mends_before", ""),
    ],
)
def test_the_validator_sees_the_same_as_around_the_application_itself(name: str, sees: str) -> None:
    from labs.wsgi.apps import violations

    told: Told = []
    environ: dict[str, Any] = {}
    setup_testing_defaults(environ)
    app = traced(getattr(violations, name), lambda kind, **data: told.append((kind, data)))
    try:
        body = app(environ, lambda *arguments: lambda data: None)
        if body is not None:
            for _ in body:
                pass
            if hasattr(body, "close"):
                body.close()
    except RuntimeError:
        if "body" in locals():
            body.close()
    (valid,) = of(told, "valid")
    assert sees in valid["said"] if sees else valid["said"] == ""


def test_exc_info_is_told_and_handed_on() -> None:
    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", PLAIN)
        try:
            raise ValueError("no")
        except ValueError:
            start_response("500 No", PLAIN, sys.exc_info())
        return [b""]

    _, _, told, started = drive(app)
    assert [data["exc_info"] for data in of(told, "start_response")] == [False, True]
    assert isinstance(started[1][2][1], ValueError)


class Rude:
    """What an application may hand out: nothing about it can be asked."""

    def __len__(self) -> int:
        raise RuntimeError("no length")

    def __repr__(self) -> str:
        raise RuntimeError("no repr")

    def __iter__(self) -> Iterator[Any]:
        return iter([b"one", self])


def test_what_cannot_even_be_looked_at_is_handed_on() -> None:
    body = Rude()

    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", PLAIN)
        return body

    items, _, told, _ = drive(app)
    assert items == [b"one", body]
    assert of(told, "returned")[0]["length"] is None
    assert [item["start"] for item in of(told, "item")] == ["b'one'", "<Rude>"]


class Speechless(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


def test_an_exception_without_a_text_comes_through_as_it_is() -> None:
    def app(environ: Any, start_response: Any) -> Any:
        raise Speechless

    told: Told = []
    environ: dict[str, Any] = {}
    setup_testing_defaults(environ)
    with pytest.raises(Speechless):
        traced(app, lambda kind, **data: told.append((kind, data)))(environ, None)
    assert (of(told, "raised")[0]["error"], of(told, "raised")[0]["text"]) == ("Speechless", "")


def test_what_the_server_breaks_does_not_hide_what_the_application_breaks() -> None:
    def app(environ: Any, start_response: Any) -> Any:
        assert environ["REMOTE_PORT"] == 4711
        start_response("200", PLAIN)
        return [b""]

    _, _, told, _ = drive(app, REMOTE_PORT=4711)
    (valid,) = of(told, "valid")
    assert valid["said"].startswith("The status string")
    assert valid["server"] == "REMOTE_PORT is of type int, not str"
