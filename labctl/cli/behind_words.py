"""The words behind the front door, for `labctl explain`: ProxyFix, WSGI, Flask's hooks, gunicorn's settings.

Each is told in about three sentences, with the document and the demonstration that shows it.
"""

from __future__ import annotations

from typing import NamedTuple


class BehindWord(NamedTuple):
    """How the word is written, what kind it is of, sentences, their document, and the command that shows it."""

    name: str
    kind: str
    sentence: str
    source: str
    see: str


_FIX = "Werkzeug docs, X-Forwarded-For Proxy Fix"
_WORDS = (
    BehindWord(
        "ProxyFix",
        "a wrapper of Werkzeug's around an application",
        "It puts what proxies say in X-Forwarded fields where the application looks: remote_addr, scheme, host. "
        "Each of its counts (x_for, x_proto, x_host, x_port, x_prefix) says how many proxies of yours write that "
        "field. One count too many, and a visitor can write it.",
        _FIX,
        "labctl proxy",
    ),
    BehindWord(
        "x_for",
        "a count of ProxyFix",
        "So many proxies of yours add to X-Forwarded-For; remote_addr becomes the entry that many from the right. "
        "What stands further left, the visitor may have written. The default is 1.",
        _FIX,
        "labctl proxy --show grid",
    ),
    BehindWord(
        "x_proto",
        "a count of ProxyFix",
        "So many proxies of yours write X-Forwarded-Proto; the scheme of the request becomes what the outermost of "
        "them wrote. Without it an application behind a proxy that ends TLS builds http:// links. The default is 1.",
        _FIX,
        "labctl proxy --show termination",
    ),
    BehindWord(
        "x_host",
        "a count of ProxyFix",
        "So many proxies of yours write X-Forwarded-Host; the host of the request is taken from it. "
        "Where no proxy writes that field, a visitor can, so the default is 0. "
        "A proxy that passes Host on makes it unnecessary.",
        _FIX,
        "labctl proxy --show headers",
    ),
    BehindWord(
        "before_request",
        "a hook of Flask",
        "Flask calls these functions before the view, in the order in which they were registered. "
        "One that returns something has answered: the later ones and the view are left out. "
        "after_request and teardown_request run all the same.",
        "Flask docs, callbacks and errors",
        "labctl flask --show short-circuit",
    ),
    BehindWord(
        "after_request",
        "a hook of Flask",
        "Flask calls these functions with the response, the last registered first, and sends what they return. "
        "One that forgets its return makes the answer a 500. "
        "They also see the response of a before_request function or an error handler.",
        "Flask docs, callbacks and errors; flask.Flask.process_response",
        "labctl flask",
    ),
    BehindWord(
        "teardown_request",
        "a hook of Flask",
        "Flask calls these functions when the context of the request ends, also after an exception, which they get. "
        "What they return is ignored. They have run before the server sends the first byte of the body, unless the "
        "body keeps the context (stream_with_context).",
        "Flask docs, callbacks and errors; flask.Flask.wsgi_app",
        "labctl flask --show teardown",
    ),
    BehindWord(
        "g",
        "a namespace of Flask",
        "flask.g holds what code keeps for the time of one application context, such as a database connection. "
        "Each request has a new, empty one. It is no place for what has to last: that is a session or a store.",
        "Flask docs, the application context",
        "labctl flask --show contexts",
    ),
    BehindWord(
        "application context",
        "a state of Flask",
        "While it is pushed, current_app and g mean this application. "
        "Each request pushes one, and app.app_context() does in a script or a test. "
        'Without one Flask raises "Working outside of application context".',
        "Flask docs, the application context",
        "labctl flask --show contexts",
    ),
    BehindWord(
        "start_response",
        "a function of WSGI",
        "The server gives it to the application, which calls it with the status line and the list of fields. "
        "Nothing is sent by that: the head goes out with the first bytes of the body. "
        "A second call is allowed only with exc_info, to put an error in its place.",
        "PEP 3333, The start_response() Callable",
        "labctl wsgi --show start-response",
    ),
    BehindWord(
        "environ",
        "a dictionary of WSGI",
        "The server builds it for each request: REQUEST_METHOD, PATH_INFO, QUERY_STRING, a HTTP_ key for each "
        "field, and the body as wsgi.input. Text in it is bytes read as Latin-1. "
        "X-Real-Ip and X_Real_Ip become the same key.",
        "PEP 3333, environ Variables",
        "labctl wsgi --show environ",
    ),
    BehindWord(
        "WSGI",
        "how Python servers call applications",
        "A server calls application(environ, start_response) for a request, sends the bytes that the result yields, "
        "and calls its close(). The call takes its worker, or its thread, until it is over. "
        "Flask, Django and gunicorn speak it.",
        "PEP 3333",
        "labctl wsgi",
    ),
    BehindWord(
        "ASGI",
        "how Python servers call asynchronous applications",
        "A server awaits application(scope, receive, send), and messages go both ways while the call lasts. "
        "One thread can wait for many requests at once, and WebSockets fit in. "
        "A WSGI server cannot serve it: it needs uvicorn, hypercorn or the like.",
        "ASGI specification, HTTP",
        "labctl wsgi --show asgi",
    ),
    BehindWord(
        "gthread",
        "a worker class of gunicorn",
        "Each worker has --threads threads, and so many requests in hand at once. "
        "Its main thread keeps telling the master that it lives, so --timeout does not end a view that hangs. "
        "--threads of more than 1 makes gthread of sync by itself.",
        "gunicorn docs, settings: worker_class, threads",
        "labctl workers --worker-class gthread --threads 4",
    ),
    BehindWord(
        "preload",
        "a setting of gunicorn (--preload)",
        "The master imports the application once, then forks: workers start fast and share memory pages. "
        "Connections and threads that the import made do not survive the fork well. "
        "A HUP no longer loads changed code.",
        "gunicorn docs, settings: preload_app",
        "labctl workers --show preload",
    ),
    BehindWord(
        "backlog",
        "a queue of the kernel",
        "Connections that are made and not yet accepted wait there, in front of all workers. "
        "gunicorn asks for 2048, and Linux gives net.core.somaxconn at most. "
        "When it is full, a new connection waits and tries again: it is not refused.",
        "listen(2); gunicorn docs, settings: backlog",
        "labctl workers --show backlog",
    ),
    BehindWord(
        "heartbeat",
        "how a gunicorn worker says that it lives",
        "A worker touches a file of its own, and the master looks how old that is. "
        "A sync worker touches it between requests, so a hanging view makes it old. "
        "The main thread of a gthread worker goes on touching it.",
        "gunicorn docs, settings: timeout; gunicorn/workers/gthread.py",
        "labctl workers --show timeout",
    ),
    BehindWord(
        "--timeout",
        "a setting of gunicorn",
        "A worker that gives no sign of life for so many seconds (30 by default) is ended by the master with SIGABRT, "
        "and another one takes its place. Whoever waited for its answer gets none. "
        "For labctl workers it is this setting; elsewhere in labctl it is how long one answer is waited for.",
        "gunicorn docs, settings: timeout",
        "labctl workers --show timeout",
    ),
)  # fmt: skip
# More ways to type some of them.
_ALSO = {
    "timeout": "--timeout",
    "--preload": "preload",
    "preload_app": "preload",
    "--backlog": "backlog",
    "app context": "application context",
    "app_context": "application context",
    "flask.g": "g",
}
WORDS = {word.name.lower(): word for word in _WORDS}


def find(typed: str) -> BehindWord | None:
    """The word that was typed, in any case of letters; `x-for` and `before-request` will do."""
    key = typed.strip().lower()
    for spelt in (key, key.replace("-", "_"), key.replace("-", " ")):
        if found := WORDS.get(_ALSO.get(spelt, spelt)):
            return found
    return None
