"""How the http lab says things. Pure functions from what was seen to words."""

from __future__ import annotations

from labctl.fetch.exchange import Answer

# A cell that is longer stands in the linear form as a whole.
CELL = 30


def ms(value_ms: float) -> str:
    """`44.9 ms`, `142 ms`, `12.8 s`."""
    if value_ms >= 10_000:
        return f"{value_ms / 1000:.1f} s"
    return f"{value_ms:,.0f} ms" if value_ms >= 100 else f"{value_ms:.1f} ms"


def count(number: int, one: str, many: str = "") -> str:
    """`1 request`, `3 requests`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def size(number: int) -> str:
    """Bytes: `0 B`, `612 B`, `102,400 B`."""
    return f"{number:,} B"


def listed(values: list[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    if len(values) < 2:
        return values[0] if values else "none"
    return f"{', '.join(values[:-1])} and {values[-1]}"


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
