"""Flask's session cookie: what we read and make is what Flask and itsdangerous read and make."""

from __future__ import annotations

import datetime
import json
import uuid
import zlib
from base64 import urlsafe_b64encode
from typing import Any

import pytest
from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from hypothesis import given
from hypothesis import strategies as st
from itsdangerous import BadSignature

from labctl.protocols.flask_session import (
    NoSession,
    SessionCookie,
    as_python,
    forge,
    is_signed_with,
    make_session,
    read_session,
)
from labs.flask.cookies import Jar, session_in

KEY = "a key"
FLASK = Flask("a test")
FLASK.secret_key = KEY
SERIALIZER: Any = SecureCookieSessionInterface().get_signing_serializer(FLASK)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.binary(max_size=20) | st.uuids(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(st.dictionaries(st.text(max_size=10), VALUES, max_size=5))
def test_what_flask_signs_is_read_and_known_as_signed(session: dict[str, Any]) -> None:
    cookie = SERIALIZER.dumps(session)
    found = read_session(cookie)
    assert SERIALIZER.serializer.loads(found.payload) == session
    assert list(found.values) == list(session) or len(session) == 1
    assert is_signed_with(cookie, KEY)
    assert not is_signed_with(cookie, KEY + "x")


@given(
    st.dictionaries(st.text(max_size=10), st.text(max_size=400) | st.integers(), max_size=5),
    st.integers(0, 2**37),
)
def test_what_we_sign_is_what_flask_would_have_signed(session: dict[str, Any], at: int) -> None:
    payload = SERIALIZER.serializer.dumps(session)
    cookie = make_session(payload, KEY, at)
    assert SERIALIZER.loads_unsafe(cookie) == (True, session)
    found = read_session(cookie)
    assert (found.payload, found.signed_at) == (payload, at)


def test_a_cookie_made_now_is_accepted_by_flask_and_the_same_as_flasks() -> None:
    theirs = SERIALIZER.dumps({"user": "ana", "notes": "x" * 500})
    found = read_session(theirs)
    assert found.compressed
    assert make_session(found.payload, KEY, found.signed_at) == theirs


def test_a_forged_cookie_is_readable_and_refused() -> None:
    forged = forge(SERIALIZER.dumps({"role": "customer"}), '{"role":"admin"}')
    assert read_session(forged).values == {"role": "'admin'"}
    assert not is_signed_with(forged, KEY)
    with pytest.raises(BadSignature):
        SERIALIZER.loads(forged)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ((1, "x"), "(1, 'x')"),
        ((1,), "(1,)"),
        ((), "()"),
        (b"\x00a", "b'\\x00a'"),
        (uuid.UUID(int=1), "UUID('00000000000000000000000000000001')"),
        (
            datetime.datetime(2026, 11, 25, tzinfo=datetime.UTC),
            "datetime('Wed, 25 Nov 2026 00:00:00 GMT')",
        ),
        ({" t": [1]}, "{' t': [1]}"),
        ([None, True, {"a": 1.5}], "[None, True, {'a': 1.5}]"),
    ],
)
def test_what_json_lacks_is_said_as_python_would(value: object, said: str) -> None:
    assert read_session(SERIALIZER.dumps({"value": value})).values["value"] == said


@given(st.text(max_size=60) | st.text("abcXYZ019-_.", max_size=60))
def test_text_that_is_no_session_is_refused_with_a_sentence(text: str) -> None:
    found: SessionCookie | str
    try:
        found = read_session(text)
    except NoSession as refused:
        found = str(refused)
    assert isinstance(found, SessionCookie) or found.endswith(".")


def test_a_bomb_is_not_inflated() -> None:
    body = urlsafe_b64encode(zlib.compress(b"[" * 10_000_000)).rstrip(b"=").decode()
    with pytest.raises(NoSession, match="more than"):
        read_session(f".{body}.AAAA.AAAA")


def test_deep_payloads_are_cut() -> None:
    deep: Any = 1
    for _ in range(200):
        deep = [deep]
    assert "..." in as_python(deep)
    with pytest.raises(NoSession):
        read_session(make_session("[" * 20_000 + "]" * 20_000, KEY, 1))


def test_a_payload_that_is_no_object_is_no_session() -> None:
    with pytest.raises(NoSession, match="no JSON object"):
        read_session(make_session(json.dumps([1]), KEY, 1))


def test_the_jar_keeps_what_a_browser_keeps() -> None:
    jar = Jar()
    jar.take((("Set-Cookie", "a=1; Path=/"), ("Set-Cookie", "b=2; Path=/"), ("X", "y")))
    assert jar.fields() == (("Cookie", "a=1; b=2"),)
    jar.take((("Set-Cookie", "a=; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; Path=/"),))
    assert jar.fields() == (("Cookie", "b=2"),)
    jar.take((("Set-Cookie", f"large={'x' * 5000}; Path=/"),))
    assert jar.refused == {"large": "it is longer than 4,096 bytes"}
    assert jar.fields() == (("Cookie", "b=2"),)


def test_the_session_is_found_among_other_cookies() -> None:
    cookie = SERIALIZER.dumps({"user": "ana"})
    fields = (("Set-Cookie", "theme=dark"), ("Set-Cookie", f"session={cookie}; HttpOnly; Path=/"))
    found = session_in(fields)
    assert found is not None
    assert (found[0], found[2].values) == ("session", {"user": "'ana'"})
    assert session_in((("Set-Cookie", "theme=dark"),)) is None
