"""What of Apache's configuration is not followed, and could concern a request all the same."""

from __future__ import annotations

import fnmatch

from labctl.protocols.apache_grammar import Directive
from labctl.protocols.apache_scopes import compiled
from labctl.protocols.apache_state import State
from labctl.protocols.apache_words import MATTERS


def doubt_unread(state: State) -> None:
    """Directives that are not followed and hold for this host or this path."""
    here = [*state.both(*MATTERS)]
    for each in state.both("include"):
        state.doubt(f"{each} at {each.place}: the file is not here, and what it says is not known.")
    for section, _ in state.locations():
        here += section.own(*MATTERS)
        for each in section.own("rewriterule"):
            state.doubt(
                f"{each.name} at {each.place} stands in a section; rules there are not followed here."
            )
    for each in here:
        if not _concerns(each, state.uri):
            continue
        words = str(each) if each.block is not None else each.name
        state.doubt(f"{words} at {each.place} is not followed here: it {MATTERS[each.key]}.")


def _concerns(each: Directive, uri: str) -> bool:
    """Whether a directive that is not followed can be about this path."""
    name = uri.rpartition("/")[2]
    if each.key == "addhandler":
        return any(name.endswith(f".{ending.lstrip('.')}") for ending in each.arguments[1:])
    if each.key == "filesmatch":
        return compiled(each.first, each.place).search(name) is not None
    if each.key == "files":
        return fnmatch.fnmatchcase(name, each.first)
    # It acts when something has failed: see _answer.
    return each.key != "errordocument"
