"""`labctl explain`: an error code, a claim and its source, what a fault changes, a question, a word of the web."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from difflib import get_close_matches
from typing import TYPE_CHECKING, Annotated

import typer

from labctl import capabilities, catalog
from labctl.cli import codes
from labctl.cli.command import single
from labctl.cli.page import Page
from labctl.errors import LabctlError, UsageError
from labctl.events import Claim
from labctl.render.line import unmarked
from labctl.sandbox.faults import FAULTS

if TYPE_CHECKING:
    from labctl.lab import Lab
    from labctl.quiz import Item, Option

_Known = dict[str, tuple[str, Claim]]

# A capability that a lab needs and this machine lacks has a code of its own.
ERRORS = codes.ERRORS | {
    f"no-{name}": f"This machine lacks {name}, which was needed. labctl doctor says which step failed."
    for name in capabilities.NAMES
}

_KINDS = {
    "law": "",
    "habit": "A habit, not a law: it is usually so, and nothing breaks where it is not.",
    "measured": "A measured fact: true where it was measured.",
}


def _labs() -> Iterator[Lab]:
    """Every lab that imports."""
    for entry in (*catalog.built_in(), *catalog.foreign()):
        try:
            yield catalog.load(entry)
        except LabctlError:
            continue  # `labctl doctor` lists the labs that do not import


def _questions() -> dict[str, Item]:
    """Every question of every lab, by its id."""
    from labctl import quiz

    return {
        item.id: item
        for lab in _labs()
        for item in quiz.read(lab.words("quiz.toml"), f"quiz.toml of the lab {lab.name}")
    }


def _complete(incomplete: str) -> list[str]:
    # Labs of other packages may be a lot to import: their claims are known, but not completed.
    claims = [claim.id for entry in catalog.built_in() for claim in catalog.load(entry).claims]
    from labctl.cli import web_words

    ours = [name for name in (*_LISTS, *claims, *FAULTS, *ERRORS) if name.startswith(incomplete)]
    if not incomplete:
        return ours  # the words of the web are some hundreds
    typed = incomplete.lower()
    # Typer keeps only what begins with what was typed.
    return ours + [
        incomplete + name[len(typed) :]
        for name in dict.fromkeys(web_words.names())
        if name.startswith(typed) and name not in ours
    ]


@single("explain", "what a header field, a status, a claim or a code means", "explain vary",
        "explain dns.referral", "explain root-knows-it-all", "explain port-in-use", "explain claims")  # fmt: skip
def app(
    word: Annotated[
        str,
        typer.Argument(
            metavar="WORD",
            help="A header field, directive, status, method, TLS alert, trap of a proxy's configuration; a word of "
            "WSGI, Flask or gunicorn; a claim, fault, code or question; "
            "or claims, faults, codes, questions to list them.",
            autocompletion=_complete,
        ),
    ] = "",
) -> int:
    """Explain one word, list all of a kind, or say what kinds there are."""
    page = Page()
    known = {claim.id: (lab.name, claim) for lab in _labs() for claim in lab.claims}
    if not word:
        _overview(page, known)
    elif word in _LISTS:
        _LISTS[word](page, known)
    elif not (_ours(page, word, known) | _of_the_web(page, word)):
        raise _unknown(word, known)
    page.show()
    return 0


def _ours(page: Page, word: str, known: _Known) -> bool:
    """Explain what is labctl's own. Returns whether there was something of this name."""
    if word in ERRORS:
        page.heading(f"error[{word}]")
        page.prose(ERRORS[word])
    elif word in FAULTS:
        _fault(page, word, known)
    elif word in known:
        _claim(page, *known[word])
    elif "." in word and word in (questions := _questions()):
        _question(page, questions[word])
    else:
        return False
    return True


def _of_the_web(page: Page, word: str) -> bool:
    """Explain what is no word of labctl's own: a header field, a status, a trap, a hook, all that the word means."""
    from labctl.cli import web_words

    found = web_words.meanings(word)
    for meaning in found:
        page.heading(f"{meaning.name}: {meaning.kind}")
        page.prose(meaning.sentence)
        page.say()
        source = [("source", meaning.source)] if meaning.source else []
        instead = [("instead", meaning.instead)] if meaning.instead else []
        page.rows([*source, *instead, ("see it", meaning.see)], 13, "mute")
    return bool(found)


def _unknown(word: str, known: _Known) -> UsageError:
    from labctl.cli import web_words

    there_are = [*ERRORS, *FAULTS, *known, *_questions(), *_LISTS, *web_words.names()]
    near = get_close_matches(word.lower(), list(dict.fromkeys(there_are)), n=2, cutoff=0.5)
    fixes = ["did you mean " + " or ".join(f"labctl explain {n}" for n in near) + "?"] if near else []
    return UsageError(
        "usage", f"nothing is known about '{word}'", fixes=(*fixes, "labctl explain   says what there is")
    )


def _claim(page: Page, lab: str, claim: Claim) -> None:
    page.heading(claim.id)
    page.prose(unmarked(claim.sentence))
    if _KINDS[claim.kind]:
        page.prose(_KINDS[claim.kind])
    page.say()
    shown = " ".join(("labctl", lab, *claim.shown_by))
    rows = [("source", unmarked(claim.source)), ("see it", shown)]
    if claim.broken_by:
        rows.append(("break it", f"{shown} --break {claim.broken_by}"))
    else:
        rows.append(("unbreakable", claim.unbreakable))
    page.rows(rows, 13, "mute")


def _fault(page: Page, name: str, known: _Known) -> None:
    page.heading(f"--break {name}")
    page.prose(FAULTS[name].sentence)
    for lab, claim in known.values():
        if claim.broken_by == name:
            page.say()
            page.prose(f"Then this is false: {unmarked(claim.sentence)} ({unmarked(claim.source)})")
            page.say()
            page.rows([("see it", " ".join(("labctl", lab, *claim.shown_by, "--break", name)))], 13, "mute")


def _question(page: Page, item: Item) -> None:
    page.heading(item.id)
    page.prose(_words(item.stem))
    for option in item.options:
        page.say()
        page.prose(_words(option.text), "bold", indent="    ")
        if option.feedback:
            page.prose(_words(option.feedback), indent="      ")
    if item.feedback:
        page.say()
        page.prose(_words(item.feedback))
    page.say()
    page.rows([("right", _key(item)), *([("see it", item.see)] if item.see else [])], 13, "mute")


def _key(item: Item) -> str:
    """What is right, as far as it does not depend on a run."""
    if item.measure:
        return f"what the run measures ({item.measure})"
    right = _text(next((o for o in item.options if o.correct), None))
    otherwise = next((o for o in item.options if o.when_refuted), None)
    if not item.claim:
        return right
    refuted = f"; when it is refuted: {_text(otherwise)}" if otherwise else ""
    return f"{right}, as long as {item.claim} holds{refuted}"


def _text(option: Option | None) -> str:
    return _words(option.text) if option else ""


def _words(text: str) -> str:
    """Prose without its marks; what only a run knows stands in brackets, by its name."""
    return re.sub(r"\{(?:argument:)?([\w.:-]+)\}", r"[\1]", unmarked(text))


def _overview(page: Page, known: _Known) -> None:
    counts = {
        "claims": len(known),
        "faults": len(FAULTS),
        "codes": len(ERRORS),
        "questions": len(_questions()),
    }
    what = {
        "claims": "sentences about the web that a run can refute",
        "faults": "ways to break the sandbox, for --break",
        "codes": "errors, by the word in brackets",
        "questions": "of the lessons: prediction, observation, quiz",
    }
    page.heading("What can be explained")
    page.rows([(f"labctl explain {kind}", f"{counts[kind]} {what[kind]}") for kind in _LISTS])
    page.heading("One of them")
    page.rows(
        [
            ("labctl explain WORD", f"for example labctl explain {next(iter(known), 'usage')}"),
            ("", "or what stands in a response: vary, max-age, 304, HEAD, unknown_ca"),
            ("", "or behind it: ProxyFix, x_for, before_request, environ, gthread, host-lost"),
        ]
    )


def _list_claims(page: Page, known: _Known) -> None:
    page.heading("Claims, by lab")
    page.rows([(claim.id, unmarked(claim.sentence)) for _, claim in known.values()])


def _list_faults(page: Page, known: _Known) -> None:
    page.heading("Ways to break the sandbox: --break")
    page.rows([(fault.name, fault.sentence) for fault in FAULTS.values()])


def _list_codes(page: Page, known: _Known) -> None:
    page.heading("Error codes")
    page.rows([(code, text.partition(". ")[0].rstrip(".") + ".") for code, text in ERRORS.items()])


def _list_questions(page: Page, known: _Known) -> None:
    page.heading("Questions, by lab")
    page.rows([(item.id, _words(item.stem)) for item in _questions().values()])


_LISTS: dict[str, Callable[[Page, _Known], None]] = {
    "claims": _list_claims,
    "faults": _list_faults,
    "codes": _list_codes,
    "questions": _list_questions,
}
