"""Which rule of a reverse proxy takes a path: Apache's way and nginx's way, side by side.

Apache asks its modules in the order of their hooks (mod_proxy before mod_alias), and within one the first line that
matches whole segments wins. nginx takes the longest prefix, byte by byte, in any order (both: CURRICULUM 3.3, 3.10).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal, NamedTuple

Kind = Literal["pass", "alias", "except"]


class Rule(NamedTuple):
    """One line of a configuration. `pass` goes to the backend `to`, `alias` to the folder `to`, `except` to neither.

    `how`: "prefix", "=" (exact), "^~" (no regex any more) or "~" (a regular expression): nginx. `in_location`: the
    line stands in a <Location> of Apache.
    """

    kind: Kind
    path: str
    to: str = ""
    how: Literal["prefix", "=", "^~", "~"] = "prefix"
    in_location: bool = False


class Taken(NamedTuple):
    """Who takes a path: the rule (None: the document root), and what is left of the path behind its prefix."""

    rule: Rule | None
    rest: str


def route(
    server: Literal["nginx", "apache"],
    rules: Sequence[Rule],
    path: str,
    habits: frozenset[str] = frozenset(),
) -> Taken:
    """The rule that takes this path, without its query. `habits` are faults of the router."""
    return _nginx(rules, path, habits) if server == "nginx" else _apache(rules, path, habits)


def on_segments(prefix: str, path: str) -> bool:
    """Whether `prefix` is made of whole segments of `path`: /api of /api and /api/x, not of /apifoo."""
    return path.startswith(prefix) and (
        path == prefix or prefix.endswith("/") or path[len(prefix) : len(prefix) + 1] == "/"
    )


def _apache(rules: Sequence[Rule], path: str, habits: frozenset[str]) -> Taken:
    def match(rule: Rule) -> bool:
        return on_segments(rule.path, path)

    proxying = [rule for rule in rules if rule.kind != "alias" and match(rule)]
    # <Location> sections are merged last, so a ProxyPass in one of them speaks before the others.
    proxying.sort(key=lambda rule: not rule.in_location)
    if "apache-longest-wins" in habits:
        proxying.sort(key=lambda rule: -len(rule.path))
    aliases = [rule for rule in rules if rule.kind == "alias" and match(rule)]
    proxied = proxying[0] if proxying and proxying[0].kind == "pass" else None
    first = (aliases, proxied) if "apache-alias-first" in habits else (None, proxied)
    if first[0]:
        return Taken(first[0][0], path[len(first[0][0].path) :])
    if proxied is not None:
        return Taken(proxied, path[len(proxied.path) :])
    if aliases:
        return Taken(aliases[0], path[len(aliases[0].path) :])
    return Taken(None, path)


def _nginx(rules: Sequence[Rule], path: str, habits: frozenset[str]) -> Taken:
    for rule in rules:
        if rule.how == "=" and path == rule.path:
            return Taken(rule, "")
    whole = "nginx-whole-segments" in habits
    prefixes = [
        rule
        for rule in rules
        if rule.how in ("prefix", "^~")
        and (on_segments(rule.path, path) if whole else path.startswith(rule.path))
    ]
    best = max(prefixes, key=lambda rule: len(rule.path), default=None)
    if best is not None and best.how == "^~":
        return Taken(best, path[len(best.path) :])
    for rule in rules:
        if rule.how == "~" and re.search(rule.path, path):
            return Taken(rule, path)
    return Taken(best, path[len(best.path) :]) if best is not None else Taken(None, path)
