"""A WSGI application without a framework: it counts, streams and says what it sees."""

from __future__ import annotations

import json

_PIECE = 65536


def app(environ, start_response):
    """/count reads the content piece by piece, /pour?N gives N pieces, /environ says the environ, else hello."""
    path = environ["PATH_INFO"]
    if path == "/count":
        size = 0
        while piece := environ["wsgi.input"].read(_PIECE):
            size += len(piece)
        body = b"%d" % size
    elif path == "/pour":
        start_response("200 OK", [("Content-Type", "application/octet-stream")])
        return (b"x" * _PIECE for _ in range(int(environ["QUERY_STRING"])))
    elif "environ" in path:
        shown = {
            key: value if isinstance(value, (str, bool)) else repr(value) for key, value in environ.items()
        }
        body = json.dumps(shown).encode()
    else:
        body = b"hello\n"
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [body]
