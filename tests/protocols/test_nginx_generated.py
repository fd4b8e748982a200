"""Sets of locations that nobody thought of, against the nginx of this machine: many in one start."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from needed import need
from protocols.asked_nginx import Case, ours, real_nginx

NAMES = ("/", "/a", "/a/", "/a/b", "/a/b/", "/ab", "/a.css", "/b", "/b/", "/a/b.css")
PATTERNS = (r"\.css$", "^/a", "/b", "^/a/b?$", "B", r"^/(a|b)/", "^/ab?(/|$)", r"\.CSS$")
PATHS = (
    *("/", "/a", "/a/", "/a/b", "/a/b/", "/a/b/c", "/ab", "/a.css", "/a/b.css", "/b", "/b/", "/c", "/A/B"),
    *("/a//b", "/a/../b", "/%61/b", "/a%2Fb", "/a/./b?x=1", "/b/..", "//a", "/ab/"),
)


@st.composite
def _body(draw: st.DrawFn, uri: bool) -> str:
    kind = draw(st.sampled_from(("return", "pass", "path", "files", "rewrite")))
    if kind == "pass":
        return "proxy_pass http://127.0.0.1:8000;"
    if kind == "path" and uri:
        return f"proxy_pass http://127.0.0.1:8001{draw(st.sampled_from(('/', '/v1', '/v1/')))};"
    if kind == "files":
        return "try_files $uri /b;" if draw(st.booleans()) else ""
    if kind == "rewrite":
        flag = draw(st.sampled_from(("last", "break", "")))
        return f"rewrite ^/a(.*)$ /b$1 {flag};"
    return f"return 200 '{draw(st.integers(0, 999))}';"


@st.composite
def _locations(draw: st.DrawFn, outer: str = "", depth: int = 0) -> str:
    names = [name for name in NAMES if name.startswith(outer)]
    chosen = draw(st.lists(st.sampled_from(names), unique=True, max_size=4))
    out = []
    for name in chosen:
        modifier = draw(st.sampled_from(("", "", "^~", "=")))
        nested = ""
        if depth == 0 and modifier != "=" and draw(st.booleans()):
            nested = draw(_locations(name, 1))
        out.append(f"location {modifier} {name} {{ {draw(_body(True))} {nested} }}")
    for pattern in draw(st.lists(st.sampled_from(PATTERNS), unique=True, max_size=3)):
        modifier = draw(st.sampled_from(("~", "~*")))
        out.append(f'location {modifier} "{pattern}" {{ {draw(_body(False))} }}')
    return "\n".join(draw(st.permutations(out)))


@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(_locations(), min_size=60, max_size=120))
def test_our_answers_are_those_of_nginx_for_any_locations(texts: list[str]) -> None:
    need("nginx")
    cases = [
        Case(f"{number}", f"server {{ listen 80; server_name shop.test; root /srv/www;\n{text}\n}}", PATHS)
        for number, text in enumerate(texts)
    ]
    with real_nginx(cases) as nginx:
        for case in cases:
            for target in case.targets:
                assert (case.text, target, ours(case, target)) == (
                    case.text,
                    target,
                    nginx.asked(case, target),
                )
