"""What holds for every lab, present and future: each claim holds in the sandbox and falls under its fault."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from labctl import catalog
from labctl.cli import run as command_line
from labctl.events import Claim
from labctl.lab import Lab

# What this process has run. The processes of one test run share it by files, since a lab takes its time.
DONE: dict[tuple[str, ...], tuple[int, dict[str, Any]]] = {}
SHARED = Path()
# A lab whose machine is too busy to tell says NOT_SEEN: then it is asked again.
TRIES = 3
BUILT_IN = [catalog.load(entry.name) for entry in catalog.built_in()]
CLAIMS = [pytest.param(lab, claim, id=claim.id) for lab in BUILT_IN for claim in lab.claims]


@pytest.fixture(autouse=True)
def _own_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    monkeypatch.setenv("LABCTL_HOME", str(tmp_path))
    folder = tmp_path_factory.getbasetemp()
    shared = folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder
    monkeypatch.setitem(globals(), "SHARED", shared)


def run(capsys: pytest.CaptureFixture[str], *words: str, claim: str = "") -> tuple[int, dict[str, Any]]:
    """Run a command line once for all tests that look at it; exit code and document. `claim` has to be judged."""
    kept = SHARED / f"run-{hashlib.sha256(json.dumps(words).encode()).hexdigest()[:20]}.json"
    if words not in DONE and kept.exists():
        DONE[words] = tuple(json.loads(kept.read_text(encoding="utf-8")))
    for _ in range(TRIES):
        if words in DONE and outcome(DONE[words][1], claim) != "NOT_SEEN":
            break
        capsys.readouterr()
        code = command_line([*words, "--json", "--sandbox"])
        DONE[words] = code, json.loads(capsys.readouterr().out)
        written = kept.with_suffix(f".{os.getpid()}")
        written.write_text(json.dumps(DONE[words]), encoding="utf-8")
        written.replace(kept)
    return DONE[words]


def outcome(document: dict[str, Any], claim: str) -> str:
    return next((c["outcome"] for c in document["claims"] if c["claim"] == claim), "not judged")


def why(document: dict[str, Any], claim: str) -> str:
    return next((c["text"] for c in document["claims"] if c["claim"] == claim), str(document["error"]))


@pytest.mark.parametrize(("lab", "claim"), CLAIMS)
def test_every_claim_holds_in_the_sandbox(lab: Lab, claim: Claim, capsys: pytest.CaptureFixture[str]) -> None:
    code, document = run(capsys, lab.name, *claim.shown_by, claim=claim.id)
    assert outcome(document, claim.id) == "HELD", why(document, claim.id)
    assert code == 0, [c for c in document["claims"] if c["outcome"] == "REFUTED"]


@pytest.mark.parametrize(("lab", "claim"), [p for p in CLAIMS if p.values[1].broken_by])  # type: ignore[union-attr]
def test_every_claim_is_refuted_under_its_fault(
    lab: Lab, claim: Claim, capsys: pytest.CaptureFixture[str]
) -> None:
    assert claim.broken_by
    code, document = run(capsys, lab.name, *claim.shown_by, "--break", claim.broken_by, claim=claim.id)
    assert outcome(document, claim.id) == "REFUTED", why(document, claim.id)
    assert code == 1
    assert document["fault"] == claim.broken_by
    verdict = next(c for c in document["claims"] if c["claim"] == claim.id)
    assert verdict["text"].endswith("."), "a verdict says why in a sentence"


@pytest.mark.parametrize("lab", BUILT_IN, ids=lambda lab: lab.name)
def test_claims_that_nothing_can_break_are_few_and_say_why(lab: Lab) -> None:
    unbreakable = [c for c in lab.claims if c.broken_by is None]
    assert len(unbreakable) == 0, "count them here when one is justified"
    assert len({c.id for c in lab.claims}) == len(lab.claims)
    assert len({c.broken_by for c in lab.claims}) == len(lab.claims), "one fault per claim"
    assert all(c.source and c.sentence.endswith(".") for c in lab.claims)


@pytest.mark.parametrize("lab", BUILT_IN, ids=lambda lab: lab.name)
def test_the_explanation_has_a_paragraph_for_each_claim_both_held_and_refuted(lab: Lab) -> None:
    words = lab.words("explain.md")
    missing = [
        f"[if {claim.id} {outcome}]"
        for claim in lab.claims
        for outcome in ("HELD", "REFUTED")
        if f"[if {claim.id} {outcome}]" not in words and (outcome == "HELD" or claim.broken_by)
    ]
    assert not missing


@pytest.mark.parametrize(("lab", "claim"), [p for p in CLAIMS if p.values[1].broken_by])  # type: ignore[union-attr]
def test_under_a_fault_the_explanation_is_the_refuted_one(
    lab: Lab, claim: Claim, capsys: pytest.CaptureFixture[str]
) -> None:
    assert claim.broken_by
    _, document = run(capsys, lab.name, *claim.shown_by, "--break", claim.broken_by, claim=claim.id)
    paragraphs = lab.words("explain.md").split("\n\n")
    said = " ".join(e["text"] for e in document["events"])

    def begins(outcome: str) -> list[str]:
        marked = [
            p.removeprefix(f"[if {claim.id} {outcome}] ")
            for p in paragraphs
            if f"[if {claim.id} {outcome}]" in p
        ]
        return [p.split("{")[0][:40] for p in marked]

    assert all(start in said for start in begins("REFUTED"))
    assert not any(start in said for start in begins("HELD"))


def numbers(data: object) -> Iterator[float]:
    """The numbers in an event's data, without truth values."""
    if isinstance(data, bool) or data is None:
        return
    if isinstance(data, (int, float)):
        yield data
    elif isinstance(data, dict):
        for value in data.values():
            yield from numbers(value)
    elif isinstance(data, list):
        for value in data:
            yield from numbers(value)


def said(text: str) -> set[float]:
    return {float(n.replace(",", "")) for n in re.findall(r"\d[\d,]*(?:\.\d+)?", text)}


def is_said(number: float, spoken: set[float], text: str) -> bool:
    """Whether a text says a number, as it is or as the screens round it: 0.1 ms, and whole from 100 on."""
    if number < 0.05 and "under 0.1" in text:
        return True
    # A time of 109.4996 is told as 109 ms, and stands as 109.5 in the data.
    whole = {float(f"{number + nudge:.0f}") for nudge in (-0.05, 0.05)} if number >= 100 else set()
    # And one of 9.1468 as 9.1 ms, and stands as 9.15.
    tenth = {float(f"{number + nudge:.1f}") for nudge in (-0.005, 0, 0.005)}
    return bool({float(number), *tenth, *whole} & spoken)


LINES = [
    pytest.param(lab, words, id=" ".join((lab.name, *words)))
    for lab in BUILT_IN
    for words in dict.fromkeys(((), *(claim.shown_by for claim in lab.claims)))
]


@pytest.mark.parametrize(("lab", "words"), LINES)
def test_every_number_in_the_data_of_an_event_stands_in_its_text(
    lab: Lab, words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    _, document = run(capsys, lab.name, *words)
    for event in document["events"]:
        for thing in (event, *event.get("rows", [])):
            spoken = said(thing["text"])
            for number in [*numbers(thing.get("data", {})), *numbers(event.get("value"))]:
                assert is_said(number, spoken, thing["text"]), (number, thing["text"])


@pytest.mark.parametrize("lab", BUILT_IN, ids=lambda lab: lab.name)
def test_every_event_has_a_sentence_and_the_plain_form_prints_it(
    lab: Lab, capsys: pytest.CaptureFixture[str]
) -> None:
    _, document = run(capsys, lab.name)
    capsys.readouterr()
    command_line([lab.name, "--plain", "--sandbox", "--phase", "observe"])
    plain = capsys.readouterr().out
    for event in document["events"]:
        assert event["text"] or event["kind"] == "rows"
        if event["kind"] == "exchange":
            # Another run has other times, and a signature is not always as long.
            words = re.sub(r"\d[\d,.]*( ms)?", "", event["text"]).strip(". ")
            assert words in re.sub(r"\d[\d,.]*( ms)?", "", plain), words


@pytest.mark.parametrize("lab", BUILT_IN, ids=lambda lab: lab.name)
def test_every_lab_says_how_to_see_the_same_by_hand(lab: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    _, document = run(capsys, lab.name)
    labels = [e["label"] for e in document["events"] if e["kind"] == "step" and e["role"] == "command"]
    assert "by hand" in labels


def test_every_fault_breaks_a_claim_and_no_two_labs_share_one() -> None:
    from labctl.sandbox.faults import FAULTS

    broken = [claim.broken_by for lab in BUILT_IN for claim in lab.claims if claim.broken_by]
    assert len(set(broken)) == len(broken)
    assert set(broken) == set(FAULTS)
