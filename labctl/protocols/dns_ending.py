"""How look-ups end: the result of a walk, and why a name server's address could not be had."""

from __future__ import annotations

from collections.abc import Iterable

from labctl.protocols.dns_labels import Labels, to_text
from labctl.protocols.dns_lookup import Lookup, Outcome
from labctl.protocols.dns_meaning import Reading
from labctl.protocols.dns_records import record
from labctl.protocols.dns_remembered import Kept
from labctl.protocols.dns_result import Cut, Result, Status
from labctl.protocols.dns_words import ended_text


def result_of(
    lookup: Lookup, outcome: Outcome, name: str, type: str, questions: int, cuts: Iterable[Cut]
) -> Result:
    """The result of a walk whose first look-up has ended."""
    result = Result(
        status=outcome.status,
        name=name,
        type=type,
        records=outcome.records,
        chain=tuple(lookup.chain),
        final_name=to_text(lookup.name),
        zone=outcome.zone,
        negative_ttl=outcome.negative_ttl,
        soa=outcome.soa,
        why=outcome.why,
        code=outcome.code,
        questions=questions,
        cuts=tuple(cuts),
        text="",
    )
    return result._replace(text=ended_text(result))


def address_failure(outcome: Outcome, version: int) -> tuple[str, str]:
    """Code and half a sentence: why a server known by name only cannot be asked."""
    if outcome.status == "failed":
        if outcome.code == "glueless-cycle":
            return outcome.code, outcome.why
        why = (
            outcome.why if len(outcome.why) <= 300 else "… " + outcome.why[-299:].lstrip()
        )  # the root cause is last
        return outcome.code, f"has no address that could be found out ({why.rstrip('.')})"
    if outcome.status == "nxdomain":
        return "no-such-server", "does not exist"
    return "no-address", f"has no IPv{version} address"


def cycle_text(stack: list[Lookup], zone: Labels) -> str:
    """Why delegations that wait for each other's servers lead nowhere (RFC 1034 section 4.2.1)."""
    start = next(at for at, lookup in enumerate(stack) if lookup.servers and lookup.servers.zone == zone)
    text = f"{to_text(zone)} cannot be reached: it is served by "
    for lookup in stack[start + 1 :]:
        inside = lookup.servers.zone if lookup.servers is not None else zone
        text += (
            f"{to_text(lookup.visited[0] if lookup.visited else lookup.name)}, which is in {to_text(inside)}"
        )
        if inside != zone:
            text += ", which is served by "
    again = " itself" if len(stack) - start == 2 else " again"
    return f"{text}{again}, and no address came along (no glue)."


def remembered(kept: Kept, left: int) -> Outcome:
    """A look-up that the cache answers, with `left` seconds to go."""
    if not kept.no:
        return Outcome("answer", tuple(record(rr, left) for rr in kept.records))
    soa = record(kept.soa, left) if kept.soa is not None else None
    status: Status = "nxdomain" if kept.no == "nxdomain" else "nodata"
    return Outcome(status, zone=soa.name if soa else "", soa=soa, negative_ttl=left)


def denied(reading: Reading, zone: Labels) -> Outcome:
    """A look-up that a server of `zone` answers with NXDOMAIN or NODATA."""
    soa = record(reading.soa) if reading.soa is not None else None
    status: Status = "nxdomain" if reading.kind == "nxdomain" else "nodata"
    return Outcome(status, zone=to_text(zone), soa=soa, negative_ttl=reading.negative_ttl)
