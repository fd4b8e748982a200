"""Who gets a stream: Host, Origin, user, job and the place in it, with the answers to all others.

The rules are those of the web application (labctl.jobs.web). `decide` asks the store and runs in a thread.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from labctl.jobs.settings import Settings
from labctl.protocols import sse
from labctl.protocols.http1 import RequestHead

if TYPE_CHECKING:
    from labctl.jobs.access import Access
    from labctl.jobs.store import Store

_STREAM = re.compile(r"/api/jobs/([A-Za-z0-9_-]{1,100})/stream")
_REASONS = {
    200: "OK", 204: "No Content", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found",
    405: "Method Not Allowed", 408: "Request Timeout", 414: "URI Too Long", 421: "Misdirected Request",
    429: "Too Many Requests", 431: "Request Header Fields Too Large", 500: "Internal Server Error",
    503: "Service Unavailable", 505: "HTTP Version Not Supported",
}  # fmt: skip


class Answer(NamedTuple):
    """A whole response, after which the connection ends."""

    status: int
    code: str = ""
    sentence: str = ""
    fields: tuple[tuple[str, str], ...] = ()


class Begin(NamedTuple):
    """A stream of what comes after the id `after`; `fields` are for its head."""

    user: str
    job_id: str
    after: int
    fields: tuple[tuple[str, str], ...]


class Gate:
    """The rules for one service."""

    def __init__(self, store: Store, access: Access) -> None:
        self._store = store
        self._access = access

    def at_once(self, head: RequestHead, fields: Mapping[str, str]) -> Answer | None:
        """What can be answered without the store; None: `decide` must be asked."""
        refused = self._access.refused(fields)
        if refused == "host":
            return Answer(421, "unknown-host", "This server is not called by that name.")
        # Another port of this machine is the same site: its pages' images and forms would bring our cookie, no Origin.
        elsewhere = fields.get("sec-fetch-site", "none") not in ("none", "same-origin")
        if refused == "origin" or (elsewhere and "origin" not in fields):
            return Answer(403, "foreign-origin", "Pages of another origin may not ask here.")
        shared = self._shared(fields)
        path = urlsplit(head.target).path
        if path == "/healthz":
            return Answer(200, "", "The stream server runs.", shared)
        if not _STREAM.fullmatch(path):
            return Answer(
                404, "not-found", "There is nothing here; streams are at /api/jobs/ID/stream.", shared
            )
        if head.method == "OPTIONS" and "origin" in fields:
            allowed = (
                ("Access-Control-Allow-Methods", "GET"),
                ("Access-Control-Allow-Headers", "Authorization, Last-Event-ID, Cache-Control"),
                ("Access-Control-Max-Age", "600"),
            )
            return Answer(204, fields=shared + allowed)
        if head.method != "GET":
            return Answer(
                405, "method-not-allowed", "A stream is asked for with GET.", (*shared, ("Allow", "GET"))
            )
        return None

    def decide(self, head: RequestHead, fields: Mapping[str, str]) -> Answer | Begin:
        """The rest; asks the store. Raises nothing that a store raises."""
        from labctl.jobs.store import StoreUnavailable

        target = urlsplit(head.target)
        found = _STREAM.fullmatch(target.path)
        assert found is not None
        shared = self._shared(fields)
        try:
            return self._decided(found[1], dict(parse_qsl(target.query)), fields, shared)
        except StoreUnavailable:
            later = (*shared, ("Retry-After", "2"))
            return Answer(503, "store-unavailable", "The store of the jobs does not answer.", later)

    def _decided(
        self,
        job_id: str,
        query: Mapping[str, str],
        fields: Mapping[str, str],
        shared: tuple[tuple[str, str], ...],
    ) -> Answer | Begin:
        user = self._access.user(fields, query, job_id)
        if user is None:
            asked = (*shared, ("WWW-Authenticate", 'Bearer realm="labctl jobs"'))
            return Answer(
                401, "not-signed-in", "Who asks is not known: send a token, a cookie or a ticket.", asked
            )
        after = last_event_id(fields, query)
        if after is None:
            return Answer(400, "last-event-id-invalid", "Last-Event-ID is not the id of an event.", shared)
        job = self._store.get(job_id, user)
        if job is None:
            return Answer(404, "job-unknown", "There is no such job.", shared)
        if job.status not in ("queued", "running"):
            events, ended = self._store.events(job_id, after, 1)
            if ended and (not events or (after >= 0 and events[0].id < 0)):
                return Answer(204, fields=shared)
        return Begin(user, job_id, after, shared)

    def _shared(self, fields: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
        """What lets a page of the service's own origin, which is another one than ours, read the answer."""
        origin = fields.get("origin")
        if origin is None:
            return (("Vary", "Origin"),)
        return (
            ("Vary", "Origin"),
            ("Access-Control-Allow-Origin", origin),
            ("Access-Control-Allow-Credentials", "true"),
        )


def last_event_id(fields: Mapping[str, str], query: Mapping[str, str]) -> int | None:
    """The last id that the client has, -1 when it has none, None when it is no id. The field counts, then the query."""
    text = fields.get("last-event-id") or query.get("last_event_id") or "-1"
    if not re.fullmatch(r"-1|[0-9]{1,15}", text):
        return None
    return int(text)


def write(answer: Answer) -> bytes:
    """The bytes of a whole response."""
    body = b""
    lines = [f"HTTP/1.1 {answer.status} {_REASONS.get(answer.status, 'Error')}"]
    if answer.status != 204:
        told = (
            {"error": answer.code, "message": answer.sentence}
            if answer.code
            else {"message": answer.sentence}
        )
        body = json.dumps(told).encode() + b"\n"
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    lines += ["Cache-Control: no-store", "Connection: close", "X-Content-Type-Options: nosniff"]
    lines += [f"{name}: {value}" for name, value in answer.fields]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def write_beginning(begin: Begin, settings: Settings) -> bytes:
    """The head of a stream and its first lines. It has no length: it ends with the connection, in 1.0 as in 1.1."""
    lines = [
        "HTTP/1.1 200 OK",
        "Content-Type: text/event-stream",
        "Cache-Control: no-store",
        "X-Accel-Buffering: no",
        "Connection: close",
        "X-Content-Type-Options: nosniff",
        *(f"{name}: {value}" for name, value in begin.fields),
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + sse.encode_retry(settings.retry_ms)
