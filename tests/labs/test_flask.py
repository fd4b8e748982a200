"""The flask lab: its own lessons."""

from __future__ import annotations

from pathlib import Path

import pytest
from learners_flask import Capsys, document, table

from labctl.sandbox.flask_faults import FLASK_FAULTS
from labs.flask.claims import CLAIMS


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABCTL_HOME", str(tmp_path / "home"))


def test_each_fault_belongs_to_one_claim() -> None:
    assert sorted(fault.name for fault in FLASK_FAULTS) == sorted(claim.broken_by or "" for claim in CLAIMS)


def test_the_order_of_a_request_is_flasks(capsys: Capsys) -> None:
    code, told = document(capsys)
    assert code == 0
    order = [(row[2].strip(), row[3], row[4].split(" ")[0]) for row in table(told, "order")]
    moments = ("first byte", "response.close()", "call_on_close")
    assert [each for each in order if each[0] not in moments] == [
        ("session opened", "", "2"),
        ("match URL", "", "/basket/<int:number>"),
        ("url_value_preprocessor", "app", "read_language"),
        ("before_request", "app", "load_user"),
        ("before_request", "app", "start_timer"),
        ("before_request", "basket", "open_basket"),
        ("view", "basket", "show_basket"),
        ("template", "", "basket.html"),
        ("after_this_request", "", "remember_basket"),
        ("after_request", "basket", "forbid_caching"),
        ("after_request", "app", "add_nosniff"),
        ("after_request", "app", "add_server_timing"),
        ("session saved", "", "Set-Cookie"),
        ("status and fields", "", "200"),
        ("teardown_request", "app", "roll_back"),
        ("teardown_request", "app", "close_cursor"),
        ("teardown_appcontext", "app", "return_connection"),
        ("body", "", "27"),
    ]


def test_an_exception_in_each_place_is_told_with_and_without_testing(capsys: Capsys) -> None:
    _, told = document(capsys, "--show", "errors")
    ran, skipped = "ran", "──"
    assert table(told, "plain") == [
        ["before_request", ran, ran, ran, "500"],
        ["the view", ran, ran, ran, "500"],
        ["after_request", ran, ran, ran, "500"],
        ["teardown_request", skipped, ran, ran, "500, the server's"],
        ["a generator", skipped, ran, ran, "200, cut off"],
    ]
    assert [row[1:4] for row in table(told, "testing")] == [
        [skipped, skipped, ran],
        [skipped, skipped, ran],
        [skipped, ran, ran],
        [skipped, ran, ran],
        [skipped, ran, ran],
    ]


def test_a_session_cookie_is_read_forged_replayed_and_minted(capsys: Capsys) -> None:
    _, told = document(capsys, "--show", "session")
    assert [(row[1], row[2]) for row in table(told, "tried")] == [
        ("user ana, role customer", "accepted"),
        ("nobody: an empty session", "refused"),
        ("user ana, role customer", "accepted"),
        ("user ana, role customer", "accepted"),
        ("user ana, role admin", "accepted"),
    ]
    small, large = table(told, "sizes")
    assert (small[3], large[3], large[4]) == ("keeps it", "drops it", "UserWarning")


def test_requests_at_once_are_in_different_threads_and_tasks_in_one(capsys: Capsys) -> None:
    _, told = document(capsys, "--show", "concurrent")
    assert len({row[3] for row in table(told, "threads")}) == 4
    assert {row[3] for row in table(told, "tasks")} == {"thread 1"}


# The learner's own application.
