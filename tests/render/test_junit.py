"""The JUnit file."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest
import xmlschema
from example_walk import lesson, run_of
from hypothesis import HealthCheck, given, settings
from test_text import nasty

from labctl.errors import CannotRun
from labctl.events import Claim, Measure
from labctl.play import Answered, Run
from labctl.render import junit

SCHEMA = xmlschema.XMLSchema(Path(__file__).parent / "junit_kept_to.xsd")


def written(run: Run, path: Path) -> ElementTree.Element:
    renderer = junit(path)
    renderer.begin(run)
    for event in run.events:
        renderer.show(event)
    renderer.end(run)
    SCHEMA.validate(str(path))
    return ElementTree.parse(path).getroot()


def test_a_case_for_each_claim_and_the_facts_as_properties(tmp_path: Path) -> None:
    answered = [Answered("dns.1", 1, "recall", "a", "b", "wrong")]
    root = written(run_of(lesson(refuted=True), answered=answered), tmp_path / "r.xml")
    assert root.attrib["tests"] == "3"
    assert root.attrib["failures"] == "1"
    failure = root.find(".//testcase[@name='dns.referral']/failure")
    assert failure is not None
    assert failure.attrib["message"] == "The root answered itself, with AA."
    skipped = root.find(".//testcase[@name='dns.reverse']/skipped")
    assert skipped is not None
    properties = {p.attrib["name"]: p.attrib["value"] for p in root.iter("property")}
    assert properties["measure.dns.answer.ttl"] == "300 s"
    assert properties["question.dns.1"] == "recall: wrong, given a"
    assert properties["internet"] == "sandbox"
    assert properties["place"] == "sandbox"


def test_what_is_false_on_the_live_internet_is_no_failure(tmp_path: Path) -> None:
    root = written(run_of(lesson(refuted=True), internet="live"), tmp_path / "r.xml")
    assert root.attrib["failures"] == "0"
    found = root.find(".//testcase[@name='dns.referral']/skipped")
    assert found is not None
    assert found.attrib["message"].startswith("refuted, not a failure on the live internet")


def test_a_required_check_is_a_case_that_fails_wherever_it_ran(tmp_path: Path) -> None:
    checks = [
        Measure("Total: 600 ms, 500 ms allowed.", "x.total", 600.0, "ms", at_most=500.0),
        Measure("Wait: 5 ms, 9 ms allowed.", "x.wait", 5.0, "ms", at_most=9.0),
    ]
    root = written(run_of(checks, internet="live"), tmp_path / "r.xml")
    assert (root.attrib["tests"], root.attrib["failures"]) == ("2", "1")
    failure = root.find(".//testcase[@name='x.total']/failure")
    assert failure is not None
    assert failure.attrib["message"] == "Total: 600 ms, 500 ms allowed."
    assert failure.text == "Required: at most 500 ms."


def test_an_error_and_an_interrupt_are_errors(tmp_path: Path) -> None:
    error = CannotRun("no-network", "there is no network")
    root = written(run_of([], error=error), tmp_path / "r.xml")
    assert root.attrib["errors"] == "1"
    assert written(run_of([], interrupted=True), tmp_path / "r.xml").attrib["errors"] == "1"


def test_a_file_that_cannot_be_written_is_an_error_of_ours(tmp_path: Path) -> None:
    with pytest.raises(CannotRun, match="cannot be written"):
        junit(tmp_path / "no" / "such" / "folder.xml").end(run_of([]))


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(nasty, nasty)
def test_any_text_gives_valid_xml(tmp_path: Path, one: str, two: str) -> None:
    claim = Claim("x.y", two, one, None, unbreakable="arithmetic")
    run = run_of([claim.judged(False, one), claim.not_seen(two), Measure(one, two, one)], command=one)
    written(run, tmp_path / "r.xml")
