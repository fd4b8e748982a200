"""What the walk brought home: the records, how long they keep, whose address it is, what an apex is not."""

from __future__ import annotations

import re
from collections.abc import Generator, Sequence

from labctl.events import Event, Hue, Measure, Row, Rows, Step
from labctl.internet import Internet
from labctl.protocols.cdn_ranges import whose
from labctl.protocols.dns_cache import Cache
from labctl.protocols.dns_result import Result
from labs.dns.claims import ALIAS, APEX, CDN, NODATA, REVERSE
from labs.dns.walking import Walked
from labs.dns.words import left, listed, seconds, sentence, short
from labs.words import count


def remembered(cache: Cache) -> Rows:
    """What a resolver that walked would remember now, with the share of its TTL that each record has left."""
    rows = []
    for entry in cache.entries():
        share = entry.ttl_left / entry.ttl_total if entry.ttl_total else 0.0
        what = "no name" if entry.type == "NXDOMAIN" else f"no {entry.type}" if entry.negative else entry.type
        rows.append(
            Row(
                text=f"{entry.name} {what}: TTL {entry.ttl_total} s ({seconds(entry.ttl_total)}), "
                f"{entry.ttl_left} s left, that is {_percent(share)}.",
                cells=(entry.name, what, seconds(entry.ttl_total), left(entry.ttl_left)),
                share=share,
                hues=("", "", "mute", ""),
                data={"ttl": entry.ttl_total, "left": entry.ttl_left},
            )
        )
    return Rows(
        text=f"What a resolver remembers after this walk: {count(len(rows), 'set')} of records.",
        id="remembered",
        title="What a resolver remembers after this walk",
        columns=("name", "type", "TTL", "left"),
        rows=tuple(rows),
        note="bar: share of the TTL still left",
    )


def _percent(share: float) -> str:
    """Rounded down: what has begun to run out is not 100%."""
    return f"{int(share * 100)}%"


def records(result: Result) -> Rows:
    """Every record of the answer, aliases first."""
    all_records = tuple(dict.fromkeys((*result.chain, *result.records)))
    rows = tuple(
        Row(
            text=f"{r.name} {r.type} {r.text}, TTL {r.ttl} s.",
            cells=(r.name, r.type, seconds(r.ttl), short(r.text, 200)),
            hues=("", "", "mute", "ok" if r in result.records else "alt"),
        )
        for r in all_records
    )
    return Rows(
        text=f"The answer has {count(len(rows), 'record')}.",
        id="records",
        title=f"The records, {result.type}",
        columns=("name", "type", "TTL", "data"),
        rows=rows,
    )


def conclusion(result: Result, again: str = "", security: str = "") -> Step:
    """The one line that says how it ended; `again` is what asking once more costs, `security` DNSSEC's word."""
    asked = result.name.rstrip(".") or "the root"
    hue: Hue = "ok"
    if result.status == "answer" and _only_an_alias(result):
        words = f"{asked} is an alias of {result.records[-1].text}; this server says no more than that"
    elif result.status == "answer":
        verb = "is" if result.type in ("A", "AAAA") else f"has {result.type}"
        words = f"{asked} {verb} {listed([r.text for r in result.records])}"
    elif result.status == "nxdomain":
        words, hue = f"{result.final_name.rstrip('.')} does not exist (NXDOMAIN)", "warn"
    elif result.status == "nodata":
        words, hue = (
            f"{result.final_name.rstrip('.') or 'the root'} has no {result.type} record (NODATA)",
            "warn",
        )
    else:
        words, hue = f"{asked} could not be resolved: {result.why}", "bad"
    said = [sentence(words)]
    if result.negative_ttl is not None and result.status in ("nxdomain", "nodata"):
        said.append(f"That 'no' may be remembered for {_ttl(result.negative_ttl)}.")
    if security == "bogus":
        said.append("So say its servers; a resolver that validates refuses it (SERVFAIL).")
        hue = "bad"
    elif again:
        said.append(again)
    text = " ".join(said)
    return Step(
        text=text, role="result", hue=hue, title=text if len(text) < 400 else f"{short(said[0], 200)} {again}"
    )


def _ttl(value: int) -> str:
    words = seconds(value)
    return words if words == f"{value} s" else f"{value} s ({words})"


def _only_an_alias(result: Result) -> bool:
    return result.type not in ("CNAME", "ANY") and all(r.type == "CNAME" for r in result.records)


def answer(result: Result) -> Generator[Event, None, None]:
    """What the answer says, as measures."""
    yield Measure(f"The outcome: {result.status}.", "dns.answer.status", result.status)
    yield Measure(sentence(f"The name asked for is {result.name}"), "dns.answer.name", result.name, "")
    if result.records:
        first = result.records[0]
        yield Measure(f"The answer's TTL is {first.ttl} s.", "dns.answer.ttl", first.ttl, "s")
        yield Measure(sentence(f"The answer's first record says {first.text}"), "dns.answer.data", first.text)
    if result.negative_ttl is not None:
        yield Measure(
            f"The 'no' may be kept for {result.negative_ttl} s.", "dns.negative.ttl", result.negative_ttl, "s"
        )


def facts(walked: Walked) -> Generator[Event, None, None]:
    """What the walk amounts to, as measures that checks, explanations and questions read."""
    result = walked.result
    yield from answer(result)
    way = [h for h in walked.heard if h.kind == "referral" and h.question.depth == 0]
    asked = result.questions
    yield Measure(
        f"The walk took {asked} question{'' if asked == 1 else 's'}.", "dns.walk.questions", asked, ""
    )
    yield Measure(
        f"The walk took {walked.elapsed_ms:.1f} ms.", "dns.walk.elapsed", round(walked.elapsed_ms, 1), "ms"
    )
    yield Measure(f"Referrals on the way: {len(way)}.", "dns.walk.referrals", len(way), "")
    yield Measure(f"The walk took {_pattern(walked)}.", "dns.walk.pattern", _pattern(walked))
    root = next((h for h in walked.heard if h.question.server.zone == "."), None)
    if root is not None:
        seen = f"{root.question.type} {root.question.name.rstrip('.') or '.'}"
        yield Measure(f"A root server was asked: {seen}?", "dns.root.asked", seen, "")


def _pattern(walked: Walked) -> str:
    """How the number of questions compares with the zones on the way."""
    result = walked.result
    if result.questions <= 1:
        return "one question"
    return "one question a zone" if result.questions == len(result.cuts) else "more than one question a zone"


def whose_address(internet: Internet, walked: Walked) -> Generator[Event, None, None]:
    """Whose network the address is in, and what that tells."""
    result = walked.result
    addresses = [r.text for r in result.records if r.type in ("A", "AAAA")]
    if not addresses:
        return
    chain = tuple(r.text for r in result.chain if r.type == "CNAME")
    owner = whose(addresses[0], chain)
    if owner is not None and (owner.kind == "cdn" or internet.kind == "live"):
        # The town itself is built on addresses for documentation: no news there.
        yield Step(text=f"{owner.text}.", role="note")
        yield Measure(
            f"{addresses[0]} is in {owner.match}: {owner.name}.", "dns.answer.owner", owner.name, ""
        )
    if owner is not None and owner.kind == "cdn":
        yield CDN.judged(True, f"{addresses[0]} is {owner.name}'s ({owner.match}): the proxy answers there.")


def way_back(there: Result, back: Result) -> Generator[Event, None, None]:
    """Judge the name that an address gives (`back`, a PTR) next to the name that led to it (`there`)."""
    pointers = [r.text for r in back.records if r.type == "PTR"]
    address = next((r.text for r in there.records if r.type in ("A", "AAAA")), "")
    if not pointers:
        yield REVERSE.not_seen(f"{address} has no name of its own ({back.status}).")
        return
    yield Measure(f"{address} gives the name {pointers[0]} (PTR).", "dns.reverse.name", pointers[0])
    yield REVERSE.judged(
        pointers[0].lower() != there.name.lower(),
        f"{there.name} leads to {address}, and {address} leads to {pointers[0]} (PTR).",
    )


def shape(walked: Walked) -> Generator[Event, None, None]:
    """Judge whether the top of a zone answered as one must."""
    result = walked.result
    at_apex = any(cut.zone == result.name.lower() for cut in result.cuts) and result.name != "."
    if at_apex and result.status != "failed":
        aliased = any(r.type == "CNAME" and r.name.lower() == result.name.lower() for r in result.chain)
        yield APEX.judged(
            not aliased,
            f"{result.name} is the top of a zone, as the referral says, and its servers answered with an alias."
            if aliased
            else f"{result.name} is the top of a zone, as the referral says, and its servers gave no alias for it.",
        )


def across_types(walks: Sequence[Walked]) -> Generator[Event, None, None]:
    """Judge what only several types of one name show together: an alias, and a name without this one type."""
    by_type = {w.result.type: w.result for w in walks}
    alias = by_type.get("CNAME")
    other = next((r for r in by_type.values() if r.type not in ("CNAME", "DS", "NSEC", "RRSIG")), None)
    if alias is not None and alias.records and other is not None and other.status != "failed":
        target = alias.records[0].text
        followed = any(r.type == "CNAME" for r in other.chain)
        yield ALIAS.judged(
            followed,
            f"{alias.name} is an alias of {target}, and {other.type} was then looked up under that name."
            if followed
            else f"{alias.name} is an alias of {target}, and yet it gave {other.type} of its own.",
        )
    there = next((r for r in by_type.values() if r.status == "answer" and not r.chain), None)
    missing = next((r for r in by_type.values() if r.status in ("nodata", "nxdomain") and not r.chain), None)
    if there is not None and missing is not None and there.name == missing.name:
        yield NODATA.judged(
            missing.status == "nodata",
            f"{there.name} has {there.type}; asked for {missing.type}, its server said "
            + (
                "NOERROR with nothing in it." if missing.status == "nodata" else "that there is no such name."
            ),
        )
    yield from _proxied(by_type.get("A"), by_type.get("HTTPS"))


def _proxied(plain: Result | None, service: Result | None) -> Generator[Event, None, None]:
    """A CDN that proxies a name publishes its own addresses in the HTTPS record; A has to agree (RFC 9460)."""
    if plain is None or service is None or not plain.records or not service.records:
        return
    hints = re.findall(r'ipv4hint="?([\d.]+)', service.records[0].text)
    proxy = whose(hints[0]) if hints else None
    if proxy is None or proxy.kind != "cdn":
        return
    address = plain.records[0].text
    owner = whose(address)
    if owner is None or owner.name != proxy.name:
        yield CDN.judged(
            False,
            f"The HTTPS record points to {proxy.name} ({hints[0]}), and A gives the origin's own {address}.",
        )
