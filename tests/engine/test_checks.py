"""Required checks: what they do to the exit code, the document and the last line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from labctl import errors
from labctl.codec import decode, encode
from labctl.events import Claim, Event, Measure, Verdict
from labctl.internet import Internet
from labctl.lab import Lab
from labctl.play import Run
from labctl.render.document import document as result
from labctl.render.summary import judged

CLAIM = Claim("x.claim", "So it is.", source="RFC 1", broken_by="x")
KEPT = Measure("Wait: 5.0 ms, 9 ms allowed.", "x.wait", 5.0, "ms", at_most=9.0)
BROKEN = Measure("Total: 600.0 ms, 500 ms allowed.", "x.total", 600.0, "ms", at_most=500.0)
PLAIN = Measure("It took 5.0 ms.", "x.took", 5.0, "ms")


def run_with(*events: Event, **more: Any) -> Run:
    def nothing(internet: Internet) -> Iterator[Event]:
        yield from ()

    run = Run(Lab("x", "X", (CLAIM,), nothing, "labs"), "labctl x", {}, more.pop("internet", "sandbox"))
    run.events = list(events)
    for name, value in more.items():
        setattr(run, name, value)
    return run


HELD = CLAIM.judged(True, "It held.")


@pytest.mark.parametrize(
    ("events", "code"),
    [
        ((HELD, KEPT), errors.OK),
        ((HELD, BROKEN), errors.REFUTED),
        ((HELD, KEPT, BROKEN), errors.REFUTED),
        ((HELD, PLAIN), errors.OK),
        ((PLAIN,), errors.NOTHING_JUDGED),
        # A check that was kept is something that was judged.
        ((KEPT,), errors.OK),
        ((CLAIM.not_seen("Why."), KEPT), errors.OK),
        ((CLAIM.judged(False, "It did not."), KEPT), errors.REFUTED),
    ],
)
def test_a_check_that_is_broken_fails_the_run(events: tuple[Verdict | Measure, ...], code: int) -> None:
    assert run_with(*events).exit_code == code


def test_a_check_counts_on_the_live_internet_where_a_false_claim_is_only_a_finding() -> None:
    assert run_with(CLAIM.judged(False, "No."), KEPT, internet="live").exit_code == errors.OK
    assert run_with(HELD, BROKEN, internet="live").exit_code == errors.REFUTED


def test_an_interrupt_and_an_error_come_first() -> None:
    assert run_with(BROKEN, interrupted=True).exit_code == errors.INTERRUPTED
    assert run_with(BROKEN, error=errors.CannotRun("x", "x")).exit_code == errors.CANNOT_RUN


def test_the_last_line_names_what_failed() -> None:
    assert judged(run_with(HELD, KEPT, BROKEN))[-1] == ("1 of 2 checks failed: x.total", "bad bold")
    assert judged(run_with(KEPT)) == [("1 check passed", "ok")]
    assert judged(run_with(PLAIN)) == [("nothing was judged", "warn")]


def test_the_document_has_the_limit_of_checks_only() -> None:
    measures: Any = result(run_with(HELD, BROKEN, PLAIN))["measures"]
    assert measures["x.total"]["at_most"] == 500.0
    assert "at_most" not in measures["x.took"]


def test_a_limit_survives_the_codec() -> None:
    assert decode(encode(BROKEN)) == BROKEN
    assert decode(encode(PLAIN)) == PLAIN
    assert decode({"kind": "measure", "text": "", "id": "x", "value": 1, "unit": ""}) == Measure("", "x", 1)
