"""DNS over HTTPS, the server's side (RFC 8484): what a request means, and HTTP/1.1 and HTTP/2 around it.

`respond` is pure. `serve_http1` and `serve_http2` speak on one connected TLS socket until the peer has
enough; the protocols themselves are h11's and h2's.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import socket
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import parse_qs, urlsplit

MEDIA_TYPE = "application/dns-message"
_LARGEST_MESSAGE = 65535
# A GET carries the message as base64url in its target; nobody's question is longer than this.
_LARGEST_HEAD = 16 * 1024

Answer = Callable[[bytes], bytes]
Headers = list[tuple[str, str]]


@dataclass(frozen=True)
class Response:
    """Status, headers (lower-case names) and body."""

    status: int
    headers: Headers
    body: bytes


def respond(method: str, target: str, content_type: str, body: bytes, answer: Answer) -> Response:
    """The answer to one request on /dns-query, or the status that says what is wrong with it.

    400 no readable question, 404 another path, 405 neither GET nor POST, 413 too long, 415 another media
    type, 500 the resolver had nothing to say.
    """
    url = urlsplit(target)
    if url.path != "/dns-query":
        return _refusal(404, "Ask /dns-query.")
    if method == "GET":
        question = _from_query(url.query)
    elif method == "POST":
        if content_type.partition(";")[0].strip().lower() != MEDIA_TYPE:
            return _refusal(415, f"POST a body of type {MEDIA_TYPE}.")
        if len(body) > _LARGEST_MESSAGE:
            return _refusal(413, "A DNS message has at most 65535 bytes.")
        question = body
    else:
        refusal = _refusal(405, "GET with ?dns= or POST.", ("allow", "GET, POST"))
        # The answer to HEAD has the headers of a body and no body (RFC 9110 section 9.3.2).
        return Response(refusal.status, refusal.headers, b"") if method == "HEAD" else refusal
    if len(question) < 12:
        return _refusal(400, "There is no DNS message in this request.")
    message = answer(question)
    if not message:
        return _refusal(500, "The resolver gave no answer.")
    headers = [("content-type", MEDIA_TYPE), ("content-length", str(len(message)))]
    # No longer than the smallest TTL, or an HTTP cache would outlive the records (section 5.1).
    headers.append(("cache-control", f"max-age={smallest_ttl(message)}"))
    return Response(200, headers, message)


def _from_query(query: str) -> bytes:
    """`dns=` is base64url without padding (section 4.1); b"" when it is missing or broken."""
    text = parse_qs(query, max_num_fields=10).get("dns", [""])[0] if query.count("&") < 10 else ""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return b""


def _refusal(status: int, sentence: str, *more: tuple[str, str]) -> Response:
    body = f"{sentence}\n".encode()
    headers = [("content-type", "text/plain; charset=utf-8"), ("content-length", str(len(body))), *more]
    return Response(status, headers, body)


def smallest_ttl(message: bytes) -> int:
    """The smallest TTL among answer and authority, 0 when there is none or it cannot be read."""

    def after_name(at: int) -> int:
        while message[at]:
            if message[at] >= 0xC0:
                return at + 2
            at += 1 + message[at]
        return at + 1

    ttls = []
    try:
        at = 12
        for _ in range(int.from_bytes(message[4:6], "big")):
            at = after_name(at) + 4
        for _ in range(int.from_bytes(message[6:8], "big") + int.from_bytes(message[8:10], "big")):
            at = after_name(at)
            ttls.append(int.from_bytes(message[at + 4 : at + 8], "big"))
            at += 10 + int.from_bytes(message[at + 8 : at + 10], "big")
    except IndexError:
        return 0
    return min(ttls, default=0)


def serve_http1(sock: socket.socket, answer: Answer) -> None:
    """Requests on a kept-alive HTTP/1.1 connection until it is closed, idle for too long, or not HTTP."""
    import h11

    http = h11.Connection(h11.SERVER, max_incomplete_event_size=_LARGEST_HEAD)

    def next_event() -> object:
        while (event := http.next_event()) is h11.NEED_DATA:
            if http.they_are_waiting_for_100_continue:
                sock.sendall(http.send(h11.InformationalResponse(status_code=100, headers=[])) or b"")
            http.receive_data(sock.recv(16384))
        return event

    def send(response: Response, *, close: bool = False) -> None:
        headers = [*response.headers, ("connection", "close")] if close else response.headers
        reason = HTTPStatus(response.status).phrase
        head = http.send(h11.Response(status_code=response.status, headers=headers, reason=reason)) or b""
        data = http.send(h11.Data(data=response.body)) or b""
        # One write: two would meet Nagle and the peer's delayed acknowledgement, 40 ms a response.
        sock.sendall(head + data + (http.send(h11.EndOfMessage()) or b""))

    while True:
        try:
            request = next_event()
            if not isinstance(request, h11.Request):
                return
            body = bytearray()
            while isinstance(event := next_event(), h11.Data):
                # One byte too many is enough to know; the rest is read and forgotten.
                body += event.data[: _LARGEST_MESSAGE + 1 - len(body)]
        except h11.RemoteProtocolError as error:
            if http.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
                send(_refusal(error.error_status_hint, "This is not HTTP/1.1."), close=True)
            return
        headers = dict(request.headers)
        send(
            respond(
                request.method.decode("ascii"),
                request.target.decode("latin-1"),
                headers.get(b"content-type", b"").decode("latin-1"),
                bytes(body),
                answer,
            ),
        )
        if http.our_state is not h11.DONE or http.their_state is not h11.DONE:
            return
        http.start_next_cycle()


def serve_http2(sock: socket.socket, answer: Answer) -> None:
    """The same over HTTP/2 (RFC 9113). Streams are answered one after the other, in the order they end."""
    import h2.config
    import h2.connection
    import h2.events
    import h2.exceptions

    http = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="latin-1"))
    requests: dict[int, tuple[dict[str, str], bytearray]] = {}
    unsent: dict[int, bytes] = {}

    def reply(stream: int, response: Response) -> None:
        # The peer may have reset the stream in the same packet: that ends the stream, not the connection.
        with contextlib.suppress(h2.exceptions.StreamClosedError):
            http.send_headers(stream, [(":status", str(response.status)), *response.headers])
            unsent[stream] = response.body
            flush(stream)

    def flush(stream: int) -> None:
        """As much of the body as the peer's windows let through, the rest when they open."""
        body = unsent.pop(stream)
        while body:
            size = min(http.local_flow_control_window(stream), http.max_outbound_frame_size, len(body))
            if size <= 0:
                unsent[stream] = body
                return
            http.send_data(stream, body[:size])
            body = body[size:]
        http.end_stream(stream)

    http.initiate_connection()
    sock.sendall(http.data_to_send())
    while data := sock.recv(65536):
        try:
            events = http.receive_data(data)
            for event in events:
                if isinstance(event, h2.events.RequestReceived):
                    requests[event.stream_id] = ({str(k): str(v) for k, v in event.headers}, bytearray())
                elif isinstance(event, h2.events.DataReceived):
                    http.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                    body = requests[event.stream_id][1]
                    body += event.data[: _LARGEST_MESSAGE + 1 - len(body)]
                elif isinstance(event, h2.events.StreamEnded):
                    headers, body = requests.pop(event.stream_id)
                    method, target = headers.get(":method", ""), headers.get(":path", "")
                    kind = headers.get("content-type", "")
                    reply(event.stream_id, respond(method, target, kind, bytes(body), answer))
                elif isinstance(event, h2.events.StreamReset):
                    requests.pop(event.stream_id, None)
                    unsent.pop(event.stream_id, None)
                elif isinstance(event, h2.events.WindowUpdated | h2.events.RemoteSettingsChanged):
                    for stream in list(unsent):
                        flush(stream)
                elif isinstance(event, h2.events.ConnectionTerminated):
                    sock.sendall(http.data_to_send())
                    return
        except h2.exceptions.ProtocolError:
            sock.sendall(http.data_to_send())  # GOAWAY says what was wrong
            return
        sock.sendall(http.data_to_send())
