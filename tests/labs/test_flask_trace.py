"""The tracer of Flask: applications behave as without it, and it tells what ran."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labctl.serving.application import read_app
from labctl.serving.child_events import ChildEvent
from labctl.serving.flask_trace_reading import Reader, Request
from labs.flask.stage import Seen, Stage

ODD = Path(__file__).with_name("flask_apps") / "odd.py"


@pytest.fixture(scope="module")
def odd() -> Iterator[Stage]:
    with Stage(read_app(f"{ODD}:app")) as stage:
        yield stage


def traced(seen: Seen) -> Request:
    assert seen.traced is not None
    assert seen.traced.whole
    return seen.traced


def test_a_subclass_with_its_own_dispatch_is_told_and_works(odd: Stage) -> None:
    seen = odd.ask("/own")
    assert seen.answer.body == b"own dispatch"
    own = traced(seen).first("method")
    assert own is not None
    assert (own.name, own.scope) == ("Mine.dispatch_request", "Mine")


def test_a_wrapped_view_is_still_in_a_set_of_exempt_views(odd: Stage) -> None:
    assert json.loads(odd.ask("/exempt").answer.body) == [True, True]


def test_the_method_of_a_class_based_view_is_named_with_its_line(odd: Stage) -> None:
    lines = ODD.read_text().splitlines()
    view = traced(odd.ask("/api/v1/users")).first("view")
    assert view is not None
    assert view.name == "Users.get"
    assert lines[view.line - 1].strip() == "def get(self) -> list[int]:"
    view = traced(odd.ask("/api/v1/users", "POST")).first("view")
    assert view is not None
    assert view.name == "Users.post"
    view = traced(odd.ask("/greeting/ana")).first("view")
    assert view is not None
    assert view.name == "Greeting.dispatch_request"


def test_hooks_of_nested_blueprints_are_told_with_their_blueprint(odd: Stage) -> None:
    request = traced(odd.ask("/api/v1/users"))
    assert [(r.name, r.scope) for r in request.records if r.kind in ("before_request", "after_request")] == [
        ("look_at_the_view", ""),
        ("want_a_key", "api"),
        ("say_the_version", "api.first"),
    ]
    assert request.facts["blueprints"] == ["api.first", "api"]


def test_a_hook_that_answers_leaves_the_view_as_skipped(odd: Stage) -> None:
    seen = odd.ask("/api/v1/users", fields=(("X-Key", "wrong"),))
    request = traced(seen)
    assert seen.answer.status == 403
    assert request.first("view") is None
    assert [(each.kind, each.name) for each in request.skipped] == [("view", "Users.get")]
    hook = request.first("before_request", "want_a_key")
    assert hook is not None
    assert hook.notes["returned"] == "dict, 403"


def test_hooks_that_are_registered_late_are_traced_from_when_they_count(odd: Stage) -> None:
    first, second = odd.ask("/lazy"), odd.ask("/lazy")
    assert (first.answer.body, second.answer.body) == (b"None", b"True")
    assert "leave_late" in traced(first).names("after_request")
    assert "come_late" not in traced(first).names("before_request")
    assert "come_late" in [each.name for each in traced(first).skipped]
    assert "come_late" in traced(second).names("before_request")


def test_a_request_inside_of_a_request_stands_inside_and_changes_no_facts(odd: Stage) -> None:
    request = traced(odd.ask("/inner"))
    assert request.facts["endpoint"] == "inner"
    assert request.facts["route"]["rule"] == "/inner"
    inside, view = request.first("inner_request"), request.first("view")
    assert inside is not None
    assert view is not None
    assert inside.depth > view.depth


def test_a_long_stream_is_told_by_its_first_pieces_and_its_sum(odd: Stage) -> None:
    seen = odd.ask("/stream")
    assert len(seen.answer.body) == 5000
    request = traced(seen)
    assert len([r for r in request.records if r.kind == "item"]) == 8
    sent = request.first("sent")
    assert sent is not None
    assert sent.notes == {"bytes": 5000, "items": 5000}


def test_a_template_in_a_loop_leaves_room_for_what_comes_later(odd: Stage) -> None:
    request = traced(odd.ask("/many"))
    assert len(request.names("template")) == 60
    assert request.facts["lost"] > 100
    assert request.first("close") is not None


def test_what_fails_without_the_tracer_fails_in_the_same_way_with_it(odd: Stage) -> None:
    assert odd.ask("/none-after").answer.status == 500
    assert "'NoneType' object has no attribute 'set_cookie'" in odd.standing.log()


def test_a_handler_of_an_exception_is_told_with_what_it_is_for(odd: Stage) -> None:
    seen = odd.ask("/fails")
    request = traced(seen)
    assert (seen.answer.status, seen.answer.body) == (400, b"as expected")
    handler, view = request.first("error_handler"), request.first("view")
    assert handler is not None
    assert view is not None
    assert (handler.name, handler.scope) == ("on_value_error", "ValueError")
    assert view.notes["raised"] == "ValueError: as expected"
    file, line = view.notes["raised_at"]
    assert file == str(ODD)
    assert "raise ValueError" in ODD.read_text().splitlines()[line - 1]


def test_an_async_view_is_traced(odd: Stage) -> None:
    pytest.importorskip("asgiref")
    seen = odd.ask("/async")
    assert seen.answer.body == b"later"
    request = traced(seen)
    assert request.names("view") == ["later"]
    assert request.facts["async"] is True


def test_a_file_is_sent_whole(odd: Stage) -> None:
    assert odd.ask("/file").answer.body == ODD.read_bytes()


def test_head_has_no_body_and_options_come_from_flask(odd: Stage) -> None:
    assert odd.ask("/own", "HEAD").answer.body == b""
    seen = odd.ask("/exempt", "OPTIONS")
    assert "GET" in (seen.answer.get("Allow") or "")
    assert traced(seen).first("view") is None


def test_middleware_that_answers_is_seen_and_flask_is_not(odd: Stage) -> None:
    seen = odd.ask("/health")
    assert seen.answer.body == b"fine"
    assert traced(seen).first("flask") is None


def test_a_signal_is_told_with_who_receives_it(odd: Stage) -> None:
    signal = traced(odd.ask("/own")).first("signal")
    assert signal is not None
    assert (signal.name, signal.scope) == ("on_started", "request_started")


def test_requests_at_once_are_told_apart(odd: Stage) -> None:
    targets = [f"/greeting/{number}" for number in range(8)]
    answers = odd.ask_at_once(targets)
    assert [answer.text for answer in answers] == [f"Hello, {number}." for number in range(8)]
    requests = odd.gather(len(targets))
    assert sorted(request.path for request in requests) == targets
    assert all(request.names("view") == ["Greeting.dispatch_request"] for request in requests)


def test_an_application_behind_middleware_is_traced_as_well() -> None:
    with Stage(read_app(f"{ODD}:behind_proxy")) as stage:
        assert traced(stage.ask("/greeting/ben")).names("view") == ["Greeting.dispatch_request"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=40)
@given(
    st.lists(
        max_size=8,
        elements=st.tuples(
            st.sampled_from(("flask-begin", "flask-part", "flask-fact", "flask-stuck", "flask-end", "begin")),
            st.dictionaries(
                st.sampled_from(
                    ("request", "method", "path", "began_ns", "thread", "records", "value", "frames")
                ),
                JSON,
                max_size=5,
            ),
            st.sampled_from(("skipped", "route")),
        ),
    )
)
def test_the_reader_takes_anything_since_the_application_can_write_there_too(
    told: list[tuple[str, dict[str, object], str]],
) -> None:
    reader = Reader()
    reader.hear(ChildEvent(1, kind, 1, {"name": name, **data}) for kind, data, name in told)
    for request in reader.requests.values():
        assert all(isinstance(each.name, str) for each in request.skipped)
