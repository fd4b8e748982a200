"""The rewrite module: `rewrite`, `return`, `set`, `if` and `break`, in the order in which they stand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from labctl.protocols.nginx_grammar import Directive
from labctl.protocols.nginx_scopes import Scope, compiled
from labctl.protocols.nginx_state import State
from labctl.protocols.nginx_uri import escape
from labctl.protocols.nginx_variables import expanded
from labctl.protocols.proxy_answers import Place

_REDIRECTS = (301, 302, 303, 307, 308)
_ABSOLUTE = ("http://", "https://", "$scheme")


class Ended(NamedTuple):
    """The rules have answered: a status, with its text or its Location."""

    status: int
    text: str
    place: Place
    words: str


class Outcome(NamedTuple):
    """What the rules of one block came to: an end, or a changed path for which a location is sought anew."""

    ended: Ended | None = None
    changed: bool = False
    stopped: bool = False


def rewrite(scope: Scope, state: State, changed: bool = False) -> Outcome:
    """Run the rules of a block. `state.scope` is then the `if` that was true last, if one was."""
    for each in scope.directives:
        if each.name == "set" and len(each.arguments) == 2:
            before = len(state.missing)
            state.made[each.first.removeprefix("$").lower()] = state.expand(each.arguments[1])
            for name in state.missing[before:]:
                state.doubt(f"{each} at {each.place}: ${name} is not known here.")
        elif each.name == "break" and not each.arguments:
            state.say("break ends the rules here.", each.place)
            return Outcome(stopped=True)
        elif each.name == "return":
            return Outcome(_returned(each, state), stopped=True)
        elif each.name == "rewrite" and len(each.arguments) >= 2:
            done = _rewrite_once(each, state)
            if done is None:
                continue
            changed = changed or done.changed
            if done.ended or done.stopped:
                return done
        elif each.name == "if":
            if not _holds(each, state):
                continue
            state.say(f"{each} holds, so its block is entered.", each.place)
            state.scope = Scope("if", each.block or (), each.place, scope)
            inside = rewrite(state.scope, state, changed)
            changed = inside.changed
            if inside.ended or inside.stopped:
                return inside
    return Outcome(changed=changed)


def _returned(each: Directive, state: State) -> Ended:
    arguments = each.arguments
    if not arguments:
        return Ended(500, "", each.place, str(each))
    if len(arguments) == 1 and not arguments[0].isdigit():
        return Ended(302, state.expand(arguments[0]), each.place, str(each))
    status = int(arguments[0]) if arguments[0].isdigit() else 302
    text = state.expand(arguments[1]) if len(arguments) > 1 else ""
    return Ended(status, text, each.place, str(each))


def is_redirect(status: int) -> bool:
    """Whether the text of a `return` with this status is a Location."""
    return status in _REDIRECTS


def _rewrite_once(each: Directive, state: State) -> Outcome | None:
    """One `rewrite`; None when its pattern does not fit."""
    pattern, replacement = each.arguments[:2]
    flag = each.arguments[2] if len(each.arguments) > 2 else ""
    match = compiled(pattern, each.place).search(state.uri)
    if match is None:
        return None
    state.catch(match)
    before = state.uri
    redirect = flag in ("redirect", "permanent") or replacement.startswith(_ABSOLUTE)
    keep = not replacement.endswith("?")
    replacement = replacement.removesuffix("?") if not keep else replacement
    path, mark, query = replacement.partition("?")
    quoting = state.target.quoted or state.internal

    def in_query(text: str) -> str:
        return escape(text, arguments=True) if quoting else text

    path = expanded(path, state.value, state.missing, in_query if redirect else None)
    query = expanded(query, state.value, state.missing, in_query) if mark else ""
    if keep and state.arguments:
        query = f"{query}&{state.arguments}" if mark and query else state.arguments
    if redirect:
        status = 301 if flag == "permanent" else 302
        return Outcome(
            Ended(status, path + (f"?{query}" if query else ""), each.place, str(each)), stopped=True
        )
    # Without a query of its own the old one stays, unless the replacement ends with a question mark.
    state.arguments = query if mark or not keep else state.arguments
    state.uri = path
    state.internal, state.as_sent = True, False
    how = f" {flag}" if flag else ""
    state.say(f"rewrite {pattern}{how} makes {path} out of {before}.", each.place)
    if flag == "break":
        state.in_location = False
        return Outcome(stopped=True)
    return Outcome(changed=True, stopped=flag == "last")


def _holds(each: Directive, state: State) -> bool:
    """Whether the condition of an `if` holds. What is not known does not hold, and is a doubt."""
    words = _condition(each.arguments)
    before = len(state.missing)
    result = _judged(words, each, state)
    if len(state.missing) > before:
        names = ", ".join(f"${name}" for name in state.missing[before:])
        state.doubt(f"if {each.place}: {names} is not known here, and is taken as false.")
        del state.missing[before:]
        return False
    return result


def _condition(arguments: Sequence[str]) -> list[str]:
    words = list(arguments)
    if not words:
        return []
    words[0] = words[0].removeprefix("(")
    words[-1] = words[-1].removesuffix(")")
    return [word for word in words if word]


def _judged(words: Sequence[str], each: Directive, state: State) -> bool:
    if len(words) == 1:
        value = state.expand(words[0])
        return value not in ("", "0")
    if len(words) == 2 and words[0].lstrip("!") in ("-f", "-d", "-e", "-x"):
        path = state.expand(words[1])
        there = state.on_disk(path)
        if there is None:
            state.doubt(f"if at {each.place}: whether {path} is there is not known here; taken as not there.")
            there = ""
        kind = words[0].lstrip("!")
        found = {"-f": there == "file", "-d": there == "folder"}.get(kind, there != "")
        return found != words[0].startswith("!")
    if len(words) == 3:
        value, operator = state.expand(words[0]), words[1]
        if operator in ("=", "!="):
            return (value == state.expand(words[2])) == (operator == "=")
        if operator in ("~", "~*", "!~", "!~*"):
            match = compiled(words[2], each.place, ignore_case=operator.endswith("*")).search(value)
            if match is not None and not operator.startswith("!"):
                state.catch(match)
            return (match is not None) != operator.startswith("!")
    state.doubt(f"The condition at {each.place} is not understood here, and is taken as false.")
    return False
