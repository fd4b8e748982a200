"""The nouns of HTTP caching: what a cache is told, what it keeps, and what it decides.

Times are POSIX seconds (float) on a clock that the caller brings; durations are seconds. Field names are as
sent, values are latin-1 text without surrounding white space. Nothing here touches a socket or a clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from labctl.protocols.http1_fields import Fields
from labctl.protocols.http1_fields import by_name as by_name


class Because(NamedTuple):
    """Why: a few words, the rule that they follow, and the directive or field that decided ("" if none)."""

    words: str
    rule: str
    directive: str = ""


class Decision(NamedTuple):
    """Yes or no, and why."""

    yes: bool
    because: Because


class CacheRequest:
    """A request as a cache sees it. `url` is absolute and is the cache key: scheme, host, path and query.

    `named` is `by_name(fields)`, for who has it already.
    """

    __slots__ = ("fields", "has_body", "method", "named", "url")

    def __init__(
        self,
        method: str,
        url: str,
        fields: Fields = (),
        has_body: bool = False,
        named: dict[str, str] | None = None,
    ) -> None:
        self.method = method
        self.url = url
        self.fields = fields
        self.has_body = has_body
        self.named = by_name(fields) if named is None else named

    def get(self, name: str) -> str | None:
        """The combined value of the field `name` (lower case), None if it is absent."""
        return self.named.get(name)


class CacheResponse:
    """A response as a cache sees it. `complete` is False when its body ended too early; `named` as above."""

    __slots__ = ("body_length", "complete", "fields", "named", "reason", "status")

    def __init__(
        self,
        status: int,
        fields: Fields = (),
        body_length: int = 0,
        reason: str = "",
        complete: bool = True,
        named: dict[str, str] | None = None,
    ) -> None:
        self.status = status
        self.fields = fields
        self.body_length = body_length
        self.reason = reason
        self.complete = complete
        self.named = by_name(fields) if named is None else named

    def get(self, name: str) -> str | None:
        """The combined value of the field `name` (lower case), None if it is absent."""
        return self.named.get(name)


@dataclass(frozen=True)
class CacheRules:
    """Whose rules a cache follows. Use the instances in `labctl.protocols.caching`, they are never mixed."""

    name: Literal["rfc9111", "browser", "cloudflare"]
    shared: bool
    # Targeted fields in order of preference, lower case (RFC 9213 section 2.2).
    targeted: tuple[str, ...] = ()
    # Does it do what Cache-Control of a request asks for?
    heeds_requests: bool = True
    # May an origin that answers nothing be replaced by a stale response (RFC 9111 section 4.2.4)?
    stale_when_disconnected: bool = True
    # Does it know stale-if-error (RFC 5861 section 4)? No browser does.
    knows_stale_if_error: bool = True


class Lifetime(NamedTuple):
    """How long a response stays fresh after it was made, and what may be done after that. Seconds."""

    seconds: float
    because: Because
    heuristic: bool = False
    # Windows after the lifetime (RFC 5861); 0 means no window was granted.
    revalidate_window: float = 0.0
    error_window: float = 0.0
    # Why a stale response must not be used without asking; None if nothing forbids it.
    never_stale: Because | None = None
    # Why even a fresh response must be validated first (no-cache); None if it need not be.
    always_validate: Because | None = None


class Part(NamedTuple):
    """Which bytes of a representation a body holds: first and last position, both included."""

    first: int
    last: int
    complete_length: int | None


@dataclass(slots=True, eq=False)
class Stored:
    """One stored response, never changed; two are the same only if they are one. The body, `body_length` bytes, lies
    with the caller. (A frozen dataclass takes three times as long to make, and each miss makes one.)

    `selecting` are the request's values that Vary names, normalised: ((name, value or None), ...). A value of
    "*" as name never matches. `born_at` is when the response was made as this cache reckons it, so that
    `now - born_at` is the current age (RFC 9111 section 4.2.3) and `fresh_until` needs no arithmetic.
    """

    url: str
    status: int
    reason: str
    fields: Fields
    named: dict[str, str]
    selecting: tuple[tuple[str, str | None], ...]
    request_time: float
    response_time: float
    date: float
    born_at: float
    fresh_until: float
    lifetime: Lifetime
    body_length: int
    etag: str | None
    last_modified: float | None
    # None: the body is the whole representation.
    part: Part | None
    # The Range that the body answers, as the client wrote it; "" for none.
    range_asked: str
    stored_because: Because

    @property
    def response(self) -> CacheResponse:
        """Status and fields as a response; Age is not among them."""
        return CacheResponse(self.status, self.fields, self.body_length, self.reason)


UseKind = Literal[
    "fresh",  # answer from the store
    "stale",  # answer from the store although it is stale: the client said that it does not mind
    "stale-refresh-behind",  # answer from the store, and ask the origin for a newer one at the same time
    "validate",  # ask the origin whether the stored one is still right, then `after_origin`
    "forward",  # nothing in the store helps: ask the origin, then `after_origin`
    "only-if-cached-miss",  # answer 504, ask nobody
    "bypass",  # this request has nothing to do with the store: ask the origin, then `after_origin`
]
# Why a request went on (RFC 9211 section 2.2); "" when it did not.
Forwarded = Literal["", "bypass", "method", "uri-miss", "vary-miss", "miss", "request", "stale", "partial"]


class Use(NamedTuple):
    """What a cache does with a request.

    For an answer from the store: `reply_from` makes it; `plain` says that it is the stored response as it is,
    with Age added. For a question to the origin: the client's fields without `withheld` (lower-case names), and
    with `conditions`, sent by `method` ("": the client's own).
    """

    kind: UseKind
    stored: Stored | None
    because: Because
    age: float = 0.0
    plain: bool = False
    forwarded: Forwarded = ""
    conditions: Fields = ()
    withheld: frozenset[str] = frozenset()
    method: str = ""


class Failure(NamedTuple):
    """The origin could not be asked, or gave no answer: "refused", "timeout", "reset", ...; `detail` in words."""

    code: str
    detail: str = ""


Serve = Literal["origin", "stored", "updated", "stale", "error", "again"]


class Cut(NamedTuple):
    """Bytes `start` to `stop` of the old stored body or of the new one from the origin; stop None: to the end."""

    of: Literal["old", "new"]
    start: int = 0
    stop: int | None = None


class Outcome(NamedTuple):
    """What comes after the origin's answer.

    serve    "origin": pass the origin's response on as it comes. "stored": what `store` is now (`reply_from`).
             "updated": the same, freshened by a 304. "stale": the old stored one (`use.stored`). "error": 502 or
             504 of our own. "again": the answer cannot be used, send the client's own request once more.
    store    what to keep now, in place of the same variant; None: keep nothing new.
    body     how the body of `store` is put together.
    drop     stored ones to forget.
    """

    serve: Serve
    because: Because
    store: Stored | None = None
    body: tuple[Cut, ...] = (Cut("new"),)
    drop: tuple[Stored, ...] = ()


class Reply(NamedTuple):
    """What a client gets out of a store: status, fields (with Age and Content-Length), bytes of the stored body."""

    status: int
    reason: str
    fields: Fields
    start: int
    stop: int
    because: Because
