"""Which URL a request is about, which requests are no business of a gateway, and which may share an answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from labctl.protocols.caching_model import Because, Use
from labctl.protocols.http1 import RequestHead, list_items
from labctl.sandbox.edge_forwarding import loops
from labctl.sandbox.edge_profile import PSEUDONYM

_SECTION_7 = "RFC 9110 section 7"
_ALONE = frozenset({"range", "if-match", "if-unmodified-since", "authorization"})


class Refusal(NamedTuple):
    """What is answered instead of forwarding."""

    status: int
    sentence: str
    because: Because


class Target(NamedTuple):
    """The URL, which is the key of what is stored; what the origin gets as target; and why it gets nothing."""

    url: str
    onward: str
    refusal: Refusal | None = None


def target_of(head: RequestHead, named: Mapping[str, str], scheme: str, origin: str) -> Target:
    """Read the target (RFC 9112 section 3.2). `origin`: the name that stands for a Host that is not there."""
    target = head.target
    if target[:1] == "/":
        url = f"{scheme}://{named.get('host') or origin}{target}"
        return Target(url, target, _refused(head, named) if "via" in named or "upgrade" in named else None)
    if head.method == "CONNECT":
        because = Because("CONNECT", f"{_SECTION_7}.3")
        return Target(target, target, Refusal(501, "This is a gateway: it makes no tunnels.", because))
    host = named.get("host")
    if target == "*":
        return Target(f"{scheme}://{host or origin}", target, _refused(head, named))
    asked, _, rest = target.partition("://")
    authority = rest.partition("/")[0].partition("?")[0]
    if asked.lower() not in ("http", "https") or authority.lower() != (host or authority).lower():
        because = Because("another host in the target", f"{_SECTION_7}.4")
        sentence = "This gateway forwards to one origin only, and the target names another host."
        return Target(target, target, Refusal(421, sentence, because))
    path = rest[len(authority) :]
    path = path if path.startswith("/") else f"/{path}"
    return Target(f"{scheme}://{authority}{path}", path, _refused(head, named))


def _refused(head: RequestHead, named: Mapping[str, str]) -> Refusal | None:
    """A request in a circle, and one for a WebSocket. Another Upgrade is ignored, as section 7.8 allows."""
    if loops(named):
        because = Because("the request goes in a circle", f"{_SECTION_7}.6.3", "via")
        sentence = "This request has come through this gateway too often: it goes in a circle."
        return Refusal(508, sentence, because)
    if "websocket" in list_items(named.get("upgrade", "")):
        because = Because("Upgrade: websocket", f"{_SECTION_7}.8", "upgrade")
        return Refusal(501, "This gateway makes no tunnels, so that no WebSocket passes.", because)
    return None


def may_share(method: str, named: Mapping[str, str], use: Use) -> bool:
    """Whether one answer of the origin may serve several requests like this one (RFC 9111 section 4)."""
    return (
        method == "GET"
        and use.kind in ("forward", "validate")
        and _ALONE.isdisjoint(named)
        # What came through us before may be the very question that it would wait for.
        and ("via" not in named or PSEUDONYM not in named["via"])
    )
