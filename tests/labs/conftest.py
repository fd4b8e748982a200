"""Which tests stand side by side."""

from __future__ import annotations

from typing import Any

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those that look at the same run of a lab, so that a worker of xdist has it once: test_every_lab.DONE."""
    places = [at for at, item in enumerate(items) if item.path.name == "test_every_lab.py"]
    ordered = sorted((items[at] for at in places), key=_its_run)
    for at, item in zip(places, ordered, strict=True):
        items[at] = item


def _its_run(item: pytest.Item) -> tuple[str, tuple[str, ...], str]:
    """The lab, the words of its command line, and the fault."""
    given: dict[str, Any] = getattr(getattr(item, "callspec", None), "params", {})
    name = given["lab"].name if "lab" in given else ""
    claim = given.get("claim")
    if claim is None:
        return name, given.get("words", ()), ""
    return name, claim.shown_by, "" if "holds" in item.name else claim.broken_by or ""
