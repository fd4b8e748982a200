"""One scripted server, two clients: a real Chromium and ours. Both do the same, and what the table says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from chromium import Chromium, chromium
from free_ports import held
from jobs.scripted_streams import STREAM, Answer, ScriptedStreams, scripted
from needed import need

from labctl.jobs.eventsource import Closed, EventSource, Lost, Message, Opened

OPEN, LOST, DEAD = ["open"], ["error", 0], ["error", 2]
RETRY = "retry: 20\n\n"
NO_MORE = Answer(status="204 No Content", fields="")
HTML = "Content-Type: text/html\r\nContent-Length: 0\r\n"

# What a page notes until readyState is 2, and a fetch behind it: nothing else was asked meanwhile.
PAGE = """new Promise(done => {
  const told = [], source = new EventSource("/stream");
  source.onopen = () => told.push(["open"]);
  for (const type of ["message", "progress"])
    source.addEventListener(type, e => told.push([type, e.data, e.lastEventId]));
  source.onerror = async () => {
    told.push(["error", source.readyState]);
    if (source.readyState === 2) { await fetch("/ping"); done(told); }
  };
})"""


class Case(NamedTuple):
    """`told`: what the page is told; `last_ids`: Last-Event-ID of each request."""

    answers: tuple[Answer, ...]
    told: list[list[Any]]
    last_ids: list[str | None]


def message(data: str, last: str = "", kind: str = "message") -> list[Any]:
    return [kind, data, last]


def refused(status: str, fields: str = HTML, how: str = "end") -> Case:
    """It is the answer to the first request: the only one."""
    return Case((Answer(status=status, fields=fields, how=how), NO_MORE), [DEAD], [None])


def refused_later(status: str) -> Case:
    answers = (Answer(RETRY + "id: 3\ndata: a\n\n"), Answer(status=status, fields=HTML), NO_MORE)
    return Case(answers, [OPEN, message("a", "3"), LOST, DEAD], [None, "3"])


def one(
    body: str, told: list[list[Any]], then: str | None, *, how: str = "end", fields: str = STREAM
) -> Case:
    """One stream, then 204."""
    return Case(
        (Answer(RETRY + body, how=how, fields=fields), NO_MORE), [OPEN, *told, LOST, DEAD], [None, then]
    )


CASES = {
    "a clean end": one("id: 2\nevent: progress\ndata: a\n\n", [message("a", "2", "progress")], "2"),
    "a reset": one("id: 2\ndata: a\n\n", [message("a", "2")], "2", how="reset"),
    "a stream of chunks that is cut": one(
        "", [message("a", "7")], "7", fields=STREAM + "Transfer-Encoding: chunked\r\n"
    ),
    "an incomplete event": one("id: 2\ndata: a\n\nid: 3\ndata: b\n", [message("a", "2")], "2"),
    "an incomplete line": one("id: 2\ndata: a\n\nid: 3\ndata: b", [message("a", "2")], "2"),
    "an empty id": one("id: 2\ndata: a\n\nid:\ndata: b\n\n", [message("a", "2"), message("b")], None),
    "an id without data": one("id: 9\n\n", [], "9"),
    "an id with a NUL": one("id: 1\nid: 2\0\ndata: a\n\n", [message("a", "1")], "1"),
    "an id in Greek": one("id: αβ\ndata: a\n\n", [message("a", "αβ")], "αβ"),
    "other line ends": one("id: 2\rdata: a\r\rdata: b\r\n\r\n", [message("a", "2"), message("b", "2")], "2"),
    "a waiting that is no number": one("retry: 1.5\n\nretry: 20 \n\ndata: a\n\n", [message("a")], None),
    "a waiting beyond all measure": one("retry: 18446744073709551616\n\ndata: a\n\n", [message("a")], None),
    "empty data": one("data\n\ndata:\ndata:\n\n", [message(""), message("\n")], None),
    "a byte order mark": one("data: a\n\n\ufeffdata: b\n\n", [message("a")], None),
    "charset utf-8": one(
        "data: ä\n\n", [message("ä")], None, fields=STREAM.replace("\r\n", "; charset=UTF-8\r\n")
    ),
    "ids of three streams": Case(
        (Answer(RETRY + "id: 2\ndata: a\n\n"), Answer("id: 5\ndata: b\n\n"), Answer("data: c\n\n"), NO_MORE),
        [OPEN, message("a", "2"), LOST, OPEN, message("b", "5"), LOST, OPEN, message("c", "5"), LOST, DEAD],
        [None, "2", "5", "5"],
    ),
    "a connection that ends without an answer": Case(
        (Answer(RETRY), Answer(how="nothing"), NO_MORE), [OPEN, LOST, LOST, DEAD], [None, None, None]
    ),
    "a redirect": Case(
        (Answer(status="307 Temporary Redirect", fields="Location: /stream2\r\n"), Answer(RETRY), NO_MORE),
        [OPEN, LOST, DEAD],
        [None, None, None],
    ),
    **{
        f"{status} at first": refused(status)
        for status in ("204 No Content", "401 Unauthorized", "404 Not Found", "429 Too Many Requests")
    },
    "503 at first with Retry-After": refused("503 Service Unavailable", HTML + "Retry-After: 1\r\n"),
    "500 at first": refused("500 Internal Server Error"),
    "500 with the type of a stream": refused("500 Internal Server Error", STREAM),
    "text/plain": refused("200 OK", "Content-Type: text/plain\r\n"),
    "no type": refused("200 OK", ""),
    "another charset": refused("200 OK", STREAM.replace("\r\n", "; charset=iso-8859-1\r\n")),
    "a redirect to nowhere": refused("302 Found"),
    "404 later": refused_later("404 Not Found"),
    "502 later": refused_later("502 Bad Gateway"),
    "503 later": refused_later("503 Service Unavailable"),
}
CASES["a stream of chunks that is cut"] = CASES["a stream of chunks that is cut"]._replace(
    answers=(
        Answer(
            f"{len(RETRY):x}\r\n{RETRY}\r\n10\r\nid: 7\ndata: a\n\n\r\n5\r\nda",
            fields=STREAM + "Transfer-Encoding: chunked\r\n",
        ),
        NO_MORE,
    )
)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    profile = Path(tmp_path_factory.mktemp("profile"))
    with chromium(need("chromium"), profile, {"127.0.0.1": 0}) as opened:
        yield opened


def ours(server: ScriptedStreams) -> list[list[Any]]:
    """The same notes of our client."""
    told: list[list[Any]] = []
    with EventSource(server.url) as source:
        for happening in source:
            match happening:
                case Opened():
                    told.append(OPEN)
                case Message(kind, data, last):
                    told.append([kind, data, last])
                case Lost():
                    told.append(LOST)
                case Closed():
                    told.append(DEAD)
    return told


def theirs(browser: Chromium, server: ScriptedStreams) -> list[list[Any]]:
    browser.visit(f"http://127.0.0.1:{server.port}/")
    told: list[list[Any]] = browser.evaluate(PAGE)
    return told


@pytest.mark.parametrize("name", CASES)
def test_chromium_does_what_the_table_says(name: str, browser: Chromium) -> None:
    case = CASES[name]
    with scripted(*case.answers) as server:
        assert theirs(browser, server) == case.told
    assert [asked.last_event_id for asked in server.asked] == case.last_ids


@pytest.mark.parametrize("name", CASES)
def test_our_client_does_what_the_table_says(name: str) -> None:
    case = CASES[name]
    with scripted(*case.answers) as server:
        assert ours(server) == case.told
    assert [asked.last_event_id for asked in server.asked] == case.last_ids


def test_both_send_the_same_fields(browser: Chromium) -> None:
    with scripted(NO_MORE) as server:
        theirs(browser, server)
        ours(server)
    for asked in server.asked:
        assert asked.fields["accept"] == "text/event-stream"
        assert asked.fields["cache-control"] == "no-cache"
        assert "authorization" not in asked.fields


def test_both_try_again_and_again_while_the_port_refuses(browser: Chromium) -> None:
    with held() as port:
        with scripted(Answer(RETRY + "id: 3\ndata: a\n\n", how="hold"), port=port) as server:
            browser.visit(f"http://127.0.0.1:{port}/")
            browser.evaluate(
                "globalThis.lost = [], globalThis.source = new EventSource('/stream'),"
                "source.onerror = () => lost.push(source.readyState), 0"
            )
            source = EventSource(server.url)
            happenings = iter(source)
            assert [next(happenings) for _ in range(2)] == [Opened(""), Message("message", "a", "3")]
            browser.wait_until("source.readyState === 1")
        assert [type(next(happenings)) for _ in range(4)] == [Lost] * 4
        browser.wait_until("lost.length >= 4")
        with scripted(NO_MORE, port=port) as server:
            assert list(happenings)[-1] == Closed(204, "status 204")
            browser.wait_until("source.readyState === 2")
        assert set(browser.evaluate("lost.slice(0, -1)")) == {0}
        assert [asked.last_event_id for asked in server.asked] == ["3", "3"]
