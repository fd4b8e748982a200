"""What may be typed behind `labctl flask`, and how the lab says things."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labctl.errors import CannotRun, UsageError
from labctl.sandbox.loopback import LoopbackInternet
from labctl.sandbox.town import healthy_town
from labctl.serving.flask_trace_reading import Record
from labs.flask.lab import LAB, place
from labs.flask.target import read_target
from labs.flask.words import number, outcome, short
from labs.flask.words import place as place_of


@pytest.mark.parametrize(
    ("words", "method", "target"),
    [
        (("shop:app", None, None), "GET", "/"),
        (("shop:app", "GET", "/x?y=1"), "GET", "/x?y=1"),
        (("shop:app", "/x", None), "GET", "/x"),
        (("shop:app", "delete", "/x"), "DELETE", "/x"),
        (("shop:app", "POST", None), "POST", "/"),
        (("shop:app", "GET /a b", None), "GET", "/a%20b"),
        (("shop:app", "GET", "/käse brot#top"), "GET", "/k%C3%A4se%20brot"),
        (("GET", "/basket/7", None), "GET", "/basket/7"),
        (("/basket/7", None, None), "GET", "/basket/7"),
    ],
)
def test_a_request_is_read_as_it_is_meant(
    words: tuple[str | None, str | None, str | None], method: str, target: str
) -> None:
    read = read_target(*words, (), (), (), None)
    assert read.requests[0][:2] == (method, target)
    assert read.is_ours == (words[0] != "shop:app")


def test_content_makes_a_post_with_the_type_of_a_form() -> None:
    wanted = read_target("shop", "/x", None, (), ("a=1", "b=2"), ("PUT /y -d 'c=3'", "/z"), None).requests
    assert wanted[0] == ("POST", "/x", (("Content-Type", "application/x-www-form-urlencoded"),), b"a=1&b=2")
    assert (wanted[1].method, wanted[1].target, wanted[1].body) == ("PUT", "/y", b"c=3")
    assert wanted[2] == ("GET", "/z", (), b"")
    given_type = read_target("shop", "/x", None, ("content-type: text/plain",), ("a",), (), None)
    assert given_type.requests[0].fields == (("content-type", "text/plain"),)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("shop:app", "GET", "nope"), "request-invalid"),
        (("shop:app", "G ET", "/"), "request-invalid"),
        (("shop:app", "/a", "/b"), "request-invalid"),
        (("http://shop.test/", None, None), "app-invalid"),
        (("shop:1+1", None, None), "app-invalid"),
    ],
)
def test_what_is_no_request_is_a_usage_error(
    words: tuple[str | None, str | None, str | None], code: str
) -> None:
    with pytest.raises(UsageError) as raised:
        read_target(*words, (), (), (), None)
    assert raised.value.code == code


def test_fields_and_files_that_cannot_be_meant_are_errors(tmp_path: Path) -> None:
    for bad in ("no colon", ": empty", "X: a\r\nY: b", "X Y: z", "X: ☃"):
        with pytest.raises(UsageError, match="not a field"):
            read_target("shop", None, None, (bad,), (), (), None)
    with pytest.raises(CannotRun, match="cannot be read"):
        read_target("shop", None, None, (), (f"@{tmp_path / 'missing'}",), (), None)
    (tmp_path / "body").write_bytes(b"\x00\x01")
    read = read_target("shop", None, None, (), (f"@{tmp_path / 'body'}",), (), None)
    assert read.requests[0].body == b"\x00\x01"


def test_options_that_contradict_are_errors() -> None:
    with LoopbackInternet(healthy_town()) as internet:
        for arguments in (
            {"show": "args", "app": "shop:app"},
            {"show": "args", "method": "GET"},
            {"show": "args", "routes": True},
            {"app": "GET", "python": "python3"},
        ):
            with pytest.raises(UsageError) as raised:
                LAB.run(internet, **arguments)
            assert raised.value.code == "options-contradict"


@given(st.text(max_size=30), st.text(max_size=10), st.text(max_size=30))
def test_any_words_are_a_request_or_a_clear_error(app: str, method: str, path: str) -> None:
    try:
        read = read_target(app, method, path, (), (), (), None)
    except (UsageError, CannotRun):
        return
    assert read.requests[0].target.isascii()
    assert read.requests[0].target.startswith("/")


def test_an_application_is_on_this_machine_and_the_shop_in_the_sandbox() -> None:
    assert place({"app": "shop:app"}) == "own"
    assert place({}) == "sandbox"
    assert place({"app": "GET", "method": "/"}) == "sandbox"
    assert place({"app": "/home/ana/shop.py:app"}) == "own"


# Words.


def test_times_and_places_are_short() -> None:
    assert [number(ms) for ms in (0.004, 0.27, 3.14159, 12.34, 507.2)] == [
        "0.004",
        "0.27",
        "3.14",
        "12.3",
        "507",
    ]
    assert place_of("/home/ana/shop/pages/cart.py", 3, "/home/ana/shop") == "pages/cart.py:3"
    assert place_of("/usr/lib/site-packages/flask/app.py", 9, "/home/ana") == "flask/app.py:9"
    assert place_of("", 0, "/") == ""
    assert len(short("x" * 200)) <= 72


@given(
    st.sampled_from(("match", "open_session", "save_session", "item", "unhandled", "view", "after_request")),
    st.dictionaries(
        st.sampled_from(("raised", "returned", "cookie", "keys", "cookies", "propagates", "because")),
        st.none() | st.booleans() | st.integers(0, 9) | st.text(max_size=5),
    ),
)
def test_any_outcome_has_words(kind: str, notes: dict[str, Any]) -> None:
    assert isinstance(outcome(Record(kind, "f", "f.py", 1, "", 0.0, 1.0, 0, notes)), str)


@pytest.mark.parametrize("word", ["echo?x=1", "http://shop.test/echo?x=1"])
def test_a_url_or_a_path_without_its_slash_is_put_right(word: str) -> None:
    with pytest.raises(UsageError) as raised:
        read_target("learners_site", "get", word, (), (), (), None)
    assert raised.value.fixes == ("labctl flask learners_site GET '/echo?x=1'",)


def test_a_method_in_small_letters_is_one_unless_a_module_is_called_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert read_target("get", "/account/", None, (), (), (), None).is_ours
    (tmp_path / "options.py").write_text("")
    assert not read_target("options", "/", None, (), (), (), None).is_ours
