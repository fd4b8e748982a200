"""The WSGI server under what we did not write: wsgiref.validate, Werkzeug, Flask, httpbin and Django."""

from __future__ import annotations

import gzip
import importlib.util
import json
import os
import re
import socket
import sys
from pathlib import Path
from wsgiref.validate import validator

import httpx
import pytest
from wsgi_harness import exchange, received, responses, serving

from labctl.serving.application import read_app
from labctl.serving.standing import stand

APPS = Path(__file__).parent / "apps"


def base(server):
    return f"http://{server.address[0]}:{server.address[1]}"


class TestWsgirefValidate:
    """It wraps both sides: what the server hands out, and what it does with what it gets back."""

    def app(self, environ, start_response):
        content = environ["wsgi.input"]
        path = environ["PATH_INFO"]
        lines = []
        if path == "/lines":
            lines = [content.readline(), content.readline(3), *content.readlines(), *content]
        elif path != "/lazy":
            lines = [content.read(2), content.read(-1)]
        environ["wsgi.errors"].write("said\n")
        environ["wsgi.errors"].flush()
        status = "204 No Content" if path == "/none" else "304 Not Modified" if path == "/same" else "200 OK"
        headers = [] if path in ("/none", "/same") else [("Content-Type", "text/plain; charset=utf-8")]
        if path == "/length":
            headers.append(("Content-Length", "4"))
        write = start_response(status, headers)
        if path == "/write":
            write(b"wri")
            write(b"te ")
        if path in ("/none", "/same"):
            return []
        if path == "/stream":
            return (piece for piece in [b"a", b"", b"b"])
        if path == "/length":
            return [b"ab", b"cd"]
        return [b"|".join(lines) or b"empty"]

    def ask(self, server, raw):
        with socket.create_connection(server.address, 10) as client:
            client.sendall(raw)
            client.shutdown(socket.SHUT_WR)
            return received(client)

    @pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
    @pytest.mark.parametrize(
        "path", ["/", "/lines", "/lazy", "/stream", "/write", "/length", "/none", "/same"]
    )
    def test_it_has_nothing_to_say(self, method, path, recwarn):
        from io import StringIO

        errors = StringIO()
        lines = b"Host: a\r\nX-A: 1\r\nX-A: 2\r\n"
        requests = [
            b" HTTP/1.1\r\n" + lines + b"\r\n",
            b"?a=%20b HTTP/1.1\r\n"
            + lines
            + b"Content-Type: text/plain\r\nContent-Length: 8\r\n\r\na\nbc\ndef",
            b" HTTP/1.1\r\n"
            + lines
            + b"Transfer-Encoding: chunked\r\n\r\n5\r\na\nbc\n\r\n3\r\ndef\r\n0\r\n\r\n",
            b" HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
        ]
        start = f"{method} {path}".encode()
        with serving(validator(self.app), errors=errors) as server:
            raw = self.ask(server, b"".join(start + request for request in requests))
        assert "Error" not in errors.getvalue()
        assert not [warning for warning in recwarn if "wsgi" in str(warning.category).lower()]
        found = responses(raw, [method] * 9)
        assert len(found) == 4
        wanted = 204 if path == "/none" else 304 if path == "/same" else 200
        assert {status for status, *_ in found} == {wanted}
        assert all(complete for *_, complete in found)
        assert errors.getvalue() == "said\n" * 4


def test_the_test_application_of_werkzeug_says_what_it_sees():
    testapp = pytest.importorskip("werkzeug.testapp")
    with serving(validator(testapp.test_app)) as server:
        raw = exchange(server.address, b"GET /caf%C3%A9?q=<b> HTTP/1.0\r\nX-Seen: it is seen\r\n\r\n")
    [(status, _, content, _)] = responses(raw)
    assert status == 200
    assert "it is seen" in content.decode()
    assert "HTTP/1.0" in content.decode()


class TestFlask:
    @pytest.fixture
    def server(self):
        flask = pytest.importorskip("flask")
        app = flask.Flask(__name__)

        @app.route("/form", methods=["POST"])
        def form():
            return {
                "form": flask.request.form,
                "files": {k: len(f.read()) for k, f in flask.request.files.items()},
            }

        @app.route("/raw", methods=["POST"])
        def raw():
            return str(len(flask.request.get_data()))

        @app.get("/stream")
        def stream():
            return flask.Response(f"{n} " for n in range(5))

        @app.get("/file")
        def file():
            return flask.send_file(__file__, conditional=True)

        # Not inside of the validator: Werkzeug reads to the end by read() without a size, which that refuses.
        with serving(app) as server:
            yield server

    def test_forms_files_streams_and_ranges(self, server):
        with httpx.Client(base_url=base(server)) as client:
            posted = client.post("/form", data={"a": "1"}, files={"f": b"x" * 300_000}).json()
            assert posted == {"form": {"a": "1"}, "files": {"f": 300_000}}
            assert client.post("/raw", content=iter([b"x" * 1000] * 50)).text == "50000"
            assert client.get("/stream").text == "0 1 2 3 4 "
            whole = client.get("/file")
            assert whole.content == Path(__file__).read_bytes()
            part = client.get("/file", headers={"Range": "bytes=3-9"})
            assert (part.status_code, part.content) == (206, whole.content[3:10])
            assert client.get("/file", headers={"If-None-Match": whole.headers["ETag"]}).status_code == 304
            assert client.head("/file").headers["Content-Length"] == str(len(whole.content))
            assert client.get("/nowhere").status_code == 404
            assert client.put("/raw", content=b"x" * 10).status_code == 405
            assert set(client.options("/raw").headers["Allow"].split(", ")) == {"OPTIONS", "POST"}


class TestHttpbin:
    """A Flask application by others, of 2012 and still used. LABCTL_HTTPBIN_PYTHON names a Python that has it."""

    @pytest.fixture(scope="class")
    @classmethod
    def client(cls):
        python = os.environ.get("LABCTL_HTTPBIN_PYTHON", "")
        if not python and importlib.util.find_spec("httpbin") is None:
            pytest.skip("httpbin is not installed")
        app = read_app("httpbin:app", python=python or sys.executable)
        with (
            stand(app, "toy", threads=8, boot_timeout_s=20) as server,
            httpx.Client(base_url=base(server)) as client,
        ):
            yield client
            assert "Traceback" not in server.log()

    def test_it_sees_what_was_sent(self, client):
        found = client.post("/anything/caf%C3%A9?q=1&q=2", json={"a": "é"}, headers={"X-A": "1"}).json()
        assert found["args"] == {"q": ["1", "2"]}
        assert found["json"] == {"a": "é"}
        assert found["headers"]["X-A"] == "1"
        assert found["url"].endswith("/anything/café?q=1&q=2")
        # It goes by the name of the server, and knows one alone that takes chunks apart.
        assert "not supported for server labctl" in client.post("/post", content=iter([b"ab", b"c"])).text
        assert client.post("/post", files={"f": b"content"}).json()["files"] == {"f": "content"}

    def test_it_answers_in_every_way(self, client):
        assert len(client.get("/bytes/100000").content) == 100_000
        assert len(client.get("/stream-bytes/100000").content) == 100_000
        assert len(client.get("/stream/7").text.splitlines()) == 7
        assert len(client.get("/drip?numbytes=5&duration=0&delay=0").content) == 5
        assert client.get("/gzip").json()["gzipped"]
        assert client.get("/range/26", headers={"Range": "bytes=1-3"}).text == "bcd"
        assert client.get("/redirect/2", follow_redirects=True).json()["url"].endswith("/get")
        assert client.get("/cookies/set?a=b", follow_redirects=True).json()["cookies"] == {"a": "b"}
        for status in (201, 204, 304, 404, 418, 500, 503):
            assert client.get(f"/status/{status}").status_code == status
        assert client.head("/get").content == b""
        assert client.delete("/delete").status_code == 200


class TestDjango:
    @pytest.fixture(scope="class")
    @classmethod
    def server(cls):
        pytest.importorskip("django")
        with stand(read_app(str(APPS / "django_site.py")), "toy", threads=4, boot_timeout_s=30) as server:
            yield server
            assert "Traceback" not in server.log()

    def test_somebody_logs_in_looks_around_and_out(self, server):
        with httpx.Client(base_url=base(server), follow_redirects=True) as client:
            page = client.get("/admin/")
            assert page.url.path == "/admin/login/"
            token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
            wrong = {"username": "ada", "password": "byron", "csrfmiddlewaretoken": token[1]}
            assert "Please enter the correct username" in client.post(page.url, data=wrong).text
            home = client.post(page.url, data={**wrong, "password": "lovelace"})
            assert home.url.path == "/admin/"
            assert "Site administration" in home.text
            listed = client.get("/admin/auth/user/?q=ad")
            assert "1 user" in listed.text
            new = client.get("/admin/auth/user/add/")
            token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', new.text)
            form = {
                "csrfmiddlewaretoken": token[1],
                "username": "zoë",
                "password1": "s3cret-pass",
                "password2": "s3cret-pass",
                "usable_password": "true",
            }
            assert "zoë" in client.post("/admin/auth/user/add/", data=form).text
            assert client.post("/admin/logout/").status_code == 403  # without its token

    def test_static_files_and_languages_and_errors(self, server):
        with httpx.Client(base_url=base(server)) as client:
            css = client.get("/static/admin/css/base.css")
            assert css.headers["Content-Type"] == "text/css"
            assert int(css.headers["Content-Length"]) == len(css.content)
            same = client.get(
                "/static/admin/css/base.css", headers={"If-Modified-Since": css.headers["Last-Modified"]}
            )
            assert same.status_code == 304
            german = client.get("/admin/login/", headers={"Accept-Language": "de"})
            assert german.headers["Content-Language"] == "de"
            assert "Anmelden" in german.text
            assert client.head("/admin/login/").content == b""
            assert client.get("/nowhere").status_code == 404
            assert client.post("/i18n/setlang/", data={"language": "fr"}).status_code == 403

    def test_compressed_pages_come_whole(self, server):
        raw = exchange(
            server.address,
            b"GET /admin/login/ HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n",
        )
        [(status, fields, content, complete)] = responses(raw)
        assert (status, complete, fields["Content-Encoding"]) == (200, True, "gzip")
        assert b"Django administration" in gzip.decompress(content)

    def test_the_log_tells_each_request(self, server):
        server.events()
        exchange(server.address, b"GET /static/admin/img/search.svg?x HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n")
        ended = server.wait_for("end", timeout_s=5)
        began = next(event for event in server.events() if event.kind == "begin")
        assert (began.data["path"], began.data["query"]) == ("/static/admin/img/search.svg", "x")
        assert ended.data["status"] == 200
        assert json.dumps(dict(ended.data))
