"""How answers and traps are told: one heading, one table and a few sentences for each path."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from difflib import get_close_matches

from labctl.events import Event, Hue, Json, Row, Step
from labctl.protocols.proxy_answers import UNKNOWN, Answer, Fields, Reason, Request, Unread
from labctl.protocols.proxy_traps import Caught
from labs.telling import about, heading, measured, result, table, warning
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
            return f"not known here{': ' + answer.to if answer.to else ''}."


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


def told_traps(caught: Sequence[Caught], *, brief: bool) -> Iterator[Event]:
    """The traps, one table of where they are, then what comes of each kind and what to write instead."""
    yield measured("proxy.config.traps", len(caught), f"The configuration sets {count(len(caught), 'trap')}.")
    if not caught:
        yield result("None of the traps that are known here is set.")
        return
    rows = [
        Row(
            f"{each.trap.id} at {each.place}: {each.words}. {each.trap.title}",
            (_WEIGHT[each.trap.weight][0], str(each.place), each.trap.id.partition("-")[2], each.words),
            hues=(_WEIGHT[each.trap.weight][1], "mute", "accent", ""),
            data={
                "trap": each.trap.id,
                "weight": each.trap.weight,
                "line": each.place.line,
                "file": each.place.file,
                "title": each.trap.title,
                "why": each.trap.why,
                "instead": each.trap.instead,
            },
        )
        for each in caught
    ]
    yield table("traps", f"Traps: {_amounts(caught)}", ("", "where", "trap", "what stands there"), rows)
    for trap in dict.fromkeys(each.trap for each in caught if not brief):
        name = trap.id.partition("-")[2]
        yield about(name, f"{trap.title} {trap.why}")
        yield about("instead", trap.instead)


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
