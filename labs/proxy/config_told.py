"""How answers are told: one heading, one table and a few sentences for each path."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from shlex import quote
from typing import NamedTuple

from labctl.events import Event, Hue, Json, Row, Step
from labctl.protocols.proxy_answers import Answer, Fields, Place, Reason, Request
from labctl.protocols.proxy_fix import COUNTS, counted, line
from labs.proxy.config_asking import Asked, as_request
from labs.proxy.config_file import Source
from labs.proxy.config_includes import Includes
from labs.proxy.config_traps import FailOn, Found, checks, told_traps, told_unread
from labs.telling import about, command, heading, note, table, warning
from labs.words import listed

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


# Of so many backends at most is told what their app needs.
MOST_BACKENDS = 4
# A title and a summary that are longer together are cut on 80 columns.
_ROOM = 60


class Asking(NamedTuple):
    """One request, and what is answered to an honest visitor and to one who lies."""

    request: Request
    honest: Answer
    lying: Answer

    @property
    def places(self) -> set[Place]:
        """The lines that decide about it."""
        reasons = (reason.place for reason in self.honest.reasons)
        return {
            place for place in (self.honest.rule_at, self.honest.server_at, *reasons) if place is not None
        }


def title(source: Source, summary: str) -> str:
    """What the page is called: the file, with the question where there is room for it."""
    whole = f"{source.title}: who takes which path?"
    return whole if len(whole) + len(summary) <= _ROOM else source.title


def told_answer(asking: Asking) -> Iterator[Event]:
    """Everything about one path."""
    request, honest, lying = asking
    remark = f"{request.method}, {request.scheme}://{request.host_field}"
    yield heading(request.path, remark)
    for number, reason in enumerate(honest.reasons, 1):
        yield about(f"{number}", _with_place(reason))
    for doubt in honest.doubts:
        yield warning(doubt)
    hue: Hue = "ok" if honest.kind in ("proxy", "file", "redirect") else "warn"
    text = f"{request.path}: {_sentence(honest)}"
    if honest.kind == "file" and any(": outside of " in reason.text for reason in honest.reasons):
        hue, text = "bad", f"{request.path}: the proxy gives {honest.to}, which nobody was meant to read."
    yield Step(text=text, role="result", hue=hue, data=_data(request, honest))
    if honest.kind == "proxy":
        yield _fields(request, honest, lying)
        if not any("is not here" in doubt for doubt in honest.doubts):
            yield from told_fix("ProxyFix", counted(honest.sent, lying.sent))


def told_fix(label: str, counts: Collection[str]) -> Iterator[Event]:
    """The line for the app behind this proxy, and what does not belong into it."""
    left = [name for name in COUNTS if name not in counts]
    yield about(label, line(counts) or "none: this proxy sets no field that it reads.")
    if left:
        its = "its field" if len(left) == 1 else "their fields"
        yield about("left out", f"{listed(left)}: {its} would be what the visitor writes.")


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
            return (
                f"{answer.to} answers; what it makes of the request is not followed here."
                if answer.to
                else "not known here."
            )


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


def all_asked(
    asked: Sequence[Asked], usual: tuple[str, str, int], answered: Callable[[Request], Answer]
) -> list[Asking]:
    """What is answered to each, for an honest visitor and one who lies."""
    requests = [as_request(each, usual) for each in asked]
    return [Asking(each, answered(each), answered(each._replace(fields=LIES))) for each in requests]


def told_found(
    asked: Sequence[Asking],
    counted_by_backend: Callable[[], Mapping[str, Collection[str]]],
    found: Found,
    known: Collection[str],
    fail_on: FailOn | None,
) -> Iterator[Event]:
    """Who takes the paths that were asked, else the ProxyFix of each backend; the traps, and what was not read.

    `known` are the directives that are read, or that could change an answer.
    """
    for each in asked:
        yield from told_answer(each)
    if not asked:
        backends = counted_by_backend()
        for backend, counts in [*backends.items()][:MOST_BACKENDS]:
            yield from told_fix("ProxyFix" if len(backends) == 1 else backend, counts)
    yield from told_traps(found, [each.places for each in asked])
    yield from checks(found, fail_on)
    yield from told_unread(found.unread, known)


def told_end(source: Source, asked: Sequence[Asked], check: str, remark: str) -> Iterator[Event]:
    """What to type next."""
    yield command("by hand", check, remark)
    name = quote(source.name)
    if asked:
        yield command("next", f"labctl proxy --config {name}", "all rules, and each trap explained")
    else:
        yield command("next", f"labctl proxy --config {name} --path /", "who takes a path, and why")
