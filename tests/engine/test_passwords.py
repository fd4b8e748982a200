"""A command line is repeated on screens, in documents and in logs: without the passwords that stood in its URLs."""

from __future__ import annotations

import pytest

from labctl.play import without_password


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("redis://:secret@127.0.0.1:6379/0", "redis://:...@127.0.0.1:6379/0"),
        ("https://ana:s%40cret@shop.test/a", "https://ana:...@shop.test/a"),
        ("https://ana:a@b@shop.test/", "https://ana:...@shop.test/"),
        ("https://ana@shop.test/", "https://ana@shop.test/"),
        ("https://shop.test/?to=a:b@c", "https://shop.test/?to=a:b@c"),
        ("https://shop.test:8080/@ana:x", "https://shop.test:8080/@ana:x"),
        ("public, max-age=60", "public, max-age=60"),
    ],
)
def test_a_url_is_shown_without_its_password(typed: str, shown: str) -> None:
    assert without_password(typed) == shown
