"""`labctl explain`: what an error code means, what a claim says and by which source, what a fault changes."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Annotated

import typer

from labctl import capabilities, catalog
from labctl.cli import codes
from labctl.cli.command import single
from labctl.cli.page import Page
from labctl.errors import LabctlError, UsageError
from labctl.events import Claim
from labctl.sandbox.faults import FAULTS

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


def claims() -> Iterator[tuple[str, Claim]]:
    """Every claim of every lab that imports, with the lab's name."""
    for entry in (*catalog.built_in(), *catalog.foreign()):
        try:
            lab = catalog.load(entry)
        except LabctlError:
            continue  # `labctl doctor` lists the labs that do not import
        for claim in lab.claims:
            yield lab.name, claim


def _complete(incomplete: str) -> list[str]:
    return [name for name in (*ERRORS, *FAULTS) if name.startswith(incomplete)]


@single("explain", "an error code, a claim, or a way to break the sandbox", "explain port-in-use",
        "explain dns.referral", "explain root-knows-it-all")  # fmt: skip
def app(
    word: Annotated[
        str, typer.Argument(metavar="CODE|CLAIM|FAULT", help="None lists them all.", autocompletion=_complete)
    ] = "",
) -> int:
    """Explain one word, or list all of them."""
    page = Page()
    known = {claim.id: (lab, claim) for lab, claim in claims()}
    if not word:
        _list(page, known)
    elif word in ERRORS:
        page.heading(f"error[{word}]")
        page.prose(ERRORS[word])
    elif word in FAULTS:
        _fault(page, word, known)
    elif word in known:
        _claim(page, *known[word])
    else:
        near = get_close_matches(word, [*ERRORS, *FAULTS, *known], n=2, cutoff=0.5)
        fixes = ["did you mean " + " or ".join(f"labctl explain {n}" for n in near) + "?"] if near else []
        raise UsageError(
            "usage",
            f"nothing is known about '{word}'",
            fixes=(*fixes, "labctl explain   lists what there is"),
        )
    page.show()
    return 0


def _claim(page: Page, lab: str, claim: Claim) -> None:
    page.heading(claim.id)
    page.prose(claim.sentence)
    if _KINDS[claim.kind]:
        page.prose(_KINDS[claim.kind])
    page.say()
    shown = " ".join(("labctl", lab, *claim.shown_by))
    rows = [("source", claim.source), ("see it", shown)]
    if claim.broken_by:
        rows.append(("break it", f"{shown} --break {claim.broken_by}"))
    else:
        rows.append(("unbreakable", claim.unbreakable))
    page.rows(rows, 13, "mute")


def _fault(page: Page, name: str, known: dict[str, tuple[str, Claim]]) -> None:
    page.heading(f"--break {name}")
    page.prose(FAULTS[name].sentence)
    for lab, claim in known.values():
        if claim.broken_by == name:
            page.say()
            page.prose(f"Then this is false: {claim.sentence} ({claim.source})")
            page.say()
            page.rows([("see it", " ".join(("labctl", lab, *claim.shown_by, "--break", name)))], 13, "mute")


def _list(page: Page, known: dict[str, tuple[str, Claim]]) -> None:
    page.heading("Claims, by lab")
    page.rows([(claim.id, claim.sentence) for _, claim in known.values()])
    page.heading("Ways to break the sandbox: --break")
    page.rows([(fault.name, fault.sentence) for fault in FAULTS.values()])
    page.heading("Error codes")
    page.rows([(code, text.partition(". ")[0].rstrip(".") + ".") for code, text in ERRORS.items()])
