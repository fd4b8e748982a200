"""The API of jobs: what is accepted, what is refused, and with which answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jobs.web_store import REPORT, Web, web_in

from labctl.jobs.store import Refused
from labctl.jobs.web_answers import Refusal
from labctl.jobs.web_input import read_job, read_key


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    with web_in(tmp_path) as found:
        yield found


def test_a_job_is_accepted_with_a_location_that_leads_to_it(web: Web) -> None:
    answer = web.ask("POST", "/api/jobs", json=REPORT)
    assert answer.status_code == 202
    assert answer.headers["Retry-After"] == "1"
    assert answer.json["retry_after_ms"] == 1000
    assert answer.headers["Location"] == f"/api/jobs/{answer.json['job_id']}"
    told = web.ask("GET", answer.headers["Location"]).json
    assert told["job_id"] == answer.json["job_id"]
    assert told["kind"] == "report"
    assert told["stream"] == answer.json["stream"]
    assert [job["job_id"] for job in web.ask("GET", "/api/jobs").json["jobs"]] == [told["job_id"]]


def test_the_same_key_is_the_same_job_and_another_body_with_it_is_refused(web: Web) -> None:
    key = {"Idempotency-Key": '"k 1"'.replace(" ", "-")}
    first, second = (web.ask("POST", "/api/jobs", json=REPORT, headers=key) for _ in range(2))
    assert first.json["job_id"] == second.json["job_id"]
    assert (first.json["new"], second.json["new"]) == (True, False)
    assert second.status_code == 202
    other = web.ask("POST", "/api/jobs", json={"kind": "report", "input": {"steps": 9}}, headers=key)
    assert (other.status_code, other.json["error"]) == (422, "key-reused")
    bobs = web.ask("POST", "/api/jobs", "bob", json=REPORT, headers=key)
    assert bobs.json["job_id"] != first.json["job_id"]


@pytest.mark.parametrize(("status", "code"), [(429, "too-many-jobs"), (503, "queue-full")])
def test_who_comes_too_much_is_told_when_to_come_again(web: Web, status: Any, code: str) -> None:
    web.store.refusal = Refused(status, 7, "Later, please.")
    answer = web.ask("POST", "/api/jobs", json=REPORT)
    assert (answer.status_code, answer.headers["Retry-After"]) == (status, "7")
    assert answer.json == {"error": code, "message": "Later, please.", "retry_after_ms": 7000}


@pytest.mark.parametrize(("why", "status"), [("gone", 503), ("locked", 503), ("full", 507)])
@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/api/jobs"), ("GET", "/api/jobs"), ("GET", "/api/jobs/x/stream")]
)
def test_a_store_that_is_away_is_a_clear_answer(
    web: Web, why: str, status: int, method: str, path: str
) -> None:
    web.store.why = why
    with web.store.gone():
        answer = web.ask(method, path, json=REPORT if method == "POST" else None)
    assert answer.status_code == (status if path == "/api/jobs" else 503)
    assert int(answer.headers["Retry-After"]) >= 1
    assert answer.json["message"].endswith(".")


@pytest.mark.parametrize(
    ("body", "type", "status", "code"),
    [
        (b"{", "application/json", 400, "body-malformed"),
        (b"", "application/json", 400, "body-malformed"),
        (b"\xff", "application/json", 400, "body-malformed"),
        (b"[" * 60000, "application/json", 400, "body-malformed"),
        (b'{"kind": "report", "input": {"steps": NaN}}', "application/json", 400, "body-malformed"),
        (b'{"kind": "report", "input": {"steps": 1e999}}', "application/json", 400, "body-malformed"),
        (b'{"kind": "\\ud800"}', "application/json", 400, "body-malformed"),
        (b"[]", "application/json", 400, "input-invalid"),
        (b'{"kind": "rm -rf"}', "application/json", 400, "kind-unknown"),
        (b'{"kind": "report", "user": "bob"}', "application/json", 400, "input-invalid"),
        (b'{"kind": "report"}', "text/plain", 415, "not-json"),
        (b"kind=report", "application/x-www-form-urlencoded", 415, "not-json"),
        (b" " * 70000, "application/json", 413, "too-large"),
    ],
)
def test_a_body_that_is_no_job_is_refused_with_the_reason(
    web: Web, body: bytes, type: str, status: int, code: str
) -> None:
    answer = web.ask("POST", "/api/jobs", data=body, content_type=type)
    assert (answer.status_code, answer.json["error"]) == (status, code)
    assert answer.json["message"].endswith(".")
    assert not web.store.rows


@pytest.mark.parametrize(
    "given",
    [
        {"steps": 0}, {"steps": 1001}, {"steps": True}, {"steps": 1.5}, {"steps": "3"}, {"steps": None},
        {"step_s": -1}, {"step_s": 61}, {"step_s": "1"}, {"fail_at": "1"}, {"crash_at": -1}, {"more": 1},
    ],
)  # fmt: skip
def test_an_input_out_of_its_range_is_refused(web: Web, given: dict[str, Any]) -> None:
    answer = web.ask("POST", "/api/jobs", json={"kind": "report", "input": given})
    assert (answer.status_code, answer.json["error"]) == (400, "input-invalid")


@given(st.binary(max_size=200) | st.recursive(st.none() | st.booleans() | st.floats() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(["kind", "input", "steps"]), inner)).map(lambda document: json.dumps(document).encode()))  # fmt: skip  # noqa: E501
def test_whatever_the_body_is_it_is_a_job_or_refused(body: bytes) -> None:
    with suppress(Refusal):
        assert read_job(body).kind


def test_a_job_of_the_users_own_file_has_a_name_that_stands_there(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("def export(job, pages): ...\ndef other(x): ...\ndef _own(job): ...\n")
    with web_in(tmp_path, jobs_file=str(file)) as web:
        body = {"kind": "export", "input": {"pages": 3}}
        assert web.ask("POST", "/api/jobs", json=body).status_code == 202
        for kind in ("other", "_own", "import"):
            assert web.ask("POST", "/api/jobs", json={"kind": kind}).status_code == 400


@pytest.mark.parametrize("key", ["", "a b", "é", "x" * 256, "\t"])
def test_a_key_that_is_no_key_is_refused(key: str) -> None:
    with pytest.raises(Refusal, match="1 to 255"):
        read_key(key)


def test_cancelling_twice_is_fine_and_too_late_is_a_conflict(web: Web) -> None:
    job_id = web.submit()
    for _ in range(2):
        assert web.ask("DELETE", f"/api/jobs/{job_id}").json["status"] == "cancelled"
    done = web.submit()
    web.store.end(done)
    late = web.ask("DELETE", f"/api/jobs/{done}")
    assert (late.status_code, late.json["error"], late.json["status"]) == (409, "job-ended", "done")


def test_a_method_that_is_none_here_is_answered_as_json(web: Web) -> None:
    answer = web.ask("PUT", "/api/jobs")
    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"]
    assert answer.json["error"] == "method-not-allowed"


def test_an_error_of_ours_tells_nothing_to_the_client(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr(web.store, "list", fail)
    answer = web.ask("GET", "/api/jobs")
    assert answer.status_code == 500
    assert "secret" not in answer.text


def test_faults_change_what_is_answered(tmp_path: Path) -> None:
    with web_in(tmp_path, faults=frozenset({"location-of-nothing"})) as web:
        answer = web.ask("POST", "/api/jobs", json=REPORT)
        assert web.ask("GET", answer.headers["Location"]).status_code == 404
    with web_in(tmp_path, faults=frozenset({"state-in-memory"})) as web:
        job_id = web.submit()
        assert web.ask("GET", f"/api/jobs/{job_id}").status_code == 200
        web.store.add("of-another-process")
        assert web.ask("GET", "/api/jobs/of-another-process").status_code == 404
        assert len(web.ask("GET", "/api/jobs").json["jobs"]) == 1
