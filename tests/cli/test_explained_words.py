"""`labctl explain` for the words of the web: what they mean, where that stands, and which command shows it."""

from __future__ import annotations

import re
import shlex
from typing import Any

import pytest

from labctl import catalog
from labctl.cli import web_words
from labctl.cli.lab_command import arguments_from
from labctl.protocols.apache_trap_words import APACHE_TRAPS
from labctl.protocols.nginx_trap_words import NGINX_TRAPS


@pytest.mark.parametrize(
    ("typed", "name", "source", "see"),
    [
        ("vary", "Vary: a header field", "RFC 9110 section 12.5.5", "labctl cache --show keys"),
        ("X-CACHE", "X-Cache: a header field", "a habit", "labctl cache --show words"),
        ("Cache-Control", "Cache-Control: a header field", "RFC 9111 section 5.2", "labctl cache"),
        ("etag", "ETag: a header field", "RFC 9110 section 8.8.3", "labctl cache --show browser"),
        ("Max-Age", "max-age: a directive of Cache-Control", "5.2.2.1", "labctl cache --header max-age=60"),
        ("no-cache", "no-cache: a directive", "RFC 9111 section 5.2.2.4", "labctl cache --header no-cache"),
        ("max-age=3600", "max-age: a directive", "5.2.2.1", "labctl cache --header max-age=60"),
        ("304", "304 Not Modified: a status", "RFC 9110 section 15.4.5", "labctl cache --show browser"),
        (
            "not found",
            "404 Not Found: a status",
            "section 15.5.5",
            "labctl http https://www.shop.test/nothing",
        ),
        ("patch", "PATCH: a method of HTTP", "RFC 5789 section 2", "labctl http -X PATCH"),
        ("UNKNOWN-CA", "unknown_ca: an alert of TLS", "RFC 8446", "labctl tls --bad unknown-issuer"),
        ("hit", "HIT: what a cache did", "CF-Cache-Status", "labctl cache --show words"),
        ("proxyfix", "ProxyFix: a wrapper of Werkzeug's", "Werkzeug docs", "labctl proxy"),
        ("x-for", "x_for: a count of ProxyFix", "Werkzeug docs", "labctl proxy --show grid"),
        (
            "before_request",
            "before_request: a hook of Flask",
            "Flask docs",
            "labctl flask --show short-circuit",
        ),
        ("wsgi", "WSGI: how Python servers call", "PEP 3333", "labctl wsgi"),
        ("application context", "application context: a state", "Flask docs", "labctl flask --show contexts"),
        ("timeout", "--timeout: a setting of gunicorn", "gunicorn docs", "labctl workers --show timeout"),
        (
            "host-lost",
            "host-lost: a trap in the configuration of nginx",
            "instead",
            "labctl proxy --config FILE",
        ),
        ("nginx-host-lost", "host-lost: a trap", "instead", "labctl proxy --config FILE --with nginx"),
        ("catch-all", "catch-all: a trap in the configuration of Apache, wrong", "instead", "labctl proxy"),
    ],
)
def test_a_word_of_the_web_is_explained_in_any_case_of_letters(
    labctl: Any, typed: str, name: str, source: str, see: str
) -> None:
    done = labctl("explain", typed)
    assert (done.returncode, done.stderr) == (0, "")
    shown = " ".join(done.stdout.split())
    for text in (name, source, f"see it {see}"):
        assert text in shown


def test_a_word_with_two_meanings_shows_both(labctl: Any) -> None:
    shown = labctl("explain", "expires").stdout + labctl("explain", "upgrade").stdout
    assert "Expires: a header field" in shown
    assert [meaning.kind for meaning in web_words.meanings("warning")] == ["a header field"]
    both = {name for name in set(web_words.names()) if len(web_words.meanings(name)) > 1}
    for name in both:
        page = labctl("explain", name).stdout
        assert all(f"{m.name}: {m.kind}" in page for m in web_words.meanings(name)), name


def test_a_field_with_its_value_is_explained_with_that_value(labctl: Any) -> None:
    shown = labctl("explain", "cache-control: no-store").stdout
    assert "Cache-Control: no-store" in shown
    assert "No cache may keep it." in shown


def test_a_word_that_is_nearly_one_of_the_web_is_suggested(labctl: Any) -> None:
    done = labctl("explain", "Must-Revalidat")
    assert done.returncode == 2
    assert "did you mean labctl explain must-revalidate" in done.stderr


def test_a_trap_has_one_name_which_no_trap_of_the_other_server_has() -> None:
    ids = [trap.id for trap in (*NGINX_TRAPS, *APACHE_TRAPS)]
    assert len(ids) == len(set(ids))


def test_every_word_has_a_sentence_and_a_command_that_parses() -> None:
    seen = set()
    for name in web_words.names():
        found = web_words.meanings(name)
        assert found, name
        for meaning in found:
            assert re.fullmatch(r"[A-Z0-9a-z%].*[.?]", meaning.sentence), meaning
            seen.add(meaning.see)
    for command in seen:
        program, lab, *words = shlex.split(command)
        assert program == "labctl"
        loaded = catalog.load(lab)
        loaded.place(arguments_from(loaded, tuple(words)))


@pytest.mark.parametrize("typed", ["", ":", "=", "999", "0304", "٣٠٤", "a: b", "not", "304 Found", "\x00"])
def test_what_is_no_word_of_the_web_has_no_meaning(typed: str) -> None:
    assert web_words.meanings(typed) == []
