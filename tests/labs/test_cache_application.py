"""The caches of an application: the store's rules, also those of a real Redis, the races, the stampede."""

from __future__ import annotations

import json
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from free_ports import child
from hypothesis import given
from hypothesis import strategies as st
from needed import need

from labctl.cli import run as command_line
from labctl.errors import CannotRun, UsageError
from labctl.sandbox.faults import FAULTS
from labs.cache.application.behind_socket import BehindSocket
from labs.cache.application.database import Prices
from labs.cache.application.interleaving import Program, Turn, interleave
from labs.cache.application.patterns import (
    ARTICLE,
    KEY,
    deleting_writer,
    number,
    read_aside,
    reader,
    through_writer,
)
from labs.cache.application.redis_store import RedisStore, check_url
from labs.cache.application.stampede import WAYS, stampede
from labs.cache.application.store import OwnStore, Store


class Clock:
    """Seconds that only pass when they are told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def pass_time(self, seconds: float) -> str:
        self.now += seconds
        return ""


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def own(clock: Clock) -> OwnStore:
    return OwnStore(clock, clock.pass_time)


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Redis on a free port of this machine."""
    program = need("redis-server")
    pytest.importorskip("redis")
    folder = tmp_path_factory.mktemp("redis")
    kept_nowhere = ["--save", "", "--appendonly", "no", "--dir", str(folder)]

    def command(port: int) -> list[str]:
        return [program, "--port", str(port), "--bind", "127.0.0.1", *kept_nowhere]

    with child(command, folder / "log") as port:
        yield f"redis://127.0.0.1:{port}/0"


@pytest.fixture
def real(redis_url: str) -> Iterator[RedisStore]:
    store = RedisStore(redis_url)
    yield store
    store.close()


@pytest.fixture(params=["own", "redis"])
def store(request: pytest.FixtureRequest) -> Store:
    found: Store = request.getfixturevalue("own" if request.param == "own" else "real")
    return found


# The store's rules, the same for both.


def test_what_was_set_is_got_and_what_was_deleted_is_gone(store: Store) -> None:
    assert store.get("a") is None
    assert store.set("a", b"1")
    assert store.get("a") == b"1"
    assert store.delete("a")
    assert not store.delete("a")
    assert store.get("a") is None


def test_only_if_absent_stores_once(store: Store) -> None:
    assert store.set("lock", b"me", ttl_s=10, only_if_absent=True)
    assert not store.set("lock", b"you", ttl_s=10, only_if_absent=True)
    assert store.get("lock") == b"me"


def test_a_time_to_live_counts_down_and_a_later_set_without_one_takes_it_away(store: Store) -> None:
    store.set("a", b"1", ttl_s=10)
    left = store.ttl("a")
    assert left is not None
    assert 9 < left <= 10
    store.set("a", b"2")
    assert store.ttl("a") is None
    assert store.ttl("never") is None


def test_what_has_run_out_is_not_there(store: Store) -> None:
    store.set("a", b"1", ttl_s=0.02)
    store.wait(0.03)
    assert store.get("a") is None
    assert store.ttl("a") is None


def test_reading_does_not_touch_the_time_to_live_unless_that_is_the_fault(clock: Clock) -> None:
    for slides, there in ((False, None), (True, b"1")):
        store = OwnStore(clock, clock.pass_time, slides=slides)
        store.set("a", b"1", ttl_s=10)
        clock.pass_time(6)
        assert store.get("a") == b"1"
        clock.pass_time(6)
        assert store.get("a") == there


def test_a_redis_is_left_as_it_was_found(redis_url: str) -> None:
    import redis

    with redis.Redis.from_url(redis_url) as outside:
        before = outside.dbsize()
        store = RedisStore(redis_url)
        store.set("a", b"1")
        store.set("b", b"1", ttl_s=100)
        assert outside.dbsize() == before + 2
        assert all(key.startswith(b"labctl:") for key in outside.scan_iter())
        store.close()
        assert outside.dbsize() == before


# A Redis that cannot be used.


@pytest.mark.parametrize(
    "url",
    [
        "",
        "redis",
        "http://127.0.0.1",
        "redis://",
        "redis://h:99999/",
        "redis://h:x/",
        "redis://a b/",
        "redis://h\r\n/",
    ],
)
def test_what_is_no_address_of_a_redis_is_told_at_once(url: str) -> None:
    with pytest.raises(UsageError) as told:
        check_url(url)
    assert told.value.code == "redis-url"


def test_a_redis_that_is_not_there_is_one_sentence_with_a_way_out() -> None:
    pytest.importorskip("redis")
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        with pytest.raises(CannotRun) as told:
            RedisStore(f"redis://user:secret@127.0.0.1:{nobody.getsockname()[1]}/0")
    assert told.value.code == "redis-not-reached"
    assert "secret" not in str(told.value.evidence)
    assert told.value.fixes


class Answering(socketserver.BaseRequestHandler):
    """Says one thing to whatever comes."""

    says = b""

    def handle(self) -> None:
        while self.request.recv(4096):
            self.request.sendall(self.says)


@pytest.mark.parametrize(
    ("says", "told"),
    [
        (b"-NOAUTH Authentication required.\r\n", "wants the right password"),
        (b"-WRONGPASS invalid username-password pair or user is disabled.\r\n", "wants the right password"),
        (b"-ERR DB index is out of range\r\n", "refuses"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "does not speak as a Redis does"),
    ],
)
def test_who_answers_and_is_of_no_use_is_not_said_to_be_silent(says: bytes, told: str) -> None:
    pytest.importorskip("redis")
    handler = type("Says", (Answering,), {"says": says})
    with socketserver.TCPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            with pytest.raises(CannotRun) as failed:
                RedisStore(f"redis://user:secret@127.0.0.1:{server.server_address[1]}/0")
        finally:
            server.shutdown()
            thread.join()
    assert told in failed.value.headline
    assert "secret" not in str(failed.value.evidence)


def test_the_password_of_a_redis_is_on_no_screen_and_in_no_document(
    redis_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = redis_url.replace("redis://", "redis://default:hunter2@")
    for form in ("--plain", "--json"):
        command_line(["cache", "--show", "types", "--redis", secret, form, "--no-input"])
        shown = capsys.readouterr()
        assert "hunter2" not in shown.out + shown.err
        assert "default:...@" in shown.out


def test_a_fault_and_a_real_redis_are_told_apart_from_the_sandbox() -> None:
    with pytest.raises(UsageError) as told:
        command_line(["cache", "--show", "aside", "--redis", "redis://127.0.0.1:1/", "--break", "ttl-slides"])
    assert "--break ttl-slides" in told.value.headline


def test_a_query_cache_answers_without_looking_until_something_is_written() -> None:
    prices = Prices(keeps_answers=True)
    try:
        query = "SELECT max(cents) FROM prices WHERE looked_at(id)"
        assert [prices.looked_at(query) for _ in range(2)] == [3, 0]
        prices.write(1, 11)
        assert prices.looked_at(query) == 3
    finally:
        prices.close()


def test_a_store_in_another_process_answers_and_ends_with_us() -> None:
    store = BehindSocket({"a": "1", "b": ""})
    try:
        assert [store.get(key) for key in ("a", "b", "c", "a")] == ["1", "", "", "1"]
    finally:
        store.close()
    assert store._process.poll() is not None


def test_without_redis_py_the_fix_is_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(CannotRun) as told:
        RedisStore("redis://127.0.0.1:6379/0")
    assert told.value.code == "redis-not-installed"
    assert "labctl[redis]" in " ".join(told.value.fixes)


def test_a_foreign_value_under_our_key_is_no_crash(own: OwnStore) -> None:
    own.set(KEY, b"\xff not a number")
    with pytest.raises(CannotRun):
        number(own.get(KEY) or b"")


# Programs that take turns.


def counting(name: str, steps: int) -> Program:
    for step in range(steps):
        yield f"{name}{step}"


@given(st.integers(0, 5), st.integers(0, 5), st.text(alphabet="ABX", max_size=12))
def test_every_step_is_done_once_and_in_its_own_order(one: int, two: int, order: str) -> None:
    turns = list(interleave({"A": counting("a", one), "B": counting("b", two)}, order))
    for who, name, count in (("A", "a", one), ("B", "b", two)):
        assert [turn.did for turn in turns if turn.who == who] == [f"{name}{step}" for step in range(count)]


def test_who_waits_for_ever_does_not_hang_the_others() -> None:
    def waiting() -> Program:
        while True:
            yield "waits for nothing"

    turns = list(interleave({"A": waiting(), "B": counting("b", 3)}, "AB"))
    assert Turn("B", "b2") in turns


def left(
    programs: Callable[[Prices, Store], dict[str, Program]], order: str, store: Store
) -> tuple[int | None, int]:
    """What cache and database hold after this order."""
    database = Prices()
    for _ in interleave(programs(database, store), order):
        pass
    kept, right = store.get(KEY), database.read(ARTICLE)
    database.close()
    store.delete(KEY)
    return (None if kept is None else number(kept)), right


def aside(database: Prices, store: Store) -> dict[str, Program]:
    return {"R": reader(database, store), "W": deleting_writer(database, store, 11)}


def through(database: Prices, store: Store) -> dict[str, Program]:
    return {"A": through_writer(database, store, 20), "B": through_writer(database, store, 21)}


def locked(database: Prices, store: Store) -> dict[str, Program]:
    return {
        "A": through_writer(database, store, 20, lock=True),
        "B": through_writer(database, store, 21, lock=True),
    }


def test_one_order_of_cache_aside_keeps_the_old_price(store: Store) -> None:
    assert left(aside, "RRWWR", store) == (10, 11)
    assert left(aside, "RRRWW", store) == (None, 11)
    assert left(aside, "WWRRR", store) == (11, 11)


def test_one_order_of_write_through_leaves_two_values(store: Store) -> None:
    assert left(through, "ABBA", store) == (20, 21)
    assert left(through, "AABB", store) == (21, 21)


@given(st.text(alphabet="AB", max_size=14))
def test_with_a_lock_no_order_leaves_two_values(order: str) -> None:
    clock = Clock()
    kept, right = left(locked, order, OwnStore(clock, clock.pass_time))
    assert kept == right


@given(st.text(alphabet="RW", max_size=8))
def test_with_leases_no_order_keeps_an_old_price(order: str) -> None:
    clock = Clock()
    kept, right = left(aside, order, OwnStore(clock, clock.pass_time, leases=True))
    assert kept in (None, right)


def test_the_second_reader_does_not_ask(store: Store) -> None:
    database = Prices()
    assert [read_aside(database, store) for _ in range(3)] == [10, 10, 10]
    assert database.reads == 1
    store.delete(KEY)
    database.close()


# Everybody at once.


def test_a_stampede_asks_once_for_each_visitor_and_once_with_a_lock(store: Store) -> None:
    found = {way: stampede(store, way, 12) for way in WAYS}
    assert found["no lock"].queries == 12
    assert 2 <= found["lock"].queries < 12
    assert found["lock, then look again"].queries == 1
    assert all(each.wrong == 0 for each in found.values())


def test_a_lock_that_everybody_gets_is_none(clock: Clock) -> None:
    store = OwnStore(clock, clock.pass_time, grants_every_lock=True)
    assert stampede(store, "lock, then look again", 12).queries > 1


# The lab with a real Redis.


@pytest.mark.parametrize("show", ["aside", "write-through", "ttl", "types", "stampede", "layers"])
def test_the_demonstrations_hold_with_a_real_redis(
    show: str,
    redis_url: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LABCTL_HOME", str(tmp_path))
    code = command_line(["cache", "--show", show, "--redis", redis_url, "--json", "--no-input"])
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert code == 0
    outcomes = {claim["claim"]: claim["outcome"] for claim in document["claims"]}
    assert outcomes
    assert set(outcomes.values()) == {"HELD"}, outcomes
    assert any("Redis" in event["text"] for event in document["events"])


def test_a_redis_is_no_part_of_the_sandbox() -> None:
    with pytest.raises(UsageError):
        command_line(["cache", "--show", "aside", "--redis", "redis://127.0.0.1:1/", "--sandbox", "--plain"])


def test_every_habit_of_the_application_is_a_fault() -> None:
    folder = Path(__file__).parents[2] / "labs" / "cache"
    words = "".join(path.read_text(encoding="utf-8") for path in folder.rglob("*.py"))
    for name in (
        "ttl-slides",
        "store-grants-leases",
        "lock-for-everybody",
        "store-is-full",
        "writers-take-a-lock",
    ):
        assert f'"{name}" in ' in words
        assert name in FAULTS
