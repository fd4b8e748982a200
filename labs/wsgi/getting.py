"""What a client gets from each server, in a word and in a sentence."""

from __future__ import annotations

import threading
from typing import NamedTuple

from labctl.events import Hue
from labctl.protocols.http1 import get
from labctl.serving.asking import Answer, Ask, Connection, write_request
from labctl.serving.standing import Kind, Standing
from labs.wsgi.stage import asked
from labs.wsgi.words import failure_of, start_line, status_of

# Of the body that the applications return, and what length-too-short says instead.
_WHOLE, _SAID = 22, 9
_TIMEOUT_S, _SHORT_S = 3.0, 0.6
# How long bytes behind the end are waited for, when the server does not close.
_REST_S = 2.0
CONTENT = b"twelve bytes"


class Got(NamedTuple):
    """`word` stands in the matrix, `remark` in the table of one; `line` is the status, `bytes` the body's."""

    status: int
    line: str
    bytes: int
    word: str
    remark: str
    sentence: str
    hue: Hue


Answers = dict[Kind, Got]


def its_request(name: str) -> Ask:
    """The request for an application of labs.wsgi.apps.violations."""
    if name == "reads-all":
        # A server whose input has no end waits for ever.
        return Ask(f"/{name}", "POST", body=CONTENT, timeout_s=_SHORT_S)
    return Ask(f"/{name}", timeout_s=_TIMEOUT_S)


def got(standings: dict[Kind, Standing], name: str) -> Answers:
    """The answers of all servers, asked side by side."""
    found: dict[Kind, Got] = {}

    def one(kind: Kind, standing: Standing) -> None:
        answer = asked(standing, its_request(name))
        more = (
            _behind(standing, name, len(answer.body)) if name in ("length-too-short", "body-with-204") else 0
        )
        found[kind] = _told(name, answer, more)

    threads = [threading.Thread(target=one, args=pair, name=f"ask {pair[0]}") for pair in standings.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {kind: found[kind] for kind in standings}


def _behind(standing: Standing, name: str, read: int) -> int:
    """How many bytes of body come in all when one reads on behind the end."""
    data = b""
    try:
        with Connection(standing.where, timeout_s=_TIMEOUT_S) as connection:
            connection.send(write_request(standing.where, f"/{name}", "GET", ()))
            while part := connection.socket.recv(65536):
                data += part
                connection.socket.settimeout(_REST_S)
    except OSError:
        pass
    return len(data.partition(b"\r\n\r\n")[2]) - read


def _told(name: str, answer: Answer, more: int) -> Got:
    word, remark, sentence, hue = _words(answer, more)
    if name == "hop-by-hop" and answer.status == 200:
        if get(answer.fields, "Keep-Alive") is None:
            word, remark, sentence, hue = (
                "dropped",
                "without the two headers",
                "200, without those headers.",
                "ok",
            )
        else:
            word, remark, sentence, hue = (
                "passed",
                "with the two headers",
                "200, and those headers went out.",
                "bad",
            )
    if name == "start-twice-bare" and answer.status == 404:
        sentence = "404, from the second call: without headers the first one counts for nothing (werkzeug)."
    line = start_line(answer) if word == "None" else status_of(answer)
    return Got(answer.status, line, len(answer.body) + max(more, 0), word, remark, sentence, hue)


def _words(answer: Answer, more: int) -> tuple[str, str, str, Hue]:
    status, size = answer.status, len(answer.body)
    if b" None" in answer.raw[:16]:
        return "None", "no status at all", "the status line is HTTP/1.1 None, and the body follows.", "bad"
    if not status:
        return answer.failure, failure_of(answer), f"no response: {failure_of(answer)}.", "bad"
    if get(answer.fields, "X-Injected") is not None:
        return "split", "one header more", "the response was split, and has a header X-Injected.", "bad"
    if more > 0:
        return (
            "too much",
            f"{more} B behind the end",
            "bytes behind the end; the next response begins with them.",
            "bad",
        )
    if answer.failure:
        return (
            "cut",
            "the end is missing",
            "the head was out already, then the connection ended too early.",
            "warn",
        )
    if status == 500:
        return "500", "", "500, and the traceback is in the server's log.", "ok"
    if status == 200 and size == _SAID:
        return (
            "as said",
            "no more than was said",
            "the bytes that Content-Length promised, and no more.",
            "ok",
        )
    if status == 200 and 0 < size < 12:
        return "part", "and it seems whole", "a part of the body, and nothing says that it is one.", "bad"
    return str(status), "", f"{status}, as if all were well.", ""
