"""Where packets went, as the head of a page says it."""

from __future__ import annotations

import pytest

from labctl.render.whereabouts import _is_loopback


@pytest.mark.parametrize(
    "target", ["localhost:8000", "http://127.0.0.1:5000/a", "[::1]:80", "::1", "127.9.9.9", "http://[::1]/"]
)
def test_a_loopback_target_is_this_machine(target: str) -> None:
    assert _is_loopback(target)


@pytest.mark.parametrize(
    "target", ["example.com", "http://192.0.2.1/", "2001:db8::1", "localhost.example", ""]
)
def test_any_other_target_is_not(target: str) -> None:
    assert not _is_loopback(target)
