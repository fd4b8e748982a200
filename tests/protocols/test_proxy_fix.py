"""Which counts of ProxyFix a configuration allows: those of the fields that the proxy itself sets."""

from __future__ import annotations

from labctl.protocols.apache_grammar import parse as parse_apache
from labctl.protocols.apache_scopes import Configuration as Apache
from labctl.protocols.nginx_grammar import parse
from labctl.protocols.nginx_scopes import Configuration
from labctl.protocols.proxy_fix import apache_counted, counted, line, nginx_counted

LIES = (
    ("X-Forwarded-For", "6.6.6.6"),
    ("X-Forwarded-Proto", "gopher"),
    ("X-Forwarded-Host", "evil.test"),
    ("X-Forwarded-Prefix", "/evil"),
)
# Debian's proxy_params.
DEBIAN = (
    "proxy_set_header Host $host; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; "
    "proxy_set_header X-Forwarded-Proto $scheme;"
)
PASS = "proxy_pass http://127.0.0.1:8000;"


def _nginx(text: str) -> dict[str, frozenset[str]]:
    return nginx_counted(Configuration(parse(f"server {{ listen 80; {text} }}")))


def test_debians_proxy_params_allow_no_x_host() -> None:
    assert _nginx(f"location / {{ {DEBIAN} {PASS} }}") == {"127.0.0.1:8000": {"x_for", "x_proto"}}
    assert line(("x_for", "x_proto")) == "app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1)"


def test_a_field_that_is_set_is_counted_and_one_that_the_visitor_wrote_is_not() -> None:
    more = "proxy_set_header X-Forwarded-Host $host; proxy_set_header X-Forwarded-Prefix /a;"
    assert _nginx(f"location / {{ {DEBIAN} {more} {PASS} }}") == {
        "127.0.0.1:8000": {"x_for", "x_proto", "x_host", "x_prefix"}
    }
    taken = "proxy_set_header X-Forwarded-Host $http_x_forwarded_host;"
    assert "x_host" not in _nginx(f"location / {{ {DEBIAN} {taken} {PASS} }}")["127.0.0.1:8000"]
    emptied = 'proxy_set_header X-Forwarded-Prefix "";'
    assert "x_prefix" not in _nginx(f"location / {{ {DEBIAN} {emptied} {PASS} }}")["127.0.0.1:8000"]


def test_what_not_every_location_of_a_backend_sets_is_not_counted() -> None:
    text = f"location / {{ {DEBIAN} {PASS} }} location /x {{ proxy_set_header Host $host; {PASS} }}"
    assert _nginx(text) == {"127.0.0.1:8000": frozenset()}
    assert line(()) == ""


def test_apache_sets_for_and_host_by_itself_and_proto_when_it_is_told() -> None:
    text = "ProxyPass / http://127.0.0.1:8000/\nProxyPassReverse / http://127.0.0.1:8000/\n"
    assert apache_counted(Apache(parse_apache(text)), LIES) == {"http://127.0.0.1:8000": {"x_for", "x_host"}}
    text += "RequestHeader set X-Forwarded-Proto https\n"
    assert apache_counted(Apache(parse_apache(text)), LIES) == {
        "http://127.0.0.1:8000": {"x_for", "x_proto", "x_host"}
    }


def test_the_last_value_counts_as_in_proxyfix() -> None:
    honest = (("X-Forwarded-For", "203.0.113.9"),)
    appended = (("X-Forwarded-For", "6.6.6.6, 203.0.113.9"), ("X-Forwarded-Host", "evil.test"))
    assert counted(honest, appended) == {"x_for"}
