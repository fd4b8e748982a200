"""Which route matched, or why none did. Child side, stdlib only."""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import Any

from labctl.serving.flask_trace_places import LONGEST, locate

_NEAR = 3
# Comparing is quadratic in the worst case; a map of thousands of rules is not looked through.
_MOST_RULES = 2000


def route_facts(rule: Any, arguments: Any) -> dict[str, Any]:
    """The rule that matched, and what its variables are."""
    return {
        "rule": str(rule.rule)[:LONGEST],
        "endpoint": str(rule.endpoint)[:LONGEST],
        "methods": _methods(rule),
        "arguments": {str(k)[:60]: repr(v)[:60] for k, v in list(dict(arguments or {}).items())[:10]},
    }


def near_routes(app: Any, adapter: Any, error: Exception) -> dict[str, Any]:
    """When no route matched: the methods that would have, the new URL of a redirect, routes that look alike."""
    facts: dict[str, Any] = {}
    allowed = getattr(error, "valid_methods", None)
    if allowed:
        facts["allowed"] = sorted(map(str, allowed))[:10]
    new_url = getattr(error, "new_url", None)
    if new_url:
        facts["redirect"] = str(new_url)[:LONGEST]
    if getattr(error, "code", None) == 404:
        path = str(adapter.path_info)
        rules = [rule for rule, _ in zip(app.url_map.iter_rules(), range(_MOST_RULES), strict=False)]
        ranked = sorted(rules, key=lambda rule: -_likeness(str(rule.rule), path))
        facts["near"] = [[str(rule.rule)[:LONGEST], _methods(rule)] for rule in ranked[:_NEAR]]
    return facts


def _likeness(rule: str, path: str) -> float:
    if rule.strip("/") == path.strip("/"):
        return 2.0
    return SequenceMatcher(None, rule, path).ratio()


def _methods(rule: Any) -> list[str]:
    return sorted(str(each) for each in rule.methods or () if each not in ("HEAD", "OPTIONS"))[:10]


def all_routes(app: Any) -> list[dict[str, Any]]:
    """Every rule of the map: the rule, its methods, its endpoint, and where its view is."""
    found = []
    for rule in app.url_map.iter_rules():
        view = app.view_functions.get(rule.endpoint)
        methods = _methods(rule)
        where = locate(view, methods[0] if methods else "GET") if view is not None else None
        found.append(
            {
                "rule": str(rule.rule)[:LONGEST],
                "methods": methods,
                "endpoint": str(rule.endpoint)[:LONGEST],
                "view": list(where) if where else ["", "", 0],
            }
        )
    return found
