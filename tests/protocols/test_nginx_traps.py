"""Each trap of nginx is produced by a configuration, and a good one has none."""

from __future__ import annotations

import pytest

from labctl.protocols.nginx_grammar import parse
from labctl.protocols.nginx_scopes import Configuration
from labctl.protocols.nginx_trap_words import NGINX_TRAPS
from labctl.protocols.nginx_traps import nginx_traps

HEADERS = (
    "proxy_set_header Host $host; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; "
    "proxy_set_header X-Forwarded-Proto $scheme; proxy_set_header X-Forwarded-Host $host; "
    "proxy_http_version 1.1; client_max_body_size 20m;"
)
GOOD = f"""
map $http_upgrade $connection {{ default upgrade; '' close; }}
upstream app {{ server 127.0.0.1:8000; keepalive 8; }}
server {{ listen 80 default_server; return 444; }}
server {{
    listen 80; server_name shop.test www.shop.test;
    {HEADERS}
    proxy_set_header Connection "";
    location ^~ /static/ {{ alias /srv/shop/static/; }}
    location / {{ proxy_pass http://app; }}
    location /events {{ proxy_pass http://app; proxy_buffering off; proxy_read_timeout 1h; }}
    location /old {{ return 301 https://$host$request_uri; }}
}}
"""


def _server(text: str) -> str:
    return f"server {{ listen 80; server_name shop.test; {HEADERS}\n{text}\n}}"


TEXTS = {
    "alias-escapes": _server("location /static { alias /srv/static/; }"),
    "alias-joins": _server("location /static/ { alias /srv/static; }"),
    "pass-joins": _server("location /api/ { proxy_pass http://127.0.0.1:8000/v1; }"),
    "pass-doubles": _server("location /api { proxy_pass http://127.0.0.1:8000/; }"),
    "prefix-cut": _server("location /api/ { proxy_pass http://127.0.0.1:8000/; }"),
    "host-lost": "server { listen 80; location / { proxy_pass http://127.0.0.1:8000; } }",
    "x-host-open": "server { listen 80; location / { proxy_pass http://127.0.0.1:8000; } }",
    "x-prefix-open": "server { listen 80; location / { proxy_pass http://127.0.0.1:8000; } location /api/ { "
    "proxy_pass http://127.0.0.1:8000/; proxy_set_header X-Forwarded-Prefix /api; } }",
    "for-missing": "server { listen 80; location / { proxy_pass http://127.0.0.1:8000; } }",
    "proto-missing": "server { listen 80; location / { proxy_pass http://127.0.0.1:8000; } }",
    "word-taken": _server(
        "location / { proxy_pass http://127.0.0.1:8000; proxy_set_header X-Forwarded-Proto $http_x_forwarded_proto; }"
    ),
    "for-overwritten": _server(
        "location / { proxy_pass http://127.0.0.1:8000; proxy_set_header X-Forwarded-For $remote_addr; }"
    ),
    "set-header-lost": _server("location / { proxy_pass http://127.0.0.1:8000; proxy_set_header X-A a; }"),
    "header-twice": _server(
        "location / { proxy_pass http://127.0.0.1:8000; proxy_set_header host a; }\n"
        "proxy_set_header Host $http_host;"
    ),
    "add-header-lost": _server("add_header X-Frame-Options DENY; location / { add_header X-A a; }"),
    "if-in-location": _server("location / { try_files $uri =404; if ($arg_x) { set $y 1; } }"),
    "pattern-first": _server(
        "location /media/ { alias /srv/media/; } location ~* \\.(png|css)$ { expires 1d; }"
    ),
    "buffering-off": _server("location / { proxy_pass http://127.0.0.1:8000; proxy_buffering off; }"),
    "request-buffering-off": _server("proxy_request_buffering off;"),
    "stream-buffered": _server("location /events { proxy_pass http://127.0.0.1:8000; }"),
    "upgrade-missing": _server("location /ws { proxy_pass http://127.0.0.1:8000; }"),
    "upgrade-old": "server { listen 80; location /ws { proxy_pass http://127.0.0.1:8000; "
    "proxy_set_header Upgrade $http_upgrade; } }",
    "keepalive-old": "upstream app { server 127.0.0.1:8000; keepalive 4; }\n"
    + _server("location / { proxy_pass http://app; }"),
    "no-resolver": _server("set $app app.internal; location / { proxy_pass http://$app:8000; }"),
    "localhost": _server("location / { proxy_pass http://localhost:8000; }"),
    "no-default": "server { listen 80; server_name a.test; } server { listen 80; server_name b.test; }",
    "name-odd": "server { listen 80; server_name https://shop.test; }",
    "name-twice": "server { listen 80; server_name a.test; } server { listen 80; server_name A.test; }",
    "listen-missing": "http { server { server_name a.test; } }",
    "underscores": "underscores_in_headers on; server { listen 80; }",
    "decoded": _server("location / { return 301 https://$host$uri; }"),
    "redirect-off": "server { listen 80; location / { proxy_pass http://127.0.0.1:8000; proxy_redirect off; } }",
    "uri-in-pattern": _server("location ~ ^/a { proxy_pass http://127.0.0.1:8000/b; }"),
    "body-limit": "server { listen 80; location / { proxy_pass http://127.0.0.1:8000; } }",
}


def _caught(text: str) -> set[str]:
    return {each.trap.id for each in nginx_traps(Configuration(parse(text)))}


@pytest.mark.parametrize("trap", NGINX_TRAPS, ids=lambda trap: trap.id)
def test_each_trap_is_produced_by_a_configuration(trap) -> None:
    name = trap.id
    assert name in _caught(TEXTS[name])


@pytest.mark.parametrize("trap", NGINX_TRAPS, ids=lambda trap: trap.id)
def test_each_trap_is_told_in_whole_sentences(trap) -> None:
    assert trap.title.endswith(".")
    assert trap.why.endswith(".")
    assert trap.instead


def test_a_good_configuration_has_no_trap() -> None:
    assert _caught(GOOD) == set()


def test_a_prefix_for_another_backend_makes_no_trap() -> None:
    two = (
        "location / { proxy_pass http://127.0.0.1:8000; } location /api/ { proxy_pass http://127.0.0.1:8001/; "
        "proxy_set_header X-Forwarded-Prefix /api; }"
    )
    assert "x-prefix-open" not in _caught(_server(two))


def test_what_to_write_instead_has_the_words_of_the_configuration() -> None:
    text = _server("location /media { alias /home/me/media/; }")
    (caught,) = [each for each in nginx_traps(Configuration(parse(text))) if each.trap.id == "alias-escapes"]
    assert caught.instead == "location /media/ { alias /home/me/media/; }"
