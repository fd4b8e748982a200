"""Which location takes a path: =, the longest prefix, ^~, patterns in their order (ngx_http_core_find_location)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from labctl.protocols.nginx_scopes import Location, Server
from labctl.protocols.proxy_answers import Reason


class Found(NamedTuple):
    """The location (None: the server itself), and why. `redirect`: nginx answers 301 with the slash put behind.

    `match` is what the pattern of the location caught.
    """

    location: Location | None
    reasons: tuple[Reason, ...]
    redirect: bool = False
    match: re.Match[str] | None = None


def find_location(server: Server, uri: str) -> Found:
    """The location of a decoded path."""
    reasons: list[Reason] = []
    found, _, redirect, match = _search(server.locations, uri, None, reasons)
    if found is None and not reasons:
        reasons.append(
            Reason(f"No location takes {uri}: what stands in the server block itself holds.", server.place)
        )
    return Found(found, tuple(reasons), redirect, match)


def _search(
    locations: Sequence[Location], uri: str, outer: Location | None, reasons: list[Reason]
) -> tuple[Location | None, bool, bool, re.Match[str] | None]:
    """The location, whether it is final (exact, or by a pattern), whether it redirects, and the match."""
    best, redirecting = _prefixes(locations, uri)
    exact = next((each for each in locations if each.modifier == "=" and each.name == uri), None)
    if exact is not None:
        reasons.append(Reason(f"{exact.words} is exactly this path, so nothing else is asked.", exact.place))
        return exact, True, False, None
    if redirecting is not None:
        text = (
            f"{redirecting.words} is this path with a slash behind it, and is passed on: nginx answers 301."
        )
        reasons.append(Reason(text, redirecting.place))
        return redirecting, True, True, None
    # Exact ones and patterns are no rivals of a prefix: only the longest counts.
    found, no_patterns = outer, False
    if best is not None:
        found, no_patterns = best, best.modifier == "^~"
        reasons.append(_by_prefix(best, locations, uri))
        if best.nested:
            inner, final, redirect, match = _search(best.nested, uri, best, reasons)
            if final:
                return inner, True, redirect, match
            found = inner
    patterns = [each for each in locations if each.pattern is not None]
    if no_patterns:
        if patterns:
            reasons.append(Reason("It has ^~, so no pattern is tried.", best.place if best else None))
        return found, False, False, None
    for number, each in enumerate(patterns, 1):
        assert each.pattern is not None
        if match := each.pattern.search(uri):
            reasons.append(_by_pattern(each, best, number))
            inner, _, redirect, deeper = _search(each.nested, uri, each, reasons)
            return inner, True, redirect, deeper or match
    if patterns and best is not None:
        none = (
            "The pattern does not fit" if len(patterns) == 1 else f"None of the {len(patterns)} patterns fits"
        )
        reasons.append(Reason(f"{none}, so the prefix keeps it.", best.place))
    return found, False, False, None


def _prefixes(locations: Sequence[Location], uri: str) -> tuple[Location | None, Location | None]:
    """The longest prefix, and the location with a slash to which the path is sent."""
    plain = [each for each in locations if each.modifier in ("", "^~")]
    fits = [each for each in plain if uri.startswith(each.name)]
    best = max(fits, key=lambda each: len(each.name), default=None)
    if best is not None and best.name == uri:
        return best, None
    same = [each for each in locations if each.modifier in ("", "^~", "=") and each.name == uri + "/"]
    return best, next((each for each in same if each.redirects_without_slash), None)


def _by_prefix(best: Location, locations: Sequence[Location], uri: str) -> Reason:
    rivals = [
        each.name
        for each in locations
        if each is not best and each.modifier in ("", "^~") and uri.startswith(each.name)
    ]
    than = f", longer than {' and '.join(sorted(rivals, key=len, reverse=True)[:3])}" if rivals else ""
    what = "The longest prefix" if rivals else "The only prefix"
    return Reason(f"{what} of {uri} is {best.words}{than}.", best.place)


def _by_pattern(each: Location, best: Location | None, number: int) -> Reason:
    order = (
        "the first pattern in order that fits"
        if number == 1
        else f"pattern {number}, the first in order that fits"
    )
    over = " A pattern goes before a prefix without ^~." if best is not None else ""
    return Reason(f"{each.words} at {each.place} is {order}, so it wins.{over}", each.place)
