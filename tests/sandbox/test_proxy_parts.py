"""The embedded proxy's parts that touch no socket: header manners, routes, paths, files, whose turn it is."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labctl.protocols.http1_fields import Fields, by_name, get, get_all
from labctl.sandbox.proxy_files import normal, read_file, tidied
from labctl.sandbox.proxy_headers import MANNERS, Hop, sent_on
from labctl.sandbox.proxy_routes import Rule, on_segments, route
from labctl.sandbox.proxy_spool import Spool, through
from labctl.sandbox.proxy_upstream import Upstream

HOP = Hop("127.0.48.200", "https", "127.0.0.1:8000")
ADDRESSES = st.ip_addresses(v=4).map(str)


def sent(fields: Fields, manners: str, habits: frozenset[str] = frozenset()) -> Fields:
    return sent_on(fields, by_name(fields), MANNERS[manners], HOP, habits)


# Headers.


@pytest.mark.parametrize("manners", ["nginx-recommended", "apache-default", "apache-repaired"])
@given(before=st.lists(ADDRESSES, min_size=1, max_size=4))
def test_the_list_keeps_what_was_there_and_grows_on_the_right_by_the_peer(
    manners: str, before: list[str]
) -> None:
    fields = (("Host", "www.shop.test"), ("X-Forwarded-For", ", ".join(before)))
    assert get(sent(fields, manners), "X-Forwarded-For") == ", ".join([*before, HOP.peer])


@given(
    fields=st.lists(
        st.tuples(
            st.sampled_from(["Accept", "X-Forwarded-Proto", "X_Real_IP", "Forwarded", "Cookie", "X-Id"]),
            st.text("abc=;,", max_size=9),
        ),
        max_size=6,
    )
)
def test_what_a_plain_nginx_does_not_know_goes_through_as_it_came_in_order(
    fields: list[tuple[str, str]],
) -> None:
    got = sent((("Host", "www.shop.test"), *fields), "nginx-default")
    assert got == (("Host", HOP.upstream), *((name, value) for name, value in fields if "_" not in name))


@pytest.mark.parametrize("manners", list(MANNERS))
@given(value=st.text("abcdef.:0123456789", max_size=12))
def test_no_field_of_one_connection_goes_on_and_there_is_one_host(manners: str, value: str) -> None:
    fields = (
        ("Host", value),
        ("Connection", "keep-alive, TE"),
        ("Keep-Alive", "timeout=5"),
        ("TE", "trailers"),
        ("Transfer-Encoding", "chunked"),
        ("Upgrade", "websocket"),
    )
    names = [name.lower() for name, _ in sent(fields, manners)]
    assert names[0] == "host"
    assert names.count("host") == 1
    assert not {"connection", "keep-alive", "te", "transfer-encoding", "upgrade"} & set(names)


def test_apache_heeds_what_connection_lists_and_nginx_does_not() -> None:
    fields = (("Host", "a"), ("Connection", "X-Secret"), ("X-Secret", "1"))
    assert get(sent(fields, "apache-default"), "X-Secret") is None
    assert get(sent(fields, "nginx-default"), "X-Secret") == "1"


def test_the_repaired_ones_overwrite_what_a_visitor_says_about_the_scheme() -> None:
    fields = (("Host", "www.shop.test"), ("X-Forwarded-Proto", "http"), ("X-Forwarded-Proto", "ftp"))
    for manners in ("nginx-recommended", "apache-repaired"):
        assert get_all(sent(fields, manners), "X-Forwarded-Proto") == ["https"]


def test_nginx_cuts_port_and_capitals_off_the_host_and_apache_passes_it_on() -> None:
    fields = (("Host", "WWW.shop.test:8443"),)
    assert get(sent(fields, "nginx-recommended"), "Host") == "www.shop.test"
    assert get(sent(fields, "apache-repaired"), "Host") == "WWW.shop.test:8443"
    assert get(sent((), "nginx-recommended"), "X-Forwarded-Host") == "www.shop.test"
    assert get(sent((), "apache-default"), "X-Forwarded-Host") is None


# Routes.

SEGMENTS = st.lists(st.sampled_from(["api", "apifoo", "v2", "static", "x", ""]), max_size=4)
PATHS = SEGMENTS.map(lambda parts: "/" + "/".join(parts))
RULES = st.lists(st.sampled_from(["/", "/api", "/api/", "/api/v2", "/static"]), min_size=1, unique=True)


@given(paths=RULES, path=PATHS, seed=st.randoms())
def test_in_nginx_the_order_of_prefixes_never_matters(paths: list[str], path: str, seed: object) -> None:
    rules = [Rule("pass", each, each) for each in paths]
    shuffled = rules[:]
    seed.shuffle(shuffled)  # type: ignore[attr-defined]
    assert route("nginx", rules, path) == route("nginx", shuffled, path)
    taken = route("nginx", rules, path).rule
    assert (taken.path if taken else "") == max((p for p in paths if path.startswith(p)), key=len, default="")


@given(paths=RULES, path=PATHS)
def test_in_apache_the_first_line_that_fits_whole_segments_wins(paths: list[str], path: str) -> None:
    rules = [Rule("pass", each, each) for each in paths]
    taken = route("apache", rules, path).rule
    assert (taken.path if taken else None) == next((p for p in paths if on_segments(p, path)), None)


@given(path=PATHS, first=st.booleans())
def test_beside_a_catch_all_an_alias_is_never_reached_in_apache(path: str, first: bool) -> None:
    alias, everything = Rule("alias", "/static", "/srv/static"), Rule("pass", "/", "app")
    rules = [alias, everything] if first else [everything, alias]
    assert route("apache", rules, path).rule == everything


def test_exact_and_regular_expressions_of_nginx() -> None:
    rules = [
        Rule("pass", "/img", "img"),
        Rule("pass", r"\.png$", "png", how="~"),
        Rule("pass", "/img/a.png", "exact", how="="),
        Rule("pass", "/raw", "raw", how="^~"),
    ]
    names = {
        path: getattr(route("nginx", rules, path).rule, "to", None)
        for path in ("/img/a.png", "/img/b.png", "/img/c", "/raw/a.png", "/x")
    }
    assert names == {
        "/img/a.png": "exact", "/img/b.png": "png", "/img/c": "img", "/raw/a.png": "raw", "/x": None,
    }  # fmt: skip


# Paths and files.


@given(st.text("ab./%2eE", max_size=20).map(lambda text: f"/{text}"))
def test_no_path_climbs_above_the_root(path: str) -> None:
    found = normal(path)
    if found is not None:
        assert found.startswith("/")
        assert ".." not in found.split("/")


def test_dot_segments_are_taken_out_and_names_with_dots_stay() -> None:
    assert normal("/a/../b/%2e%2e/c/./d") == "/c/d"
    assert normal("/static../secret.txt") == "/static../secret.txt"
    assert normal("/a//b/") == "/a/b/"
    assert normal("/../etc/passwd") is None
    assert normal("/%00") is None
    assert tidied("/a//b/../caf%C3%A9 ") == "/a/caf%C3%A9%20"


def test_an_alias_joins_folder_and_rest_and_the_fault_looks_where_that_is(tmp_path: Path) -> None:
    (tmp_path / "static").mkdir()
    (tmp_path / "static" / "app.css").write_text("css")
    (tmp_path / "secret.txt").write_text("secret")
    folder = f"{tmp_path}/static/"
    assert read_file(folder, "app.css").body == b"css"
    assert read_file(folder, "../secret.txt").body == b"secret"
    assert read_file(folder, "../secret.txt", inside=True).status == 404
    assert read_file(folder, "nothing.css").status == 404
    assert read_file(folder, "").status == 404


# Whose turn it is.


@given(st.integers(1, 5), st.integers(1, 40))
def test_turns_are_fair_and_nobody_is_asked_twice_in_a_row(apps: int, requests: int) -> None:
    upstream = Upstream([("127.0.0.1", port) for port in range(1, apps + 1)])
    asked = [next(iter(upstream.in_turn())).name for _ in range(requests)]
    counts = [asked.count(backend.name) for backend in upstream.backends]
    assert max(counts) - min(counts) <= 1


def test_who_failed_is_left_alone_for_a_while_and_asked_again_when_all_have_failed() -> None:
    now = [0.0]
    upstream = Upstream([("127.0.0.1", 1), ("127.0.0.1", 2)], fail_timeout_s=10, clock=lambda: now[0])
    first, second = upstream.backends
    upstream.failed(first)
    assert {next(iter(upstream.in_turn())).name for _ in range(4)} == {second.name}
    now[0] = 10.0
    assert {next(iter(upstream.in_turn())).name for _ in range(4)} == {first.name, second.name}
    upstream.failed(first)
    upstream.failed(second)
    assert len(list(upstream.in_turn())) == 2


# The spool.


@given(st.lists(st.binary(max_size=100), max_size=10))
def test_a_spool_gives_back_every_byte_in_order_while_it_is_written(pieces: list[bytes]) -> None:
    async def run() -> bytes:
        spool = Spool()

        async def source():  # type: ignore[no-untyped-def]
            for piece in pieces:
                await asyncio.sleep(0)
                yield piece

        writing = asyncio.create_task(through(spool, source()))
        got = b"".join([piece async for piece in spool.pieces()])
        await writing
        spool.close()
        return got

    assert asyncio.run(run()) == b"".join(pieces)


def test_a_spool_hands_the_failure_on_behind_the_bytes_that_came_before_it() -> None:
    async def run() -> tuple[list[bytes], str]:
        spool = Spool()

        async def source():  # type: ignore[no-untyped-def]
            yield b"half"
            raise ConnectionResetError("the app died")

        await through(spool, source())
        got, failure = [], ""
        try:
            async for piece in spool.pieces():
                got.append(piece)
        except ConnectionResetError as error:
            failure = str(error)
        spool.close()
        return got, failure

    assert asyncio.run(run()) == ([b"half"], "the app died")
