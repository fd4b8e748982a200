"""Where a response sends the client on, and with which request (RFC 9110 section 15.4)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labctl.protocols import redirects
from labctl.protocols.redirects import Next, Nowhere
from labctl.protocols.url import parse_url

HERE = parse_url("https://shop.test/a")
SENT = (("Accept", "*/*"), ("Authorization", "Basic eA=="), ("Content-Type", "text/plain"), ("Cookie", "a=b"))


def after(status: int, method: str = "GET", location: str = "/b") -> redirects.Next | Nowhere | None:
    return redirects.after(status, (("Location", location),), method, HERE, SENT, b"content")


@pytest.mark.parametrize(
    ("status", "method", "then"),
    [
        (301, "GET", "GET"),
        (302, "GET", "GET"),
        (301, "POST", "GET"),
        (302, "POST", "GET"),
        (303, "POST", "GET"),
        (303, "PUT", "GET"),
        (303, "HEAD", "HEAD"),
        (301, "PUT", "PUT"),
        (302, "DELETE", "DELETE"),
        (307, "POST", "POST"),
        (308, "PUT", "PUT"),
    ],
)
def test_the_method_changes_as_browsers_change_it(status: int, method: str, then: str) -> None:
    there = after(status, method)
    assert isinstance(there, Next)
    assert there.method == then
    kept = then == method and not (status == 303 and method != "HEAD")
    assert there.body == (b"content" if kept else b"")
    assert ("Content-Type", "text/plain") in there.fields or not kept


@pytest.mark.parametrize("status", [200, 201, 204, 300, 304, 305, 400, 500])
def test_other_statuses_lead_nowhere_even_with_a_location(status: int) -> None:
    assert after(status) is None


@pytest.mark.parametrize("location", ["", " "])
def test_an_empty_location_leads_nowhere(location: str) -> None:
    there = after(302, location=location)
    assert there == Nowhere("The status is 302 and Location is empty, so there is nowhere to go.")


def test_credentials_stay_at_their_origin() -> None:
    there = after(307, "GET", "https://other.test/")
    assert isinstance(there, Next)
    assert [name for name, _ in there.fields] == ["Accept", "Content-Type"]
    assert "credentials stay behind" in there.changes
    same = after(307, "GET", "/x")
    assert isinstance(same, Next)
    assert same.fields == SENT


def test_leaving_https_is_said() -> None:
    there = after(302, "GET", "http://shop.test/")
    assert isinstance(there, Next)
    assert "https becomes http" in there.changes


@pytest.mark.parametrize("places", [(), ("/a", "/b"), ("ftp://x/",), ("http://\x00/",), ("",)])
def test_without_one_good_location_there_is_nowhere_to_go(places: tuple[str, ...]) -> None:
    fields = tuple(("Location", place) for place in places)
    there = redirects.after(302, fields, "GET", HERE, (), b"")
    assert isinstance(there, Nowhere)
    assert there.why.endswith(".")


@given(st.sampled_from(sorted(redirects.FOLLOWED)), st.text(st.characters(max_codepoint=255), max_size=100))
def test_whatever_location_says_there_is_a_request_or_a_reason(status: int, location: str) -> None:
    there = redirects.after(status, (("Location", location),), "POST", HERE, SENT, b"x")
    assert isinstance(there, Next | Nowhere)
