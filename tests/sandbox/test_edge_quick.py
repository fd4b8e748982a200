"""The short ways of the edge: what is answered or forwarded without much reading is what would come of reading it."""

from __future__ import annotations

import asyncio

import pytest
from edge_harness import Asked, Gives, World, within
from hypothesis import given, settings
from hypothesis import strategies as st

FRESH = Gives(
    200, (("Cache-Control", "max-age=60"), ("ETag", '"one"'), ("Last-Modified", "@-1000")), b"0123456789"
)
NAMES = (
    "Accept", "Accept-Language", "Authorization", "Cache-Control", "Cookie", "If-Match", "If-Modified-Since",
    "If-None-Match", "If-Range", "If-Unmodified-Since", "Pragma", "Range", "Upgrade", "X-N",
)  # fmt: skip
VALUES = ("", "*", '"one"', 'W/"two"', "@-1000", "@+1000", "bytes=2-4", "no-cache", "max-age=0", "only-if-cached",
          "no-store", "de, en;q=0.5", "h2c", "websocket")  # fmt: skip
FIELDS = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(VALUES)), max_size=3).map(tuple)


@pytest.mark.parametrize("profile", ["rfc9111", "cloudflare"])
@given(FIELDS, st.sampled_from(["GET", "HEAD"]), st.integers(0, 70))
@settings(max_examples=40, deadline=None)
def test_a_hit_that_is_answered_at_once_is_the_one_that_is_decided_at_length(
    profile: str, fields: tuple[tuple[str, str], ...], method: str, later: int
) -> None:
    async def scene(world: World, *, at_length: bool) -> None:
        def script(asked: Asked) -> Gives:
            return FRESH if asked.get("If-None-Match") is None else Gives(304, FRESH.fields)

        world.script = script
        client = await world.client()
        for _ in range(3):
            await client.ask("GET", "/a.css")
        assert world.edge.store.plain
        assert world.edge.store.known["http"]
        world.now += later
        if at_length:
            world.edge.store.plain.clear()
            world.edge.store.known["http"].clear()
        got = await client.ask(method, "/a.css", tuple((name, world.value(value)) for name, value in fields))
        shown = tuple(pair for pair in got.fields if pair[0] != "CF-Ray")
        seen.append((got.status, shown, got.body, len(world.asked), world.edge.decisions[-1]))
        await client.close()

    seen: list[object] = []
    within(lambda world: scene(world, at_length=False), profile)
    within(lambda world: scene(world, at_length=True), profile)
    assert seen[0] == seen[1]


def test_nothing_that_varies_is_answered_at_once() -> None:
    async def scene(world: World) -> None:
        world.script = lambda asked: Gives(
            200,
            (("Cache-Control", "max-age=60"), ("Vary", "Accept-Language")),
            (asked.get("Accept-Language") or "").encode(),
        )
        client = await world.client()
        for _ in range(3):
            for language in ("de", "en"):
                got = await client.ask("GET", "/a", (("Accept-Language", language),))
                assert got.body == language.encode()
        assert len(world.asked) == 2
        assert world.edge.store.plain == {}
        await client.close()

    within(scene)


def test_lines_that_go_on_as_they_came_say_the_same() -> None:
    async def scene(world: World) -> None:
        client = await world.client()
        lines = b"Host: site.test\r\nX-One:  a\t \r\nx-one:b\r\nX-Two:\r\nX-Three: \xe4\r\n"
        await client.send(b"GET /a HTTP/1.1\r\n" + lines + b"\r\n")
        await client.answer()
        await client.send(b"GET /a HTTP/1.1\r\nConnection: keep-alive\r\n" + lines + b"\r\n")
        await client.answer()
        quick, slow = (asked.head.fields for asked in world.asked)
        assert sorted(quick) == sorted(slow)
        assert ("X-Forwarded-For", "127.0.0.1") in quick
        assert ("Via", "1.1 labctl-edge") in quick
        await client.close()

    within(scene)


def test_no_websocket_passes_and_another_upgrade_is_ignored() -> None:
    async def scene(world: World) -> None:
        fields = (("Connection", "Upgrade"), ("Upgrade", "WebSocket"), ("Sec-WebSocket-Version", "13"))
        got = await world.ask("GET", "/chat", fields)
        assert (got.status, world.asked) == (501, [])
        assert b"no WebSocket passes" in got.body
        got = await world.ask("GET", "/a", (("Connection", "Upgrade, HTTP2-Settings"), ("Upgrade", "h2c")))
        assert got.status == 200
        assert world.asked[0].get("Upgrade") is None

    within(scene)


def test_who_asks_ahead_and_does_not_read_is_not_answered_into_memory() -> None:
    async def scene(world: World) -> None:
        world.gives = Gives(200, (("Cache-Control", "max-age=60"),), b"x" * 60_000)
        first = await world.client()
        for _ in range(3):
            await first.ask("GET", "/a")
        before = set(world.edge._clients)
        client = await world.client()
        transport = client.writer.transport
        transport.pause_reading()
        request = b"GET /a HTTP/1.1\r\nHost: site.test\r\nX-Another: 1\r\n\r\n"
        client.writer.write(request * 1000)
        while not (accepted := world.edge._clients - before):
            await asyncio.sleep(0)
        [ours] = accepted
        while not ours.congested:
            await asyncio.sleep(0)
        for _ in range(100):
            await asyncio.sleep(0)
        assert ours.transport.get_write_buffer_size() < 200_000
        transport.resume_reading()
        for _ in range(1000):
            assert len((await client.answer()).body) == 60_000
        assert len(world.asked) == 1
        await client.close()
        await first.close()

    within(scene)
