"""Does this machine reach the internet's name servers? Two small questions, and the sentence why.

What counts is a root server that answers as a root server does: a walk begins there. The configured resolver
is asked first, because what it says makes the sentence exact.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from labctl.errors import CannotRun
from labctl.internet import Endpoint, Internet, Reply, Via
from labctl.protocols.root_hints import ROOT_SERVES

_PROBE = "example.com."
_RCODES = {0: "NOERROR", 1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 4: "NOTIMP", 5: "REFUSED"}


@dataclass(frozen=True)
class Reach:
    """`yes`: a root server answers as one. `text` is the sentence why or why not, `tried` what was asked and
    seen.

    `state` tells the noes apart: "intercepted" (something answers in the root's place, and names resolve),
    "resolver-only" (names resolve, the root is out of reach), "no" (no names at all).
    """

    state: Literal["yes", "intercepted", "resolver-only", "no"]
    text: str
    tried: tuple[tuple[str, str], ...]

    @property
    def yes(self) -> bool:
        """Whether the walk from the root can be shown on the real internet."""
        return self.state == "yes"


class Asking(Protocol):
    """`Internet.ask`, or a test's."""

    def __call__(self, server: Endpoint, wire: bytes, *, via: Via = ..., timeout: float = ...) -> Reply: ...


def reaches_internet(
    internet: Internet | None = None,
    *,
    ask: Asking | None = None,
    resolvers: Sequence[Endpoint] | None = None,
    root: Endpoint | None = None,
    timeout: float = 0.5,
    pick: Callable[[int], int] = random.randrange,
) -> Reach:
    """Ask the first configured resolver, then one root server (any of the thirteen) for example.com.

    Takes at most twice `timeout` seconds and sends at most two questions. `internet` None makes a
    LiveInternet.
    """
    if internet is None:
        from labctl.live.internet import LiveInternet

        internet = LiveInternet()
    ask = ask or internet.ask
    resolvers = internet.resolvers if resolvers is None else resolvers
    servers = internet.root_servers
    roots = [root] if root else [Endpoint(each) for each in servers[pick(len(servers))].addresses]
    tried: list[tuple[str, str]] = []

    resolves = False
    if resolvers:
        heard = _ask(ask, resolvers[0], timeout, recursion=True)
        tried.append((f"resolver {resolvers[0]}", heard.text))
        resolves = heard.rcode == "NOERROR" and heard.answers > 0
    else:
        tried.append(("resolver", "none is configured"))
    for root in roots:
        heard = _ask(ask, root, timeout, recursion=False)
        tried.append((f"root server {root}", heard.text))
        if not heard.unreachable:  # no route to IPv4: the same server's IPv6 address, at no cost
            break
    said = "; ".join(f"{who}: {what}" for who, what in tried)

    if not heard.rcode:
        if resolves:
            return Reach(
                "resolver-only", f"Names resolve, but no root server answers ({said}).", tuple(tried)
            )
        return Reach("no", f"This machine does not reach the internet ({said}).", tuple(tried))
    taken = in_the_roots_place(
        ra=heard.ra, aa=heard.aa, answers=heard.answers, name=_PROBE, address=str(root)
    )
    if not taken and heard.authority == 0:
        taken = f"{root} answered {heard.rcode} without a referral, which no root server does"
    if not taken:
        return Reach("yes", f"The internet is there ({said}).", tuple(tried))
    if resolves or (heard.rcode == "NOERROR" and heard.answers):
        return Reach("intercepted", f"{taken}: a walk from the root cannot be shown here.", tuple(tried))
    return Reach("no", f"This machine does not reach the internet: {taken} ({said}).", tuple(tried))


def require_internet(reach: Reach, asked_for: str, fixes: Sequence[str] = ()) -> None:
    """Where nothing may fall back to the sandbox: raises CannotRun "no-network" when no names resolve at all.

    `asked_for` is the beginning of the sentence: `google.com is on the real internet`.
    """
    if reach.state == "no":
        raise CannotRun(
            "no-network",
            f"{asked_for}, and this machine does not reach it",
            evidence=reach.tried,
            fixes=tuple(fixes),
        )


def in_the_roots_place(*, ra: bool, aa: bool, answers: int, name: str, address: str) -> str:
    """Whether something else answered in the place of a root server: a sentence without its full stop, or "".

    Give the flags of a reply that came from a root server's address, the number of records in its answer
    section, and the name that was asked. Root servers offer no recursion (RFC 7720 section 3 points to RFC
    2870's "must be disabled"), and have authority for the root, arpa and their own zone only.
    """
    if ra:
        return (
            f"this network answers in the root's place: {address} offers recursion (RA), no root server does"
        )
    plain = name.lower().rstrip(".") + "."
    own = plain in ROOT_SERVES or any(plain.endswith(f".{zone}") for zone in ROOT_SERVES if zone != ".")
    if aa and answers and not own:
        return f"this network answers in the root's place: {address} claims authority (AA) for {name}"
    return ""


@dataclass(frozen=True)
class _Heard:
    text: str
    rcode: str = ""
    ra: bool = False
    aa: bool = False
    answers: int = 0
    authority: int = 0
    unreachable: bool = False


def _ask(ask: Asking, server: Endpoint, timeout: float, *, recursion: bool) -> _Heard:
    """Header bytes only, by hand (RFC 1035 section 4.1.1): the probe must not cost the import of a DNS
    library.
    """
    labels = _PROBE.rstrip(".").split(".")
    name = b"".join(bytes([len(label)]) + label.encode() for label in labels) + b"\0"
    flags = b"\x01\x00" if recursion else b"\0\0"
    message_id = random.randrange(1 << 16).to_bytes(2, "big")
    wire = message_id + flags + b"\0\x01\0\0\0\0\0\0" + name + b"\0\x01\0\x01"
    reply = ask(server, wire, via="udp", timeout=timeout)
    if reply.wire is None:
        silent = f"no answer in {timeout:g} s" if reply.failure == "timeout" else reply.failure
        text = f"{silent} ({reply.detail})" if reply.detail else silent
        return _Heard(text, unreachable=reply.failure == "unreachable")
    if len(reply.wire) < 12:
        return _Heard(f"{len(reply.wire)} bytes that are no DNS message")
    code = reply.wire[3] & 0x0F
    rcode = _RCODES.get(code, f"rcode {code}")
    ra, aa = bool(reply.wire[3] & 0x80), bool(reply.wire[2] & 0x04)
    answers, authority = (int.from_bytes(reply.wire[at : at + 2], "big") for at in (6, 8))
    shown = "".join(f", {flag}" for flag, on in (("AA", aa), ("RA", ra)) if on)
    text = f"{rcode} for {_PROBE.rstrip('.')}{shown}, {answers} answers, {authority} authority"
    return _Heard(text, rcode, ra, aa, answers, authority)
