"""The environ of our server beside those of gunicorn, wsgiref and waitress: the same requests, and each difference."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path

import pytest
from wsgi_harness import exchange, responses

from labctl.serving.application import read_app
from labctl.serving.standing import stand

KINDS = ("toy", "sync", "wsgiref", "waitress")
COMPARED = (
    "HTTP_",
    "CONTENT_",
    "PATH_INFO",
    "QUERY_",
    "SCRIPT_",
    "REQUEST_METHOD",
    "SERVER_PROTOCOL",
    "REMOTE_ADDR",
)
END = b"Connection: close\r\n\r\n"
REQUESTS = {
    "plain": b"GET /environ?a=b HTTP/1.1\r\nHost: shop.test:81\r\nUser-Agent: x\r\n" + END,
    "path": b"GET /environ/caf%C3%A9/a%2Fb%zz;c=d?q=%20b?c HTTP/1.1\r\nHost: a\r\n" + END,
    "slashes": b"GET //environ HTTP/1.1\r\nHost: a\r\n" + END,
    "absolute": b"GET http://other.test:82/environ?x HTTP/1.1\r\nHost: a\r\n" + END,
    "repeated": b"GET /environ HTTP/1.1\r\nHost: a\r\nX-A: 1\r\nX-A: 2\r\nCookie: a=1\r\nCookie: b=2\r\n"
    + END,
    "underscore": b"GET /environ HTTP/1.1\r\nHost: a\r\nX_A: 1\r\nX-B: 2\r\n" + END,
    "latin-1": b"GET /environ HTTP/1.1\r\nHost: a\r\nX-A: caf\xc3\xa9\r\n" + END,
    "old": b"GET /environ HTTP/1.0\r\n\r\n",
    "post": b"POST /environ HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n"
    + END
    + b"ab",
    "chunked": b"POST /environ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
    + END
    + b"2\r\nab\r\n0\r\n\r\n",
    "fragment": b"GET /environ#x HTTP/1.1\r\nHost: a\r\n" + END,
}
# (request, key): ours, and what others have instead; None is no such key. The reasons:
DIFFERENCES = {
    # wsgiref keeps "//" from being taken for the beginning of a host by what redirects; waitress too. To us a path is a
    # path, as it is for gunicorn.
    ("slashes", "PATH_INFO"): ("//environ", {"wsgiref": "/environ", "waitress": "/environ"}),
    # RFC 9112 section 3.2.2: the host of an absolute target counts, not Host. wsgiref takes the whole for a path.
    ("absolute", "HTTP_HOST"): ("other.test:82", {"sync": "a", "wsgiref": "a", "waitress": "a"}),
    ("absolute", "PATH_INFO"): ("/environ", {"wsgiref": "http://other.test:82/environ"}),
    # RFC 9110 section 5.3 has a space after the comma; cookies joined with a comma are another cookie.
    ("repeated", "HTTP_X_A"): ("1, 2", {"sync": "1,2", "wsgiref": "1,2"}),
    ("repeated", "HTTP_COOKIE"): ("a=1; b=2", {"sync": "a=1,b=2", "wsgiref": "a=1,b=2", "waitress": "a=1, b=2"}),
    # A name with an underscore can stand for one that a proxy watches over: only wsgiref lets it in.
    ("underscore", "HTTP_X_A"): (None, {"wsgiref": "1"}),
    # waitress collects the content before it calls the application, and so can say how long it is.
    ("chunked", "CONTENT_LENGTH"): (None, {"waitress": "2", "wsgiref": ""}),
    ("chunked", "HTTP_TRANSFER_ENCODING"): ("chunked", {"waitress": None}),
}  # fmt: skip


@pytest.fixture(scope="module")
def servers():
    app = read_app(str(Path(__file__).parent / "apps" / "plain.py"))
    with ExitStack() as stack:
        yield {kind: stack.enter_context(stand(app, kind, watched=False)) for kind in KINDS}


@pytest.mark.parametrize("name", [name for name in REQUESTS if name != "fragment"])
def test_what_differs_is_known_and_nothing_else_differs(servers, name):
    found = {}
    for kind, server in servers.items():
        [(status, _, content, _)] = responses(exchange(server.address, REQUESTS[name]))
        assert status == 200
        environ = json.loads(content)
        # wsgiref's handler gives a length and a type to what has none, and the variables of the process as well.
        if kind == "wsgiref" and b"Content-Type" not in REQUESTS[name]:
            assert (environ.pop("CONTENT_TYPE"), environ["CONTENT_LENGTH"]) == ("text/plain", "")
            if name != "chunked":
                del environ["CONTENT_LENGTH"]
        found[kind] = {key: value for key, value in environ.items() if key.startswith(COMPARED)}
    for key in set().union(*found.values()):
        ours = found["toy"].get(key)
        theirs = {kind: each.get(key) for kind, each in found.items() if each.get(key) != ours}
        expected = DIFFERENCES.get((name, key), (ours, {}))
        assert (ours, theirs) == expected, key


def test_a_fragment_is_refused_by_us_and_dropped_or_kept_by_the_others(servers):
    found = {}
    for kind, server in servers.items():
        [(status, _, content, _)] = responses(exchange(server.address, REQUESTS["fragment"]))
        found[kind] = json.loads(content)["PATH_INFO"] if status == 200 else status
    # RFC 9112 section 3.2.1: origin-form has no fragment.
    assert found == {"toy": 400, "sync": "/environ", "wsgiref": "/environ#x", "waitress": "/environ"}


def test_all_have_what_the_contract_requires(servers):
    required = {"REQUEST_METHOD", "SCRIPT_NAME", "PATH_INFO", "QUERY_STRING", "SERVER_NAME", "SERVER_PORT",
                "SERVER_PROTOCOL", "wsgi.version", "wsgi.url_scheme", "wsgi.input", "wsgi.errors",
                "wsgi.multithread", "wsgi.multiprocess", "wsgi.run_once"}  # fmt: skip
    for server in servers.values():
        [(_, _, content, _)] = responses(exchange(server.address, REQUESTS["old"]))
        assert required <= set(json.loads(content))
