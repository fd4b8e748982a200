"""What we say that nginx does with a path, against the nginx of this machine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from needed import need
from protocols.asked_nginx import Case, RealNginx, ours, real_nginx
from protocols.nginx_cases import CASES


@pytest.fixture(scope="module")
def nginx() -> Iterator[RealNginx]:
    """One nginx with all cases."""
    need("nginx")
    with real_nginx(CASES) as standing:
        yield standing


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "-"))
def test_our_answers_are_those_of_the_real_nginx(nginx: RealNginx, case: Case) -> None:
    differing = [
        (target, said, done)
        for target in case.targets
        if (said := ours(case, target)) != (done := nginx.asked(case, target))
    ]
    assert differing == []
