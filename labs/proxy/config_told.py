"""How answers and traps are told: one heading, one table and a few sentences for each path."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from difflib import get_close_matches

from labctl.events import Event, Hue, Json, Row, Step
from labctl.protocols.proxy_answers import UNKNOWN, Answer, Fields, Place, Reason, Request, Unread
from labctl.protocols.proxy_traps import Caught, Trap
from labs.proxy.config_includes import Includes
from labs.telling import about, heading, measured, note, result, table, warning
from labs.words import count, listed

# What an honest visitor sends besides Host: nothing. What a lying one does.
LIES: Fields = (
    ("X-Forwarded-For", "6.6.6.6"),
    ("X-Forwarded-Proto", "gopher"),
    ("X-Forwarded-Host", "evil.test"),
    ("X-Forwarded-Prefix", "/evil"),
    ("X-Real-IP", "6.6.6.6"),
    ("Forwarded", "for=6.6.6.6"),
)
_SHOWN = ("Host", *(name for name, _ in LIES), "X-Forwarded-Port", "X-Forwarded-Server")
_PLAIN = {
    "proxy": "the app",
    "file": "a file",
    "redirect": "a redirect",
    "status": "the proxy itself",
    "gone": "nobody",
}


def told_answer(request: Request, honest: Answer, lying: Answer) -> Iterator[Event]:
    """Everything about one path."""
    remark = f"{request.method}, {request.scheme}://{request.host_field}"
    yield heading(request.path, remark)
    for number, reason in enumerate(honest.reasons, 1):
        yield about(f"{number}", _with_place(reason))
    for doubt in honest.doubts:
        yield warning(doubt)
    hue: Hue = "ok" if honest.kind in ("proxy", "file", "redirect") else "warn"
    text = f"{request.path}: {_sentence(honest)}"
    yield Step(text=text, role="result", hue=hue, data=_data(request, honest))
    if honest.kind == "proxy":
        yield _fields(request, honest, lying)


def _with_place(reason: Reason) -> str:
    place = str(reason.place) if reason.place else ""
    return (
        f"{reason.text.removesuffix('.')} ({place})." if place and place not in reason.text else reason.text
    )


def _data(request: Request, answer: Answer) -> dict[str, Json]:
    """The answer as data. A number that is not in the sentence is left out."""
    data: dict[str, Json] = {
        "path": request.path,
        "host": request.host_field,
        "scheme": request.scheme,
        "method": request.method,
        "kind": answer.kind,
        "to": answer.to,
        "server": answer.server,
        "rule": answer.rule,
        "where": str(answer.rule_at) if answer.rule_at else "",
        "backends": list(answer.backends),
        "reasons": [_with_place(reason) for reason in answer.reasons],
        "fields": dict(answer.sent),
        "doubts": list(answer.doubts),
    }
    if answer.kind in ("redirect", "status"):
        data["status"] = answer.status
    return data


def _sentence(answer: Answer) -> str:
    match answer.kind:
        case "proxy":
            many = f" ({listed(answer.backends)})" if len(answer.backends) > 1 else ""
            return f"the backend is asked for {answer.to}{many}."
        case "file":
            return f"the proxy gives the file {answer.to}; Python hears nothing of it."
        case "redirect":
            return f"the proxy answers {answer.status} and sends the visitor to {answer.to}."
        case "status":
            text = f" with {answer.to!r}" if answer.to else ""
            return f"the proxy answers {answer.status}{text} itself."
        case "gone":
            return "the proxy closes the connection without a word."
        case _:
            return f"{answer.to}; that is not followed here." if answer.to else "not known here."


def _fields(request: Request, honest: Answer, lying: Answer) -> Event:
    rows = []
    for name in _SHOWN:
        plain, lied = (_value(answer.sent, name) for answer in (honest, lying))
        sent = dict(LIES).get(name, "")
        if not plain and not lied and name not in ("X-Forwarded-For", "X-Forwarded-Proto"):
            continue
        if not sent:
            word, hue = ("the proxy's", "ok") if plain else ("none", "mute")
        elif lied == sent:
            word, hue = "the visitor's", "bad"
        elif sent in lied:
            word, hue = "both, appended", "warn"
        elif lied:
            word, hue = "the proxy's", "ok"
        else:
            word, hue = "nobody's", "mute"
        rows.append(
            Row(
                f"{name}: {plain or 'absent'} of a visitor who sends none, {lied or 'absent'} of one who lies: {word}.",
                (name, plain or "absent", lied or "absent", word),
                hues=("", "mute" if not plain else "", "mute" if not lied else "", hue),  # type: ignore[arg-type]
            )
        )
    return table(
        f"fields {request.path}",
        "What the app gets",
        ("field", "honest visitor", "one who lies", "whose word"),
        rows,
        f"The visitor is {request.visitor}. Who lies writes all of these himself.",
    )


def _value(fields: Fields, name: str) -> str:
    return ", ".join(value for key, value in fields if key.lower() == name.lower())


def told_unread(unread: Sequence[Unread], known: Collection[str]) -> Iterator[Event]:
    """What was not understood, one line a directive. `known` are names that it may have been meant to be."""
    if not unread:
        return
    rows = [
        Row(
            f"{each.name} at {each.place}: {_why(each, known)}{'' if each.matters else '; it changes no answer'}.",
            (each.name, str(each.place), _why(each, known)),
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


def told_includes(includes: Includes, server: str) -> Iterator[Event]:
    """Files that are not where the configuration says."""
    for sentence in includes.taken:
        yield note(sentence)
    if includes.usual:
        verb = "is" if len(includes.usual) == 1 else "are"
        yield note(f"{listed(includes.usual)} {verb} not here; nothing in such a file changes who answers.")
    for pattern, place in includes.missing:
        yield warning(
            f"{pattern}, which {place} includes, is not here: what it says is not known, "
            f"and {server} does not start without it."
        )


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
        if trap.weight != "note":
            yield about("instead", trap.instead)


def _trap_row(trap: Trap, found: Sequence[Caught]) -> Row:
    """All places of a trap. In `data` is the first, and in `places` each of them."""
    first, places = found[0], list(dict.fromkeys(str(each.place) for each in found))
    shown = _lines([each.place for each in found])
    more = f", and {count(len(found) - 1, 'more', 'more')}" if len(found) > 1 else ""
    return Row(
        f"{trap.id} at {listed(places)}: {first.words}{more}. {trap.title}",
        (_WEIGHT[trap.weight][0], _short(trap), shown, f"{first.words}{more}"),
        hues=(_WEIGHT[trap.weight][1], "accent", "mute", ""),
        data={
            "trap": trap.id,
            "weight": trap.weight,
            "line": first.place.line,
            "file": first.place.file,
            "places": places,
            "what": [each.words for each in found],
            "title": trap.title,
            "why": trap.why,
            "instead": trap.instead,
        },
    )


def _short(trap: Trap) -> str:
    return trap.id.partition("-")[2]


def _lines(places: Sequence[Place]) -> str:
    """`line 28`, `lines 28, 32`, at most four of them; with a file's name only the first."""
    each = dict.fromkeys(places)
    first = next(iter(each))
    if len(each) == 1:
        return str(first)
    if any(place.file for place in each):
        return f"{first}, and {len(each) - 1} more"
    numbers = [str(place.line) for place in each]
    return f"lines {', '.join(numbers[:4])}{', ...' if len(numbers) > 4 else ''}"


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
