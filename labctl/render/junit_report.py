"""JUnit XML as CI servers read it, kept to the junit-10 schema: one suite a lab, one case a claim.

That schema allows no properties inside a case and at most three decimals in a time; what was measured and
answered stands in the suite's properties.
"""

from __future__ import annotations

from pathlib import Path
from xml.etree.ElementTree import Element, ElementTree, SubElement, indent

from labctl.errors import CannotRun
from labctl.events import Event, Verdict
from labctl.play import Run
from labctl.render.text import escape
from labctl.render.whereabouts import place_of


class JUnitRenderer:
    """Writes the file when the run has ended. Raises CannotRun when it cannot be written."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def begin(self, run: Run) -> None:
        """Nothing yet."""

    def show(self, event: Event) -> None:
        """Nothing yet."""

    def end(self, run: Run) -> None:
        """Write the file."""
        try:
            ElementTree(suites(run)).write(self._path, encoding="utf-8", xml_declaration=True)
        except OSError as error:
            raise CannotRun(
                "cannot-write",
                f"{self._path} cannot be written",
                evidence=(("got", f"{type(error).__name__}: {error.strerror or error}"),),
                fixes=("choose another path for --junit",),
            ) from error


def suites(run: Run) -> Element:
    """The `testsuites` element of a run."""
    elapsed = f"{run.elapsed_ms / 1000:.3f}"
    outcomes = [_outcome(run, v) for v in run.verdicts]
    stopped = run.error is not None or run.interrupted
    failed = sum(check.failed for check in run.checks)
    counts = {
        "tests": str(len(outcomes) + len(run.checks) + stopped),
        "failures": str(outcomes.count("failure") + failed),
        "errors": str(int(stopped)),
        "time": elapsed,
    }
    root = Element("testsuites", {"name": "labctl", **counts})
    suite = SubElement(
        root,
        "testsuite",
        {"name": _text(f"labctl.{run.lab.name}"), **counts, "skipped": str(outcomes.count("skipped"))},
    )
    properties = SubElement(suite, "properties")
    for name, value in _properties(run):
        SubElement(properties, "property", {"name": _text(name), "value": _text(value)})
    for verdict, outcome in zip(run.verdicts, outcomes, strict=True):
        case = _case(suite, run, verdict.claim)
        if outcome:
            live = "not a failure on the live internet: " if run.internet == "live" else ""
            finding = f"refuted, {live}{verdict.text}" if verdict.outcome == "REFUTED" else verdict.text
            message = verdict.text if outcome == "failure" else finding
            found = SubElement(case, outcome, {"message": _text(message), "type": verdict.outcome})
            found.text = _text(f"{verdict.sentence} ({verdict.source})")
    for check in run.checks:
        case = _case(suite, run, check.id)
        if check.failed:
            limit = f"{check.at_most:g} {check.unit}".strip()
            found = SubElement(case, "failure", {"message": _text(check.text), "type": "CHECK"})
            found.text = _text(f"Required: at most {limit}.")
    if stopped:
        case = _case(suite, run, "run")
        code = run.error.code if run.error else "interrupted"
        words = run.error.headline if run.error else "the run was interrupted"
        SubElement(case, "error", {"message": _text(words), "type": _text(code)})
    indent(root)
    return root


def _outcome(run: Run, verdict: Verdict) -> str:
    """The element of a case: a claim that is false on the live internet is a finding, as in the exit code."""
    if verdict.outcome == "HELD":
        return ""
    return "failure" if verdict.outcome == "REFUTED" and run.internet == "sandbox" else "skipped"


def _case(suite: Element, run: Run, name: str) -> Element:
    return SubElement(
        suite,
        "testcase",
        {"name": _text(name), "classname": _text(f"labctl.{run.lab.name}.claim"), "time": "0.000"},
    )


def _properties(run: Run) -> list[tuple[str, str]]:
    listed = [
        ("command", run.command),
        ("internet", run.internet),
        ("place", place_of(run)),
        ("seed", str(run.seed)),
        ("fault", run.fault),
        *((f"measure.{name}", f"{m.value} {m.unit}".strip()) for name, m in run.measures.items()),
        *(
            (f"question.{a.item}", f"{a.phase}: {a.outcome}, given {a.given_text or a.given or '-'}")
            for a in run.answered
        ),
    ]
    return [(name, value) for name, value in listed if value]


def _text(value: str) -> str:
    # XML 1.0 has no form for most control characters, not even an escaped one.
    return "\n".join(escape(line) for line in value.split("\n"))
