"""What was typed as a URL, and where its host lives."""

from __future__ import annotations

from ipaddress import ip_address

from labctl.lab import Place
from labctl.protocols.url import Url, parse_url


def read_url(text: str) -> Url:
    """Without a scheme https is meant, and http on this machine. Raises UsageError."""
    url = parse_url(text)
    if "//" not in text and url.scheme == "https" and _is(url.host, "loopback"):
        return parse_url(text, default_scheme="http")
    return url


def place_of(url: Url) -> Place:
    """The town, the real internet, both, or this machine and its network."""
    from labctl.protocols import dns_target

    where = dns_target.place(url.host, ())
    return "local" if where == "live" and _is(url.host, "private") else where


def _is(host: str, kind: str) -> bool:
    if host == "localhost" or host.endswith(".localhost") or (kind == "private" and host.endswith(".local")):
        return True
    try:
        return bool(getattr(ip_address(host.partition("%")[0]), f"is_{kind}"))
    except ValueError:
        return False
