"""How the http lab says things. Pure functions from what was seen to words."""

from __future__ import annotations

from labctl.fetch.exchange import Answer

# A cell that is longer stands in the linear form as a whole.
CELL = 30


def size(number: int) -> str:
    """Bytes: `0 B`, `612 B`, `102,400 B`."""
    return f"{number:,} B"


def shortened(text: str, most: int = CELL) -> str:
    """The beginning of a long line."""
    return text if len(text) <= most else text[: most - 1] + "…"


def brief(source: str) -> str:
    """`RFC 9110 section 7.2` as a table has room for it: `RFC 9110 7.2`."""
    return source.replace(" sections ", " ").replace(" section ", " ")


def status_line(answer: Answer) -> str:
    """`200 OK`, or what happened instead of a status."""
    from labctl.protocols.http_statuses import status_meaning

    if not answer.status:
        return answer.failure
    name = answer.reason or status_meaning(answer.status).name
    return f"{answer.status} {name}".rstrip()


def elapsed_ms(answer: Answer) -> float:
    """From the first byte of the request to the last of the response, in milliseconds."""
    end = answer.times.end_at if answer.times.end_at is not None else answer.times.sent_at
    return (end - answer.times.sent_at) * 1000


def http_bytes(answer: Answer) -> int:
    """Head and content of a response, without what TLS adds."""
    return len(answer.raw_head) + answer.body_bytes
