"""The grammar of nginx's configuration: words, blocks, lines, and texts that are none."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from needed import need

from labctl.protocols.nginx_answering import answer
from labctl.protocols.nginx_grammar import Directive, parse
from labctl.protocols.nginx_scopes import Configuration
from labctl.protocols.nginx_traps import nginx_traps
from labctl.protocols.proxy_answers import ConfigError, Place, Request


def _words(text: str) -> list[str]:
    (directive,) = parse(text)
    return [directive.name, *directive.arguments]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a b;", ["a", "b"]),
        ("a 'b c' \"d;e\";", ["a", "b c", "d;e"]),
        ("a b#c; # d\n", ["a", "b#c"]),
        ("a b'c'd;", ["a", "b'c'd"]),
        (r'a "\"" \" \\ \d;', ["a", '"', '"', "\\", r"\d"]),
        ("a ${b}c $d;", ["a", "${b}c", "$d"]),
        ("a\n  b\n  c\n;", ["a", "b", "c"]),
        ("a ^/x}y;", ["a", "^/x}y"]),
    ],
)
def test_words_end_where_nginx_ends_them(text: str, words: list[str]) -> None:
    assert _words(text) == words


def test_each_directive_knows_its_line() -> None:
    found = parse("a;\n\n# b\nc {\n  d\n   e;\n}\nf;")
    assert [(each.name, each.place.line) for each in found] == [("a", 1), ("c", 4), ("f", 8)]
    assert found[1].block == (Directive("d", ("e",), Place(5)),)


def test_code_in_lua_is_skipped_with_its_braces() -> None:
    found = parse("location / {\n content_by_lua_block {\n if x then y = {1} end\n }\n root /x;\n}")
    assert [each.name for each in found[0].block or ()] == ["content_by_lua_block", "root"]
    assert (found[0].block or ())[1].place.line == 5


# Each is refused by nginx too, at the same line or the one where it noticed.
BROKEN = {
    "a block without an end": ("events {}\nhttp {\n server {\n", 3),
    "a brace too many": ("events {}\nhttp {\n}\n}\n", 4),
    "no semicolon before a brace": ("events {}\nhttp {\n server {\n  listen 80\n }\n}\n", 4),
    "no semicolon at the end": ("events {}\nhttp {}\npid x", 3),
    "a quote without an end": ("events {}\nhttp {\n server_tokens 'off;\n}\n", 3),
    "something behind a quote": ("events {}\nhttp {\n server_tokens 'of'f;\n}\n", 3),
    "a semicolon alone": ("events {}\n;\nhttp {}\n", 2),
    "a block without a name": ("events {}\n{\n}\n", 2),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_texts_are_refused_with_their_line(name: str) -> None:
    text, line = BROKEN[name]
    with pytest.raises(ConfigError) as caught:
        parse(text)
    assert caught.value.place == Place(line)
    assert not caught.value.sentence.endswith(".")


@pytest.mark.parametrize("name", BROKEN)
def test_what_we_refuse_is_refused_by_nginx_too(name: str, tmp_path: Path) -> None:
    nginx = need("nginx")
    path = tmp_path / "nginx.conf"
    path.write_text(BROKEN[name][0], encoding="utf-8")
    told = subprocess.run(
        [nginx, "-t", "-c", str(path), "-e", "stderr"], capture_output=True, text=True, check=False
    )
    assert told.returncode != 0
    found = re.search(r"nginx\.conf:(\d+)", told.stderr)
    # nginx names the line where it noticed, which is ours or a later one.
    assert found
    assert int(found[1]) >= BROKEN[name][1] - 1


@given(st.text(alphabet="ab {};'\"\\#\n$~^/=", max_size=200))
def test_any_text_is_a_configuration_or_a_config_error(text: str) -> None:
    place = Place(1)
    try:
        parse(text)
    except ConfigError as error:
        place = error.place
    assert 1 <= place.line <= text.count("\n") + 1


_TOKENS = st.sampled_from(
    (
        *(
            "server",
            "location",
            "listen 80;",
            "server_name a;",
            "proxy_pass http://$x/$1;",
            "return",
            "rewrite",
            "if",
        ),
        *(
            "{",
            "}",
            ";",
            "~",
            "(a",
            "^/(a)",
            "set $x;",
            "try_files",
            "@a",
            "alias /x/;",
            "upstream",
            "map",
            "$a",
        ),
        *("proxy_set_header Host", "error_page 404", "=", "index", "root", "listen x:y;", "/", "break;", "'"),
    )
)


@given(st.lists(_TOKENS, max_size=40).map(" ".join), st.text(alphabet="/a.%2e?#é", max_size=12))
def test_any_words_have_an_answer_or_a_config_error(text: str, path: str) -> None:
    try:
        configuration = Configuration(parse(text))
        answer(configuration, Request(f"/{path}", "a"), lambda _: None)
        nginx_traps(configuration)
    except ConfigError:
        pass
