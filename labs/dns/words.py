"""How the dns lab says things: TTLs, lanes, arrows. Pure functions from what was heard to words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from labctl.events import Hue
from labctl.protocols.dns_result import Heard, Question, Record

# labctl does a resolver's work in front of you; the resolver that is configured does it out of sight.
WALKER = "labctl"


@dataclass(frozen=True)
class Arrow:
    """What stands on an arrow of the ladder, and how it is drawn."""

    label: str
    role: str
    hue: Hue
    wide: str = ""
    heavy: bool = False
    lost: bool = False


def seconds(value: int) -> str:
    """A TTL in words: `300 s`, `1 h`, `2 days`; exact, never rounded."""
    for unit, size in (("day", 86400), ("h", 3600), ("min", 60)):
        if value >= size and value % size == 0:
            count = value // size
            plural = "s" if unit == "day" and count > 1 else ""
            return f"{count} {unit}{plural}"
    return f"{value} s"


def left(value: int) -> str:
    """What is left of a TTL: `1d 23h 59m`, `23h 59m`, `2m 03s`, `9 s`."""
    days, rest = divmod(value, 86400)
    hours, rest = divmod(rest, 3600)
    minutes, secs = divmod(rest, 60)
    if days:
        return f"{days}d {hours:02d}h {minutes:02d}m"
    if hours:
        return f"{hours}h {minutes:02d}m"
    if minutes:
        return f"{minutes}m {secs:02d}s"
    return f"{secs} s"


def ms(value: float) -> str:
    """A duration as the screens print it."""
    if value < 0.05:
        return "under 0.1 ms"
    if value >= 10_000:
        return f"{value / 1000:.1f} s"
    return f"{value:.0f} ms" if value >= 100 else f"{value:.1f} ms"


def short(text: str, most: int = 60) -> str:
    """Data that is too long to read, cut in the middle."""
    return text if len(text) <= most else f"{text[: most - 20]} … {text[-15:]}"


def sentence(text: str) -> str:
    """One full stop at the end, also after a name that ends in its dot."""
    return text.rstrip(".") + "."


def listed(values: Sequence[str], most: int = 3) -> str:
    """`a, b and 11 more`."""
    if len(values) <= most:
        return " and ".join(filter(None, [", ".join(values[:-1]), values[-1]])) if values else "none"
    return f"{', '.join(values[:most])} and {len(values) - most} more"


def lane(zone: str) -> str:
    """The name of a zone's lane: `root  .`, `TLD  com.`, `example.com.`."""
    if zone in (".", ""):
        return "root  ." if zone else "server"
    return f"TLD  {zone}" if zone.count(".") == 1 else zone


def asking(question: Question) -> Arrow:
    """The arrow of a question."""
    mark = {"tcp": "  by TCP", "plain": "  without EDNS"}.get(question.why, "")
    return Arrow(f"{question.type} {question.name.rstrip('.') or '.'}?{mark}", "question", "accent")


def value_of(records: Sequence[Record]) -> str:
    """The records in one phrase: `203.0.113.10`, `104.21.48.200 +1`."""
    first = short(records[0].text)
    return first if len(records) == 1 else f"{first} +{len(records) - 1}"


def hearing(heard: Heard, waited_ms: float) -> Arrow:
    """The arrow of what came back."""
    match heard.kind:
        case "answer":
            shown = [r for r in heard.records if r.type != "RRSIG"] or list(heard.records)
            if not shown:
                return Arrow("an empty answer", "answer", "ok", heavy=True)
            first = shown[0]
            same = [r for r in shown if r.type == first.type and r.name == first.name]
            more = f"  +{len(shown) - len(same)} records" if len(shown) > len(same) else ""
            return Arrow(f"{first.type} {value_of(same)}   ttl {first.ttl}{more}", "answer", "ok", heavy=True)
        case "alias":
            first = heard.records[0]
            return Arrow(f"{first.type} {short(first.text)}   ttl {first.ttl}", "alias", "alt", heavy=True)
        case "referral":
            servers = f"{len(heard.ns)} NS" + (" + glue" if heard.glue else ", no glue")
            return Arrow(
                f"ask {heard.zone} ({servers})",
                "referral",
                "alt",
                wide=f"I don't know. Ask {heard.zone} ({servers})",
            )
        case "nodata":
            return Arrow(f"no {heard.question.type} here{_for(heard)}", "negative", "warn", heavy=True)
        case "nxdomain":
            return Arrow(f"no such name{_for(heard)}", "negative", "warn", heavy=True)
        case "truncated":
            return Arrow("cut off (TC): ask by TCP", "truncated", "warn")
        case "silent":
            how = {"timeout": f"no answer in {ms(waited_ms)}"}.get(
                heard.failure, heard.failure or "no answer"
            )
            return Arrow(how, "silent", "bad", lost=True)
        case "lame":
            return Arrow(f"not mine ({heard.rcode or 'no answer'})", "error", "bad")
        case "error":
            return Arrow(heard.rcode or "error", "error", "bad")
        case "garbage":
            return Arrow("not a DNS message", "error", "bad")
        case "mismatch":
            return Arrow("an answer to another question", "error", "bad")


def _for(heard: Heard) -> str:
    return f"   for {heard.negative_ttl} s" if heard.negative_ttl is not None else ""
