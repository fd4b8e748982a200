"""The grammar of Apache's configuration: lines, sections, names that are defined, and texts that are none."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from needed import need

from labctl.protocols.apache_answering import answer
from labctl.protocols.apache_grammar import Reading, parse
from labctl.protocols.apache_scopes import Configuration, matched
from labctl.protocols.apache_traps import apache_traps
from labctl.protocols.proxy_answers import ConfigError, Place, Request
from labctl.serving.apache import _load_modules


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ProxyPass /a http://b/", ["ProxyPass", "/a", "http://b/"]),
        ("Header set A \"b c\" 'd e'", ["Header", "set", "A", "b c", "d e"]),
        ('Header set A "b \\"c\\" \\d"', ["Header", "set", "A", 'b "c" \\d']),
        ("Alias /a \\\n  /b", ["Alias", "/a", "/b"]),
        ("Alias /a /b # c", ["Alias", "/a", "/b", "#", "c"]),
    ],
)
def test_words_end_where_apache_ends_them(text: str, words: list[str]) -> None:
    (each,) = parse(text)
    assert [each.name, *each.arguments] == words


def test_each_line_knows_where_it_stands() -> None:
    # A backslash goes on with a comment too.
    found = parse("A\n# B \\\n B\nC \\\n d\n<If x>\n E\n</If>\nF")
    assert [(each.name, each.place.line) for each in found] == [("A", 1), ("C", 4), ("If", 6), ("F", 9)]


def test_defined_names_are_replaced_and_others_are_told() -> None:
    reading = Reading()
    found = parse("Define a 1\nB ${a} ${c}", reading)
    assert found[1].arguments == ("1", "${c}")
    assert reading.undefined == [("c", Place(2))]


@pytest.mark.parametrize(
    ("section", "holds"),
    [
        ("IfModule mod_proxy.c", True),
        ("IfModule proxy_module", True),
        ("IfModule !mod_proxy.c", False),
        ("IfModule mod_other.c", False),
        ("IfDefine a", True),
        ("IfDefine !a", False),
        ("IfVersion >= 2.4", True),
        ("IfVersion < 2.4", False),
        ("IfVersion !< 2.4", True),
    ],
)
def test_sections_that_ask_are_entered_or_left_out(section: str, holds: bool) -> None:
    text = f"LoadModule proxy_module x\nDefine a\n<{section}>\nB\n</{section.split()[0]}>"
    reading = Reading()
    assert ("B" in [each.name for each in parse(text, reading)]) == holds
    assert bool(reading.skipped) != holds


BROKEN = {
    "a section without an end": ("<VirtualHost *:80>\nServerName a\n", 1),
    "an end without a section": ("ServerName a\n</VirtualHost>\n", 2),
    "another end": ("<VirtualHost *:80>\n</Location>\n", 2),
    "no bracket": ("<VirtualHost *:80\nServerName a\n</VirtualHost>\n", 1),
    "no name": ("ServerName a\n{ x\n", 2),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_texts_are_refused_with_their_line(name: str) -> None:
    text, line = BROKEN[name]
    with pytest.raises(ConfigError) as caught:
        parse(text)
    assert caught.value.place == Place(line)


@pytest.mark.parametrize("name", BROKEN)
def test_what_we_refuse_is_refused_by_apache_too(name: str, tmp_path: Path) -> None:
    apache = need("apache2")
    path = tmp_path / "httpd.conf"
    path.write_text(_load_modules() + BROKEN[name][0], encoding="utf-8")
    told = subprocess.run([apache, "-t", "-f", str(path)], capture_output=True, text=True, check=False)
    assert told.returncode != 0
    assert re.search(r"on line \d+|was not closed|missing closing", told.stderr)


def test_paths_end_on_the_boundary_of_a_segment() -> None:
    assert [matched("/api", path) for path in ("/api", "/api/x", "/apifoo", "//api/x", "/ap")] == [
        4,
        4,
        0,
        5,
        0,
    ]
    assert [matched("/api/", path) for path in ("/api", "/api/x")] == [0, 5]
    assert matched("/", "/x") == 1


@given(st.text(alphabet="ab <>/\"'\\#\n${}", max_size=200))
def test_any_text_is_a_configuration_or_a_config_error(text: str) -> None:
    place = Place(1)
    try:
        parse(text)
    except ConfigError as error:
        place = error.place
    assert 1 <= place.line <= text.count("\n") + 1


_LINES = st.sampled_from(
    (
        *(
            "<VirtualHost *:80>",
            "</VirtualHost>",
            "<Location /a>",
            "<LocationMatch (a>",
            "</Location>",
            "ProxyPass",
        ),
        *(
            "ProxyPass / http://b",
            "ProxyPass !",
            "ProxyPassMatch ^/(a) http://b/$2",
            "Alias /a",
            "Alias / /x",
            "Redirect",
        ),
        *(
            "RewriteEngine on",
            "RewriteRule ^ -",
            "RewriteRule (",
            "RewriteCond %{X} !",
            "RewriteRule ^/(a)? /b/$1$2 [R=x]",
        ),
        *(
            "RequestHeader",
            "RequestHeader set A",
            "SetEnvIf",
            "SetEnvIf Request_URI ^/a b=$1",
            "ServerName",
            "Require",
        ),
        *(
            "Redirect gone",
            "RedirectMatch ^/a /b$1",
            "ServerAlias *",
            "DocumentRoot",
            "Redirect 999 / /",
            "</LocationMatch>",
        ),
    )
)


@given(st.lists(_LINES, max_size=12).map("\n".join), st.text(alphabet="/a.%2e?#é", max_size=12))
def test_any_lines_have_an_answer_or_a_config_error(text: str, path: str) -> None:
    try:
        configuration = Configuration(parse(text))
        answer(configuration, Request(f"/{path}", "a"), lambda _: None)
        apache_traps(configuration)
    except ConfigError:
        pass
