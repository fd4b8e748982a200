"""The lines of `labctl sandbox edge`: whole in a pipe, at most as wide as the terminal on one."""

from __future__ import annotations

import re
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labctl.cli.edge import _Lines
from labctl.cli.edge_line import broken, line_of, shorter
from labctl.protocols.url import parse_url
from labctl.sandbox.edge_exchange import EdgeDecision
from labctl.sandbox.edge_standing import EdgePlan

PLAN = EdgePlan("rfc9111", ("127.0.0.1", 8080), parse_url("http://127.0.0.1:5000"))
BECAUSE = "nothing is stored for this URL; kept: max-age, and no no-store"
RULE = "RFC 9111 section 4; RFC 9111 section 3"


def decision(path: str = "/style.css") -> EdgeDecision:
    return EdgeDecision(
        at=1.0,
        method="GET",
        url=f"http://127.0.0.1:8080{path}",
        status=200,
        word="MISS",
        because=BECAUSE,
        rule=RULE,
        age=None,
        forwarded=True,
        collapsed=False,
    )


def lines(monkeypatch: pytest.MonkeyPatch, columns: int, path: str = "/style.css") -> list[str]:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: columns > 0)
    monkeypatch.setenv("COLUMNS", str(columns or 80))
    printer = _Lines(PLAN, False)
    return line_of(decision(path), printer._page, printer._columns).splitlines()


@pytest.mark.parametrize("columns", [80, 100])
def test_on_a_terminal_a_request_fits_and_goes_on_under_itself(
    monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    for path in ("/style.css", "/" + "long/" * 40):
        shown = [re.sub(r"\x1b\[[\d;]*m", "", line) for line in lines(monkeypatch, columns, path)]
        assert len(shown) <= 3
        assert max(map(len, shown)) <= columns
        assert re.match(r"  GET    /\S+ +200  MISS +nothing", shown[0])
        assert all(line.startswith(" " * 11) for line in shown[1:])
        assert shown[-1].endswith("4, 3)"), "the rule is told shorter before a line is broken"


def test_a_wide_terminal_and_a_pipe_have_the_whole_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    (piped,) = lines(monkeypatch, 0)
    assert piped.endswith(f"{BECAUSE} ({RULE})")


@pytest.mark.parametrize(
    ("rule", "short"),
    [
        (RULE, "RFC 9111 4, 3"),
        ("RFC 9111 section 5.2.2.1", "RFC 9111 5.2.2.1"),
        ("RFC 5861 section 3; RFC 9111 section 4.2.4", "RFC 5861 3; RFC 9111 4.2.4"),
        ("Cloudflare docs, default cache behavior", "Cloudflare docs, default cache behavior"),
        ("", ""),
    ],
)
def test_a_rule_is_told_shorter_by_naming_its_document_once(rule: str, short: str) -> None:
    assert shorter(rule) == short


@given(
    st.text("ab ", max_size=90).map(str.strip),
    st.text("ab ", max_size=40),
    st.integers(0, 60),
    st.integers(70, 120),
)
def test_no_word_is_lost_when_a_line_isbroken(because: str, rule: str, taken: int, columns: int) -> None:
    for width in (0, columns):
        told = broken(because, rule, taken, width)
        assert " ".join(" ".join(said for said, _ in told).split()) == " ".join(because.split())
        assert " ".join(" ".join(ruled for _, ruled in told).split()) == " ".join(rule.split())
        assert width or len(told) == 1
