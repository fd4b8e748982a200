"""What the walk brought home: the records, how long they keep, whose address it is, what an apex is not."""

from __future__ import annotations

from collections.abc import Generator, Sequence

from labctl.events import Event, Measure, Row, Rows, Step
from labctl.internet import Internet
from labctl.protocols.cdn_ranges import whose
from labctl.protocols.dns_cache import Cache
from labctl.protocols.dns_result import Result
from labs.dns.claims import ALIAS, APEX, CDN, NODATA, REVERSE
from labs.dns.walking import Walked
from labs.dns.words import left, listed, seconds, sentence, short


def remembered(cache: Cache) -> Rows:
    """What a resolver that walked would remember now, with the share of its TTL that each record has left."""
    rows = []
    for entry in cache.entries():
        share = entry.ttl_left / entry.ttl_total if entry.ttl_total else 0.0
        what = f"no {entry.type}" if entry.negative else entry.type
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
        text=f"What a resolver remembers after this walk: {len(rows)} sets of records.",
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
    all_records = (*result.chain, *result.records)
    rows = tuple(
        Row(
            text=f"{r.name} {r.type} {r.text}, TTL {r.ttl} s.",
            cells=(r.name, r.type, seconds(r.ttl), short(r.text, 200)),
            hues=("", "", "mute", "ok" if r in result.records else "alt"),
        )
        for r in all_records
    )
    return Rows(
        text=f"The answer has {len(rows)} record{'' if len(rows) == 1 else 's'}.",
        id="records",
        title="The records",
        columns=("name", "type", "TTL", "data"),
        rows=rows,
    )


def conclusion(result: Result, again: str = "", security: str = "") -> Step:
    """The one line that says how it ended; `again` is what asking once more costs, `security` DNSSEC's word."""
    asked = result.name.rstrip(".") or "the root"
    hue = {"answer": "ok", "failed": "bad"}.get(result.status, "warn")
    if result.status == "answer":
        values = [r.text for r in result.records]
        verb = "is" if result.type in ("A", "AAAA") else f"has {result.type}"
        said = sentence(f"{asked} {verb} {listed(values)}")
        if security == "bogus":
            words = f"{said} So say its servers; a resolver that validates refuses it (SERVFAIL)."
            return Step(text=words, role="result", hue="bad")
        return Step(text=f"{said} {again}".rstrip(), role="result", hue="ok")
    if result.status == "nxdomain":
        words = f"{result.final_name} does not exist (NXDOMAIN)."
    elif result.status == "nodata":
        words = f"{result.final_name} exists, but has no {result.type} record (NODATA)."
    else:
        return Step(text=f"{asked} could not be resolved: {result.why}", role="result", hue="bad")
    if result.negative_ttl is not None:
        words += f" That 'no' may be remembered for {result.negative_ttl} s ({seconds(result.negative_ttl)})."
    return Step(text=words, role="result", hue="warn" if hue != "bad" else "bad")


def facts(walked: Walked) -> Generator[Event, None, None]:
    """The measures of the walk that checks, explanations and questions read."""
    result = walked.result
    way = [h for h in walked.heard if h.kind == "referral" and h.question.depth == 0]
    count = result.questions
    yield Measure(
        f"The walk took {count} question{'' if count == 1 else 's'}.", "dns.walk.questions", count, ""
    )
    yield Measure(
        f"The walk took {walked.elapsed_ms:.1f} ms.", "dns.walk.elapsed", round(walked.elapsed_ms, 1), "ms"
    )
    yield Measure(f"Referrals on the way: {len(way)}.", "dns.walk.referrals", len(way), "")
    yield Measure(f"The walk took {_pattern(walked)}.", "dns.walk.pattern", _pattern(walked))
    yield Measure(f"The outcome of the walk: {result.status}.", "dns.answer.status", result.status, "")
    yield Measure(sentence(f"The name asked for is {result.name}"), "dns.answer.name", result.name, "")
    if result.records:
        first = result.records[0]
        yield Measure(f"The answer's TTL is {first.ttl} s.", "dns.answer.ttl", first.ttl, "s")
        yield Measure(sentence(f"The answer's first record says {first.text}"), "dns.answer.data", first.text)
    if result.negative_ttl is not None:
        yield Measure(
            f"The 'no' may be kept for {result.negative_ttl} s.", "dns.negative.ttl", result.negative_ttl, "s"
        )
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
    at_cloudflare = any(
        ns.lower().endswith(".ns.cloudflare.com.") for cut in result.cuts[-1:] for ns in cut.ns
    )
    if owner is not None and (owner.kind == "cdn" or internet.kind == "live"):
        # The town itself is built on addresses for documentation: no news there.
        yield Step(text=f"{owner.text}.", role="note")
        yield Measure(
            f"{addresses[0]} is in {owner.match}: {owner.name}.", "dns.answer.owner", owner.name, ""
        )
    if owner is not None and owner.kind == "cdn":
        yield CDN.judged(True, f"{addresses[0]} is {owner.name}'s ({owner.match}): the proxy answers there.")
    elif at_cloudflare:
        yield CDN.judged(
            False,
            f"Cloudflare's name servers give {addresses[0]}, which is in none of its ranges: DNS only.",
        )


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
            f"{result.name} is the top of its zone, and its servers answered with an alias (CNAME)."
            if aliased
            else f"{result.name} is the top of its zone, and is no alias: SOA and NS stand there.",
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
    if there is not None and missing is not None:
        yield NODATA.judged(
            missing.status == "nodata",
            f"{there.name} has {there.type}; asked for {missing.type}, its server said "
            + (
                "NOERROR with nothing in it." if missing.status == "nodata" else "that there is no such name."
            ),
        )
