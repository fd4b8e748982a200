"""What the side that asks the origin hears from a connection: the response as it comes, or why there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from labctl.protocols.http1 import BodyReader, Framing, ResponseHead

if TYPE_CHECKING:
    from labctl.sandbox.edge_origin_connection import OriginConnection


class OriginFailure(NamedTuple):
    """Why there is no (whole) response. `status` is what a gateway answers: 502 or 504 (RFC 9110 section 15.6).

    `again` says that the request may not have been seen: the connection was an old one and gave no byte.
    """

    code: str
    sentence: str
    status: int = 502
    again: bool = False


class Listener(Protocol):
    """Who asked. `answered` comes once with as much content as is there, then `content` and `ended`, or `failed`."""

    method: str
    cancelled: bool

    def connected(self, connection: OriginConnection) -> None: ...
    def interim(self, head: ResponseHead) -> None: ...
    def answered(
        self, head: ResponseHead, named: dict[str, str], framing: Framing, data: bytes, reader: BodyReader
    ) -> None: ...
    def content(self, data: bytes) -> None: ...
    def ended(self, reader: BodyReader) -> None: ...
    def failed(self, failure: OriginFailure) -> None: ...
    def may_send(self) -> None: ...


def not_connected(name: str, error: BaseException) -> OriginFailure:
    """Why there is no connection to the origin of this name."""
    if isinstance(error, ConnectionRefusedError):
        return OriginFailure("refused", f"The origin {name} refused the connection.")
    if isinstance(error, TimeoutError):
        return OriginFailure("timeout", f"The origin {name} did not take the connection in time.", 504)
    words = getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error)
    return OriginFailure("unreachable", f"The origin {name} cannot be reached: {words}.")
