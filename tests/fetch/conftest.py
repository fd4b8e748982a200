"""The town that the fetches of these tests visit."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from labctl.sandbox.loopback import LoopbackInternet

Open = Callable[..., LoopbackInternet]


@pytest.fixture
def town(opened: Open) -> LoopbackInternet:
    """A healthy sandbox."""
    return opened()
