"""The same request over HTTP/1.1 and over HTTP/2: what each writes, byte by byte, and whether it means the same."""

from __future__ import annotations

from collections.abc import Iterator

from labctl.events import Event, Row
from labctl.fetch.exchange import Answer
from labctl.protocols.http1 import Fields, get, without
from labctl.protocols.http2_frames import Frame, error_name, settings_of
from labs.http.claims import MESSAGE
from labs.http.peer import Desk, Peer
from labs.http.target import Wanted
from labs.http.words import shortened, size, status_line
from labs.telling import about, measured, note, opening, result, table
from labs.words import count, listed, ms

# Frames that are shown.
_MOST = 24
# What differs between any two answers, whatever they mean.
_OF_THE_MOMENT = (
    *("date", "connection", "keep-alive", "transfer-encoding", "content-length", "age"),
    *("cf-ray", "x-request-id", "via", "cache-status", "server-timing", "set-cookie"),
)
# Where the town says what an application got.
_ECHO = "https://api.shop.test/echo"


def compare(desk: Desk, wanted: Wanted) -> Iterator[Event]:
    """Raises Unreached."""
    fields = wanted.fields
    with desk.reach(wanted.url) as peer:
        text = peer.ask(
            method=wanted.method, fields=fields, body=wanted.body, limits=desk.limits, dropped=wanted.dropped
        )
    with desk.reach(wanted.url, http2=True) as peer:
        if not peer.http2:
            yield opening(f"{wanted.method} {wanted.url}", "HTTP/1.1 only")
            yield note("The server was offered h2 by ALPN and chose HTTP/1.1: it does not speak HTTP/2 here.")
            yield MESSAGE.not_seen("This server speaks HTTP/1.1 alone.")
            return
        frames = peer.ask(
            method=wanted.method, fields=fields, body=wanted.body, limits=desk.limits, dropped=wanted.dropped
        )
        yield from _shown(peer, wanted, text, frames)
        # What comes late (window updates, SETTINGS of the peer) belongs to the picture.
        yield from _frames(peer.connection.frames)
    yield from _judged(desk, wanted, text, frames)


def _shown(peer: Peer, wanted: Wanted, text: Answer, frames: Answer) -> Iterator[Event]:
    one, two = len(text.request_raw), len(frames.request_raw)
    yield opening(f"{wanted.method} {wanted.url} twice", f"{size(one)} as text, {size(two)} as frames")
    if wanted.assumed:
        yield note(f"The URL names no scheme; {wanted.assumed} was assumed.")
    request = peer.request(
        method=wanted.method, fields=wanted.fields, body=wanted.body, dropped=wanted.dropped
    )
    host = "none" if "host" in wanted.dropped else get(wanted.fields, "Host") or request.url.authority
    named = get(wanted.fields, "Host") or request.url.authority
    rows = [
        _pair("the method", f"{request.method} ...", f":method: {request.method}"),
        _pair("the target", request.url.path, f":path: {request.url.path}"),
        _pair("the site", f"Host: {host}", f":authority: {named}"),
        _pair("the scheme", "the connection says it", f":scheme: {request.url.scheme}"),
        _pair("the version", "HTTP/1.1", "ALPN has said h2"),
        *(
            _pair("a field", f"{name}: {value}", f"{name.lower()}: {value}")
            for name, value in without(request.fields, "Host")
        ),
        _pair("the end", "an empty line", "END_HEADERS and END_STREAM"),
        _pair("in bytes", shortened(_visible(text.request_raw), 26), _hex(frames.request_raw)),
        _pair("in all", size(one), f"{size(two)}, HPACK"),
    ]
    yield table("request", "The request", ("", "HTTP/1.1, text", "HTTP/2, frames"), rows)
    rows = [
        _pair(
            "the status", status_line(text), f":status: {frames.status}" if frames.status else frames.failure
        ),
        _pair("fields", count(len(text.fields), "line"), count(len(frames.fields), "line")),
        _pair("head, bytes", size(len(text.raw_head)), size(_head_bytes(peer.connection.frames))),
        _pair("content", size(text.body_bytes), size(frames.body_bytes)),
        _pair("it ends", _ends(text), "END_STREAM on the last frame"),
    ]
    yield table("response", "The response", ("", "HTTP/1.1, text", "HTTP/2, frames"), rows)
    yield measured("http.h1.request", one, f"As text the request had {size(one)}.", "B")
    yield measured("http.h2.request", two, f"As frames the request had {size(two)}.", "B")
    for answer in (text, frames):
        if answer.failure:
            yield note(answer.detail, "bad")


def _pair(term: str, one: str, two: str) -> Row:
    return Row(
        text=f"{term}: {one} in HTTP/1.1, {two} in HTTP/2.",
        cells=(term, shortened(one, 28), shortened(two, 34)),
        hues=("mute",),
    )


def _visible(raw: bytes) -> str:
    return raw[:40].decode("latin-1").replace("\r\n", "\\r\\n")


def _hex(raw: bytes) -> str:
    return f"{raw[:9].hex(' ')} ..." if raw else "none"


def _ends(answer: Answer) -> str:
    kind, length = answer.framing
    return {
        "length": f"Content-Length: {length:,}",
        "chunked": "a chunk of size 0",
        "close": "the close",
    }.get(kind, "with the head")


def _head_bytes(frames: list[Frame]) -> int:
    return sum(f.wire_bytes for f in frames if not f.sent and f.type in ("HEADERS", "CONTINUATION"))


def _frames(frames: list[Frame]) -> Iterator[Event]:
    rows = []
    begun = frames[0].at if frames else 0.0
    for frame in frames[:_MOST]:
        way = "►" if frame.sent else "◄"
        who = "sent" if frame.sent else "received"
        at = ms((frame.at - begun) * 1000)
        flags, meaning = " ".join(frame.flags), _meaning(frame)
        named = f"{frame.type} {flags}".strip()
        rows.append(
            Row(
                text=f"{at}: {named} on stream {frame.stream_id} {who}, {size(frame.wire_bytes)}: {meaning}.",
                cells=(
                    at,
                    way,
                    str(frame.stream_id),
                    frame.type,
                    size(frame.wire_bytes),
                    _with(flags, meaning),
                ),
                hues=(
                    "mute",
                    "accent" if frame.sent else "ok",
                    "mute",
                    "accent" if frame.sent else "ok",
                    "mute",
                ),
            )
        )
    left = len(frames) - _MOST
    said = "9 bytes of head each, then what the type says"
    more = f"{said}; {count(left, 'more frame')}" if left > 0 else said
    yield table("frames", "The frames", ("at", "", "stream", "frame", "bytes", ""), rows, note=more)


def _with(flags: str, meaning: str) -> str:
    return f"{flags}: {meaning}" if flags else meaning


def _meaning(frame: Frame) -> str:
    if frame.type == "SETTINGS":
        if "ACK" in frame.flags:
            return "the other side's settings hold from here"
        named = [f"{name.lower().replace('_', ' ')} {value:,}" for name, value in settings_of(frame)[:2]]
        return listed(named) if named else "all as RFC 9113 has them"
    if frame.type == "WINDOW_UPDATE":
        return f"room for {int.from_bytes(frame.payload[:4], 'big'):,} bytes more"
    if frame.type == "GOAWAY":
        return f"{error_name(int.from_bytes(frame.payload[4:8], 'big'))}: no new streams"
    if frame.type == "RST_STREAM":
        return error_name(int.from_bytes(frame.payload[:4], "big"))
    return {
        "HEADERS": "the request's fields" if frame.sent else "the response's fields",
        "DATA": "content",
        "PING": "are you there?",
        "PRIORITY": "advice that nobody needs to follow",
    }.get(frame.type, "")


def _judged(desk: Desk, wanted: Wanted, text: Answer, frames: Answer) -> Iterator[Event]:
    yield about(
        "HPACK", "fields said before, and common ones, are numbers: a second request is shorter still."
    )
    if text.failure or frames.failure:
        yield MESSAGE.not_seen(f"One of the two did not come to its end. {text.detail or frames.detail}")
        return
    told = f"HTTP/1.1 gave {text.status} and {size(text.body_bytes)}, HTTP/2 {frames.status} and "
    told += f"{size(frames.body_bytes)}"
    same = text.status == frames.status and _meant(text.fields) == _meant(frames.fields)
    if not wanted.given:
        # Elsewhere a page may well be another one each time; this one is not.
        same = same and text.body == frames.body
    got_same, got = _as_the_application_got_it(desk) if desk.internet.kind == "sandbox" else (True, "")
    if not same and wanted.given:
        yield MESSAGE.not_seen(f"{told}: this resource changes from one answer to the next.")
        return
    yield MESSAGE.judged(same and got_same, f"{told}.{got}")
    if same and got_same:
        yield result(
            f"The same message: {size(len(text.request_raw))} of text, {size(len(frames.request_raw))} of frames."
        )


def _meant(fields: Fields) -> set[tuple[str, str]]:
    return {(name.lower(), value) for name, value in without(fields, *_OF_THE_MOMENT)}


def _as_the_application_got_it(desk: Desk) -> tuple[bool, str]:
    """Whether a field arrives over both: an echo says what the application got."""
    import json

    found = []
    for http2 in (False, True):
        with desk.reach(_ECHO, http2=http2) as peer:
            echo = peer.ask(fields=(("X-Lab", "both"),))
        try:
            found.append(json.loads(echo.body)["combined"].get("x-lab", "nothing"))
        except (ValueError, KeyError, AttributeError):
            found.append("nothing")
    return found[0] == found[
        1
    ] == "both", f" X-Lab: both came to an application as {found[0]} and {found[1]}."
