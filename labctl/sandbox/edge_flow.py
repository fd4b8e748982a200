"""The content of a response on its way from the origin to whoever reads it, each at their own pace."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from labctl.protocols.http1 import Fields

if TYPE_CHECKING:
    from labctl.sandbox.edge_prepared import Prepared

# What may have come from the origin and not gone to the slowest reader, when it is not kept anyway.
AHEAD_BYTES = 256 * 1024
# A write to a client takes at most this much of a stored body at once.
PIECE_BYTES = 128 * 1024


class Reader(Protocol):
    """Takes content. `congested` while its peer reads more slowly than we write."""

    @property
    def congested(self) -> bool: ...
    def content(self, data: bytes) -> None: ...
    def ended(self, trailers: Fields) -> None: ...
    def broken(self) -> None: ...


class Flow:
    """Pieces of content, and how far each reader is. With `keep` all pieces stay, to be stored at the end.

    `hold(True)` asks the origin to pause, `hold(False)` to go on; `deserted` is called when the last reader leaves.
    """

    def __init__(self, keep: bool, hold: Callable[[bool], None], deserted: Callable[[], None]) -> None:
        self.keep = keep
        self.complete = False
        self.failed = False
        self.size = 0
        self.trailers: Fields = ()
        self._pieces: list[bytes] = []
        self._dropped = 0
        self._places: dict[Reader, int] = {}
        self._hold = hold
        self._held = False
        self._deserted = deserted

    @property
    def whole(self) -> bytes:
        """All of it; only with `keep`."""
        if len(self._pieces) != 1:
            self._pieces = [b"".join(self._pieces)]
        return self._pieces[0]

    @property
    def readers(self) -> int:
        return len(self._places)

    def feed(self, data: bytes) -> None:
        self.size += len(data)
        self._pieces.append(data)
        self._move()

    def end(self, trailers: Fields) -> None:
        self.trailers = trailers
        self.complete = True
        self._move()

    def fail(self) -> None:
        """The origin broke off."""
        self.failed = True
        readers, self._places = tuple(self._places), {}
        for reader in readers:
            reader.broken()

    def read(self, reader: Reader) -> None:
        """From the beginning; everything that is there is written at once."""
        self._places[reader] = 0
        self._serve(reader)

    def resume(self, reader: Reader) -> None:
        """The reader can take more."""
        if reader in self._places:
            self._serve(reader)
            self._thin()

    def leave(self, reader: Reader) -> None:
        """The reader is gone."""
        if self._places.pop(reader, None) is not None:
            if not self._places and not self.complete and not self.failed:
                self._deserted()
            self._thin()

    def overflow(self) -> None:
        """It is too big to be kept after all: from here on only what somebody has still to read."""
        self.keep = False
        self._thin()

    def _move(self) -> None:
        for reader in tuple(self._places):
            self._serve(reader)
        # Without a reader yet, everything is still to be read.
        if not self.keep and self._places:
            self._thin()

    def _serve(self, reader: Reader) -> None:
        place = self._places[reader]
        while place - self._dropped < len(self._pieces) and not reader.congested:
            piece = self._pieces[place - self._dropped]
            place += 1
            self._places[reader] = place
            reader.content(piece)
            if reader not in self._places:  # it left while it was written to
                return
        if self.complete and place - self._dropped >= len(self._pieces):
            del self._places[reader]
            reader.ended(self.trailers)

    def _thin(self) -> None:
        """Drop what everybody has, and pause the origin when the slowest reader is far behind."""
        if self.keep:
            if self._held:
                self._held = False
                self._hold(False)
            return
        slowest = min(self._places.values(), default=self._dropped + len(self._pieces)) - self._dropped
        if slowest > 0:
            del self._pieces[:slowest]
            self._dropped += slowest
        behind = sum(map(len, self._pieces))
        if behind > AHEAD_BYTES and not self._held:
            self._held = True
            self._hold(True)
        elif self._held and behind <= AHEAD_BYTES // 2:
            self._held = False
            self._hold(False)


def of_bytes(body: bytes) -> Flow:
    """A flow of content that is all here, in pieces."""
    flow = Flow(True, lambda hold: None, lambda: None)
    view = memoryview(body)
    flow._pieces = [bytes(view[at : at + PIECE_BYTES]) for at in range(0, len(body), PIECE_BYTES)]
    flow.size = len(body)
    flow.complete = True
    return flow


class Sink(Protocol):
    """Who gets the answer."""

    @property
    def congested(self) -> bool: ...
    @property
    def version(self) -> str: ...
    def may_send(self) -> None: ...
    def interim(self, status: int, reason: str, fields: Fields) -> None: ...
    def whole(
        self, status: int, reason: str, fields: Fields, body: bytes, came: bytes = b"", added: int = 0
    ) -> None: ...
    def stream(self, status: int, reason: str, fields: Fields, flow: Flow, sized: bool) -> None: ...
    def ready(self, prepared: Prepared) -> bool: ...
