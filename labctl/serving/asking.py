"""A client for servers that stand here: one request, or many at once."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Sequence
from typing import NamedTuple

from labctl.protocols.http1 import Fields
from labctl.serving.connection import Address, Answer, Connection, failure_of, write_request

__all__ = ["Address", "Answer", "Ask", "Connection", "ask", "ask_all", "write_request"]


class Ask(NamedTuple):
    """A request, for `ask_all`: the arguments of `ask`. `after_ms` is when it starts, from the common start."""

    target: str = "/"
    method: str = "GET"
    fields: Fields = ()
    body: bytes = b""
    source: str = ""
    timeout_s: float = 10.0
    version: str = "1.1"
    raw: bytes | None = None
    after_ms: float = 0.0


def ask(
    address: Address,
    target: str = "/",
    *,
    method: str = "GET",
    fields: Fields = (),
    body: bytes = b"",
    source: str = "",
    timeout_s: float = 10.0,
    version: str = "1.1",
    raw: bytes | None = None,
    most: int | None = None,
) -> Answer:
    """One request on a connection of its own. Never raises for what the peer does: see `Answer.failure`.

    `address` is (IP, port) or the path of a Unix socket. Host, Content-Length and `Connection: close` are added unless
    `fields` has them. `source` is the local IP to come from. `raw` are the request's bytes instead of all that.
    `timeout_s` bounds the whole, `most` the bytes of the answer's content (None: any number). Raises MessageError for
    a request that cannot be written.
    """
    request = raw if raw is not None else write_request(address, target, method, fields, body, version)
    start = time.monotonic()
    try:
        connection = Connection(address, source=source, timeout_s=timeout_s, start=start)
    except OSError as problem:
        return Answer(failure=failure_of(problem), end_ms=(time.monotonic() - start) * 1000)
    with connection:
        with contextlib.suppress(OSError):  # the peer may have answered before it closed
            connection.send(request)
        return connection.read_answer(method, most=most)


def ask_all(address: Address, requests: Sequence[Ask], *, at_once: bool = True) -> list[Answer]:
    """The answers, in the order of the requests. Times are relative to one common start.

    `at_once`: one thread each, connecting when all are ready (and their `after_ms` is over). Otherwise one after
    another.
    """
    if not at_once:
        return [_one(address, each, None) for each in requests]
    answers: list[Answer] = [Answer(failure="refused")] * len(requests)
    ready = threading.Barrier(len(requests) + 1)
    starts: list[float] = []

    def run(number: int, each: Ask) -> None:
        ready.wait()
        start = starts[0]
        if each.after_ms:
            time.sleep(max(0.0, start + each.after_ms / 1000 - time.monotonic()))
        answers[number] = _one(address, each, start)

    threads = [
        threading.Thread(target=run, args=(number, each), name=f"ask {number}", daemon=True)
        for number, each in enumerate(requests)
    ]
    for thread in threads:
        thread.start()
    starts.append(time.monotonic())
    ready.wait()
    for thread in threads:
        thread.join()
    return answers


def _one(address: Address, each: Ask, start: float | None) -> Answer:
    began = time.monotonic()
    answer = ask(
        address,
        each.target,
        method=each.method,
        fields=each.fields,
        body=each.body,
        source=each.source,
        timeout_s=each.timeout_s,
        version=each.version,
        raw=each.raw,
    )
    if start is None:
        return answer
    late = (began - start) * 1000
    return answer._replace(
        sent_at_ms=answer.sent_at_ms + late,
        first_byte_ms=answer.first_byte_ms and answer.first_byte_ms + late,
        end_ms=answer.end_ms + late,
    )
