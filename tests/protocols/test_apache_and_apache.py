"""What we say that Apache does with a path, against the Apache of this machine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from needed import need
from protocols import asked_apache
from protocols.apache_cases import CASES
from protocols.asked_apache import RealApache, ours, real_apache
from protocols.asked_nginx import Case


@pytest.fixture(scope="module")
def apache() -> Iterator[RealApache]:
    """One Apache with all cases."""
    need("apache2")
    with real_apache(CASES) as standing:
        yield standing


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "-"))
def test_our_answers_are_those_of_the_real_apache(apache: RealApache, case: Case) -> None:
    differing = [
        (target, said, done)
        for target in case.targets
        if (said := ours(case, target)) != (done := apache.asked(case, target))
    ]
    assert differing == []


# Lines of the main server hold in every host, so each of these has an Apache of its own.
MAIN = (
    asked_apache.case(
        "the main server alone",
        "ServerName shop.test\nDocumentRoot /srv/www\nAlias /s /srv/www/static\nProxyPass /s/js !\n"
        "ProxyPass /a http://127.0.0.1:8001/A\nRewriteEngine On\nRewriteRule ^/f - [F]\n"
        "<Location /h>\nRequestHeader set X-A h\nProxyPass http://127.0.0.1:8000/h\n</Location>\n",
        *("/a/x", "/s/app.css", "/s/js/a.js", "/f", "/about.html", "/h", "/none"),
        hosts=True,
    ),
    asked_apache.case(
        "the main server and a host",
        "ServerName main.test\nDocumentRoot /srv/www\nAlias /s /srv/www/static\n"
        "ProxyPass /a http://127.0.0.1:8001/main\n"
        "ProxyPass /m !\nRequestHeader set X-A main\nRequestHeader set X-B main\n"
        "RewriteEngine On\nRewriteRule ^/f - [F]\n"
        "<Location /l>\nProxyPass http://127.0.0.1:8002/main\n</Location>\nProxyPreserveHost On\n"
        "<VirtualHost *:80>\nServerName shop.test\nAlias /s /srv/media\nProxyPass /a http://127.0.0.1:8000/host\n"
        "RequestHeader set X-A host\n<Location /l/x>\nProxyPass http://127.0.0.1:8003/host\n</Location>\n"
        "RewriteRule ^/g - [F]\nProxyPass /m http://127.0.0.1:8000/m\n</VirtualHost>\n",
        *("/a/x", "/s/app.css", "/s/a.png", "/f", "/g", "/m", "/about.html", "/l/x", "/l/y"),
        hosts=True,
    ),
)


@pytest.mark.parametrize("case", MAIN, ids=lambda case: case.name.replace(" ", "-"))
def test_lines_of_the_main_server_are_merged_as_apache_merges_them(case: Case) -> None:
    need("apache2")
    with real_apache([case]) as alone:
        differing = [
            (target, said, done)
            for target in case.targets
            if (said := ours(case, target)) != (done := alone.asked(case, target))
        ]
    assert differing == []
