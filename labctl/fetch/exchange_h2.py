"""HTTP/2 over a stream: many requests side by side on one connection, and every frame of both directions.

The h2 library is the protocol; what is shown is read from the bytes by `protocols/http2_frames.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from labctl.fetch.exchange import USUAL, Answer, Limits, Request, as_fields
from labctl.fetch.exchange_h2_stream import Asked, fields_of, unsent
from labctl.fetch.stream import Stream, StreamEnded
from labctl.protocols.http2_frames import Frame, FrameReader, error_name

if TYPE_CHECKING:
    from h2.connection import H2Connection

# More frames than this are counted and no longer kept.
MOST_FRAMES = 20_000
# RFC 9113 section 7.
CANCEL = 8
# Fields that HTTP/2 has no use for (RFC 9113 section 8.2.2).
_OF_A_CONNECTION = frozenset(
    ("connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade", "host")
)


class Http2Connection:
    """A client's end of one connection. `frames` are all frames so far; `usable` is False when it has ended."""

    def __init__(self, stream: Stream, *, clock: Callable[[], float], limits: Limits = USUAL) -> None:
        from h2.config import H2Configuration
        from h2.connection import H2Connection
        from h2.settings import SettingCodes, Settings

        self._stream = stream
        self._clock = clock
        self._limits = limits
        self.frames: list[Frame] = []
        self.usable = True
        self._sent_reader = FrameReader(sent=True)
        self._received_reader = FrameReader(sent=False)
        self._asked: dict[int, Asked] = {}
        self._started = False
        self._settled = False
        # Bytes of the frame that is still coming which h2 has already.
        self._begun = 0
        config = H2Configuration(client_side=True, header_encoding=None)
        self._h2: H2Connection = H2Connection(config=config)
        # Nobody here would know what to do with a pushed response (RFC 9113 section 8.4).
        self._h2.local_settings = Settings(client=True, initial_values={SettingCodes.ENABLE_PUSH: 0})

    def ask(self, request: Request, *, limits: Limits | None = None) -> Answer:
        """One request and its answer. Never raises for what a peer does."""
        return self.ask_many((request,), limits=limits)[0]

    def ask_many(self, requests: Sequence[Request], *, limits: Limits | None = None) -> list[Answer]:
        """All of them at once, as many side by side as the peer allows; answers in the order of the requests."""
        limits = limits or self._limits
        waiting = list(requests)
        asked: list[Asked] = []
        deadline = self._clock() + limits.seconds
        try:
            while waiting or any(not a.ended for a in asked):
                self._open(waiting, asked, limits)
                self._send_content()
                self._flush(deadline)
                if any(not a.ended for a in asked):
                    self._read(deadline, limits)
                elif waiting and not self.usable:
                    break
        except StreamEnded as ended:
            self._all_failed(asked, *_ending(ended, limits))
        except Exception as error:
            from h2.exceptions import ProtocolError

            if not isinstance(error, ProtocolError):
                raise
            self._all_failed(asked, "garbage", f"The peer broke the rules of HTTP/2: {_words(error)}.")
        answers = [self._answer(a) for a in asked]
        for request in waiting:
            answers.append(self._answer(unsent(request, self._clock())))
        return answers

    def close(self) -> None:
        """Say GOAWAY, as far as that goes, and close the stream."""
        from contextlib import suppress

        if self._started and self.usable:
            from h2.exceptions import ProtocolError

            with suppress(StreamEnded, ProtocolError):
                self._h2.close_connection()
                self._flush(self._clock() + 1)
        self.usable = False
        self._stream.close()

    def _open(self, waiting: list[Request], asked: list[Asked], limits: Limits) -> None:
        """Open streams for what waits, as many as the peer allows side by side."""
        if not self._started:
            self._started = True
            self._h2.initiate_connection()
        while waiting and self.usable:
            open_now = sum(not a.ended for a in asked)
            if open_now >= min(self._h2.remote_settings.max_concurrent_streams, 1000):
                return
            request = waiting.pop(0)
            each = Asked(request, self._clock())
            stream_id = self._h2.get_next_available_stream_id()
            self._asked[stream_id] = each
            asked.append(each)
            fields = [(name.lower(), value) for name, value in as_fields(request)]
            pairs = [
                (":method", request.method),
                (":scheme", request.url.scheme),
                (":authority", next((v for n, v in fields if n == "host"), request.url.authority)),
                (":path", request.url.path),
                *((n, v) for n, v in fields if n not in _OF_A_CONNECTION),
            ]
            before = len(self.frames)
            self._h2.send_headers(stream_id, _encoded(pairs), end_stream=not request.body)
            if ("expect", "100-continue") in fields and request.body:
                each.waits_until = self._clock() + limits.continue_s
            each.request_raw = self._flush(self._clock() + limits.seconds, since=before)
            if not request.body:
                each.times = each.times._replace(sent_end=self._clock())

    def _send_content(self) -> None:
        """As much of the requests' contents as the peer's windows allow."""
        for stream_id, each in list(self._asked.items()):
            if each.ended or not each.unsent or self._held_back(each):
                continue
            while each.unsent and not each.ended:
                window = min(self._h2.local_flow_control_window(stream_id), self._h2.max_outbound_frame_size)
                part = each.unsent[: max(0, window)]
                if not part:
                    break
                each.unsent = each.unsent[len(part) :]
                self._h2.send_data(stream_id, part, end_stream=not each.unsent)
            if not each.unsent:
                each.times = each.times._replace(sent_end=self._clock())

    def _held_back(self, each: Asked) -> bool:
        return (
            each.waits_until is not None
            and not each.interim
            and each.final is None
            and self._clock() < each.waits_until
        )

    def _flush(self, deadline: float, since: int | None = None) -> bytes:
        """Write what h2 has to send; the bytes of the frames that belong to a stream are returned."""
        data = self._h2.data_to_send()
        if data:
            self._stream.send(data, deadline=deadline)
            self._keep(self._sent_reader.feed(data, self._clock()))
        if since is None:
            return b""
        # What stands before the last HEADERS of this write are the preface and SETTINGS of the connection.
        own = 0
        for frame in self.frames[since:]:
            if frame.stream_id:
                own += frame.wire_bytes
        return data[len(data) - own :] if own else b""

    def _keep(self, frames: list[Frame]) -> None:
        self.frames += frames[: MOST_FRAMES - len(self.frames)]

    def _read(self, deadline: float, limits: Limits) -> None:
        waits = [
            a.waits_until for a in self._asked.values() if a.unsent and a.waits_until and self._held_back(a)
        ]
        until = min([deadline, *waits])
        try:
            data = self._stream.receive(deadline=until)
        except StreamEnded as ended:
            if ended.failure == "timeout" and until < deadline:
                return
            raise
        if not data:
            raise StreamEnded("closed", "the peer closed the connection")
        now = self._clock()
        frames = self._received_reader.feed(data, now)
        self._keep(frames)
        self._check_sizes(frames)
        for frame in frames:
            if each := self._asked.get(frame.stream_id):
                each.wire_received += frame.wire_bytes
        for piece in self._by_frame(data, frames):
            for event in self._h2.receive_data(piece):
                self._hear(event, now, limits)

    def _by_frame(self, data: bytes, frames: list[Frame]) -> Iterator[bytes]:
        """`data` cut behind each of the frames that end in it: what follows a GOAWAY is heard after it."""
        start = 0
        for frame in frames:
            stop = start + frame.wire_bytes - self._begun
            yield data[start:stop]
            start, self._begun = stop, 0
        if start < len(data):
            self._begun += len(data) - start
            yield data[start:]

    def _check_sizes(self, frames: list[Frame]) -> None:
        """Refuse what cannot be HTTP/2 before h2 waits for all of it. Raises h2's ProtocolError."""
        from h2.exceptions import FrameTooLargeError, ProtocolError

        if not self._settled and frames:
            self._settled = True
            if frames[0].type != "SETTINGS":
                raise ProtocolError("it does not begin with SETTINGS")
        announced = self._received_reader.announced
        if announced > self._h2.max_inbound_frame_size:
            raise FrameTooLargeError(f"a frame of {announced:,} bytes is announced")

    def _hear(self, event: Any, now: float, limits: Limits) -> None:
        from h2 import events

        if isinstance(event, events.ConnectionTerminated):
            self._terminated(event)
            return
        each = self._asked.get(getattr(event, "stream_id", None) or 0)
        if each is None:
            return
        if isinstance(event, events.InformationalResponseReceived):
            each.heads(event.headers, now, interim=True)
        elif isinstance(event, events.ResponseReceived):
            each.heads(event.headers, now, interim=False)
        elif isinstance(event, events.DataReceived):
            each.content(event.data or b"", limits.body)
            if event.flow_controlled_length:
                self._h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            if each.body_bytes > limits.most and not each.ended:
                self._h2.reset_stream(event.stream_id, CANCEL)
                said = f"The content is longer than {limits.most:,} bytes; no more was read."
                each.end(now, "too-big", said)
        elif isinstance(event, events.TrailersReceived):
            each.trailers = fields_of(event.headers)
        elif isinstance(event, events.StreamEnded):
            each.end(now)
        elif isinstance(event, events.StreamReset) and not each.ended:
            name = error_name(int(event.error_code or 0))
            if each.final is not None and name == "NO_ERROR":
                each.end(now)
            else:
                each.end(now, "reset", f"The peer reset the stream: {name}.")

    def _terminated(self, event: Any) -> None:
        self.usable = False
        name = error_name(int(event.error_code or 0))
        last = event.last_stream_id or 0
        for stream_id, each in self._asked.items():
            if not each.ended and (stream_id > last or name != "NO_ERROR"):
                each.end(self._clock(), "reset", f"The peer ended the connection: GOAWAY, {name}.")
        if any(not each.ended for each in self._asked.values()):
            from h2.connection import ConnectionState

            # Streams up to the last one that it names are still answered (RFC 9113 section 6.8); h2 has closed all.
            self._h2.state_machine.state = ConnectionState.CLIENT_OPEN

    def _all_failed(self, asked: list[Asked], failure: str, detail: str) -> None:
        self.usable = False
        for each in asked:
            if each.ended:
                continue
            if failure == "no-answer" and each.final is not None:
                said = f"The connection closed after {each.body_bytes:,} bytes of content."
                each.end(self._clock(), "closed-early", said)
            else:
                each.end(self._clock(), failure, detail)

    def _answer(self, each: Asked) -> Answer:
        return each.answer(self._clock(), keep_alive=self.usable)


def _encoded(pairs: list[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in pairs]


def _ending(ended: StreamEnded, limits: Limits) -> tuple[str, str]:
    if ended.failure == "timeout":
        return "timeout", f"The {limits.seconds:g} s were over before the end of the answer."
    if ended.failure == "reset":
        return "reset", "The connection was reset before the end of the answer."
    return "no-answer", "The connection closed without an answer."


def _words(error: Exception) -> str:
    return str(error).rstrip(".") or type(error).__name__
