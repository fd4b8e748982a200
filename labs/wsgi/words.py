"""How the wsgi lab says what came over the wire and what stood in environ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from labctl.protocols.http1 import get
from labctl.serving.asking import Answer

_FAILED = {
    "refused": "connection refused",
    "reset": "connection reset",
    "timeout": "no answer in time",
    "empty": "closed without a byte",
    "malformed": "no HTTP",
    "cut": "cut off",
    "large": "no more was read",
}


def framing(answer: Answer) -> str:
    """How the end of the body was said: `Content-Length: 22`, `chunks`, or `the close`."""
    if get(answer.fields, "Transfer-Encoding"):
        return "chunks"
    length = get(answer.fields, "Content-Length")
    return f"Content-Length: {length}" if length is not None else "the close"


def status_of(answer: Answer) -> str:
    """`200 OK`, or how it failed."""
    if not answer.status:
        return _FAILED.get(answer.failure, answer.failure)
    return f"{answer.status} {answer.reason}".strip()


def failure_of(answer: Answer) -> str:
    """How it failed, "" when it did not."""
    return _FAILED.get(answer.failure, answer.failure)


def cut(text: str, most: int) -> str:
    """The text, or its beginning and three dots."""
    return text if len(text) <= most else text[: most - 3] + "..."


def start_line(answer: Answer) -> str:
    """The first line of the head as it came."""
    return answer.raw.partition(b"\r\n")[0].decode("latin-1")


def a(name: str) -> str:
    """`a list`, `an App`."""
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"


def raised(data: Mapping[str, Any]) -> str:
    """A tracer's event "raised", without a full stop: `KeyError: 'x'`, `KeyboardInterrupt`."""
    said = str(data["text"]).rstrip(".")
    return f"{data['error']}: {said}" if said else str(data["error"])


# Keys of environ that everybody meets, in the order in which they are shown.
MEANINGS: dict[str, str] = {
    "REQUEST_METHOD": "the first word of the request",
    "SCRIPT_NAME": "where the application is mounted",
    "PATH_INFO": "the path below that, decoded",
    "QUERY_STRING": "what stood behind the ?, as it was",
    "SERVER_NAME": "the server's own name",
    "SERVER_PORT": "its port, a str like all of these",
    "SERVER_PROTOCOL": "what the client speaks",
    "REMOTE_ADDR": "who connected: maybe a proxy",
    "CONTENT_TYPE": "of the content; no HTTP_ before it",
    "CONTENT_LENGTH": "its bytes; no HTTP_ either",
    "HTTP_HOST": "a header: HTTP_ and its name",
    "HTTP_USER_AGENT": "another one: every - became _",
    "wsgi.version": "of the contract, not of HTTP",
    "wsgi.url_scheme": "http or https, for the server",
    "wsgi.input": "the content, to be read once",
    "wsgi.errors": "for complaints: the server's log",
    "wsgi.multithread": "may threads call it side by side?",
    "wsgi.multiprocess": "may other processes have a copy?",
}
