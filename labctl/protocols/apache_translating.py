"""Who takes a path in Apache: mod_rewrite, then mod_proxy, then mod_alias, then the document root (translate_name)."""

from __future__ import annotations

import re
from typing import NamedTuple

from labctl.protocols.apache_grammar import Directive
from labctl.protocols.apache_scopes import compiled, matched
from labctl.protocols.apache_state import State
from labctl.protocols.apache_uri import for_location
from labctl.protocols.proxy_answers import Place


class Passed(NamedTuple):
    """A ProxyPass that took the path: the URL, and the line. `url` "" is a `!`: not passed on.

    `written`: so much at the end of the URL is as it was sent, and is not encoded anew.
    """

    url: str
    words: str
    place: Place
    written: int = 0


class Mapped(NamedTuple):
    """A file or folder, a redirect, or a program; and the line that says so (None: DocumentRoot)."""

    kind: str
    to: str
    words: str
    place: Place | None
    status: int = 0


_STATUS = {"permanent": 301, "temp": 302, "seeother": 303, "gone": 410}


def proxied(state: State) -> Passed | None:
    """What mod_proxy does with the path. None: no ProxyPass takes it."""
    passes = state.both("proxypass", "proxypassmatch")
    located = [
        (section, held, each)
        for section, held in state.locations(first=True)
        for each in section.own("proxypass", "proxypassmatch")
    ]
    if (passes or located) and "no-proxy" in state.environment:
        state.say("no-proxy is set, so mod_proxy leaves the path alone, whatever ProxyPass says.")
        return None
    if located:
        # Sections are merged one after another, so the last ProxyPass counts; and it is asked before the others.
        section, held, each = located[-1]
        found = _in_section(state, each, section.path, held)
        if found is not None:
            over = f", the last of {len(located)} sections that have one" if len(located) > 1 else ""
            state.say(
                f"{section.directive} at {section.place} has {each}{over}; sections are asked before other lines.",
                each.place,
            )
            if found.url:
                _too_late(state)
            return found
    for number, each in enumerate(passes, 1):
        found = _one(state, each, each.first, list(each.arguments[1:]))
        if found is None:
            continue
        order = "the only ProxyPass" if len(passes) == 1 else "the first ProxyPass in order that fits"
        what = "keeps the path from being passed on" if not found.url else "takes it"
        others = [
            other for other in passes[number:] if _one(state, other, other.first, list(other.arguments[1:]))
        ]
        late = f" {others[0]} at {others[0].place} would fit too, and comes too late." if others else ""
        state.say(f"{each} is {order}, and {what}.{late}", each.place)
        if found.url:
            _too_late(state)
        return found
    if passes:
        state.say(
            "No ProxyPass fits the path." if len(passes) > 1 else "The only ProxyPass does not fit the path."
        )
    return None


def _too_late(state: State) -> None:
    """Say which lines of mod_alias would have taken the path."""
    for each in state.both("alias", "scriptalias", "redirect", "redirectpermanent", "redirecttemp"):
        path = next((word for word in each.arguments if word.startswith("/")), "")
        if path and matched(path, state.uri):
            state.say(
                f"{each} would take it too, but mod_alias is asked after mod_proxy, wherever its lines stand.",
                each.place,
            )
            return


def _one(state: State, each: Directive, path: str, words: list[str]) -> Passed | None:
    to = words[0] if words else ""
    raw = "nocanon" in [word.lower() for word in words]
    if each.key == "proxypassmatch":
        match = compiled(path, each.place).search(state.uri)
        return _by_pattern(state, each, match, to) if match is not None else None
    taken = matched(path, state.uri)
    if not taken:
        return None
    if to == "!":
        return Passed("", str(each), each.place)
    rest = state.target.raw[taken:] if raw else state.uri[taken:]
    return Passed(to + rest, str(each), each.place, len(rest) if raw else 0)


def _in_section(state: State, each: Directive, path: str, held: re.Match[str] | bool) -> Passed | None:
    words = list(each.arguments)
    if isinstance(held, re.Match):
        return _by_pattern(state, each, held, each.first)
    if each.key == "proxypassmatch":
        return _one(state, each, path, words)
    return _one(state, each, path, words)


def _by_pattern(state: State, each: Directive, match: re.Match[str], to: str) -> Passed:
    if to == "!":
        return Passed("", str(each), each.place)
    url = re.sub(
        r"\$(\d)|&",
        lambda found: (
            match[0]
            if found[0] == "&"
            else (match[int(found[1])] or "")
            if int(found[1]) <= match.re.groups
            else ""
        ),
        to,
    )
    # Without a $1 the whole path goes behind the URL.
    return Passed(to + state.uri if url == to else url, str(each), each.place)


def aliased(state: State) -> Mapped:
    """What mod_alias does with the path, else the file of the document root."""
    for each in state.both("redirect", "redirectmatch", "redirectpermanent", "redirecttemp"):
        if found := redirected(state, each):
            return found
    for section, _ in reversed(list(state.locations(first=True))):
        for each in section.own("alias"):
            state.say(
                f"{section.directive} at {section.place} has {each}: every path in it is this one.",
                each.place,
            )
            return Mapped("file", each.first, str(each), each.place)
    # The lines of a virtual host come before those of the main server.
    own = state.host.own("alias", "aliasmatch", "scriptalias", "scriptaliasmatch")
    main = state.configuration.main.own("alias", "aliasmatch", "scriptalias", "scriptaliasmatch")
    for each in own if state.host is state.configuration.main else own + main:
        if len(each.arguments) < 2:
            continue
        path, to = each.arguments[:2]
        if each.key.endswith("match"):
            match = compiled(path, each.place).search(state.uri)
            if match is None:
                continue
            real = state.expand(to, match, None)
        else:
            taken = matched(path, state.uri)
            if not taken:
                continue
            real = to + state.uri[taken:]
        state.say(f"{each} is the first Alias in order that fits.", each.place)
        return Mapped("program" if each.key.startswith("script") else "file", real, str(each), each.place)
    # mod_wsgi comes after mod_alias.
    for each in state.both("wsgiscriptalias"):
        if len(each.arguments) > 1 and matched(each.first, state.uri):
            state.say(
                f"{each} takes what no Alias does: mod_wsgi runs the app in Apache's processes.", each.place
            )
            return Mapped("wsgi", each.arguments[1], str(each), each.place)
    root = state.document_root()
    state.say(f"No Alias fits, so the path is sought under DocumentRoot {root}.")
    return Mapped("file", root.rstrip("/") + state.uri, "DocumentRoot", None)


def redirected(state: State, each: Directive, *, whole: bool = False) -> Mapped | None:
    """What a Redirect does with the path; None when it does not fit. `whole`: in a section nothing is put behind."""
    words = list(each.arguments)
    status = {"redirectpermanent": 301}.get(each.key, 302)
    if each.key in ("redirect", "redirectmatch") and words and (words[0] in _STATUS or words[0].isdigit()):
        word = words.pop(0)
        status = _STATUS.get(word) or int(word)
    path = words[0] if words else ""
    to = words[1] if len(words) > 1 else ""
    if each.key == "redirectmatch":
        match = compiled(path, each.place).search(state.uri)
        if match is None:
            return None
        location = state.expand(to, match, None)
    else:
        taken = matched(path, state.uri)
        if not taken:
            return None
        location = to + ("" if whole else for_location(state.uri[taken:])) if to else ""
    state.say(f"{each} takes the path.", each.place)
    if not 300 <= status < 400:
        return Mapped("status", "", str(each), each.place, status)
    if state.arguments and "?" not in location:
        location += f"?{state.arguments}"
    return Mapped("redirect", location, str(each), each.place, status)
