"""How traps are told, one row for each kind with all its places, and what was not read."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from difflib import get_close_matches
from pathlib import PurePath

from labctl.events import Event, Hue, Row
from labctl.protocols.proxy_answers import UNKNOWN, Place, Unread
from labctl.protocols.proxy_traps import Caught, Trap
from labs.telling import about, measured, result, table
from labs.words import count, listed

# With more kinds of traps than this, what to write instead is told of those only that do harm.
FEW = 4


def told_traps(caught: Sequence[Caught], *, brief: bool) -> Iterator[Event]:
    """The traps, one table of where they are, then what comes of each kind and what to write instead."""
    yield measured("proxy.config.traps", len(caught), f"The configuration sets {count(len(caught), 'trap')}.")
    if not caught:
        yield result("None of the traps that are known here is set.")
        return
    kinds: dict[Trap, list[Caught]] = {}
    for each in caught:
        kinds.setdefault(each.trap, []).append(each)
    rows = [_trap_row(trap, found) for trap, found in kinds.items()]
    yield table("traps", f"Traps: {_amounts(caught)}", ("", "trap", "where", "what stands there"), rows)
    for trap in () if brief else kinds:
        yield about(_short(trap), f"{trap.title} {trap.why}")
        if trap.weight != "note" or len(kinds) <= FEW:
            yield about("instead", trap.instead)


def _trap_row(trap: Trap, found: Sequence[Caught]) -> Row:
    """All places of a trap. In `data` is the first, and in `places` each of them."""
    first, places = found[0], dict.fromkeys(str(each.place) for each in found)
    shown = _lines([each.place for each in found])
    more = f", and {count(len(found) - 1, 'more', 'more')}" if len(found) > 1 else ""
    return Row(
        f"{trap.id} at {listed([*places])}: {first.words}{more}. {trap.title}",
        (_WEIGHT[trap.weight][0], _short(trap), shown, f"{first.words}{more}"),
        hues=(_WEIGHT[trap.weight][1], "accent", "mute", ""),
        data={
            "trap": trap.id,
            "weight": trap.weight,
            "line": first.place.line,
            "file": first.place.file,
            "places": [*places],
            "what": [each.words for each in found],
            "title": trap.title,
            "why": trap.why,
            "instead": trap.instead,
        },
    )


def _short(trap: Trap) -> str:
    return trap.id.partition("-")[2]


def cell_of(place: Place) -> str:
    """A place in a column: `line 4`, or `alias.conf:13` in an included file."""
    return f"{PurePath(place.file).name}:{place.line}" if place.file else str(place)


def _lines(places: Sequence[Place]) -> str:
    """`line 28`, or the first three: `28, 32, 40, ...`; only the first with the name of an included file."""
    each = list(dict.fromkeys(places))
    if len(each) == 1:
        return cell_of(each[0])
    if any(place.file for place in each):
        return f"{cell_of(each[0])}, ..."
    return ", ".join((*(str(place.line) for place in each[:3]), *(("...",) if len(each) > 3 else ())))


_WEIGHT: dict[str, tuple[str, Hue]] = {
    "danger": ("danger", "bad"),
    "wrong": ("wrong", "warn"),
    "note": ("note", "mute"),
}


def _amounts(caught: Sequence[Caught]) -> str:
    words = []
    for weight, name in (("danger", "dangerous"), ("wrong", "wrong"), ("note", "to know")):
        if number := sum(each.trap.weight == weight for each in caught):
            words.append(f"{number} {name}")
    return listed(words)


def told_unread(unread: Sequence[Unread], known: Collection[str]) -> Iterator[Event]:
    """What was not understood, one line a directive. `known` are names that it may have been meant to be."""
    if not unread:
        return
    rows = [
        Row(
            f"{each.name} at {each.place}: {_why(each, known)}{'' if each.matters else '; it changes no answer'}.",
            (each.name, cell_of(each.place), _why(each, known)),
            hues=("warn" if each.matters else "mute", "mute", ""),
            data={
                "directive": each.name,
                "line": each.place.line,
                "file": each.place.file,
                "matters": each.matters,
            },
        )
        for each in unread
    ]
    matter = sum(each.matters for each in unread)
    words = (
        f"{count(matter, 'directive')} could change an answer."
        if matter
        else "None of them changes an answer."
    )
    yield table("unread", "Not followed here", ("directive", "where", "what it does"), rows, words)


def _why(each: Unread, known: Collection[str]) -> str:
    if each.why != UNKNOWN:
        return each.why or "not followed"
    near = get_close_matches(each.name.lower(), known, n=1, cutoff=0.75)
    return f"{UNKNOWN}; was {near[0]} meant?" if near else UNKNOWN
