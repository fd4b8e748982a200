"""The claims of the wsgi lab. Each is a sentence that a run can refute, and names the fault that does."""

from __future__ import annotations

from labctl.events import Claim

PEP = "PEP 3333"

# What every run without arguments shows.
ITERABLE = Claim(
    "wsgi.iterable",
    "The body is what the application returns: an iterable of bytes, taken item by item to its end.",
    source=f"{PEP}, Specification Details",
    broken_by="server-takes-one-item",
)
CLOSE = Claim(
    "wsgi.close",
    "If what was returned has a close(), the server calls it once, after the last item.",
    source=f"{PEP}, Specification Details",
    broken_by="server-forgets-close",
)
FRAMING = Claim(
    "wsgi.framing",
    "Without a Content-Length each server chooses: wsgiref counts one piece, gunicorn and flask run send chunks.",
    source=f"{PEP}, Handling the Content-Length Header; measured",
    broken_by="app-says-its-length",
    kind="habit",
)

CALLABLE = Claim(
    "wsgi.callable",
    "An application is anything that can be called with two arguments: a function, a class, an object.",
    source=f"{PEP}, The Application/Framework Side",
    broken_by="server-wants-a-function",
    shown_by=("--show", "callable"),
)

# environ
PATH = Claim(
    "wsgi.path",
    "PATH_INFO has lost its percent signs: bytes written as Latin-1, and %2F is a / like any other.",
    source=f"{PEP}, Unicode Issues and environ Variables; CGI (RFC 3875 section 4.1.5)",
    broken_by="server-keeps-escapes",
    shown_by=("--show", "environ"),
)
UNDERSCORES = Claim(
    "wsgi.underscores",
    "X-User and X_User would be one key, HTTP_X_USER: gunicorn drops what was sent with an underscore.",
    source="gunicorn docs, header_map; RFC 3875 section 4.1.18",
    broken_by="gunicorn-takes-underscores",
    kind="habit",
    shown_by=("--show", "environ"),
)
REPEATED = Claim(
    "wsgi.repeated",
    "A field that is sent twice is one text in environ, joined with a comma.",
    source="RFC 3875 section 4.1.18; RFC 9110 section 5.3",
    broken_by="server-keeps-the-last-field",
    shown_by=("--show", "environ"),
)
INPUT = Claim(
    "wsgi.input",
    "wsgi.input is read once: whoever reads the content a second time gets nothing, or waits.",
    source=f"{PEP}, Input and Error Streams",
    broken_by="server-rewinds-input",
    shown_by=("--show", "environ"),
)

# start_response
LAZY_HEAD = Claim(
    "wsgi.lazy-head",
    "start_response sends nothing: until the first bytes of the body, an error can still become a 500.",
    source=f"{PEP}, The start_response() Callable",
    broken_by="server-sends-head-at-once",
    shown_by=("--show", "start-response"),
)
TOO_LATE = Claim(
    "wsgi.too-late",
    "After the first bytes no status can be taken back: the client has its 200, and a body that is cut.",
    source=f"{PEP}, Error Handling",
    broken_by="server-holds-everything-back",
    shown_by=("--show", "start-response"),
)

# What servers do with applications that break the contract.
UNCHECKED = Claim(
    "wsgi.unchecked",
    "Without start_response gunicorn answers HTTP/1.1 None and the body; wsgiref and flask run say 500.",
    source="measured with gunicorn 27, wsgiref, Werkzeug 3.1",
    broken_by="app-is-validated",
    kind="measured",
    shown_by=("--violate", "no-start-response"),
)
TWICE = Claim(
    "wsgi.twice",
    "A second start_response without exc_info is an error: behind one with headers, each server here says 500.",
    source=f"{PEP}, The start_response() Callable",
    broken_by="app-gives-exc-info",
    shown_by=("--violate", "start-twice"),
)
CRLF = Claim(
    "wsgi.crlf",
    "A line break in a header's value would be one header more: gunicorn refuses it, flask run's server lets it pass.",
    source="RFC 9110 section 5.5; measured with gunicorn 27, Werkzeug 3.1",
    broken_by="gunicorn-trusts-headers",
    kind="measured",
    shown_by=("--violate", "crlf-in-header"),
)
LENGTH = Claim(
    "wsgi.length",
    "Of a body longer than its Content-Length gunicorn sends what was promised; wsgiref and flask run send all.",
    source=f"{PEP}, Handling the Content-Length Header; measured with gunicorn 27, Werkzeug 3.1",
    broken_by="gunicorn-sends-everything",
    kind="measured",
    shown_by=("--violate", "length-too-short"),
)

ASGI = Claim(
    "wsgi.asgi",
    "ASGI is another contract: a WSGI server that calls such an application gets a TypeError, and says 500.",
    source="ASGI specification, HTTP; PEP 3333",
    broken_by="app-is-adapted",
    shown_by=("--show", "asgi"),
)

# flask run
DEV_THREADS = Claim(
    "wsgi.dev-threads",
    "flask run answers many at once, a thread for each; gunicorn as it comes has one worker, for one at a time.",
    source="Flask 1.0 changes (threaded by default); gunicorn docs, workers",
    broken_by="dev-server-without-threads",
    kind="habit",
    shown_by=("--show", "dev-server"),
)
DEV_ALONE = Claim(
    "wsgi.dev-alone",
    "Nobody looks after flask run: killed, it is gone. Of gunicorn a worker is gone, and the master makes another.",
    source="measured; gunicorn docs, design",
    broken_by="gunicorn-replaces-nobody",
    kind="measured",
    shown_by=("--show", "dev-server"),
)
RELOAD = Claim(
    "wsgi.reload",
    "flask run does not reload: it is one process with the code it began with. With --debug there are two.",
    source="Flask docs, flask run; measured",
    broken_by="dev-server-in-debug-mode",
    kind="measured",
    shown_by=("--show", "reload"),
)
BIND = Claim(
    "wsgi.bind",
    "Bound to 127.0.0.1 a server is not there at another address, not even at one of the same machine.",
    source="bind(2), ip(7)",
    broken_by="server-binds-all-addresses",
    shown_by=("--show", "bind"),
)

CLAIMS = (
    ITERABLE, CLOSE, FRAMING, CALLABLE, PATH, UNDERSCORES, REPEATED, INPUT, LAZY_HEAD, TOO_LATE,
    UNCHECKED, TWICE, CRLF, LENGTH, ASGI, DEV_THREADS, DEV_ALONE, RELOAD, BIND,
)  # fmt: skip
