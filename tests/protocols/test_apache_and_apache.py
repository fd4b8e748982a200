"""What we say that Apache does with a path, against the Apache of this machine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from needed import need
from protocols.apache_cases import CASES
from protocols.asked_apache import RealApache, ours, real_apache
from protocols.asked_nginx import Case


@pytest.fixture(scope="module")
def apache() -> Iterator[RealApache]:
    """One Apache with all cases."""
    need("apache2")
    with real_apache(CASES) as standing:
        yield standing


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "-"))
def test_our_answers_are_those_of_the_real_apache(apache: RealApache, case: Case) -> None:
    differing = [
        (target, said, done)
        for target in case.targets
        if (said := ours(case, target)) != (done := apache.asked(case, target))
    ]
    assert differing == []
