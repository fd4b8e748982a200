"""Conditions, ranges and compression of a site's content, against RFC 9110 and plain slicing."""

from __future__ import annotations

import email
import email.policy
import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labctl.protocols import http1
from labctl.sandbox.site import SiteAnswer, SiteRequest
from labctl.sandbox.site_content import content

MODIFIED = 1_700_000_000.0  # Tue, 14 Nov 2023 22:13:20 GMT
WHEN = "Tue, 14 Nov 2023 22:13:20 GMT"
DATA = bytes(range(100)) * 10


def asked(*fields: tuple[str, str], method: str = "GET", data: bytes = DATA, **more: object) -> SiteAnswer:
    request = SiteRequest(method, "/", fields, b"", "http", "a.test", "1.1", "", 0.0)
    more = {"modified": MODIFIED, **more}
    return content(request, "text/plain", data, ("Cache-Control", "max-age=5"), **more)  # type: ignore[arg-type]


def field(answer: SiteAnswer, name: str) -> str | None:
    return http1.get(answer.fields, name)


TAG = field(asked(), "ETag") or ""


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ((("If-None-Match", TAG),), 304),
        ((("If-None-Match", f"W/{TAG}"),), 304),
        ((("If-None-Match", f'"other", {TAG}'),), 304),
        ((("If-None-Match", "*"),), 304),
        ((("If-None-Match", '"other"'),), 200),
        ((("If-Modified-Since", WHEN),), 304),
        ((("If-Modified-Since", "Mon, 13 Nov 2023 22:13:20 GMT"),), 200),
        ((("If-Modified-Since", "yesterday"),), 200),
        # If-None-Match counts, and the date beside it does not.
        ((("If-None-Match", '"other"'), ("If-Modified-Since", WHEN)), 200),
    ],
)
def test_a_condition_decides_between_304_and_200(fields: http1.Fields, status: int) -> None:
    answer = asked(*fields)
    assert answer.status == status
    assert answer.body == (DATA if status == 200 else b"")
    assert field(answer, "ETag") == TAG
    assert field(answer, "Cache-Control") == "max-age=5"
    assert (field(answer, "Content-Type") is None) == (status == 304)


@given(st.integers(0, 1100), st.one_of(st.none(), st.integers(0, 1100)))
def test_a_range_is_a_slice(first: int, last: int | None) -> None:
    answer = asked(("Range", f"bytes={first}-{'' if last is None else last}"))
    if last is not None and last < first:
        assert answer.status == 200
    elif first >= len(DATA):
        assert (answer.status, field(answer, "Content-Range")) == (416, f"bytes */{len(DATA)}")
    else:
        end = len(DATA) if last is None else min(last + 1, len(DATA))
        assert answer.status == 206
        assert answer.body == DATA[first:end]
        assert field(answer, "Content-Range") == f"bytes {first}-{end - 1}/{len(DATA)}"


@given(st.integers(0, 1100))
def test_a_suffix_is_the_end(size: int) -> None:
    answer = asked(("Range", f"bytes=-{size}"))
    assert (answer.status, answer.body) == ((206, DATA[-size:]) if size else (416, b""))


def test_several_ranges_come_as_parts_that_a_mail_reader_understands() -> None:
    answer = asked(("Range", "bytes=0-1, 10-19,-3"), data=b"".join(b"%04d" % n for n in range(100)))
    kind = field(answer, "Content-Type") or ""
    assert isinstance(answer.body, bytes)
    parts = email.message_from_bytes(
        f"Content-Type: {kind}\r\n\r\n".encode() + answer.body, policy=email.policy.HTTP
    )
    assert [part["Content-Range"] for part in parts.iter_parts()] == [  # type: ignore[attr-defined]
        "bytes 0-1/400",
        "bytes 10-19/400",
        "bytes 397-399/400",
    ]
    assert [part.get_payload() for part in parts.iter_parts()] == ["00", "0200030004", "099"]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "wanted", ["bytes=", "bytes=-", "bytes=a-b", "lines=1-2", "bytes=1-2,x", "bytes 1-2"]
)
def test_a_range_that_means_nothing_is_left_alone(wanted: str) -> None:
    assert asked(("Range", wanted)).status == 200


def test_a_range_is_given_only_of_the_same_representation() -> None:
    wanted = ("Range", "bytes=0-9")
    assert asked(wanted, ("If-Range", TAG)).status == 206
    assert asked(wanted, ("If-Range", WHEN)).status == 206
    assert asked(wanted, ("If-Range", f"W/{TAG}")).status == 200
    assert asked(wanted, ("If-Range", '"other"')).status == 200
    assert asked(wanted, method="HEAD").status == 200


@pytest.mark.parametrize(
    ("accepted", "compressed"),
    [("gzip", True), ("br, gzip;q=0.5", True), ("gzip;q=0", False), ("br", False), ("*", False), ("", False)],
)
def test_gzip_goes_to_those_who_accept_it_and_has_a_tag_of_its_own(accepted: str, compressed: bool) -> None:
    answer = asked(("Accept-Encoding", accepted), compressed=True)
    assert field(answer, "Vary") == "Accept-Encoding"
    assert isinstance(answer.body, bytes)
    if compressed:
        assert gzip.decompress(answer.body) == DATA
        assert field(answer, "ETag") != TAG
    else:
        assert answer.body == DATA
        assert field(answer, "ETag") == TAG


def test_a_method_that_changes_things_is_refused() -> None:
    answer = asked(method="POST")
    assert (answer.status, field(answer, "Allow")) == (405, "GET, HEAD")
