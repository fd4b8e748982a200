"""Sets of ProxyPass, Alias, Redirect, RewriteRule and <Location> that nobody thought of, against the real Apache."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from needed import need
from protocols.asked_apache import case, ours, real_apache

NAMES = ("/", "/a", "/a/", "/a/b", "/static", "/static/", "/docs", "/ab")
PATHS = (
    *(
        "/",
        "/a",
        "/a/",
        "/a/b",
        "/a/b/c?x=1",
        "/ab",
        "/static/app.css",
        "/static",
        "/static/",
        "/docs",
        "/docs/",
    ),
    *("/a//b", "/a/../static/app.css", "/%61/b", "/about.html", "/staticx", "/a%20b.txt"),
)
_URLS = tuple(f"http://127.0.0.1:800{number}{path}" for number in (0, 1) for path in ("", "/", "/v", "/v/"))
_FOLDERS = ("/srv/www/static", "/srv/www/static/", "/srv/media", "/srv/www/docs")


@st.composite
def _line(draw: st.DrawFn, depth: int = 0) -> str:
    name = draw(st.sampled_from(NAMES))
    kind = draw(
        st.sampled_from(
            ("pass", "pass", "except", "alias", "redirect", "rewrite", "match", "location", "env")
        )
    )
    if kind == "pass":
        # The path behind a host without a slash would become part of the host's name.
        urls = [url for url in _URLS if name.endswith("/") <= (url.count("/") > 2)]
        return f"ProxyPass {name} {draw(st.sampled_from(urls))}"
    if kind == "except":
        return f"ProxyPass {name} !"
    if kind == "alias":
        return f"Alias {name} {draw(st.sampled_from(_FOLDERS))}"
    if kind == "redirect":
        return (
            f"Redirect {draw(st.sampled_from(('permanent', '302', 'seeother', 'gone')))} {name} /to".replace(
                "gone " + name + " /to", "gone " + name
            )
        )
    if kind == "rewrite":
        pattern = draw(st.sampled_from(("^/a/(.*)$", "^/(.*)b$", "^/ab$")))
        to, flags = draw(
            st.sampled_from(
                (
                    ("/static/$1", "[L]"),
                    ("/docs/$1", "[PT]"),
                    ("http://127.0.0.1:8002/p/$1", "[P]"),
                    ("/r/$1", "[R=301,L]"),
                    ("-", "[F]"),
                    ("/b/$1", ""),
                )
            )
        )
        return f"RewriteEngine On\nRewriteRule {pattern} {to} {flags}"
    if kind == "match":
        return f"ProxyPassMatch ^/a/(b.*)$ http://127.0.0.1:8003/m/{draw(st.sampled_from(('$1', '')))}"
    if kind == "env":
        return f"SetEnvIf Request_URI ^{name} no-proxy"
    url = draw(st.sampled_from(("!", *(url for url in _URLS if name.endswith("/") <= (url.count("/") > 2)))))
    return f"<Location {name}>\nProxyPass {url}\n</Location>"


@settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.lists(_line(), min_size=1, max_size=6), min_size=40, max_size=100))
def test_our_answers_are_those_of_apache_for_any_lines(texts: list[list[str]]) -> None:
    need("apache2")
    cases = [case(f"{number}", "\n".join(lines), *PATHS) for number, lines in enumerate(texts)]
    with real_apache(cases) as apache:
        for each in cases:
            for target in each.targets:
                assert (each.text, target, ours(each, target)) == (
                    each.text,
                    target,
                    apache.asked(each, target),
                )
