"""Applications that break the contract, under every server: what the client gets, against what PEP 3333 says."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

from labctl.errors import UsageError
from labctl.events import Event, Hue, Row
from labctl.internet import Internet
from labctl.serving.standing import Standing
from labs.by_hand import of_python
from labs.telling import about, command, measured, note, opening, result, table
from labs.words import count, listed
from labs.wsgi.claims import CRLF, LENGTH, TWICE, UNCHECKED
from labs.wsgi.getting import Answers, got, its_request
from labs.wsgi.names import BROKEN, VIOLATIONS, Violation
from labs.wsgi.stage import NAMES, SHORT, Stage, observed, staged
from labs.wsgi.words import cut

# What says itself what it is: 200, 204, 500, 503. This status wants a word.
_UNEXPECTED = ("404",)
_CLAIMS = {
    "no-start-response": UNCHECKED,
    "start-twice": TWICE,
    "crlf-in-header": CRLF,
    "length-too-short": LENGTH,
}


def read_violation(name: str) -> str:
    """A name of the list. Raises UsageError violation-unknown."""
    if name in VIOLATIONS:
        return name
    from difflib import get_close_matches

    close = [known for known in VIOLATIONS if name and name in known] or get_close_matches(
        name, VIOLATIONS, n=1
    )
    raise UsageError(
        "violation-unknown",
        f"there is no violation called {name[:60]!r}",
        evidence=(("there are", ", ".join(VIOLATIONS)),),
        fixes=(f"labctl wsgi --violate {close[0] if close else 'all'}",),
    )


def one(internet: Internet, name: str) -> Iterator[Event]:
    """One application under every server."""
    violation = next(each for each in BROKEN if each.name == name)
    with staged(internet) as stage:
        standings = stage.stand_all("mounted", traced=("toy",))
        yield opening(name, f"{len(standings)} servers")
        yield note(violation.does)
        yield _code(name)
        found = got(standings, name)
        rows = [
            Row(
                f"{NAMES[kind]}: {each.line}, {count(each.bytes, 'byte')} of body: {each.sentence}",
                (NAMES[kind], cut(each.line, 25), f"{each.bytes} B", each.remark),
                hues=("accent", each.hue, "", "mute"),
                bold=(1,),
            )
            for kind, each in found.items()
        ]
        yield table("violation", "What the client got", ("server", "status", "body", ""), rows)
        yield from _left_out(stage)
        yield about("PEP 3333", violation.rule)
        seen = observed(standings["toy"], its_request(name))
        said = " ".join((seen.said or "").split())
        yield about("validate", f"says: {said}" if said else "has nothing to say.")
        for event in [event for event in seen.others if event.kind == "broken"][:1]:
            yield about("our toy", f"says: {event.data['detail']} {event.data['rule']}")
        yield from _judged(name, found)
    refused = sum(each.status == 500 for each in found.values())
    said = f"{refused} of {count(len(found), 'server')} answered 500."
    yield measured("wsgi.violation.refused", refused, said)
    words = sorted({each.word for each in found.values()})
    yield result(f"{count(len(found), 'server')}, {count(len(words), 'kind')} of answer: {listed(words)}.")
    app = f"labs.wsgi.apps.violations:{name.replace('-', '_')}"
    yield command("by hand", f"{of_python('gunicorn')} {app}", "then curl -i http://127.0.0.1:8000/")
    yield command("all", "labctl wsgi --violate all")
    following = [each.name for each in BROKEN].index(name) + 1
    yield command("next", f"labctl wsgi --violate {BROKEN[following % len(BROKEN)].name}")


def all_of_them(internet: Internet) -> Iterator[Event]:
    """The matrix: every application under every server."""
    with staged(internet) as stage:
        standings = stage.stand_all("mounted", traced=("toy",))
        yield opening("breaking the contract", f"{len(BROKEN)} applications, {len(standings)} servers")
        found = {violation.name: got(standings, violation.name) for violation in BROKEN}
        rows = [_line(name, answers) for name, answers in found.items()]
        heads = [SHORT[kind] for kind in standings]
        yield table("violations", "What the client got", ("application", *heads), rows)
        yield from _left_out(stage)
        words = {each.word: each.sentence for answers in found.values() for each in answers.values()}
        for word in sorted(words):
            if not word.isdigit() or word in _UNEXPECTED:
                yield about(word, words[word])
        yield from _rules(standings["toy"])
        for name, answers in found.items():
            yield from _judged(name, answers)
    yield measured("wsgi.violations", len(rows), f"{len(rows)} applications were asked.")
    yield result("What one server forgives, another one does not: validate before you deploy.")
    yield command(
        "by hand",
        f"{of_python('gunicorn')} labs.wsgi.apps.mounted:app",
        "curl -i http://127.0.0.1:8000/str-items",
    )
    yield command("one", "labctl wsgi --violate crlf-in-header", "its code, and what each server sent")
    yield command("next", "labctl wsgi --show start-response")


def _line(name: str, answers: Answers) -> Row:
    said = "; ".join(f"{NAMES[kind]} {each.word}" for kind, each in answers.items())
    return Row(
        f"{name}: {said}.",
        (name, *(each.word for each in answers.values())),
        hues=("accent", *(each.hue for each in answers.values())),
    )


def _left_out(stage: Stage) -> Iterator[Event]:
    for each in stage.missing:
        yield note(f"{NAMES[each.kind]} is left out: {each.why}.")


def _code(name: str) -> Event:
    from labs.wsgi.apps import violations

    source = inspect.getsource(getattr(violations, name.replace("-", "_"))).rstrip().splitlines()
    lines = [
        line.partition(" -> ")[0].replace(": Environ", "").replace(": StartResponse", "") for line in source
    ]
    lines = [f"{line}:" if line.startswith("def ") else line for line in lines]
    rows = [Row(line.strip(), (line,), hues=("accent",)) for line in lines]
    return table("code", "The application", ("line",), rows, named=False)


def _rules(toy: Standing) -> Iterator[Event]:
    rows = [_rule(violation, observed(toy, its_request(violation.name)).said) for violation in BROKEN]
    sees = sum(row.cells[1] == "sees it" for row in rows)
    yield table(
        "rules",
        "What the contract says, and whether wsgiref.validate sees it",
        ("application", "validate", "PEP 3333"),
        rows,
    )
    yield measured("wsgi.validate.sees", sees, f"wsgiref.validate sees {sees} of {len(rows)}.")


def _rule(violation: Violation, said: str | None) -> Row:
    hue: Hue = "ok" if said else "mute"
    what = " ".join(said.split()) if said else "nothing"
    return Row(
        f"{violation.name}: {violation.does} PEP 3333: {violation.rule} wsgiref.validate says: {what.rstrip('.')}.",
        (violation.name, "sees it" if said else "-", violation.rule),
        hues=("accent", hue, ""),
    )


def _judged(name: str, found: Answers) -> Iterator[Event]:
    """The claim that this application is about, if there is one."""
    claim = _CLAIMS.get(name)
    if claim is None:
        return
    because = "; ".join(f"{NAMES[kind]}: {each.word}" for kind, each in found.items()) + "."
    gunicorn = [found[kind] for kind in ("sync", "gthread") if kind in found]
    if not gunicorn or "flask" not in found or "wsgiref" not in found:
        yield claim.not_seen("gunicorn and flask run are both needed to compare, and one is missing here.")
        return
    dev, reference = found["flask"], found["wsgiref"]
    if claim is UNCHECKED:
        held = all(each.word == "None" for each in gunicorn) and dev.status == reference.status == 500
    elif claim is TWICE:
        held = all(each.status == 500 for each in found.values())
    elif claim is CRLF:
        held = all(each.status == 500 for each in gunicorn) and dev.word == "split"
    else:
        held = all(each.word == "as said" for each in gunicorn) and dev.word == reference.word == "too much"
    yield claim.judged(held, because)
