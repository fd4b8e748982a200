"""Each trap of Apache is produced by a configuration, and a good one has none but what nobody can help."""

from __future__ import annotations

import pytest

from labctl.protocols.apache_grammar import parse
from labctl.protocols.apache_scopes import Configuration
from labctl.protocols.apache_trap_words import APACHE_TRAPS
from labctl.protocols.apache_traps import apache_traps

PASS = "ProxyPass / http://127.0.0.1:8000/\nProxyPassReverse / http://127.0.0.1:8000/\n"
FIELDS = "ProxyPreserveHost On\nRequestHeader set X-Forwarded-Proto https\n"
GOOD = f"""
<VirtualHost *:443>
    ServerName shop.test
    SSLEngine on
    DocumentRoot /srv/www
    {FIELDS}
    ProxyPass /static !
    Alias /static /srv/www/static
    <Directory /srv/www/static>
        Require all granted
    </Directory>
    ProxyPass /ws http://127.0.0.1:8000/ws upgrade=websocket
    ProxyPassReverse /ws http://127.0.0.1:8000/ws
    {PASS}
</VirtualHost>
"""


def _host(text: str, more: str = FIELDS) -> str:
    return f"<VirtualHost *:80>\nServerName shop.test\n{more}{text}\n</VirtualHost>\n"


TEXTS = {
    "catch-all": _host(f"Alias /static /srv/static\n{PASS}"),
    "exception-late": _host(f"{PASS}ProxyPass /static !"),
    "pass-late": _host(f"{PASS}ProxyPass /api http://127.0.0.1:8001/api"),
    "section-overruled": _host(
        "<Location /a>\nProxyPass http://127.0.0.1:8001/\n</Location>\n"
        "<Location />\nProxyPass http://127.0.0.1:8000/\n</Location>"
    ),
    "pass-uneven": _host("ProxyPass /api/ http://127.0.0.1:8000"),
    "alias-uneven": _host("Alias /static/ /srv/static"),
    "alias-refused": "<Directory />\nRequire all denied\n</Directory>\n" + _host("Alias /static /srv/static"),
    "host-not-kept": _host(PASS, ""),
    "proto-not-set": _host(PASS, ""),
    "proto-null": _host(PASS + "RequestHeader set X-Forwarded-Proto %{REQUEST_SCHEME}e", ""),
    "reverse-missing": _host("ProxyPass / http://127.0.0.1:8000/"),
    "redirect-swallowed": _host(f"Redirect /old /new\n{PASS}"),
    "rewrite-to-file": _host(f"RewriteEngine On\nRewriteRule ^/a/(.*)$ /b/$1 [L]\n{PASS}"),
    "rewrite-off": _host("RewriteRule ^ - [F]"),
    "rewrite-not-inherited": "RewriteEngine On\nRewriteRule ^ - [F]\n" + _host(""),
    "open-proxy": _host("ProxyRequests On"),
    "first-host": _host("") + _host("").replace("shop.test", "b.test"),
    "name-missing": _host("") + "<VirtualHost *:80>\nDocumentRoot /srv\n</VirtualHost>",
    "websocket-http": _host("ProxyPass /ws http://127.0.0.1:8000/ws"),
    "streams-both-ways": _host(PASS),
    "env-as-sent": _host(f"SetEnvIf Request_URI ^/static/ no-proxy\n{PASS}"),
}


def _caught(text: str) -> set[str]:
    return {each.trap.id for each in apache_traps(Configuration(parse(text)))}


@pytest.mark.parametrize("trap", APACHE_TRAPS, ids=lambda trap: trap.id)
def test_each_trap_is_produced_by_a_configuration(trap) -> None:
    name = trap.id
    assert name in _caught(TEXTS[name])


@pytest.mark.parametrize("trap", APACHE_TRAPS, ids=lambda trap: trap.id)
def test_each_trap_is_told_in_whole_sentences(trap) -> None:
    assert trap.title.endswith(".")
    assert trap.why.endswith(".")
    assert trap.instead


def test_a_good_configuration_has_no_trap_but_that_apache_streams() -> None:
    assert _caught(GOOD) == {"streams-both-ways"}
