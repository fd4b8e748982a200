"""Server-sent events: what is written is read, however it is cut; what browsers and httpx-sse read, too."""

from __future__ import annotations

import json

import httpx
import pytest
from httpx_sse import EventSource as HttpxSse
from hypothesis import given
from hypothesis import strategies as st

from labctl.protocols import sse
from labctl.protocols.sse import EventTooLarge, Parser, SseEvent

LINE_ENDS = "\r\n"
words = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\r\n\0"), max_size=8)
texts = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\r"), max_size=20)
events = st.tuples(words, texts, st.none() | words)
# Bytes that mean something, and any others.
pieces = st.sampled_from(
    [
        b"data",
        b"id",
        b"event",
        b"retry",
        b":",
        b" ",
        b"\n",
        b"\r",
        b"\r\n",
        b"\n\n",
        b"1",
        b"\0",
        b"\xef\xbb\xbf",
    ]
) | st.binary(max_size=3)
streams = st.lists(pieces, max_size=40).map(b"".join)


def parsed(data: bytes, *cuts: int) -> tuple[list[SseEvent], str, int | None, int]:
    parser, found, at = Parser(), list[SseEvent](), 0
    for cut in [*sorted(min(cut, len(data)) for cut in cuts), len(data)]:
        found += parser.feed(data[at:cut])
        at = cut
    return found, parser.last_event_id, parser.retry_ms, parser.comments


@given(streams, st.lists(st.integers(0, 120), max_size=12))
def test_any_cut_of_the_bytes_gives_the_same_events(data: bytes, cuts: list[int]) -> None:
    assert parsed(data, *cuts) == parsed(data) == parsed(data, *range(len(data)))


@given(st.lists(events, max_size=6))
def test_what_is_encoded_is_parsed_again(given: list[tuple[str, str, str | None]]) -> None:
    last, expected = "", []
    for kind, data, its_id in given:
        last = last if its_id is None else its_id
        expected.append(SseEvent(kind or "message", data, last))
    assert parsed(b"".join(sse.encode(*event) for event in given))[0] == expected


@given(st.dictionaries(st.text(max_size=5), st.text(max_size=9) | st.integers() | st.none(), max_size=4))
def test_a_mapping_is_json_on_one_line(given: dict[str, str | int | None]) -> None:
    encoded = sse.encode("progress", given, 4)
    assert encoded.count(b"\ndata: ") == 1
    assert encoded.startswith(b"id: 4\nevent: progress\n")
    safe = json.loads(json.dumps(given, ensure_ascii=False).encode("utf-8", "replace"))
    assert json.loads(parsed(encoded)[0][0].data) == safe


@given(st.lists(events.filter(lambda e: e[1] != ""), min_size=1, max_size=5))
def test_httpx_sse_reads_what_we_write(given: list[tuple[str, str, str | None]]) -> None:
    body = b"".join(sse.encode(*event) for event in given)
    response = httpx.Response(200, headers={"content-type": "text/event-stream"}, content=body)
    theirs = [SseEvent(e.event, e.data, e.id) for e in HttpxSse(response).iter_sse()]
    assert theirs == parsed(body)[0]


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        (b"data: a\n\n", [("message", "a", "")]),
        (b"data:a\rdata:  b\r\n\r\n", [("message", "a\n b", "")]),
        (b"data\n\n", [("message", "", "")]),
        (b"event: x\n\ndata: a\n\n", [("message", "a", "")]),
        (b"id: 3\n\ndata: a\n\n", [("message", "a", "3")]),
        (b"id: 3\nid\ndata: a\n\n", [("message", "a", "")]),
        (b"id: 3\nid: 4\0\ndata: a\n\n", [("message", "a", "3")]),
        (b": beat\n\ndata: a", []),
        (b"\xef\xbb\xbfdata: a\n\n\xef\xbb\xbfdata: b\n\n", [("message", "a", "")]),
        (b"data: \xff\n\n", [("message", "�", "")]),
        (b"DATA: a\ndata : b\n\n", []),
        ("data: a\u2028b\x85c\x0bd\n\n".encode(), [("message", "a\u2028b\x85c\x0bd", "")]),
    ],
)
def test_the_cases_of_the_standard(stream: bytes, expected: list[tuple[str, str, str]]) -> None:
    assert parsed(stream)[0] == [SseEvent(*event) for event in expected]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("1500", 1500),
        ("0", 0),
        ("1.5", None),
        ("-1", None),
        ("1500 ", None),
        ("", 3000),
        ("٣", None),
        ("9" * 30, None),
    ],
)
def test_only_digits_set_the_waiting(value: str, expected: int | None) -> None:
    assert parsed(f"retry: {value}\n\n".encode())[2] == expected


def test_an_id_counts_when_its_event_is_complete() -> None:
    parser = Parser("1")
    assert parser.feed(b"id: 2\ndata: a\n") == []
    assert parser.last_event_id == "1"
    assert parser.feed(b"\n") == [SseEvent("message", "a", "2")]
    assert parser.last_event_id == "2"


@pytest.mark.parametrize("line", [b"data: aaaa\n", b"data\n", b"a", b"data: aaaaaaaaaaaaaaaaaaaaaaaaaa"])
def test_an_event_without_an_end_is_refused(line: bytes) -> None:
    parser = Parser(limit=1000)
    with pytest.raises(EventTooLarge):
        [parser.feed(line) for _ in range(1100)]


def test_many_small_events_are_not_too_large() -> None:
    parser = Parser(limit=100)
    assert len(parser.feed(b"data: aaaa\n\n" * 1000)) == 1000


@pytest.mark.parametrize(("kind", "id"), [("a\nb", None), ("a", "1\r2"), ("a", "1\0"), ("a\0", None)])
def test_a_type_or_an_id_of_two_lines_cannot_be_written(kind: str, id: str | None) -> None:
    with pytest.raises(ValueError, match="no line end"):
        sse.encode(kind, "x", id)
