"""What an edge keeps: stored responses by URL, several variants each, bounded in bytes, the least used leave first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from labctl.protocols.caching import same_variant
from labctl.protocols.caching_model import Cut, Outcome, Stored

if TYPE_CHECKING:
    from labctl.sandbox.edge_prepared import Prepared

# What an entry weighs besides its content: objects, field strings, the prepared head.
OVERHEAD_BYTES = 2048
_MOST_VARIANTS = 64
_MOST_KNOWN = 4096


class Entry:
    """A stored response and its content; `prepared` is what answers plain hits, made by whoever needs it."""

    __slots__ = ("body", "prepared", "stored", "weight")

    def __init__(self, stored: Stored, body: bytes) -> None:
        self.stored = stored
        self.body = body
        self.weight = len(body) + OVERHEAD_BYTES
        self.prepared: Prepared | None = None


class Resource:
    """All that is kept for one URL, the newest first."""

    __slots__ = ("candidates", "entries", "heads", "url")

    def __init__(self, url: str) -> None:
        self.url = url
        self.entries: tuple[Entry, ...] = ()
        self.candidates: tuple[Stored, ...] = ()
        # The requests that are known byte for byte, with their scheme.
        self.heads: list[tuple[str, bytes]] = []

    def entry_of(self, stored: Stored) -> Entry | None:
        return next((entry for entry in self.entries if entry.stored is stored), None)

    def replace(self, entries: tuple[Entry, ...]) -> None:
        self.entries = entries
        self.candidates = tuple(entry.stored for entry in entries)


class Store:
    """Resources by URL. `limit` bounds the bytes of all, `largest` those of one response."""

    def __init__(self, limit: int, largest: int | None = None) -> None:
        self.limit = limit
        self.largest = min(limit, largest) if largest is not None else limit // 4
        self.bytes = 0
        # Prepared answers by scheme and the exact bytes of a request: `edge_prepared`.
        self.known: dict[str, dict[bytes, Prepared]] = {"http": {}, "https": {}}
        # What answers every plain request for a URL, where there is one response and it does not vary.
        self.plain: dict[str, Prepared] = {}
        self._seen: set[int] = set()
        self._resources: OrderedDict[str, Resource] = OrderedDict()

    def __len__(self) -> int:
        return sum(len(resource.entries) for resource in self._resources.values())

    def __iter__(self) -> Iterator[Entry]:
        for resource in self._resources.values():
            yield from resource.entries

    def find(self, url: str) -> Resource | None:
        """What is kept for this URL, which counts as a use of it."""
        found = self._resources.get(url)
        if found is not None:
            self._resources.move_to_end(url)
        return found

    def entry_of(self, stored: Stored | None) -> Entry | None:
        """The entry of a stored response, None when it has been replaced or has left."""
        resource = self._resources.get(stored.url) if stored is not None else None
        return resource.entry_of(stored) if resource is not None and stored is not None else None

    def used(self, url: str) -> None:
        """Say that an answer was made of it."""
        self._resources.move_to_end(url)

    def put(self, entry: Entry, instead_of: Iterable[Stored] = ()) -> bool:
        """Keep it instead of the same variant and of these. False when it is too big."""
        stored = entry.stored
        fits = entry.weight <= self.limit and len(entry.body) <= self.largest
        resource = self._resources.get(stored.url)
        if resource is None:
            if not fits:
                return False
            resource = self._resources[stored.url] = Resource(stored.url)
            resource.entries, resource.candidates = (entry,), (stored,)
            self.bytes += entry.weight
        else:
            gone = {id(old) for old in instead_of}
            kept = tuple(
                old
                for old in resource.entries
                if id(old.stored) not in gone and not same_variant(old.stored, stored)
            )
            self._change(resource, (entry, *kept)[:_MOST_VARIANTS] if fits else kept)
            if fits:
                self._resources.move_to_end(stored.url)
        while self.bytes > self.limit and self._resources:
            oldest = next(iter(self._resources.values()))
            # Of the last one that is left, the oldest variants go.
            self._change(oldest, oldest.entries[:-1] if len(self._resources) == 1 else ())
        return fits

    def drop(self, url: str, these: Iterable[Stored] | None = None) -> int:
        """Forget a URL, or these variants of it. Returns how many responses are gone."""
        resource = self._resources.get(url)
        if resource is None:
            return 0
        before = len(resource.entries)
        gone = None if these is None else {id(old) for old in these}
        kept = () if gone is None else tuple(e for e in resource.entries if id(e.stored) not in gone)
        self._change(resource, kept)
        return before - len(kept)

    def clear(self) -> int:
        """Forget everything. Returns how many responses are gone."""
        gone = len(self)
        for resource in tuple(self._resources.values()):
            self._change(resource, ())
        return gone

    def remember(self, url: str, scheme: str, head: bytes, prepared: Prepared) -> None:
        """Know this request again from the third time on, until anything about its URL changes."""
        mark = hash(head)
        if mark not in self._seen:
            if len(self._seen) >= _MOST_KNOWN:
                self._seen.clear()
            self._seen.add(mark)
            return
        known = self.known[scheme]
        if len(known) >= _MOST_KNOWN:
            known.clear()
            for each in self._resources.values():
                each.heads = [pair for pair in each.heads if pair[0] != scheme]
        known[head] = prepared
        self._resources[url].heads.append((scheme, head))

    def _change(self, resource: Resource, entries: tuple[Entry, ...]) -> None:
        for scheme, head in resource.heads:
            self.known[scheme].pop(head, None)
        resource.heads.clear()
        self.plain.pop(resource.url, None)
        self.bytes += sum(e.weight for e in entries) - sum(e.weight for e in resource.entries)
        resource.replace(entries)
        if not entries:
            self._resources.pop(resource.url, None)


def is_joined(outcome: Outcome) -> bool:
    """Whether what is to be stored is made of what was stored, too."""
    return any(cut.of == "old" for cut in outcome.body)


def put_together(outcome: Outcome, old: bytes, new: bytes) -> bytes:
    """The content that is to be stored."""
    if outcome.body == (Cut("new"),):
        return new
    sources = {"old": old, "new": new}
    return b"".join(sources[cut.of][cut.start : cut.stop] for cut in outcome.body)
