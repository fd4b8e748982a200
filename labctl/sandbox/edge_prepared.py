"""The answer of a plain hit, as bytes: of a stored response only Age, ttl and CF-Ray change while it is fresh.

It is made when an entry is used for the first time, and it goes with the entry. The store also remembers requests,
byte for byte, that had such an answer before: reading a request and deciding are functions of its bytes, of the
store and of the time. The store forgets them whenever anything about their URL changes, and the answer ends by
itself when its response becomes stale.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from labctl.protocols.cache_status import hit
from labctl.protocols.caching_model import Reply
from labctl.protocols.caching_validators import CONDITIONS
from labctl.protocols.http1 import Fields, RequestHead, write_response_head
from labctl.sandbox.edge_answers import VIA
from labctl.sandbox.edge_profile import PSEUDONYM
from labctl.sandbox.edge_store import Entry

if TYPE_CHECKING:
    from labctl.sandbox.edge import Edge

# Content beyond this goes in pieces.
MOST_CONTENT = 64 * 1024
# Fields of a request that ask for something special, or that the time can give another meaning.
OF_A_QUESTION = CONDITIONS | {
    "cache-control", "content-length", "expect", "max-forwards", "pragma", "range", "transfer-encoding", "upgrade",
    "via",
}  # fmt: skip
_NOT_PLAIN = frozenset({"cache-control", "pragma", "connection", "expect", "max-forwards", "via"})


class Prepared:
    """The answer of an entry to a plain GET while it is fresh, for HTTP/1.1 and a connection that stays."""

    __slots__ = ("_age", "_because", "_body", "_born_at", "_edge", "_front", "_lifetime", "_ray", "_rest", "_rule",
                 "_status", "_until", "url")  # fmt: skip

    def __init__(self, edge: Edge, entry: Entry, reply: Reply) -> None:
        stored = entry.stored
        self._edge = edge
        self.url = stored.url
        self._status = reply.status
        self._because = stored.lifetime.because.words
        self._rule = stored.lifetime.because.rule
        self._born_at = stored.born_at
        self._until = stored.fresh_until
        self._lifetime = stored.lifetime.seconds
        self._body = entry.body
        self._ray = edge.profile.ray() != ""
        self._age = -1
        hidden = edge.profile.hidden | {"age"}
        fields: Fields = tuple(pair for pair in reply.fields if pair[0].lower() not in hidden)
        self._front = write_response_head(reply.status, reply.reason, (*fields, VIA))[:-2]
        self._rest = b""

    def answer(self) -> bytes | None:
        """Head and content for now; None when it is not fresh any more."""
        edge = self._edge
        now = edge.clock()
        if now >= self._until:
            return None
        age = int(now - self._born_at)
        if age != self._age:
            self._age = age
            self._rest = self._changing(age if age > 0 else 0)
        edge.store.used(self.url)
        edge.decided_hit(now, self.url, self._because, self._rule, age, self._status)
        if self._ray:
            return b"%bCF-Ray: %b\r\n%b" % (self._front, edge.profile.ray().encode(), self._rest)
        return self._front + self._rest

    def _changing(self, age: int) -> bytes:
        """What changes once a second, and the content behind it."""
        fields: list[tuple[str, str]] = [("Age", str(age))]
        if self._ray:
            fields += [pair for pair in self._edge.profile.response_fields("HIT", "") if pair[0] != "CF-Ray"]
        fields.append(("Cache-Status", hit(PSEUDONYM, self._lifetime - age)))
        return write_response_head(200, "", tuple(fields)).partition(b"\r\n")[2] + self._body


def may_be_remembered(head: RequestHead, named: dict[str, str]) -> bool:
    """Whether the same bytes mean the same later."""
    return head.raw != b"" and head.version == "1.1" and _NOT_PLAIN.isdisjoint(named)
