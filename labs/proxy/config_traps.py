"""How traps are told, one row for each kind with all its places, and what was not read."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from difflib import get_close_matches
from pathlib import PurePath
from typing import Literal, NamedTuple

from labctl.events import Event, Hue, Measure, Row
from labctl.protocols.proxy_answers import UNKNOWN, Place, Unread
from labctl.protocols.proxy_traps import Caught, Trap, Weight
from labs.telling import about, measured, note, result, table, warning
from labs.words import count, listed

# With more kinds of traps than this, what to write instead is told of those only that do harm.
FEW = 4


FailOn = Literal["danger", "warning"]
_FAILING: dict[FailOn, tuple[Weight, ...]] = {"danger": ("danger",), "warning": ("danger", "wrong")}


class Found(NamedTuple):
    """What was found in a file of `server`: of the traps that are known, those that it sets, and what was not read."""

    server: str
    known: Sequence[Trap]
    caught: Sequence[Caught]
    unread: Sequence[Unread]

    @property
    def strangers(self) -> list[Unread]:
        """Directives that nobody here knows: the server refuses them without the module that does."""
        return [each for each in self.unread if each.why == UNKNOWN]


def told_traps(found: Found, asked: Sequence[Collection[Place]]) -> Iterator[Event]:
    """The traps, one table of where they are, then what comes of each kind and what to write instead.

    `asked` are the lines that decide about each path that was asked: of the traps on them alone is told then.
    """
    yield measured(
        "proxy.config.traps", len(found.caught), f"The configuration sets {count(len(found.caught), 'trap')}."
    )
    if not found.caught:
        strange = listed([f"{each.name} ({each.place})" for each in found.strangers])
        yield (
            result(f"None of the traps that are known here is set; {strange} may set one.", "warn")
            if strange
            else result("None of the traps that are known here is set.")
        )
        return
    places = {place for each in asked for place in each}
    shown = [each for each in found.caught if not asked or {each.place, each.rule} & places]
    if shown:
        yield from _explained(shown, "Traps on the way" if asked else "Traps")
    if elsewhere := len(found.caught) - len(shown):
        number = f"{elsewhere}{' more' if shown else ''} trap{'' if elsewhere == 1 else 's'}"
        none = "not" if elsewhere == 1 else "none of them"
        yield note(f"The file sets {number}, {none} on the way.")


def _explained(caught: Sequence[Caught], name: str) -> Iterator[Event]:
    kinds: dict[Trap, list[Caught]] = {}
    for each in caught:
        kinds.setdefault(each.trap, []).append(each)
    rows = [_trap_row(trap, found) for trap, found in kinds.items()]
    yield table("traps", f"{name}: {_amounts(caught)}", ("", "trap", "where", "what stands there"), rows)
    for trap, found in kinds.items():
        yield about(_WEIGHT[trap.weight][0], f"{trap.id}: {trap.title} {trap.why}")
        if trap.weight != "note" or len(kinds) <= FEW:
            yield about("instead", found[0].instead)


def checks(found: Found, fail_on: FailOn | None) -> Iterator[Event]:
    """What --fail-on requires: each trap of the weight is set nowhere, and with "warning" nothing is unknown."""
    if fail_on is None:
        return
    for trap in found.known:
        if trap.weight in _FAILING[fail_on]:
            here = [each for each in found.caught if each.trap == trap]
            where = f" ({listed([*dict.fromkeys(str(each.place) for each in here)])})" if here else ""
            text = f"Check {trap.id}: set at {count(len(here), 'place')}{where}. {trap.title}"
            yield Measure(text, f"proxy.trap.{trap.id}", len(here), at_most=0)
    if fail_on == "warning":
        number = len(found.strangers)
        text = f"Check unknown: {count(number, 'directive')} that {found.server} does not know by itself."
        yield Measure(text, "proxy.config.unknown", number, at_most=0)


def _trap_row(trap: Trap, found: Sequence[Caught]) -> Row:
    """All places of a trap. In `data` is the first, and in `places` each of them."""
    first, places = found[0], dict.fromkeys(str(each.place) for each in found)
    shown = _lines([each.place for each in found])
    more = f", and {count(len(found) - 1, 'more', 'more')}" if len(found) > 1 else ""
    return Row(
        f"{trap.id} at {listed([*places])}: {first.words}{more}. {trap.title}",
        (_WEIGHT[trap.weight][0], trap.id, shown, f"{first.words}{more}"),
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
            "instead": first.instead,
        },
    )


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
    if strangers := list(dict.fromkeys(each.name for each in unread if each.why == UNKNOWN)):
        verb = "is" if len(strangers) == 1 else "are"
        yield warning(
            f"{listed(strangers)} {verb} of no module that is known here: without one the server refuses the file."
        )


def _why(each: Unread, known: Collection[str]) -> str:
    if each.why != UNKNOWN:
        return each.why or "not followed"
    near = get_close_matches(each.name.lower(), known, n=1, cutoff=0.75)
    return f"{UNKNOWN}; was {near[0]} meant?" if near else UNKNOWN
