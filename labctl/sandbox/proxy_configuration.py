"""What the embedded proxy is told to do, and what it says about each request."""

from __future__ import annotations

from typing import NamedTuple

from labctl.protocols.http1 import RequestHead
from labctl.sandbox.proxy_routes import Rule


class Configuration(NamedTuple):
    """What a configuration file would say. `manners`: a key of MANNERS. `rewrites`: inner to outer origin of a
    redirect (ProxyPassReverse). `only_from`: addresses that may connect; empty lets everybody in.
    `fail_timeout_s`: how long an app that failed is left alone."""

    manners: str = "nginx-recommended"
    rules: tuple[Rule, ...] = (Rule("pass", "/", "app"),)
    root: str = ""
    buffers_answers: bool = True
    buffers_requests: bool = True
    rewrites: tuple[tuple[str, str], ...] = ()
    only_from: frozenset[str] = frozenset()
    fail_timeout_s: float = 10.0


class Passage(NamedTuple):
    """One request that went through: who sent it, as it came, as it left (b"" when no app was asked), and to whom."""

    peer: str
    came: RequestHead
    left: bytes
    backend: str
    status: int
