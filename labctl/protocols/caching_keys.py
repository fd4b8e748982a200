"""Which stored response fits a request: Vary and the fields that it names (RFC 9111 section 4.1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from labctl.protocols.caching_model import CacheRequest, CacheRules, Stored
from labctl.protocols.remembering import remembered

Selecting = tuple[tuple[str, str | None], ...]
# A request never has a field of this name, so that it stands for "never matches".
NEVER: Selecting = (("*", "*"),)
# Lists of preferences: case means nothing, and order means nothing where the weights are equal
# (RFC 9110 section 12.5).
_PREFERENCES = frozenset({"accept", "accept-encoding", "accept-language", "accept-charset"})


@remembered
def vary_names(vary: str) -> tuple[str, ...]:
    """The field names in a Vary value, lower case, sorted, once each; ("*",) when one of them is "*"."""
    names = {name for part in vary.split(",") if (name := part.strip(" \t").lower())}
    return ("*",) if "*" in names else tuple(sorted(names))


def selecting(rules: CacheRules, request: CacheRequest, vary: str | None) -> Selecting:
    """What a response with this Vary was chosen by: the request's values, normalised. NEVER for "*"."""
    names = names_that_count(rules, vary)
    if names == ("*",):
        return NEVER
    return tuple((name, _chosen(name, request.named)) for name in names)


def names_that_count(rules: CacheRules, vary: str | None) -> tuple[str, ...]:
    """The names that make variants. Cloudflare heeds "*" and Accept-Encoding only (cf-docs cache-control)."""
    if not vary:
        return ()
    names = vary_names(vary)
    if rules.name == "cloudflare" and names != ("*",):
        return tuple(name for name in names if name == "accept-encoding")
    return names


def fits(stored: Stored, request: CacheRequest) -> bool:
    """True when this stored variant answers this request."""
    named = request.named
    return all(name != "*" and _chosen(name, named) == value for name, value in stored.selecting)


def fitting(candidates: Sequence[Stored], request: CacheRequest) -> list[Stored]:
    """The variants that fit, the one with the latest Date first (RFC 9111 section 4)."""
    found = [stored for stored in candidates if fits(stored, request)]
    if len(found) > 1:
        found.sort(key=lambda stored: (stored.date, stored.response_time), reverse=True)
    return found


def same_variant(one: Stored, other: Stored) -> bool:
    """True when both were chosen by the same values, so that the newer takes the older one's place."""
    return one.selecting == other.selecting


def _chosen(name: str, named: Mapping[str, str]) -> str | None:
    value = named.get(name)
    return None if value is None else normalised(name, value)


def normalised(name: str, value: str) -> str:
    """`value` in one spelling among those that mean the same.

    White space around commas is dropped for every field; for lists of preferences also case, the order of
    members of equal weight, and white space around ";".
    """
    return _preferences(value) if name in _PREFERENCES else _members(value)


@remembered
def _members(value: str) -> str:
    return ",".join(part.strip(" \t") for part in value.split(","))


@remembered
def _preferences(value: str) -> str:
    members = ("".join(member.split()).lower() for member in value.split(","))
    return ",".join(sorted(member for member in members if member))
