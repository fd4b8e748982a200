"""Heads and bodies read by us and by h11, on made-up messages: the same meaning, or both refuse.

What we refuse and h11 accepts, each because two recipients could read it differently:
a line that ends with a lone LF; a folded line in a request; a control character other than HTAB in a value or a
reason; a request target that is none of the four forms; a Host that is none; another version than 1.x; both lengths
at once; Transfer-Encoding in a message of HTTP/1.0; a chunk size of more than 16 digits; an empty Host beside
a target without one is left alone. What we accept and h11 refuses: empty lines before a request; a list of transfer
codings in several lines when it means chunked; a response with a coding other than chunked, which ends with the close.
"""

from __future__ import annotations

import h11
from hypothesis import given, settings
from hypothesis import strategies as st

from labctl.protocols.http1 import (
    BodyReader,
    MessageError,
    read_request_head,
    read_response_head,
    request_framing,
    response_framing,
)


def _mostly(good: list[str], odd: list[str]) -> st.SearchStrategy[str]:
    """Nine good ones for each odd one: an odd one anywhere makes the whole message odd."""
    return st.integers(0, 11).flatmap(lambda n: st.sampled_from(odd if n == 11 else good))


NAMES = _mostly(
    ["Accept", "X-A", "x_b!", "Content-Length", "Connection", "Transfer-Encoding", "A"],
    ["bad name", "Ho st", "Expect ", "", "é", "a\tb", "Host"],
)
TEXT = st.text(
    st.characters(
        min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="".join(map(chr, range(0x7F, 0xA1)))
    ),
    max_size=12,
)
FREE = st.one_of(st.sampled_from(["", " ", "a  b", "\tx\t", "é", "close"]), TEXT)
SIZES = _mostly(["5", "0", "17"], ["5, 5", "5,6", "+5", "0x5", "", "9" * 19])
CODINGS = _mostly(["chunked", "Chunked"], ["gzip", "chunked, gzip", "", "5"])


def _field(name: str) -> st.SearchStrategy[str]:
    values = {"Content-Length": SIZES, "Transfer-Encoding": CODINGS}.get(name, FREE)
    return st.builds(lambda c, v: f"{name}{c}{v}", _mostly([":", ": ", ":  "], [" :", ""]), values)


FIELD = NAMES.flatmap(_field)
HOST = st.integers(0, 9).map(
    lambda n: {7: ["host:shop.test"], 8: [], 9: ["Host: a", "Host: b"]}.get(n, ["Host: a"])
)
METHODS = _mostly(["GET", "POST", "M-SEARCH", "get"], ["B@D", "", "G T"])
TARGETS = _mostly(["/", "/a?b=c", "/%20"], ["/a b", "", "/é"])
LINES = st.lists(FIELD, max_size=4)


def _h11_request(raw: bytes) -> tuple[str, object] | None:
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(raw)
    try:
        event = connection.next_event()
        if not isinstance(event, h11.Request):
            return None
        fields = [(n.decode("latin-1"), v.decode("latin-1")) for n, v in event.headers.raw_items()]
        return "request", (event.method.decode(), event.target.decode(), event.http_version.decode(), fields)
    except h11.RemoteProtocolError:
        return "refused", None


def _our_request(raw: bytes) -> tuple[str, object] | None:
    try:
        found = read_request_head(raw)
        if found is None:
            return None
        head, end = found
        assert end == len(raw)
        request_framing(head)
        return "request", (head.method, head.target, head.version, list(head.fields))
    except MessageError:
        return "refused", None


def _known(lines: list[str], version: str) -> bool:
    """A difference that the docstring lists."""
    names = [line.partition(":")[0].strip().lower() for line in lines]
    coded, sized = "transfer-encoding" in names, "content-length" in names
    many = names.count("transfer-encoding") > 1 or names.count("content-length") > 1
    return (
        (coded and (sized or version == "1.0"))
        or many
        or any(not n for n in names)
        or names.count("host") > 1
    )


def _alike(ours: tuple[str, object] | None, theirs: tuple[str, object] | None) -> bool:
    if ours is None or theirs is None or ours[0] != "request" or theirs[0] != "request":
        return (ours and ours[0]) == (theirs and theirs[0])
    *mine, my_fields = ours[1]  # type: ignore[misc]
    *other, other_fields = theirs[1]  # type: ignore[misc]

    # h11 writes the two lengths in its own way: lower case, one number, once.
    def plain(pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
        return [p for p in pairs if p[0].lower() not in ("content-length", "transfer-encoding")]

    return mine == other and plain(my_fields) == plain(other_fields)


@settings(max_examples=400, deadline=None)
@given(METHODS, TARGETS, st.sampled_from(["HTTP/1.1", "HTTP/1.0", "http/1.1", "HTTP/1", ""]), HOST, LINES)
def test_a_request_head_means_the_same_to_both(
    method: str, target: str, version: str, host: list[str], lines: list[str]
) -> None:
    if _known(host + lines, version[-3:]):
        return
    raw = "\r\n".join([f"{method} {target} {version}", *host, *lines, "", ""]).encode("latin-1")
    assert _alike(_our_request(raw), _h11_request(raw)), (_our_request(raw), _h11_request(raw))


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(["HTTP/1.1", "HTTP/1.0", "HTTP/11", "ICY"]),
    st.sampled_from(["200", "204", "304", "404", "099", "20", "2000", "abc", ""]),
    st.sampled_from(["", " ", " OK", " Not Found", " é", "OK"]),
    LINES,
)
def test_a_response_head_means_the_same_to_both(
    version: str, status: str, reason: str, lines: list[str]
) -> None:
    if _known(lines, version[-3:]) or any("transfer-encoding" in line.lower() for line in lines):
        return
    raw = "\r\n".join([f"{version} {status}{reason}", *lines, "", ""]).encode("latin-1")
    connection = h11.Connection(h11.CLIENT)
    connection.send(h11.Request(method="GET", target="/", headers=[("Host", "a")]))
    connection.receive_data(raw)
    try:
        event = connection.next_event()
        theirs = (event.status_code, event.reason.decode("latin-1"))  # type: ignore[union-attr]
    except h11.RemoteProtocolError:
        theirs = None
    try:
        found = read_response_head(raw)
        assert found is not None
        response_framing("GET", found[0])
        ours = (found[0].status, found[0].reason)
    except MessageError:
        ours = None
    if ours and ours[0] in (204, 304) and theirs is None:
        return  # h11 looks at a length that RFC 9112 section 6.3 says not to look at
    assert ours == theirs


ODD_CHUNKS = [
    *(b"g\r\n", b"-1\r\n", b"\r\n", b"5\r\nhelloX\r\n", b"3\r\nhello\r\n", b"0x3\r\nabc\r\n"),
    *(b" 3\r\nabc\r\n", b"5;a=b\r\nhello\r\n", b"5 \r\nhello\r\n", b"005\r\nhello\r\n"),
]
GOOD_CHUNK = st.binary(min_size=1, max_size=20).map(lambda b: b"%x\r\n%b\r\n" % (len(b), b))
CHUNKS = st.lists(st.one_of(GOOD_CHUNK, GOOD_CHUNK, st.sampled_from(ODD_CHUNKS)), max_size=4)
ENDS = st.sampled_from(
    [b"0\r\n\r\n", b"0\r\nX-Sum: 1\r\n\r\n", b"000\r\n\r\n", b"0;x\r\n\r\n", b"0\r\nbad name: 1\r\n\r\n", b""]
)


@settings(max_examples=400, deadline=None)
@given(CHUNKS, ENDS, st.binary(max_size=10), st.integers(1, 7))
def test_chunks_mean_the_same_to_both_however_they_are_cut(
    chunks: list[bytes], end: bytes, after: bytes, step: int
) -> None:
    head = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    body = b"".join(chunks) + end + (after if end else b"")
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(head + body)
    theirs, their_trailers, ending = b"", [], "unfinished"
    try:
        while True:
            event = connection.next_event()
            if isinstance(event, h11.Data):
                theirs += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                ending, their_trailers = "done", list(event.headers.raw_items())
                break
            elif event is h11.NEED_DATA:
                break
    except h11.RemoteProtocolError:
        ending = "refused"

    found = read_request_head(head)
    assert found is not None
    reader = BodyReader(request_framing(found[0]))
    ours, mine = b"", "unfinished"
    try:
        for at in range(0, len(body), step):
            ours += reader.feed(body[at : at + step])
        mine = "done" if reader.done else "unfinished"
    except MessageError:
        mine = "refused"
    if mine == "refused" and ending == "unfinished":
        return  # we see at the first byte that no chunk can begin so
    assert mine == ending
    if mine == "done":
        assert ours == theirs
        assert reader.excess == (after if end else b"") or not end
        assert list(reader.trailers) == [(n.decode(), v.decode()) for n, v in their_trailers]
