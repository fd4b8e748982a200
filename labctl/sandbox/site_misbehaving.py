"""raw.shop.test: a peer that breaks one rule of HTTP for each path. What it sends is written as it stands here."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from labctl.sandbox.site import Piece, SiteAnswer, SiteRequest, text

if TYPE_CHECKING:
    from labctl.sandbox.web import Web

# Longer than any client waits; the server gives up with the connection.
FOREVER_S = 3600.0
GIGABYTE = 1 << 30
_BLOCK = b"0123456789abcde\n" * 4096


class Misbehaviour:
    """One path: what it does, in a sentence, and how."""

    def __init__(self, sentence: str, answer: Callable[[], SiteAnswer]) -> None:
        self.sentence = sentence
        self.answer = answer


def _raw(*pieces: bytes | Piece, reset: bool = False) -> Callable[[], SiteAnswer]:
    body = tuple(p if isinstance(p, Piece) else Piece(0.0, p) for p in pieces)
    return lambda: SiteAnswer(200, body=body, framing="raw", close=True, reset=reset)


def _head(*lines: str, start: str = "HTTP/1.1 200 OK") -> bytes:
    return "".join(f"{line}\r\n" for line in (start, "Content-Type: text/plain", *lines, "")).encode()


def _gigabyte() -> SiteAnswer:
    # The same block each time: the server needs no memory for it.
    pieces = (Piece(0.0, _BLOCK),) * (GIGABYTE // len(_BLOCK))
    return SiteAnswer(200, (("Content-Type", "text/plain"),), pieces)


MISBEHAVIOURS: dict[str, Misbehaviour] = {
    "/never": Misbehaviour(
        "It takes the request and never answers.", lambda: SiteAnswer(200, wait_s=FOREVER_S, close=True)
    ),
    "/half-header": Misbehaviour(
        "It closes in the middle of the head.", _raw(b"HTTP/1.1 200 OK\r\nContent-Type: text/pl")
    ),
    "/slow-header": Misbehaviour(
        "It sends the head in drops and never ends it.",
        _raw(b"HTTP/1.1 200 OK\r\n", *(Piece(1.0, b"X-More: 1\r\n") for _ in range(3600))),
    ),
    "/endless-header": Misbehaviour(
        "Its head is longer than anybody reads.",
        _raw(b"HTTP/1.1 200 OK\r\n", *(b"X-More: " + b"m" * 1000 + b"\r\n" for _ in range(2000))),
    ),
    "/gigabyte": Misbehaviour("It sends a gigabyte.", _gigabyte),
    "/bad-chunk": Misbehaviour(
        "The size of its second chunk is no number.",
        _raw(_head("Transfer-Encoding: chunked"), b"5\r\nhello\r\n", b"xyz\r\nworld\r\n0\r\n\r\n"),
    ),
    "/two-lengths": Misbehaviour(
        "It says Content-Length and Transfer-Encoding at once.",
        _raw(_head("Content-Length: 5", "Transfer-Encoding: chunked"), b"5\r\nhello\r\n0\r\n\r\n"),
    ),
    "/two-content-lengths": Misbehaviour(
        "It says two different lengths.", _raw(_head("Content-Length: 5", "Content-Length: 50"), b"hello")
    ),
    "/short-body": Misbehaviour(
        "It announces 1,000 bytes, sends 10 and closes.", _raw(_head("Content-Length: 1000"), b"0123456789")
    ),
    "/cut-chunks": Misbehaviour(
        "It closes before the last chunk.", _raw(_head("Transfer-Encoding: chunked"), b"5\r\nhello\r\n")
    ),
    "/garbage": Misbehaviour("It speaks another protocol.", _raw(b"SSH-2.0-OpenSSH_9.6\r\n")),
    "/no-answer": Misbehaviour("It closes without a word.", _raw()),
    "/reset": Misbehaviour("It resets the connection instead of an answer.", _raw(reset=True)),
    "/reset-in-body": Misbehaviour(
        "It resets the connection in the middle of the content.",
        _raw(_head("Content-Length: 1000"), b"0123456789", reset=True),
    ),
    "/split": Misbehaviour(
        "A second response follows the first one, unasked.",
        _raw(
            # In one write: a client that reads the first has the second in its hands.
            _head("Content-Length: 5")
            + b"hello"
            + _head("Content-Length: 5", start="HTTP/1.1 404 Not Found")
            + b"evil!",
        ),
    ),
    "/bare-lf": Misbehaviour(
        "Its lines end with LF alone.", _raw(b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello")
    ),
    "/bad-field": Misbehaviour(
        "White space stands before a colon.", _raw(_head("Content-Length : 5"), b"hello")
    ),
    "/unasked-gzip": Misbehaviour(
        "It says gzip, and the content is none.", _raw(_head("Content-Encoding: gzip", "Content-Length: 5"), b"hello")
    ),
}  # fmt: skip


def misbehaving(request: SiteRequest, web: Web) -> SiteAnswer:
    """The handler: `/` lists what there is."""
    found = MISBEHAVIOURS.get(request.path)
    if found is not None:
        return found.answer()
    if request.path == "/empty":
        return SiteAnswer(204)
    if request.path.startswith("/dies/"):
        return _dies(request, web)
    if request.path == "/":
        return text(200, "\n".join(f"{path}: {each.sentence}" for path, each in MISBEHAVIOURS.items()))
    return text(404, "There is no such misbehaviour here; / lists them.")


def _dies(request: SiteRequest, web: Web) -> SiteAnswer:
    """Does what was asked for, and the first time is gone before it answers. `web.counters` counts what was done."""
    key = f"{request.host}{request.path}"
    web.counters[key] += 1
    if web.counters[key] == 1:
        return SiteAnswer(200, framing="raw", reset=True)
    return text(200, f"It was done {web.counters[key]} times.")
