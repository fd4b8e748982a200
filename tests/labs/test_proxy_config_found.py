"""`labctl proxy --config` on files as they are found: certbot's, Docker's, templates, parts, what is piped in."""

from __future__ import annotations

import io
import re
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from labctl.errors import Malformed, UsageError
from labctl.events import Event
from labs.proxy import config_includes
from labs.proxy.config import explained
from labs.proxy.config_asking import read_paths

# As certbot leaves a site of Debian, with its own files not beside it.
CERTBOT = """\
server {
    server_name shop.test;
    location /static/ { alias /srv/shop/static/; }
    location / { include proxy_params; proxy_pass http://unix:/run/app.sock; }
    client_max_body_size 20m;
    listen [::]:443 ssl ipv6only=on; # managed by Certbot
    listen 443 ssl; # managed by Certbot
    ssl_certificate /etc/letsencrypt/live/shop.test/fullchain.pem; # managed by Certbot
    include /etc/letsencrypt/options-ssl-nginx.conf; # managed by Certbot
}
server {
    if ($host = shop.test) { return 301 https://$host$request_uri; } # managed by Certbot
    listen 80;
    listen [::]:80;
    server_name shop.test;
    return 404; # managed by Certbot
}
"""
WORDPRESS = """\
server {
    listen 80 default_server;
    root /srv/wordpress;
    index index.php;
    location / { try_files $uri $uri/ /index.php?$args; }
    location ~ \\.php$ {
        try_files $uri =404;
        include fastcgi_params;
        fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name;
        fastcgi_pass unix:/run/php/php-fpm.sock;
    }
    location ~ /\\.ht { deny all; }
}
"""
ENVSUBST = """\
server {
    listen ${PORT};
    server_name ${NAME};
    client_max_body_size 5m;
    location / {
        proxy_pass http://${APP_HOST}:${APP_PORT};
        proxy_set_header Host $host;
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        proxy_set_header X-Forwarded-Proto $scheme;
    }
}
"""
JINJA = "# {{ managed }}\nserver {\n  listen 80;\n  server_name {{ name }};\n}\n"
FIELDS = "ProxyPreserveHost On\nRequestHeader set X-Forwarded-Proto https\n"


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of one's own, and no nginx or Apache installed beside it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(config_includes, "_HOMES", {"nginx": (), "apache": ()})


def told(text: str, *paths: str, name: str = "a.conf", **more: Any) -> list[Event]:
    Path(name).write_text(text, encoding="utf-8")
    return list(explained(name, paths=paths, **more))


def traps(events: Sequence[Event]) -> dict[str, list[str]]:
    rows = [row for event in events if getattr(event, "id", "") == "traps" for row in event.rows]  # type: ignore[union-attr]
    return {str(row.data["trap"]): row.data["places"] for row in rows}


def answer(events: Sequence[Event]) -> dict[str, Any]:
    (said,) = [dict(e.data) for e in events if getattr(e, "role", "") == "result" and e.data]  # type: ignore[union-attr]
    return said


def warnings(events: Sequence[Event]) -> list[str]:
    return [event.text for event in events if getattr(event, "role", "") == "warning"]


def cells(events: Sequence[Event], id: str) -> Iterator[tuple[str, ...]]:
    for event in events:
        if getattr(event, "id", "") == id:
            yield from (row.cells for row in event.rows)  # type: ignore[union-attr]


def test_a_site_of_certbot_sets_no_trap_but_a_note_and_debians_proxy_params_is_known() -> None:
    events = told(CERTBOT, "/x")
    assert traps(events) == {"x-host-open": ["line 4"]}
    assert warnings(events) == []
    assert answer(events)["fields"]["X-Forwarded-For"] == "203.0.113.9"
    assert any("that of Debian is taken" in event.text for event in events)
    assert any(event.text.startswith("options-ssl-nginx.conf is not here; nothing") for event in events)


def test_a_port_of_ipv4_and_ipv6_is_said_once_and_an_if_is_a_rule() -> None:
    rules = list(cells(told(CERTBOT), "rules"))
    assert ("shop.test", "port 80", "return 404", "line 11") in rules
    assert [row[1] for row in rules if row[0] == "shop.test"] == ["port 443", "port 80"]


def test_bare_names_of_includes_are_found_where_the_servers_package_has_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "proxy_params").write_text("proxy_set_header Host fixed;", encoding="utf-8")
    (tmp_path / "site" / "deep").mkdir(parents=True)
    monkeypatch.setattr(config_includes, "_HOMES", {"nginx": (str(tmp_path / "etc"),), "apache": ()})
    events = told(CERTBOT, "/x", name="site/deep/a.conf")
    assert answer(events)["fields"]["Host"] == "fixed"
    assert any("of this machine was read" in event.text for event in events)


@pytest.mark.parametrize("server", ["nginx", "apache"])
def test_what_a_file_that_is_not_here_may_set_is_no_trap_but_a_doubt(server: str) -> None:
    nginx = "server { listen 80; location / { include fields.conf; proxy_pass http://127.0.0.1:8000; } }"
    apache = "<VirtualHost *:80>\nServerName a\nInclude fields.conf\nProxyPass / http://127.0.0.1:8000/\n</VirtualHost>"
    events = told(nginx if server == "nginx" else apache, "/")
    assert set(traps(events)) <= {"streams-both-ways"}
    assert any("fields.conf" in doubt and "not known" in doubt for doubt in answer(events)["doubts"])
    assert any("fields.conf, which line" in text for text in warnings(events))


def test_a_map_whose_entries_are_not_here_makes_an_unknown_variable() -> None:
    text = "map $uri $to { include old.map; }\nserver { listen 80; if ($to) { return 301 $to; } return 204; }"
    assert any("$to is not known here" in doubt for doubt in answer(told(text, "/"))["doubts"])


def test_wordpress_ends_at_php_and_not_at_404_when_its_files_are_elsewhere() -> None:
    said = answer(told(WORDPRESS, "/blog"))
    assert (said["kind"], said["to"]) == ("unknown", "unix:/run/php/php-fpm.sock")
    assert any("If not, nginx answers 404" in doubt for doubt in said["doubts"])
    assert not any("fastcgi_param" in doubt or doubt.endswith("it .") for doubt in said["doubts"])
    assert ("  ~ /\\.ht", "pattern", "deny all", "line 12") in list(cells(told(WORDPRESS), "rules"))


def test_a_static_site_elsewhere_gives_its_files() -> None:
    text = "server { listen 80; root /srv/site; location / { try_files $uri $uri/ =404; } }"
    assert answer(told(text, "/a.css"))["to"] == "/srv/site/a.css"
    assert answer(told(text, "/"))["to"] == "/srv/site/index.html"


def test_an_app_of_one_page_gives_its_page_and_no_500_when_its_files_are_elsewhere() -> None:
    text = "server { listen 80; root /srv/site; location / { try_files $uri $uri/ /index.html; } }"
    assert answer(told(text, "/cart/3"))["to"] == "/srv/site/index.html"


def test_a_template_of_envsubst_is_said_to_be_one_and_its_names_are_no_traps() -> None:
    events = told(ENVSUBST)
    assert set(traps(events)) == {"x-host-open"}
    assert "template for envsubst: ${PORT}, ${NAME}, ${APP_HOST} and ${APP_PORT}" in warnings(events)[0]
    assert next(cells(events, "rules"))[1] == "port ${PORT}"
    own = "# ${NONE}\nserver { listen 80; set $APP_HOST a; return 200 $APP_HOST$HOST; }"
    assert warnings(told(own)) == []


def test_a_template_of_jinja_is_said_to_be_one() -> None:
    with pytest.raises(Malformed, match=r"is a template \(\{\{ name \}\} at line 4\)"):
        told(JINJA)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("listen 80", "server_name a.test;"),
        ("server_name a.test", "root /srv/a;"),
        ("proxy_pass http://a:1", "proxy_set_header Host $host;"),
        ("return 204", "location / { return 204; }"),
    ],
)
def test_a_semicolon_that_is_missing_is_told_with_its_line(first: str, second: str) -> None:
    with pytest.raises(
        Malformed, match=rf"line 2: '{first.split()[0]}' has no ; at its end: it goes on with"
    ):
        told(f"server {{\n{first}\n{second}\n}}")


@pytest.mark.parametrize(
    "text", ["server_name a\n b\n 'root';", "listen 443\n ssl\n http2;", "index a.html\n index;"]
)
def test_a_directive_may_go_on_in_the_next_line(text: str) -> None:
    whole = " ".join(text.split())
    broken, joined = (
        [
            (e.text, getattr(e, "title", ""))
            for e in told(f"server {{\n{each}\n}}")
            if getattr(e, "id", "") == "rules"
        ]
        for each in (text, whole)
    )
    assert broken
    assert [re.sub(r"\d+", "#", str(e)) for e in broken] == [re.sub(r"\d+", "#", str(e)) for e in joined]


@pytest.mark.parametrize("pattern", ["^/\\p{L}", "^/\\Qa\\E", "^/a(?i)b", "(*UTF8)^/", "^/(?R)?"])
def test_what_only_pcre_knows_is_said_to_be_that(pattern: str) -> None:
    with pytest.raises(Malformed, match="which PCRE knows and labctl does not"):
        told(f'server {{ listen 80; location ~ "{pattern}" {{ return 204; }} }}')


def test_each_kind_of_trap_is_one_row_with_all_its_places() -> None:
    blocks = "\n".join(f"location /{name} {{ proxy_pass http://127.0.0.1:8000; }}" for name in "abcdef")
    events = told(f"server {{\nlisten 80;\n{blocks}\n}}")
    assert traps(events)["for-missing"] == [f"line {number}" for number in range(3, 9)]
    (row,) = [row for row in cells(events, "traps") if row[1] == "for-missing"]
    assert row[2:] == ("3, 4, 5, ...", "location /a: proxy_pass http://127.0.0.1:8000, and 5 more")


@pytest.mark.parametrize(
    "text",
    [
        "ProxyPass / balancer://app/\nProxyPassReverse / http://127.0.0.1:8001/\n"
        "<Proxy balancer://app>\nBalancerMember http://127.0.0.1:8001\n</Proxy>",
        "ProxyPass / unix:/run/app.sock|http://app/\nProxyPassReverse / http://app/",
        "ProxyPass /ws/ ws://127.0.0.1:8000/ws/\nProxyPass / http://127.0.0.1:8000/\n"
        "ProxyPassReverse / http://127.0.0.1:8000/",
        "ProxyPass /api http://127.0.0.1:8000/api\nProxyPass / http://127.0.0.1:8000/\n"
        "ProxyPassReverse / http://127.0.0.1:8000/",
    ],
    ids=["balancer", "socket", "websocket", "below"],
)
def test_redirects_that_are_turned_back_by_another_line_are_no_trap(text: str) -> None:
    assert set(traps(told(f"<VirtualHost *:80>\nServerName a\n{FIELDS}{text}\n</VirtualHost>"))) == {
        "streams-both-ways"
    }


def test_debians_default_host_of_apache_without_a_name_is_no_trap() -> None:
    assert traps(told("<VirtualHost *:80>\nDocumentRoot /var/www/html\n</VirtualHost>")) == {}


def test_mod_wsgi_takes_what_no_alias_does() -> None:
    text = (
        "<VirtualHost *:80>\nServerName a\nWSGIScriptAlias / /srv/shop/wsgi.py\n"
        "Alias /static/ /srv/shop/static/\n</VirtualHost>"
    )
    assert answer(told(text, "/cart"))["to"] == "mod_wsgi, with /srv/shop/wsgi.py,"
    assert answer(told(text, "/static/a.css"))["to"] == "/srv/shop/static/a.css"


def test_a_file_that_gives_no_path_to_anybody_says_so() -> None:
    assert any("gives a path to somebody" in event.text for event in told("Use Site a 80\nErrorLog x\n"))
    assert any("No server block" in event.text for event in told("events {}\nworker_processes 1;\n"))


def test_names_that_apache_would_take_from_its_environment_are_told_once() -> None:
    text = "<VirtualHost *:80>\nServerName ${NAME}\nServerAlias ${NAME}\nErrorLog ${APACHE_LOG_DIR}/e\n</VirtualHost>"
    (said,) = [each for each in warnings(told(text)) if "defined nowhere" in each]
    assert said.startswith("${NAME} (line 2) is defined nowhere here and stays as written;")


def test_letters_beyond_ascii_fit_the_percent_encoded_path_and_are_readable() -> None:
    said = answer(told("server { listen 80; location /ä { return 200 ü; } }", "/ä/x"))
    assert (said["path"], said["rule"], said["to"]) == ("/%C3%A4/x", "location /ä", "ü")


def test_a_pattern_that_tries_all_ways_ends_after_a_while() -> None:
    text = "server {\nlisten 80;\nlocation ~ ^/(a+)+$ { return 204; }\n}"
    with pytest.raises(Malformed, match=r"more than 0\.1 s for one path") as caught:
        told(text, f"/{'a' * 60}b", limit_s=0.1)
    assert caught.value.evidence[0][0] == "line 3"


def test_that_the_folder_of_all_sites_is_here_says_nothing_about_a_site() -> None:
    look = config_includes.Disk()
    assert look("/usr/share/labctl-none") is None
    assert look("/home/somebody/none") is None
    assert look("none") is None


def test_the_limit_of_time_leaves_other_threads_alone() -> None:
    found: list[list[Event]] = []
    thread = threading.Thread(target=lambda: found.append(told(WORDPRESS)))
    thread.start()
    thread.join()
    assert found


def test_a_configuration_can_be_piped_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(CERTBOT.encode())))
    events = list(explained("-"))
    assert "standard input" in events[0].text
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"server {")))
    with pytest.raises(Malformed, match="standard input, line 1"):
        explained("-")


def test_the_other_servers_file_is_recognised_when_with_is_wrong() -> None:
    with pytest.raises(Malformed, match="it looks like one of nginx"):
        told(CERTBOT, server="apache")


def test_what_may_have_been_meant_instead_of_a_path_is_offered() -> None:
    for typed, meant in (
        ("ftp://a.test/x", "http://a.test/x"),
        ("http://u:p@a.test/x", "http://a.test/x"),
        ("x", "/x"),
    ):
        with pytest.raises(UsageError) as caught:
            read_paths([typed])
        assert caught.value.fixes == (f"labctl proxy --config FILE --path {meant}",)
    with pytest.raises(UsageError, match="is no host"):
        read_paths(["/"], host="a b")
