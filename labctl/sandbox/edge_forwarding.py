"""What of a message goes on to the next hop, and what a request looks like when it leaves (RFC 9110 section 7.6)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

from labctl.protocols.caching_model import CacheResponse
from labctl.protocols.http1 import Fields, ResponseHead, list_items, write_request_head
from labctl.protocols.http_dates import write_http_date
from labctl.sandbox.edge_profile import PSEUDONYM, Profile

if TYPE_CHECKING:
    from labctl.sandbox.edge_exchange import Exchange

# A request that came through us so often goes in a circle (RFC 9110 section 7.6.3).
MOST_LOOPS = 8
# Fields that concern one connection only (RFC 9110 section 7.6.1), and what a gateway keeps to itself.
HOP_BY_HOP = frozenset(
    {
        "connection", "keep-alive", "proxy-authenticate", "proxy-authentication-info", "proxy-authorization",
        "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
    }
)  # fmt: skip
_KEPT = b"\r\nConnection: keep-alive\r\n"
_OURS = frozenset({"x-forwarded-for", "x-forwarded-proto", "via"})
_CF_REQUEST = frozenset({"cf-connecting-ip", "cf-ray", "cf-visitor", "cf-ipcountry", "cdn-loop"})
# What a trailer section may not carry through a gateway (RFC 9110 section 6.5.1).
_NO_TRAILERS = HOP_BY_HOP | {"content-length", "host", "content-encoding", "content-type", "content-range"}


def end_to_end(fields: Fields, named: dict[str, str]) -> Fields:
    """`fields` without those of one connection, and without what Connection lists; `named` loses them too."""
    if HOP_BY_HOP.isdisjoint(named):
        return fields
    options = named.get("connection")
    if options == "keep-alive":
        del named["connection"]
        fields = tuple([pair for pair in fields if len(pair[0]) != 10 or pair[0].lower() != "connection"])
        if HOP_BY_HOP.isdisjoint(named):
            return fields
    dropped = frozenset([name for name in named if name in HOP_BY_HOP])
    if options is not None and options not in ("keep-alive", "close"):
        dropped |= _listed(options)
    for name in dropped:
        named.pop(name, None)
    return tuple([pair for pair in fields if pair[0].lower() not in dropped])


def as_read(
    profile: Profile, head: ResponseHead, fields: Fields, named: dict[str, str], length: int, now: float
) -> CacheResponse:
    """A response as the caching rules see it: `fields` and `named` are end to end, and it has a Date."""
    read = profile.as_read(fields)
    if "date" not in named:  # RFC 9110 section 6.6.1
        read = (*read, ("Date", write_http_date(now)))
    return CacheResponse(head.status, read, length, head.reason, named=named if read is fields else None)


def as_it_came(head: ResponseHead, fields: Fields) -> bytes:
    """The bytes of an origin's head without the empty line, if the lines of `fields` are what is left of them.

    b"" when it is not as simple as that; a lone "Connection: keep-alive" is taken out.
    """
    raw = head.raw
    # A folded field has more lines than one.
    if head.version != "1.1" or head.status in (204, 304) or raw.count(b"\r\n") != len(head.fields) + 2:
        return b""
    if fields is head.fields:
        return raw[:-2]
    came = raw[:-2].replace(_KEPT, b"\r\n", 1)
    # One field less, and it was this one: no head has it and keeps it.
    return came if len(fields) == len(head.fields) - 1 and len(came) == len(raw) - len(_KEPT) else b""


def _listed(connection: str) -> frozenset[str]:
    """The names in a Connection value. Some fields cannot be lost that way."""
    return frozenset(list_items(connection)) - {"content-length", "host", "cache-control", "date"}


@lru_cache(maxsize=64)
def _dropped(
    withheld: frozenset[str], cloudflare: bool, chunked: bool, content: bool, host: bool
) -> frozenset[str]:
    dropped = withheld | _OURS | HOP_BY_HOP
    if cloudflare:
        dropped |= _CF_REQUEST
    if chunked or not content:
        dropped |= {"content-length"}
    return dropped | {"host"} if host else dropped


def request_head(
    profile: Profile,
    exchange: Exchange,
    method: str,
    *,
    host: str,
    chunked: bool,
    content: bool,
    withheld: frozenset[str],
    conditions: Fields,
) -> bytes:
    """The head that the origin gets. `host`: sent instead of the client's, if not "". Raises MessageError."""
    head, named = exchange.head, exchange.request.named
    dropped = _dropped(withheld, profile.name == "cloudflare", chunked, content, host != "")
    if head.raw and not (conditions or chunked or host) and dropped.isdisjoint(named):
        # All of it goes on: the client's lines are good as they are, or they would not have been read.
        lines = head.raw[head.raw.index(b"\r\n") + 2 : -2]
        return b"%b %b HTTP/1.1\r\n%b%b\r\n" % (
            method.encode("ascii"),
            head.target.encode("ascii"),
            lines,
            _added_lines(profile, head.version, exchange.client, exchange.scheme, exchange.ray),
        )
    if "connection" in named:
        dropped |= _listed(named["connection"])
    sent = [pair for pair in head.fields if pair[0].lower() not in dropped]
    if host:
        sent.insert(0, ("Host", host))
    sent += conditions
    if "te" in named and "trailers" in list_items(named["te"]):
        sent += (("TE", "trailers"), ("Connection", "TE"))
    if chunked:
        sent.append(("Transfer-Encoding", "chunked"))
    sent += _added(profile, named, head.version, exchange.client, exchange.scheme, exchange.ray)
    return write_request_head(method, head.target, tuple(sent))


def _added(
    profile: Profile, named: Mapping[str, str], version: str, client: str, scheme: str, ray: str
) -> Fields:
    via = f"{version} {PSEUDONYM}"
    via = f"{named['via']}, {via}" if "via" in named else via
    return (*profile.request_fields(named, client, scheme, ray), ("Via", via))


@lru_cache(maxsize=256)
def _added_lines(profile: Profile, version: str, client: str, scheme: str, ray: str) -> bytes:
    """What is added to a request that has none of these fields. (A ray makes each one different.)"""
    head = write_request_head("GET", "/", _added(profile, {}, version, client, scheme, ray))
    return head.partition(b"\r\n")[2][:-2]


def passed_trailers(trailers: Fields) -> Fields:
    """The trailer fields that may go on."""
    return tuple(pair for pair in trailers if pair[0].lower() not in _NO_TRAILERS)


def loops(named: Mapping[str, str]) -> bool:
    """Whether a request has come through edges of this name too often."""
    return "via" in named and named["via"].count(PSEUDONYM) >= MOST_LOOPS
