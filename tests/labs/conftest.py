"""Which tests stand side by side."""

from __future__ import annotations

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those that look at the same run of a lab, so that a worker of xdist has it once: test_every_lab.DONE."""
    places = [at for at, item in enumerate(items) if item.path.name == "test_every_lab.py"]
    ordered = sorted((items[at] for at in places), key=_its_run)
    for at, item in zip(places, ordered, strict=True):
        items[at] = item


def _its_run(item: pytest.Item) -> tuple[str, tuple[str, ...], str]:
    """The lab, the words of its command line, and the fault."""
    given = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
    lab, claim, words = given.get("lab"), given.get("claim"), given.get("words", ())
    broken = claim is not None and "holds" not in item.name
    return (
        lab.name if lab else "",
        claim.shown_by if claim else words,
        (claim.broken_by or "") if broken else "",
    )
