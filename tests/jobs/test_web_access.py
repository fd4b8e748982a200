"""Two users on every endpoint, both ways; no token; a token in a URL; ids at random; Host and Origin."""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from jobs.web_store import HOST, Web, web_in

from labctl.jobs.access import login_link

OF_A_JOB = [
    ("GET", "/api/jobs/{}"),
    ("HEAD", "/api/jobs/{}"),
    ("DELETE", "/api/jobs/{}"),
    ("GET", "/api/jobs/{}/stream"),
    ("HEAD", "/api/jobs/{}/stream"),
    ("POST", "/api/jobs/{}/ticket"),
]


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    with web_in(tmp_path) as found:
        yield found


def test_the_matrix_names_every_route_of_a_job(web: Web) -> None:
    routes = {
        (method, rule.rule.replace("<job_id>", "{}"))
        for rule in web.app.url_map.iter_rules()
        if "<job_id>" in rule.rule
        for method in (rule.methods or set()) - {"OPTIONS"}
    }
    assert routes == set(OF_A_JOB)


@pytest.mark.parametrize(("method", "path"), OF_A_JOB)
@pytest.mark.parametrize(("owner", "other"), [("ann", "bob"), ("bob", "ann")])
def test_another_users_job_is_one_that_is_not_there(
    web: Web, method: str, path: str, owner: str, other: str
) -> None:
    job_id = web.submit(owner)
    theirs = web.ask(method, path.format(job_id), other)
    nothing = web.ask(method, path.format(uuid.uuid4().hex), other)
    assert theirs.status_code == nothing.status_code == 404
    assert theirs.data == nothing.data
    assert dict(theirs.headers.items()) == dict(nothing.headers.items())
    own = web.ask(method, path.format(job_id), owner)
    assert own.status_code == 200
    own.close()
    assert job_id not in web.ask("GET", "/api/jobs", other).text
    assert job_id not in web.store.cancelled or method == "DELETE"


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/api/jobs"), ("POST", "/api/jobs"), *((m, p) for m, p in OF_A_JOB)]
)
def test_nobody_is_told_anything_without_a_token(web: Web, method: str, path: str) -> None:
    job_id = web.submit()
    for headers in ({}, {"Authorization": "Bearer no"}, {"Authorization": ""}, {"Cookie": "a=b"}):
        answer = web.ask(method, path.format(job_id), "", headers=headers)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert method == "HEAD" or answer.json["error"] == "not-signed-in"
    assert len(web.store.rows) == 1


@pytest.mark.parametrize(("method", "path"), [("GET", "/api/jobs"), ("POST", "/api/jobs"), *OF_A_JOB])
@pytest.mark.parametrize("name", ["token", "access_token", "ticket", "once"])
def test_a_token_in_the_url_is_refused(web: Web, method: str, path: str, name: str) -> None:
    address = f"{path.format(web.submit())}?{name}={web.tokens['ann']}"
    assert web.ask(method, address, "").status_code == 401


def test_a_ticket_in_the_url_opens_its_stream_until_it_expires(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id, other = web.submit(), web.submit()
    told = web.ask("POST", f"/api/jobs/{job_id}/ticket").json
    assert web.tokens["ann"] not in json.dumps(told)
    ticket = told["stream"].partition("?")[2]
    opened = web.ask("GET", told["stream"], "")
    assert opened.status_code == 200
    opened.close()
    assert web.ask("GET", f"/api/jobs/{other}/stream?{ticket}", "").status_code == 401
    assert web.ask("GET", f"/api/jobs/{job_id}?{ticket}", "").status_code == 401
    assert web.ask("DELETE", f"/api/jobs/{job_id}?{ticket}", "").status_code == 401
    now = time.time()
    monkeypatch.setattr("time.time", lambda: now + told["expires_ms"] / 1000 + 2)
    assert web.ask("GET", told["stream"], "").status_code == 401


def test_a_thousand_ids_at_random_find_nothing(web: Web) -> None:
    known = web.submit()
    for number in range(1000):
        guess = uuid.uuid4().hex if number % 2 else known[:-4] + f"{number:04x}"
        if guess != known:
            answer = web.ask("GET", f"/api/jobs/{guess}{'/stream' if number % 3 else ''}", "bob")
            assert (answer.status_code, answer.json["error"]) == (404, "job-unknown")


@pytest.mark.parametrize("job_id", ["%00", "a" * 101, "%F0%9F%98%80", "..%2f", "%E2%80%AE", "'", "%0d%0aX:1"])
def test_an_id_that_cannot_be_one_is_not_found(web: Web, job_id: str) -> None:
    assert web.ask("GET", f"/api/jobs/{job_id}").status_code == 404


def test_the_fault_tells_that_there_is_a_job(tmp_path: Path) -> None:
    with web_in(tmp_path, faults=frozenset({"tells-403"})) as web:
        assert web.ask("GET", f"/api/jobs/{web.submit()}", "bob").status_code == 403
        assert web.ask("GET", "/api/jobs/nothing", "bob").status_code == 404


EVERYWHERE = [
    "/",
    "/login",
    "/healthz",
    "/static/jobs.js",
    "/api/jobs",
    "/api/jobs/x",
    "/api/jobs/x/stream",
    "/no",
]


@pytest.mark.parametrize("path", EVERYWHERE)
def test_host_and_origin_are_checked_on_every_route(web: Web, path: str) -> None:
    for method in ("GET", "POST", "DELETE", "OPTIONS"):
        rebound = web.ask(method, path, headers={"Host": "evil.test:8000"})
        assert (rebound.status_code, rebound.json["error"]) == (421, "unknown-host")
        for origin in ("http://evil.test", "null", "http://jobs.test:9000"):
            foreign = web.ask(method, path, headers={"Origin": origin})
            assert (foreign.status_code, foreign.json["error"]) == (403, "foreign-origin")
            assert "Access-Control-Allow-Origin" not in foreign.headers


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_another_port_of_this_machine_may_not_use_the_cookie(web: Web, site: str) -> None:
    assert web.ask("GET", "/api/jobs", headers={"Sec-Fetch-Site": site}).status_code == 403
    assert web.ask("GET", "/api/jobs", headers={"Sec-Fetch-Site": "same-origin"}).status_code == 200


def test_every_answer_has_the_fields_that_protect_it(web: Web) -> None:
    for path in EVERYWHERE:
        with web.ask("GET", path) as answer:
            fields = answer.headers
        policy = fields["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert fields["X-Content-Type-Options"] == "nosniff"
        assert fields["X-Frame-Options"] == "DENY"
        assert fields["Cross-Origin-Resource-Policy"] == "same-origin"
        assert fields["Cache-Control"] in ("no-store", "no-cache")


def test_a_token_in_the_form_logs_in_and_logging_out_forgets(web: Web) -> None:
    browser = web.client()
    at = f"http://{HOST}"
    assert browser.get("/", base_url=at).headers["Location"] == "/login"
    wrong = browser.post("/login", base_url=at, data={"token": "no"})
    assert wrong.status_code == 401
    assert "Set-Cookie" not in wrong.headers
    assert 'role="alert"' in wrong.text
    logged_in = browser.post("/login", base_url=at, data={"token": f" {web.tokens['ann']}\n"})
    assert (logged_in.status_code, logged_in.headers["Location"]) == (303, "/")
    cookie = logged_in.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert "Path=/" in cookie
    assert "Secure" not in cookie
    assert web.tokens["ann"] not in cookie
    page = browser.get("/", base_url=at)
    assert "ann" in page.text
    assert not re.search(r"<script(?![^>]* src=)|\son\w+=|style=", page.text)
    assert browser.get("/api/jobs", base_url=at).json == {"jobs": []}
    assert browser.post("/logout", base_url=at).status_code == 303
    assert browser.get("/api/jobs", base_url=at).status_code == 401


def test_behind_a_proxy_that_speaks_tls_the_cookie_is_for_tls_only(web: Web) -> None:
    answer = web.ask(
        "POST", "/login", "", data={"token": web.tokens["ann"]}, headers={"Origin": f"https://{HOST}"}
    )
    assert "Secure" in answer.headers["Set-Cookie"]


def test_a_link_logs_a_browser_in_once_and_not_from_another_page(web: Web) -> None:
    path = login_link(Path(web.settings.folder), "", "bob")
    assert web.ask("GET", path, "", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    browser = web.client()
    assert browser.get(path, base_url=f"http://{HOST}").status_code == 303
    assert "bob" in browser.get("/", base_url=f"http://{HOST}").text
    assert web.ask("GET", path, "").status_code == 401
