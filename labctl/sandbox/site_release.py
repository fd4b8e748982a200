"""Releases of the shop: two servers behind one name, files that are deployed to them, and an origin that goes down.

A lab deploys by calling methods of `releases(web)`; what is deployed is served under /files/.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple
from weakref import WeakKeyDictionary

from labctl.sandbox.site import SiteAnswer, SiteRequest, text
from labctl.sandbox.site_content import content

if TYPE_CHECKING:
    from labctl.sandbox.web import Web

UNDER = "/files/"
SERVERS = ("one", "two")
_KINDS = {
    "css": "text/css",
    "js": "text/javascript",
    "html": "text/html; charset=utf-8",
    "json": "application/json",
}
_HASH = re.compile(r"\.[0-9a-f]{6,}(?=\.)")


class File(NamedTuple):
    """A deployed file: its bytes and its Cache-Control ("" for none)."""

    data: bytes
    cache_control: str = ""


class Releases:
    """What lies on which server. `turn` names the server that answers the next requests; `down` that none does."""

    def __init__(self, habits: frozenset[str]) -> None:
        self._habits = habits
        self._files: dict[str, dict[str, File]] = {server: {} for server in SERVERS}
        self.turn = SERVERS[0]
        self.down = False

    def deploy(self, files: dict[str, File], *servers: str) -> None:
        """Put files (by name) on these servers, or on both; what lay there stays, unless it has the same name."""
        everywhere = not servers or "servers-change-at-once" in self._habits
        for server in SERVERS if everywhere else servers:
            there = self._files[server]
            if "deploy-removes-old" in self._habits:
                for name in [n for n in there if any(_kin(n, new) for new in files)]:
                    del there[name]
            there.update(files)

    def find(self, name: str) -> File | None:
        """What the server whose turn it is has under this name."""
        there = self._files[self.turn]
        if name in there or "server-ignores-hash" not in self._habits:
            return there.get(name)
        # A rewrite rule that cuts the hash out: whatever file of that name is here.
        return next((file for own, file in there.items() if _kin(own, name)), None)


def _kin(one: str, other: str) -> bool:
    """Whether two names differ in their hashes at most."""
    return _HASH.sub("", one) == _HASH.sub("", other)


_OF: WeakKeyDictionary[Web, Releases] = WeakKeyDictionary()


def releases(web: Web) -> Releases:
    """The releases of this web's shop."""
    if web not in _OF:
        _OF[web] = Releases(web.town.web)
    return _OF[web]


def released(request: SiteRequest, web: Web) -> SiteAnswer:
    """What is deployed under this name, and which server it came from."""
    at = releases(web)
    name = request.path.removeprefix(UNDER)
    file = at.find(name)
    server = ("X-Server", at.turn)
    if file is None:
        return text(404, "This server has no such file.", server, ("Cache-Control", "no-store"))
    kind = _KINDS.get(name.rpartition(".")[2], "application/octet-stream")
    control = (("Cache-Control", file.cache_control),) if file.cache_control else ()
    return content(request, kind, file.data, *control, server)
