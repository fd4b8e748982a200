"""How answers and traps are told: one heading, one table and a few sentences for each path."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from labctl.events import Event, Row
from labctl.protocols.proxy_answers import Answer, Fields, Request, Unread
from labs.telling import about, heading, note, result, table, warning
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


def said(answer: Answer) -> str:
    """Who answers, in a few words."""
    match answer.kind:
        case "proxy":
            return answer.to
        case "file":
            return f"file {answer.to}"
        case "redirect":
            return f"{answer.status} to {answer.to}"
        case "status":
            return f"{answer.status}" + (f" {answer.to!r}" if answer.to else "") + ", the proxy's own"
        case "gone":
            return "nobody: the connection is closed"
        case _:
            return answer.to or "not known"


def told_answer(request: Request, honest: Answer, lying: Answer) -> Iterator[Event]:
    """Everything about one path."""
    remark = f"{request.method}, {request.scheme}://{request.host_field}"
    yield heading(request.path, remark)
    for number, reason in enumerate(honest.reasons, 1):
        yield about(
            f"{number}",
            reason.text,
            str(reason.place) if reason.place and str(reason.place) not in reason.text else "",
        )
    if honest.kind == "proxy":
        yield _fields(request, honest, lying)
    for doubt in honest.doubts:
        yield warning(doubt)
    yield result(
        f"{request.path}: {_sentence(honest)}",
        "ok" if honest.kind in ("proxy", "file", "redirect") else "warn",
    )


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
            word, hue = "the visitor's own word", "bad"
        elif sent in lied:
            word, hue = "appended to his word", "warn"
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


def told_unread(unread: Sequence[Unread]) -> Iterator[Event]:
    """What was not understood, one line a directive."""
    if not unread:
        return
    rows = [
        Row(
            f"{each.name} at {each.place}: {each.why or 'unknown here'}{'' if each.matters else '; it changes no answer'}.",
            (each.name, str(each.place), each.why or "unknown here"),
            hues=("warn" if each.matters else "mute", "mute", ""),
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


def told_plain(text: str) -> Event:
    """A sentence."""
    return note(text)
