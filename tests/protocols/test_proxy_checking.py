"""What the servers refuse is refused here, and what they take is taken: each line is given to the real one too."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from needed import need
from protocols.apache_cases import CASES as APACHE_CASES
from protocols.nginx_cases import CASES as NGINX_CASES

from labctl.protocols import apache_checking, nginx_checking
from labctl.protocols.apache_grammar import parse as parse_apache
from labctl.protocols.nginx_grammar import parse as parse_nginx
from labctl.protocols.proxy_answers import ConfigError
from labctl.protocols.proxy_arguments import Form, meant

# In a location of nginx; whether it is refused.
NGINX = {
    "proxy_pass;": True,
    "proxy_pass http://127.0.0.1:1 x;": True,
    "proxy_set_header Host;": True,
    "proxy_set_header Host a;": False,
    "proxy_set_headers Host a;": True,
    "proxy_set_header Host a b;": True,
    "proxy_buffering maybe;": True,
    "proxy_buffering OFF;": False,
    "root /a /b;": True,
    "try_files $uri;": True,
    "try_files $uri =404;": False,
    "expires 1d;": False,
    "expires;": True,
    "return;": True,
    "alias /a { }": True,
    "limit_except GET;": True,
    "add_header A b always;": False,
    "proxy_http_version;": True,
    "prxoy_pass http://127.0.0.1:1;": True,
    "proxy_pass http://127.0.0.1:1\n proxy_redirect off;": True,
    "error_page 404;": True,
    "client_max_body_size 1m 2m;": True,
}
# In a VirtualHost of Apache.
APACHE = {
    "ServerName a b": True,
    "ServerName a": False,
    "DocumentRoot": True,
    "ServerAlias a b c": False,
    "KeepAlive maybe": True,
    "KeepAlive on": False,
    "ServerNam a": True,
    "ErrorDocument 404": True,
    "ErrorDocument 404 /x": False,
    "UseCanonicalName": True,
    "Timeout 3 4": True,
    "LogLevel warn core:error": False,
    "ServerAdmin a@b c": True,
    "Require all": True,
}
# Of these it is known that they are wrong, and here they are let through: their lines are read by the directive itself.
LET_THROUGH = {"Require all"}


def _refused(server: str, text: str) -> bool:
    try:
        if server == "nginx":
            nginx_checking.refuse(parse_nginx(text))
        else:
            apache_checking.refuse(parse_apache(text))
    except ConfigError:
        return True
    return False


def test_what_nginx_refuses_is_refused_and_what_it_takes_is_taken(tmp_path: Path) -> None:
    need("nginx")
    program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    assert program
    file = tmp_path / "n.conf"
    for line, refused in NGINX.items():
        text = f"server {{ listen 8080; location / {{ {line} }} }}"
        file.write_text(f"events {{ }}\nhttp {{ {text} }}", encoding="utf-8")
        done = subprocess.run(
            [program, "-t", "-p", tmp_path, "-e", "stderr", "-c", file], capture_output=True, text=True
        )
        said = "[emerg]" in done.stderr and f"{file}:" in done.stderr
        assert (said, _refused("nginx", text)) == (refused, refused), (line, done.stderr)


def test_what_apache_refuses_is_refused_and_what_it_takes_is_taken(tmp_path: Path) -> None:
    need("apache2")
    program = shutil.which("apache2", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    assert program
    modules = next((each for each in ("/usr/lib/apache2/modules",) if Path(each).is_dir()), None)
    if modules is None:
        pytest.skip("no modules of Apache where Debian has them")
    loaded = "".join(
        f"LoadModule {each}_module {modules}/mod_{each}.so\n" for each in ("mpm_event", "authz_core")
    )
    file = tmp_path / "a.conf"
    for line, refused in APACHE.items():
        text = f"<VirtualHost *:8080>\n{line}\n</VirtualHost>\n"
        head = f"ServerRoot {tmp_path}\nServerName a\nPidFile {tmp_path}/pid\nDefaultRuntimeDir {tmp_path}\n"
        head += f"ErrorLog {tmp_path}/log\n"
        file.write_text(head + loaded + text, encoding="utf-8")
        done = subprocess.run([program, "-t", "-f", file], capture_output=True, text=True)
        assert ("Syntax OK" not in done.stderr) == refused, (line, done.stderr)
        assert _refused("apache", text) == (refused and line not in LET_THROUGH), line


def test_no_configuration_that_the_real_servers_ran_is_refused() -> None:
    assert [each.name for each in NGINX_CASES if _refused("nginx", each.text)] == []
    assert [each.name for each in APACHE_CASES if _refused("apache", each.text)] == []


@pytest.mark.parametrize(
    "line",
    [
        "more_set_headers 'X: y';",
        "vhost_traffic_status_display;",
        "something_of_mine a b c { d e; }",
        "types { text/css css; proxy_pas x; }",
        "content_by_lua_block { if a then b() end }",
        "gzip ${GZIP};",
        "listen 80 default_server reuseport so_keepalive=on;",
        "keepalive 8 local;",
        "limit_req_zone $a zone=b:1m rate=1r/s sync;",
    ],
)
def test_lines_of_other_modules_templates_and_newer_versions_are_let_through(line: str) -> None:
    assert not _refused("nginx", line)


def test_a_forgotten_semicolon_before_any_directive_is_seen() -> None:
    assert _refused("nginx", "server { listen 80\n ssl_protocols TLSv1.2; }")
    assert _refused("nginx", "server { listen 80 server_name a; }")


@pytest.mark.parametrize("line", ["PassengerAppRoot /a", "MyOwn a b c", "ServerName {{ server name }}"])
def test_lines_of_apache_that_nobody_knows_are_let_through(line: str) -> None:
    assert not _refused("apache", line)


def test_a_name_is_meant_when_one_letter_differs() -> None:
    known = ("proxy_pass", "root", "proxypass")
    for typed in ("proxy_pas", "proxy_passs", "prxoy_pass", "proxy_pasd"):
        assert meant(typed, known) == "proxy_pass"
    assert meant("roots", known) == "root"
    # "rood" is too short to say; the others differ by more, or not at all.
    for typed in ("rood", "proxy", "proxy_pa", "proxy_pass_x"):
        assert meant(typed, known) == ""


def test_the_sentence_says_how_many_arguments_there_may_be() -> None:
    assert Form("12").wrong("a", ()) == "a takes 1 or 2 arguments, and none stands here"
    assert Form("2+").wrong("a", ("x",)) == "a takes at least 2 arguments, and 1 stands here"
    assert Form("1").wrong("a", ("x", "y")) == "a takes 1 argument, and 2 stand here"
    assert Form("0").wrong("a", ("x",)) == "a takes no arguments, and 1 stands here"
    assert Form("flag").wrong("a", ("x",)) == "a is on or off, and not 'x'"
    assert Form("13").wrong("a", ("x", "y"))
    assert not Form("2+").wrong("a", ("x", "y", "z"))
