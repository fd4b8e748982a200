"""The two machine formats."""

from __future__ import annotations

import io
import json

from conftest import plan_of, rendered
from example_walk import lesson, run_of

from labctl.codec import decode, encode
from labctl.errors import CannotRun
from labctl.play import Answered
from labctl.render import make


def test_json_is_one_document_in_ascii() -> None:
    page = rendered(plan_of(format="json"))
    assert page.isascii()
    document = json.loads(page)
    assert document["schema"] == "labctl/result/1"
    assert document["lab"] == "dns"
    assert document["internet"] == "sandbox"
    assert document["exit_code"] == 0
    assert document["measures"]["dns.answer.ttl"] == {
        "value": 300,
        "unit": "s",
        "text": "The answer's TTL is 300 s.",
    }
    assert [c["outcome"] for c in document["claims"]] == ["HELD", "HELD", "NOT_SEEN"]
    assert [encode(decode(event)) for event in document["events"]] == [encode(event) for event in lesson()]


def test_the_document_keeps_answers_errors_and_notices() -> None:
    error = CannotRun(
        "no-network", "there is no network", evidence=(("asked", "192.0.2.1"),), fixes=("--sandbox",)
    )
    answered = [Answered("dns.1", 1, "predict", "a", "b", "wrong", misconception="one list")]
    run = run_of([], error=error, answered=answered, notices=["This is the sandbox."])
    document = json.loads(rendered(plan_of(format="json"), [], run))
    assert document["error"] == {
        "code": "no-network",
        "headline": "there is no network",
        "evidence": [["asked", "192.0.2.1"]],
        "fixes": ["--sandbox"],
    }
    assert document["exit_code"] == 3
    assert document["questions"][0]["misconception"] == "one list"
    assert document["notices"] == ["This is the sandbox."]


def test_lines_come_as_things_happen_and_end_with_the_document() -> None:
    out = io.StringIO()
    run = run_of(lesson())
    renderer = make(plan_of(format="jsonl"), out, command="dns")
    renderer.begin(run)
    for count, event in enumerate(lesson(), 1):
        renderer.show(event)
        assert out.getvalue().count("\n") == count
    renderer.end(run)
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert {line["schema"] for line in lines[:-1]} == {"labctl/event/1"}
    assert lines[-1] == json.loads(rendered(plan_of(format="json")))
    assert [encode(decode(line)) for line in lines[:-1]] == [encode(event) for event in lesson()]


def test_infinite_and_odd_arguments_become_plain_json() -> None:
    run = run_of([], arguments={"a": float("inf"), "b": (1, 2), "c": {"d": 0.5}, "e": "\x7f\x1b"})
    page = rendered(plan_of(format="json"), [], run)
    assert json.loads(page)["arguments"] == {"a": None, "b": [1, 2], "c": {"d": 0.5}, "e": "\x7f\x1b"}
    assert "\x7f" not in page
    assert "\x1b" not in page
