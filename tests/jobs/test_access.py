"""Who asks: tokens, cookies, tickets, links, Host and Origin."""

from __future__ import annotations

import os
import stat
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jobs.scripted_store import settings_in

from labctl.errors import UsageError
from labctl.jobs.access import Access, login_link, make_tokens, use_link

HOSTS = ("127.0.0.1:8000", "localhost:8000")


@pytest.fixture
def access(tmp_path: Path) -> Access:
    make_tokens(tmp_path, ("ann", "bob"))
    return Access(settings_in(tmp_path, hosts=HOSTS))


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def test_tokens_are_kept_and_only_we_can_read_them(tmp_path: Path) -> None:
    first = make_tokens(tmp_path, ("ann",))
    second = make_tokens(tmp_path, ("ann", "bob"))
    assert second["ann"] == first["ann"] != second["bob"]
    assert stat.S_IMODE((tmp_path / "tokens.json").stat().st_mode) == 0o600


@pytest.mark.parametrize("name", ["", "a/b", "a b", "../x", "a" * 65, "é"])
def test_a_name_that_is_no_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="no name of a user"):
        make_tokens(tmp_path, (name,))


def test_a_token_says_who_asks(access: Access, tmp_path: Path) -> None:
    tokens = make_tokens(tmp_path, ("ann", "bob"))
    assert access.user(bearer(tokens["ann"]), {}) == "ann"
    assert access.user(bearer(tokens["bob"]), {}) == "bob"
    assert access.user(bearer(tokens["bob"][:-1]), {}) is None
    assert access.user({"authorization": f"Basic {tokens['ann']}"}, {}) is None
    assert access.user({}, {"token": tokens["ann"], "access_token": tokens["ann"]}) is None


def test_a_token_that_is_added_later_counts_at_once(access: Access, tmp_path: Path) -> None:
    assert access.of_token("nobody") is None
    assert access.of_token(make_tokens(tmp_path, ("cleo",))["cleo"]) == "cleo"


def test_the_fault_takes_a_token_from_the_url(tmp_path: Path) -> None:
    tokens = make_tokens(tmp_path, ("ann",))
    broken = Access(settings_in(tmp_path, hosts=HOSTS, faults=frozenset({"token-in-url"})))
    assert broken.user({}, {"token": tokens["ann"]}) == "ann"


def test_a_cookie_says_who_asks_until_the_token_changes(access: Access, tmp_path: Path) -> None:
    fields = {"cookie": f"other=1; {access.cookie}={access.session('ann')}"}
    assert access.user(fields, {}) == "ann"
    (tmp_path / "tokens.json").unlink()
    assert access.user(fields, {}) is None
    make_tokens(tmp_path, ("ann", "bob"))
    assert access.user(fields, {}) is None


def test_a_cookie_of_another_service_or_one_that_was_changed_is_worth_nothing(
    access: Access, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    make_tokens(other, ("ann",))
    stranger = Access(settings_in(other, hosts=HOSTS))
    assert stranger.cookie != access.cookie
    assert access.user({"cookie": f"{access.cookie}={stranger.session('ann')}"}, {}) is None
    assert access.user({"cookie": f"{access.cookie}={access.session('ann')}x"}, {}) is None
    assert access.user({"cookie": f"{access.cookie}={access.ticket('ann', 'j1')}"}, {}) is None


def test_sessions_and_tickets_expire(access: Access, monkeypatch: pytest.MonkeyPatch) -> None:
    cookie, ticket = {"cookie": f"{access.cookie}={access.session('ann')}"}, access.ticket("ann", "j1")
    now = time.time()
    monkeypatch.setattr("time.time", lambda: now + 32)
    assert access.user({}, {"ticket": ticket}, "j1") is None
    assert access.user(cookie, {}) == "ann"
    monkeypatch.setattr("time.time", lambda: now + 12 * 3600 + 2)
    assert access.user(cookie, {}) is None


def test_a_ticket_opens_one_stream_and_nothing_else(access: Access) -> None:
    ticket = access.ticket("ann", "j1")
    assert access.user({}, {"ticket": ticket}, "j1") == "ann"
    assert access.user({}, {"ticket": ticket}, "j2") is None
    assert access.user({}, {"ticket": ticket}) is None
    assert access.user({}, {"ticket": access.session("ann")}, "j1") is None


def test_a_link_logs_in_once(access: Access, tmp_path: Path) -> None:
    link = login_link(tmp_path, "http://127.0.0.1:8000/", "bob")
    secret = link.removeprefix("http://127.0.0.1:8000/login?once=")
    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(lambda _: use_link(tmp_path, secret), range(8)))
    assert (got.count("bob"), got.count(None)) == (1, 7)
    assert use_link(tmp_path, "../tokens.json") is None


def test_a_link_is_too_old_after_a_minute(access: Access, tmp_path: Path) -> None:
    secret = login_link(tmp_path, "http://h", "bob").partition("once=")[2]
    (path,) = (tmp_path / "links").iterdir()
    assert secret not in path.name + path.read_text()
    os.utime(path, (path.stat().st_mtime - 61,) * 2)
    assert use_link(tmp_path, secret) is None
    login_link(tmp_path, "http://h", "ann")
    assert len(list((tmp_path / "links").iterdir())) == 1


def test_processes_that_begin_together_have_one_key(tmp_path: Path) -> None:
    make_tokens(tmp_path, ("ann",))
    with ThreadPoolExecutor(8) as pool:
        names = {a.cookie for a in pool.map(lambda _: Access(settings_in(tmp_path, hosts=HOSTS)), range(8))}
    assert len(names) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["session.key", "tokens.json"]
    assert stat.S_IMODE((tmp_path / "session.key").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("fields", "refused"),
    [
        ({"host": "127.0.0.1:8000"}, None),
        ({"host": "LocalHost:8000"}, None),
        ({}, "host"),
        ({"host": "evil.test:8000"}, "host"),
        ({"host": "127.0.0.1"}, "host"),
        ({"host": "localhost:8000", "origin": "http://localhost:8000"}, None),
        ({"host": "localhost:8000", "origin": "http://127.0.0.1:8000"}, None),
        ({"host": "localhost:8000", "origin": "http://localhost:9000"}, "origin"),
        ({"host": "localhost:8000", "origin": "null"}, "origin"),
        ({"host": "localhost:8000", "origin": "http://evil.test"}, "origin"),
        ({"host": "localhost:8000", "origin": "http://localhost:8000@evil.test"}, "origin"),
        ({"host": "localhost:8000", "origin": "file://localhost:8000"}, "origin"),
        ({"host": "localhost:8000", "origin": "http://["}, "origin"),
    ],
)
def test_where_a_request_goes_to_and_comes_from(
    access: Access, fields: dict[str, str], refused: str | None
) -> None:
    assert access.refused(fields) == refused


@given(st.text(), st.text(), st.text())
def test_whatever_is_sent_nobody_is_let_in_by_chance(authorization: str, cookie: str, ticket: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        make_tokens(Path(folder), ("ann",))
        access = Access(settings_in(Path(folder), hosts=HOSTS))
        assert access.user({"authorization": authorization}, {}) is None
        assert access.user({"cookie": f"{access.cookie}={cookie}"}, {}) is None
        assert access.user({}, {"ticket": ticket, "token": ticket}, "j1") is None
        access.refused({"host": HOSTS[0], "origin": authorization})
