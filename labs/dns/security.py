"""The chain of trust, link by link, as table rows; and the claims that only signatures can show."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from random import Random

from labctl.events import Event, Hue, Measure, Row, Rows, Step
from labctl.internet import Endpoint, Internet
from labctl.protocols.dnssec_chain import Chain, Link, Security
from labs.dns.claims import CHAIN, EMPTY_NAME, EXPIRED, INSECURE
from labs.dns.signatures import has_names_below, validity
from labs.dns.walking import Walked
from labs.words import count

HUES: dict[str, Hue] = {"secure": "ok", "insecure": "warn", "bogus": "bad", "indeterminate": "warn"}

# Signers renew within weeks; a signature that lives on can be replayed (RFC 6781 section 4.4.2).
LONGEST_DAYS = 366


def check(internet: Internet, walked: Walked, walks: Sequence[Walked]) -> Generator[Event, None, Security]:
    """Ask for keys and DS records along the walk, verify each link, and judge the claims on signatures.

    `walks` are all of this run: a later one starts from what earlier ones learnt, and does not meet every zone
    and alias again.
    """
    cuts = {cut.zone: cut for each in reversed(walks) for cut in each.result.cuts}
    known = tuple(
        sorted(cuts.values(), key=lambda cut: cut.zone.rstrip(".").count(".") if cut.zone != "." else -1)
    )
    chain = Chain(
        walked.result._replace(cuts=known),
        [heard for each in walks for heard in each.heard],
        internet.trust_anchors,
        now=internet.date(),
        random=Random(internet.seed) if internet.kind == "sandbox" else None,
    )
    asked = 0
    while (question := chain.next_question()) is not None:
        asked += 1
        reply = internet.ask(
            Endpoint(question.server.address),
            question.wire,
            via=question.via,
            timeout=internet.timeout or question.timeout,
        )
        chain.hear(reply.wire, failure=reply.failure or "timeout")
    verdict = chain.verdict
    rows = tuple(_row(link) for link in verdict.links)
    yield Rows(
        text=f"The chain of trust, {count(len(rows), 'link')}, {count(asked, 'more question')}.",
        id="security",
        title="The chain of trust",
        columns=("zone", "", "link"),
        rows=rows,
        note=f"{count(asked, 'more question')}, for keys and DS records",
    )
    yield Step(text=verdict.text, role="note", hue=HUES[verdict.state])
    yield Measure(f"DNSSEC says: {verdict.state}.", "dns.security.state", verdict.state, "")
    yield Measure(f"Checking took {count(asked, 'more question')}.", "dns.security.questions", asked, "")
    yield from _judge(internet, walked, verdict)
    return verdict


def _row(link: Link) -> Row:
    return Row(
        text=link.text,
        cells=(link.zone, "✓" if link.ok else "✗", link.what),
        hues=("", "ok" if link.ok else "bad", ""),
        data={"code": link.code},
    )


def _judge(internet: Internet, walked: Walked, verdict: Security) -> Generator[Event, None, None]:
    broken = verdict.broken
    expired = broken is not None and broken.code == "signature-expired"
    if verdict.state == "indeterminate":
        yield CHAIN.not_seen(verdict.text)
    elif verdict.state == "secure":
        yield CHAIN.judged(True, verdict.text)
    elif verdict.state == "bogus" and not expired:
        yield CHAIN.judged(False, verdict.text)
    if expired or verdict.state == "secure":  # otherwise what the signatures say of themselves is hearsay
        yield from _signature_ends(walked, verdict.text if expired else "", internet.date())
    if verdict.state == "insecure":
        yield INSECURE.judged(True, verdict.text)
    elif broken is not None and broken.code == "denial-missing" and "DS" in broken.what:
        yield INSECURE.judged(False, verdict.text)
    yield from _empty_name(walked)


def _signature_ends(walked: Walked, expired: str, now: float) -> Generator[Event, None, None]:
    """How long the answer's signature is good for, as it says itself."""
    last = walked.on_the_way[-1] if walked.on_the_way else None
    spans = validity(last) if last is not None else []
    if not spans:
        return
    start, end = min(spans, key=lambda span: span[1])
    days, ahead = (end - start) / 86400, (end - now) / 86400
    yield Measure(
        f"The signature is good for {days:.0f} days in all.", "dns.signature.days", round(days), "days"
    )
    when = f"ends in {ahead:.0f} days" if ahead >= 0 else f"ended {-ahead:.0f} days ago"
    yield EXPIRED.judged(
        days <= LONGEST_DAYS, f"The signature was made for {days:.0f} days and {when}. {expired}".rstrip()
    )


def _empty_name(walked: Walked) -> Generator[Event, None, None]:
    """An NSEC whose next name lies below the asked one proves that it exists (RFC 4592 section 2.2.2)."""
    last = walked.on_the_way[-1] if walked.on_the_way else None
    if last is None or not has_names_below(last, walked.result.final_name):
        return
    name = walked.result.final_name
    if walked.result.status == "answer":
        shown = walked.result.records[0].text
        yield EMPTY_NAME.judged(
            False, f"Names exist below {name} (NSEC), and a wildcard answered for it all the same: {shown}."
        )
    elif walked.result.status == "nodata":
        yield EMPTY_NAME.judged(
            True, f"{name} has no {walked.result.type}, but names exist below it (NSEC): no wildcard."
        )
