"""`labctl proxy --config`: who takes a path, what the app gets, which traps are set, and files that are none."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labctl.cli import run as command_line
from labctl.errors import LabctlError, Malformed, UsageError
from labctl.events import Event
from labctl.protocols.nginx_trap_words import NGINX_TRAPS
from labs.proxy.config import explained
from labs.proxy.config_asking import read_paths
from labs.proxy.config_file import MOST_BYTES, read_source

NGINX = """\
server {
    listen 443 ssl;
    server_name shop.test;
    root /srv/shop;
    location / { proxy_pass http://127.0.0.1:8000; }
    location /static/ { alias /srv/shop/static/; }
    location ~ \\.css$ { expires 1d; }
}
"""
APACHE = """\
<VirtualHost *:80>
    ServerName shop.test
    DocumentRoot /srv/shop
    Alias /static /srv/shop/static
    ProxyPass / http://127.0.0.1:8000/
    ProxyPassReverse / http://127.0.0.1:8000/
</VirtualHost>
"""


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABCTL_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)


def write(name: str, text: str | bytes) -> str:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_bytes(text.encode() if isinstance(text, str) else text)
    return name


def told(config: str, *paths: str, **more: Any) -> list[Event]:
    return list(explained(config, paths=paths, **more))


def answers(events: list[Event]) -> list[dict[str, Any]]:
    return [dict(e.data) for e in events if getattr(e, "role", "") == "result" and e.data]  # type: ignore[union-attr]


def traps(events: list[Event]) -> set[str]:
    return {str(row.data["trap"]) for e in events if getattr(e, "id", "") == "traps" for row in e.rows}  # type: ignore[union-attr]


def test_the_rule_that_takes_a_path_is_named_with_its_line_and_the_reasons() -> None:
    (said,) = answers(told(write("shop.conf", NGINX), "/static/app.css"))
    assert (said["kind"], said["to"]) == ("file", "/srv/shop/static/app.css") or said[
        "rule"
    ] == "location ~ \\.css$"
    assert said["where"] == "line 7"
    assert any("goes before a prefix" in reason for reason in said["reasons"])


def test_a_path_that_leaves_the_folder_is_told_to_do_so() -> None:
    config = write("a.conf", "server { listen 80; location /static { alias /srv/shop/static/; } }")
    (said,) = answers(told(config, "/static../settings.py"))
    assert said["to"] == "/srv/shop/settings.py"
    assert any("outside of /srv/shop/static/" in reason for reason in said["reasons"])


def test_https_and_the_name_of_the_file_are_taken_when_nothing_is_said_about_them() -> None:
    (said,) = answers(told(write("shop.conf", NGINX), "/x"))
    assert (said["scheme"], said["host"], said["to"]) == ("https", "shop.test", "http://127.0.0.1:8000/x")


def test_a_catch_all_of_apache_swallows_static_files_and_that_is_a_trap() -> None:
    events = told(write("shop.conf", APACHE), "/static/app.css")
    (said,) = answers(events)
    assert said["to"] == "http://127.0.0.1:8000/static/app.css"
    assert any("mod_alias is asked after mod_proxy" in reason for reason in said["reasons"])
    assert "catch-all" in traps(events)


def test_the_table_of_fields_says_whose_word_each_is() -> None:
    events = told(write("shop.conf", APACHE), "/")
    (fields,) = [e for e in events if getattr(e, "id", "").startswith("fields")]
    words = {row.cells[0]: row.cells[3] for row in fields.rows}  # type: ignore[union-attr]
    assert words["Host"] == "the proxy's"
    assert words["X-Forwarded-For"] == "both, appended"
    assert words["X-Forwarded-Proto"] == "the visitor's"


def test_a_whole_url_says_scheme_host_and_port() -> None:
    config = write(
        "shop.conf", "server { listen 8080; server_name a.test; return 301 https://$host$request_uri; }"
    )
    (said,) = answers(told(config, "http://a.test:8080/x?y=1"))
    assert (said["kind"], said["to"], said["status"]) == ("redirect", "https://a.test/x?y=1", 301)


def test_files_that_exist_here_decide_try_files_and_others_are_doubts(tmp_path: Path) -> None:
    (tmp_path / "www").mkdir()
    (tmp_path / "www" / "there.html").write_text("x", encoding="utf-8")
    text = (
        "server {{ listen 80; root {}; location / {{ try_files $uri @app; }} "
        "location @app {{ proxy_pass http://127.0.0.1:8000; }} }}"
    )
    here = write("here.conf", text.format(tmp_path / "www"))
    there, gone = answers(told(here, "/there.html", "/gone.html"))
    assert (there["kind"], gone["kind"]) == ("file", "proxy")
    assert not there["doubts"]
    (elsewhere,) = answers(told(write("else.conf", text.format("/srv/not/here")), "/x"))
    assert "not known here" in elsewhere["doubts"][0]  # type: ignore[index]


def test_includes_are_read_relative_to_the_main_file_and_keep_their_lines() -> None:
    write("conf.d/b.conf", "server {\n listen 80;\n location /b { return 200 b; }\n}")
    write("conf.d/a.conf", "server {\n listen 80 default_server;\n include snippets/x.conf;\n}")
    write("snippets/x.conf", "# one\nlocation /a { return 200 a; }")
    main = write(
        "nginx.conf", "events {}\nhttp { include conf.d/*.conf; include none/*.conf; include gone.conf; }"
    )
    events = told(main, "/a", "http://nobody.test/a")
    assert [each["where"] for each in answers(events)] == [f"line 2 of snippets{os.sep}x.conf"] * 2
    missing = [e.text for e in events if getattr(e, "role", "") == "warning"]
    assert missing == [
        "gone.conf, which line 2 includes, is not here: what it says is not known, "
        "and nginx does not start without it."
    ]


def test_an_optional_include_of_apache_may_be_missing() -> None:
    config = write("a.conf", f"IncludeOptional gone.conf\n{APACHE}")
    assert not [e for e in told(config) if getattr(e, "role", "") == "warning"]


def test_a_file_that_includes_itself_is_told() -> None:
    with pytest.raises(Malformed, match="include one another"):
        told(write("a.conf", "server { listen 80; include a.conf; }"))


def test_a_part_of_a_configuration_is_read_as_what_it_is_part_of() -> None:
    events = told(write("part.conf", "location /x { proxy_pass http://127.0.0.1:8000; }"), "/x")
    assert answers(events)[0]["kind"] == "proxy"
    assert any("as if it stood in a server block" in e.text for e in events)


def test_what_is_not_read_is_listed_with_its_line_and_a_near_name() -> None:
    config = write(
        "a.conf",
        "server {\n listen 80;\n set_of_mine a;\n strange_one a;\n auth_basic x;\n access_log off;\n}",
    )
    (unread,) = [e for e in told(config) if getattr(e, "id", "") == "unread"]
    assert [row.cells for row in unread.rows] == [  # type: ignore[union-attr]
        ("set_of_mine", "line 3", "of a module that is not nginx's own"),
        ("strange_one", "line 4", "unknown here"),
        ("auth_basic", "line 5", "asks for a password first"),
    ]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("n.conf", "server { listen 80; strange_one a; return 204; }"),
        ("a.conf", "<VirtualHost *:80>\nServerName a\nStrangeOne a\n</VirtualHost>"),
    ],
)
def test_a_directive_that_nobody_knows_ends_in_no_green_tick(name: str, text: str) -> None:
    events = told(write(name, text))
    (end,) = [e for e in events if getattr(e, "role", "") == "result"]
    assert end.hue == "warn"  # type: ignore[union-attr]
    assert "may set one" in end.text
    assert any("of no module that is known here" in e.text for e in events)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("n.conf", "server {\n listen 80;\n proxy_set_headers Host a;\n}", "was proxy_set_header meant?"),
        (
            "n.conf",
            "server {\n listen 80;\n location / {\n proxy_pass http://a\n proxy_set_header Host a;\n}\n}",
            "line 4: 'proxy_pass' has no ;",
        ),
        ("n.conf", "server {\n listen 80\n gzip_static on;\n}", "line 2: 'listen' has no ;"),
        ("n.conf", "server {\n listen 80;\n root /a /b;\n}", "root takes 1 argument, and 2 stand here"),
        (
            "a.conf",
            "<VirtualHost *:80>\nServerName a\nProxyPas / http://a/\n</VirtualHost>",
            "Apache knows no directive ProxyPas; was ProxyPass meant?",
        ),
        ("a.conf", "<VirtualHost *:80>\nServerName a b\n</VirtualHost>", "ServerName takes 1 argument"),
    ],
)
def test_what_the_server_would_refuse_ends_with_5_and_the_line(name: str, text: str, words: str) -> None:
    with pytest.raises(Malformed) as caught:
        told(write(name, text))
    assert (caught.value.exit_code, words in caught.value.headline) == (5, True), caught.value.headline


# Debian's proxy_params, and an alias that leaves its folder.
DEBIAN = """\
server {
    listen 80;
    location /static { alias /srv/shop/static/; }
    location / {
        proxy_set_header Host $host;
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        proxy_set_header X-Forwarded-Proto $scheme;
        proxy_pass http://127.0.0.1:8000;
    }
}
"""


@pytest.mark.parametrize("paths", [(), ("/x",)])
def test_the_line_for_the_app_has_the_fields_that_this_proxy_sets(paths: tuple[str, ...]) -> None:
    texts = [e.text for e in told(write("d.conf", DEBIAN), *paths)]
    assert "ProxyFix: app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1)." in texts
    assert any(text.startswith("left out: x_host and x_prefix: ") for text in texts)


def test_of_an_asked_path_its_own_traps_are_told_and_the_others_are_counted() -> None:
    config = write("d.conf", DEBIAN)
    assert traps(told(config)) == {"alias-escapes", "body-limit", "x-host-open"}
    assert traps(told(config, "/x")) == {"body-limit", "x-host-open"}
    events = told(config, "/static/a.css")
    assert traps(events) == {"alias-escapes", "body-limit"}
    assert any(e.text == "instead: location /static/ { alias /srv/shop/static/; }." for e in events)
    assert any(e.text == "The file sets 1 more trap, not on the way." for e in events)


def test_a_file_that_nobody_was_meant_to_read_gets_no_green_tick() -> None:
    events = told(write("d.conf", DEBIAN), "/static../secret", "/static/a.css")
    marks = [e.hue for e in events if getattr(e, "role", "") == "result"]  # type: ignore[union-attr]
    assert marks == ["bad", "ok"]


@pytest.mark.parametrize(
    ("text", "words", "code"),
    [
        (DEBIAN, ["--fail-on", "danger"], 1),
        (DEBIAN.replace("/static {", "/static/ {"), ["--fail-on", "danger"], 0),
        (DEBIAN.replace("/static {", "/static/ {"), ["--fail-on", "warning"], 0),
        (
            DEBIAN.replace("static/;", "static;").replace("/static {", "/static/ {"),
            ["--fail-on", "danger"],
            0,
        ),
        (
            DEBIAN.replace("static/;", "static;").replace("/static {", "/static/ {"),
            ["--fail-on", "warning"],
            1,
        ),
        (DEBIAN.replace("listen 80;", "listen 80; strange_one;", 1), ["--fail-on", "warning"], 1),
        (DEBIAN, [], 0),
        (APACHE, ["--fail-on", "danger", "--path", "/"], 1),
    ],
    ids=["danger", "none", "none-warning", "wrong", "wrong-warning", "unknown", "without", "apache"],
)
def test_a_build_can_fail_of_traps(text: str, words: list[str], code: int) -> None:
    assert command_line(["proxy", "--config", write("d.conf", text), *words, "--format", "plain"]) == code


def test_each_trap_of_the_weight_is_a_case_of_junit() -> None:
    write("d.conf", DEBIAN)
    command_line(
        ["proxy", "--config", "d.conf", "--fail-on", "danger", "--junit", "j.xml", "--format", "plain"]
    )
    cases = ElementTree.parse("j.xml").getroot().findall(".//testcase")
    dangerous = {f"proxy.trap.{trap.id}" for trap in NGINX_TRAPS if trap.weight == "danger"}
    assert {case.get("name") for case in cases} == dangerous
    assert [case.get("name") for case in cases if case.find("failure") is not None] == [
        "proxy.trap.alias-escapes"
    ]


def test_fail_on_without_a_file_is_refused() -> None:
    with pytest.raises(UsageError, match="--fail-on danger"):
        command_line(["proxy", "--fail-on", "danger"])


def test_a_path_that_is_none_is_mended_with_the_names_that_were_typed() -> None:
    config = write("d.conf", DEBIAN)
    for typed, meant in (("static/..", "/static/.."), ("a b", "/a%20b")):
        with pytest.raises(UsageError) as caught:
            explained(config, paths=[typed])
        assert caught.value.fixes == (f"labctl proxy --config d.conf --path {meant}",)


def test_a_name_of_a_file_that_is_long_stands_in_the_title_alone() -> None:
    name = "a-rather-long-name-of-a-site.conf"
    assert told(write(name, NGINX))[0].title == name  # type: ignore[union-attr]
    assert told(write("s.conf", NGINX))[0].title == "s.conf: who takes which path?"  # type: ignore[union-attr]


def test_text_of_a_file_is_never_markup(capsys: pytest.CaptureFixture[str]) -> None:
    config = write("a.conf", "server { listen 80; location /[red]x[/red] { return 200 '[bold]'; } }")
    command_line(
        ["proxy", "--config", config, "--path", "/[red]x[/red]", "--format", "rich", "--width", "100"]
    )
    assert "[red]x[/red]" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "content", "code", "words"),
    [
        ("a.png", b"\x89PNG\r\n\x1a\n", 5, "a PNG picture"),
        ("a.json", '{"server": {"listen": 80}}', 5, "looks like JSON"),
        ("a.py", "import os\n\ndef f():\n    return 1;\n", 5, "looks like Python"),
        ("a.js", "function f() { return 1; }", 2, "looks like no configuration"),
        ("a.html", "<!DOCTYPE html><title>x</title>", 5, "a web page"),
        ("a.pem", "-----BEGIN CERTIFICATE-----\n", 5, "a certificate"),
        ("empty.conf", "", 5, "is empty"),
        ("blank.conf", " \n\t\n", 5, "is empty"),
        ("comments.conf", "# server {\n", 5, "comments and nothing else"),
        ("zeros.conf", b"server {\0}", 5, "NUL bytes"),
        ("odd.conf", "foo bar\n", 2, "looks like no configuration"),
        ("open.conf", "server {\n  location / {\n", 5, "line 2"),
        ("close.conf", "server { listen 80; }\n}\n", 5, "line 2"),
        ("section.conf", "<VirtualHost *:80>\nServerName a\n", 5, "line 1"),
        ("pattern.conf", "server {\n listen 80;\n location ~ ( { }\n}", 5, "line 3"),
        (".htaccess", "RewriteEngine On\n", 2, "inside one folder"),
    ],
)
def test_files_that_are_none_get_one_clear_sentence(
    name: str, content: str | bytes, code: int, words: str
) -> None:
    write(name, content)
    with pytest.raises(LabctlError) as caught:
        command_line(["proxy", "--config", name])
    assert caught.value.exit_code == code
    assert words in caught.value.headline


def test_a_huge_file_is_not_read_whole() -> None:
    with Path("big.conf").open("wb") as file:
        file.truncate(50_000_000)
        file.write(b"server {")
    with pytest.raises(Malformed, match="larger than"):
        read_source("big.conf", None)
    assert MOST_BYTES < 50_000_000


def test_folders_devices_and_missing_files_are_usage_errors() -> None:
    Path("folder").mkdir()
    write("folder/nginx.conf", NGINX)
    with pytest.raises(UsageError, match="is a folder") as caught:
        explained("folder")
    assert caught.value.fixes == (f"labctl proxy --config {Path('folder', 'nginx.conf')}",)
    with pytest.raises(UsageError, match="no ordinary file"):
        explained(os.devnull)
    with pytest.raises(UsageError, match="cannot be read"):
        explained("none.conf")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_named_pipe_is_refused_and_not_waited_for() -> None:
    os.mkfifo("pipe.conf")
    with pytest.raises(UsageError, match="no ordinary file"):
        explained("pipe.conf")


@pytest.mark.parametrize("path", ["x", "a b", "", "ftp://a/", "/a\nb"])
def test_paths_that_cannot_be_meant_are_refused(path: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_paths([path])
    assert caught.value.code == "path-invalid"


def test_the_other_server_can_be_named() -> None:
    config = write("odd.conf", "foo bar;\nlocation /x { return 200; }")
    assert answers(told(config, "/x", server="nginx"))[0]["kind"] == "status"
    with pytest.raises(LabctlError):
        told(write("n.conf", NGINX), "/x", server="apache")


@pytest.mark.parametrize("config", [NGINX, APACHE])
@pytest.mark.parametrize("paths", [(), ("/static/app.css", "/", "/api?x=1")])
def test_json_has_everything_as_data_and_the_run_judges_nothing(
    config: str, paths: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    words = [word for path in paths for word in ("--path", path)]
    assert command_line(["proxy", "--config", write("a.conf", config), *words, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    found = [e["data"] for e in document["events"] if e.get("role") == "result" and e.get("data")]
    assert [each["path"] for each in found] == list(paths)
    assert all(each["reasons"] for each in found)


@pytest.mark.parametrize("config", [NGINX, APACHE])
@pytest.mark.parametrize("width", [80, 120])
def test_no_line_is_wider_than_the_screen(
    config: str, width: int, capsys: pytest.CaptureFixture[str]
) -> None:
    write("a.conf", config)
    for words in ((), ("--path", "/static/app.css")):
        command_line(
            [
                "proxy",
                "--config",
                "a.conf",
                *words,
                "--format",
                "rich",
                "--width",
                str(width),
                "--color",
                "never",
            ]
        )
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= width
    assert "\x1b" not in out


def test_every_sentence_is_whole_and_every_number_of_the_data_is_said() -> None:
    for config in (NGINX, APACHE):
        for event in told(write("a.conf", config), "/static/app.css", "/"):
            rows = getattr(event, "rows", ())
            for each in (event, *rows):
                if getattr(each, "role", "") != "command":
                    assert each.text.rstrip().endswith((".", "?", "!")), each.text
                for value in getattr(each, "data", {}).values():
                    if isinstance(value, int) and not isinstance(value, bool):
                        assert re.search(rf"\b{value}\b", each.text), each.text


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300))
def test_any_bytes_end_in_an_answer_or_one_clear_error(raw: bytes) -> None:
    for server in (None, "nginx", "apache"):
        code = 0
        try:
            told(write("any.conf", raw), "/", server=server)
        except LabctlError as error:
            code = error.exit_code
        assert code in (0, 2, 5)
