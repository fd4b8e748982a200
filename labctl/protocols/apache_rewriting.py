"""mod_rewrite in a server or virtual host: RewriteRule and RewriteCond, before any other module sees the path."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal, NamedTuple

from labctl.protocols.apache_grammar import Directive
from labctl.protocols.apache_scopes import compiled
from labctl.protocols.apache_state import State
from labctl.protocols.apache_uri import for_location
from labctl.protocols.proxy_answers import Place

_UNREAD = frozenset(("c", "chain", "n", "next", "s", "skip", "b", "h", "handler", "dpi", "bnp", "bctls"))
_STATUS = {"permanent": 301, "temp": 302, "seeother": 303}
_ABSOLUTE = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)


class Rewritten(NamedTuple):
    """What the rules came to. `kind` "": the other modules are asked; "pass": they are, with a new path."""

    kind: Literal["", "pass", "proxy", "redirect", "status", "file"]
    to: str = ""
    status: int = 0
    place: Place | None = None
    words: str = ""


def rewrite(state: State) -> Rewritten:
    """Run the rules of the host; those of the main server are not a virtual host's."""
    engine = state.configuration.value(state.host, "rewriteengine", "off").lower() == "on"
    rules = state.host.own("rewriterule", "rewritecond")
    if not engine or not rules:
        return Rewritten("")
    conditions: list[Directive] = []
    uri, arguments, changed = state.uri, state.arguments, Rewritten("")
    for each in rules:
        if each.key == "rewritecond":
            conditions.append(each)
            continue
        current, conditions = conditions, []
        if len(each.arguments) < 2:
            continue
        flags = _flags(each)
        match, negated = _matches(each, uri, flags)
        if (match is not None) == negated:
            continue
        holds, caught = _conditions(current, state)
        if not holds:
            continue
        for flag in flags:
            if flag in _UNREAD:
                state.doubt(f"The flag [{flag}] of the rule at {each.place} is not followed here.")
        _set_variables(each, state, match, caught)
        if "f" in flags or "forbidden" in flags:
            return Rewritten("status", status=403, place=each.place, words=str(each))
        if "g" in flags or "gone" in flags:
            return Rewritten("status", status=410, place=each.place, words=str(each))
        target = each.arguments[1]
        if target == "-":
            if {"l", "last", "end"} & set(flags):
                break
            continue
        new = state.expand(target, match, caught)
        new, mark, query = new.partition("?")
        arguments = _query(arguments, query, bool(mark), flags)
        redirect = flags.get("r", flags.get("redirect"))
        state.say(f"{each} makes {new} out of {uri}.", each.place)
        if redirect is not None:
            status = _STATUS.get(redirect, int(redirect) if redirect.isdigit() else 302)
            if not 300 <= status < 400:
                return Rewritten("status", status=status, place=each.place, words=str(each))
            location = new if "ne" in flags or "noescape" in flags else _escaped(new)
            return Rewritten(
                "redirect", location + (f"?{arguments}" if arguments else ""), status, each.place, str(each)
            )
        if "p" in flags or "proxy" in flags:
            state.arguments = arguments
            url = new if _ABSOLUTE.match(new) else f"{_self(state)}{new}"
            return Rewritten("proxy", url, place=each.place, words=str(each))
        if _ABSOLUTE.match(new):
            # A whole URL of another host is a redirect, also without the flag.
            if not new.lower().startswith(f"{_self(state)}/".lower()):
                return Rewritten(
                    "redirect",
                    _escaped(new) + (f"?{arguments}" if arguments else ""),
                    302,
                    each.place,
                    str(each),
                )
            new = new[len(_self(state)) :]
        uri = new
        through = "pt" in flags or "passthrough" in flags
        changed = Rewritten("pass" if through else "file", new, place=each.place, words=str(each))
        if through or {"l", "last", "end"} & set(flags):
            break
    state.uri, state.arguments = (uri if changed.kind == "pass" else state.uri), arguments
    return changed


def _self(state: State) -> str:
    return f"{state.request.scheme}://{state.request.host_field}"


def _flags(each: Directive) -> dict[str, str]:
    text = each.arguments[2] if len(each.arguments) > 2 else ""
    parts = (part.strip().partition("=") for part in text.strip("[]").split(",") if part.strip())
    return {name.lower(): value for name, _, value in parts}


def _matches(each: Directive, uri: str, flags: dict[str, str]) -> tuple[re.Match[str] | None, bool]:
    pattern = each.first
    negated = pattern.startswith("!")
    folded = "nc" in flags or "nocase" in flags
    return compiled(pattern[negated:], each.place, ignore_case=folded).search(uri), negated


def _query(old: str, new: str, mark: bool, flags: dict[str, str]) -> str:
    if "qsd" in flags or "qsdiscard" in flags:
        old = ""
    if not mark:
        return old
    if ("qsa" in flags or "qsappend" in flags) and old:
        return f"{new}&{old}" if new else old
    return new


def _escaped(url: str) -> str:
    scheme = _ABSOLUTE.match(url)
    if scheme is None:
        return for_location(url)
    host, slash, path = url[scheme.end() :].partition("/")
    return scheme[0] + host + slash + for_location(path)


def _set_variables(
    each: Directive, state: State, match: re.Match[str] | None, caught: re.Match[str] | None
) -> None:
    text = each.arguments[2] if len(each.arguments) > 2 else ""
    for part in text.strip("[]").split(","):
        key, _, setting = part.strip().partition("=")
        if key.lower() in ("e", "env") and setting:
            name, _, value = setting.partition(":")
            state.environment[name] = state.expand(value, match, caught)


def _conditions(conditions: Sequence[Directive], state: State) -> tuple[bool, re.Match[str] | None]:
    """Whether all hold, those joined by [OR] together; and what the last one caught."""
    caught: re.Match[str] | None = None
    met_in_group = False
    for each in conditions:
        if len(each.arguments) < 2:
            continue
        flags = (each.arguments[2] if len(each.arguments) > 2 else "").strip("[]").lower().split(",")
        either = bool({"or", "ornext"} & set(flags))
        if not met_in_group:
            holds, match = _condition(each, state, caught, bool({"nc", "nocase"} & set(flags)))
            caught = match or caught
            if holds and either:
                met_in_group = True
            elif not holds and not either:
                return False, None
        elif not either:
            met_in_group = False
    return True, caught


def _condition(
    each: Directive, state: State, caught: re.Match[str] | None, folded: bool
) -> tuple[bool, re.Match[str] | None]:
    subject = state.expand(each.first, None, caught)
    test = each.arguments[1]
    negated = test.startswith("!")
    test = test[negated:]
    if test in ("-f", "-d", "-F", "-s", "-e", "-l", "-L", "-x", "-U"):
        there = state.on_disk(subject)
        if there is None:
            state.doubt(
                f"{each} at {each.place}: whether {subject} is there is not known here; taken as not there."
            )
        holds = {"-d": there == "folder"}.get(test, there == "file")
        return holds != negated, None
    if test[:1] in "<>=" and test:
        return _compared(subject, test, folded) != negated, None
    match = compiled(test, each.place, ignore_case=folded).search(subject)
    return (match is not None) != negated, None if negated else match


def _compared(subject: str, test: str, folded: bool) -> bool:
    """=text, <text and the like; as text, as Apache does."""
    for operator in ("<=", ">=", "=", "<", ">"):
        if test.startswith(operator):
            wanted = test[len(operator) :]
            wanted = "" if wanted in ('""', "''") else wanted
            one, two = (subject.lower(), wanted.lower()) if folded else (subject, wanted)
            return {"=": one == two, "<": one < two, ">": one > two, "<=": one <= two, ">=": one >= two}[
                operator
            ]
    return False
