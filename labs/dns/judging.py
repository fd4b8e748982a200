"""What the walk shows about the claims: said next to the message that shows it."""

from __future__ import annotations

from collections.abc import Generator

from labctl.events import Event, Step
from labctl.internet import Internet
from labctl.protocols.dns_result import Heard
from labs.dns.claims import GLUE, ITERATIVE, MINIMISED, REFERRAL, TRUNCATED
from labs.dns.walking import Walked
from labs.dns.words import listed
from labs.words import count


def the_walk(internet: Internet, walked: Walked, qmin: bool) -> Generator[Event, None, None]:
    """Judge referral, recursion, glue, truncation and minimisation by what was heard."""
    heard = [h for h in walked.heard if h.kind not in ("silent", "garbage", "mismatch")]
    intruder = _in_the_roots_place(heard) if internet.kind == "live" else ""
    if intruder:
        yield Step(text=f"{intruder}. This is that network's resolver, not the tree.", role="warning")
        for claim in (REFERRAL, ITERATIVE, GLUE):
            yield claim.not_seen(f"{intruder}.")
        return
    yield from _referral(heard, walked)
    yield from _recursion(heard)
    yield from _glue(heard, walked)
    yield from _truncated(walked)
    if qmin:
        yield from _minimised(walked)


def _in_the_roots_place(heard: list[Heard]) -> str:
    """Whether a network on the way answered for a root server: a sentence without its full stop, or ""."""
    from labctl.live import in_the_roots_place

    for h in heard:
        if h.question.server.zone == "." and h.question.server.source == "hint":
            told = in_the_roots_place(
                ra=h.ra,
                aa=h.aa,
                answers=len(h.records),
                name=h.question.name,
                address=h.question.server.address,
            )
            if told:
                return told[:1].upper() + told[1:]
    return ""


def _referral(heard: list[Heard], walked: Walked) -> Generator[Event, None, None]:
    root = next((h for h in heard if h.question.server.zone == "." and h.question.depth == 0), None)
    if root is None:
        yield REFERRAL.not_seen("No root server was heard in this run.")
    elif _the_roots_own(walked, root):
        yield REFERRAL.not_seen(
            f"The root itself is in charge of {walked.result.name}: there is nobody to refer to."
        )
    elif root.kind == "referral":
        yield REFERRAL.judged(
            True,
            f"{root.question.server.name} named {len(root.ns)} servers of {root.zone} and gave no answer.",
        )
    elif root.kind in ("answer", "alias"):
        yield REFERRAL.judged(
            False,
            f"{root.question.server.name} gave the answer itself: {listed([r.text for r in root.records])}.",
        )
    else:
        yield REFERRAL.not_seen(f"The root's reply was of no use: {root.text}")


def _the_roots_own(walked: Walked, root: Heard) -> bool:
    """Whether the root has the last word: on itself, on what does not exist, on the DS of a top-level domain."""
    name, of_a_child = walked.result.name, walked.result.type == "DS" and walked.result.name.count(".") == 1
    return name == "." or of_a_child or (root.kind in ("nxdomain", "nodata") and root.aa)


def _recursion(heard: list[Heard]) -> Generator[Event, None, None]:
    offering = sorted({h.question.server.name for h in heard if h.ra})
    if not heard:
        yield ITERATIVE.not_seen("No server was heard in this run.")
    else:
        yield ITERATIVE.judged(
            not offering,
            f"{listed(offering)} offered to look further (RA)."
            if offering
            else f"Of {count(len(heard), 'reply', 'replies')} none offered recursion (RA).",
        )


def _glue(heard: list[Heard], walked: Walked) -> Generator[Event, None, None]:
    """A server named inside the zone that it serves cannot be found by asking that zone first."""
    needing = [h for h in heard if h.kind == "referral" and any(_inside(ns, h.zone) for ns in h.ns)]
    if not needing:
        yield GLUE.not_seen("No zone on the way has a server with a name inside itself.")
        return
    bare = [h for h in needing if not h.glue]
    if bare:
        yield GLUE.judged(
            False,
            f"{bare[0].question.server.name} sent no address with {listed(list(bare[0].ns))}"
            f" when it referred to {bare[0].zone}".rstrip(".")
            + ".",
        )
        return
    last = needing[-1]
    name, address = next(((n, a) for n, a in last.glue if _inside(n, last.zone)), last.glue[0])
    yield GLUE.judged(
        True, f"{last.question.server.name} sent {address} along for {name}, a server of {last.zone}"
    )


def _inside(name: str, zone: str) -> bool:
    name, zone = name.lower(), zone.lower()
    return zone != "." and (name == zone or name.endswith("." + zone))


def _truncated(walked: Walked) -> Generator[Event, None, None]:
    cut = next((h for h in walked.heard if h.tc and h.question.via == "udp"), None)
    oversize = next((h for h in walked.heard if h.question.via == "udp" and h.size > ALLOWED_BYTES), None)
    if oversize is not None:
        yield TRUNCATED.judged(
            False,
            f"{oversize.question.server.name} sent {oversize.size} bytes; {ALLOWED_BYTES} were allowed.",
        )
    elif cut is not None:
        whole = next((h for h in walked.heard if h.question.via == "tcp" and h.size), None)
        if whole is None:
            yield TRUNCATED.not_seen("The answer was cut off, and TCP brought none.")
        else:
            yield TRUNCATED.judged(
                True, f"Cut off at {cut.size} bytes by UDP, then {whole.size} bytes came whole over TCP."
            )


# What our questions allow a datagram to be (EDNS, RFC 9715 section 3).
ALLOWED_BYTES = 1232


def _minimised(walked: Walked) -> Generator[Event, None, None]:
    root = next(
        (h.question for h in walked.heard if h.question.server.zone == "." and h.question.depth == 0), None
    )
    if root is None:
        yield MINIMISED.not_seen("No root server was asked in this run.")
        return
    whole = walked.result.name.lower()
    to_root = [h.question for h in walked.heard if h.question.server.zone == "." and h.question.depth == 0]
    told = next((q for q in to_root if q.name.lower() == whole), None)
    if whole.count(".") < 2:
        yield MINIMISED.not_seen(f"{walked.result.name} has one label only: nothing can be left out.")
    else:
        yield MINIMISED.judged(
            told is None,
            f"The root was asked for {root.name} {root.type}, and never saw {walked.result.name}"
            if told is None
            else f"The root refused the short question, and was then asked for {told.name} {told.type}.",
        )
