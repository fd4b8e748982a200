"""The claims of the flask lab. Each is a sentence that a run can refute, and names the fault that does."""

from __future__ import annotations

from labctl.events import Claim

ORDER = Claim(
    "flask.order",
    "before_request runs in the order of registration, after_request in reverse: the last one registered first.",
    source="Flask docs, the request lifecycle and callbacks; flask.Flask.process_response",
    broken_by="flask-after-in-order",
    kind="habit",
)
SESSION_READ = Claim(
    "flask.session-read",
    "The session cookie is signed, not encrypted: whoever has it reads it without the key.",
    source="Flask docs, sessions; itsdangerous, URL safe serialization",
    broken_by="flask-session-encrypted",
    kind="habit",
)
SHORT_CIRCUIT = Claim(
    "flask.short-circuit",
    "What a before_request returns is the response: the view is skipped, all after_request functions still run.",
    source="Flask docs, callbacks and errors; flask.Flask.preprocess_request",
    broken_by="flask-before-value-ignored",
    kind="habit",
    shown_by=("--show", "short-circuit"),
)
NOT_FOUND = Claim(
    "flask.not-found",
    "A 404 is decided by routing and raised after before_request: your hooks run for URLs that nobody has.",
    source="flask.ctx.RequestContext.match_request and flask.Flask.dispatch_request",
    broken_by="flask-not-found-first",
    kind="habit",
    shown_by=("--show", "not-found"),
)
ERROR_404 = Claim(
    "flask.error-404",
    "The application's errorhandler(404) answers for both: a URL without a route, and abort(404) in a view.",
    source="Flask docs, handling application errors",
    broken_by="flask-handler-on-blueprint",
    kind="habit",
    shown_by=("--show", "not-found"),
)
TEARDOWN = Claim(
    "flask.teardown",
    "Teardown runs before the visitor has a byte: what is slow in it is waited for. call_on_close runs behind.",
    source="flask.Flask.wsgi_app (ctx.pop comes before the return); werkzeug Response.call_on_close",
    broken_by="flask-teardown-after-response",
    kind="habit",
    shown_by=("--show", "teardown"),
)
TASKS = Claim(
    "flask.tasks",
    "request and g are context variables, not thread-locals: asyncio tasks in one thread each see their own.",
    source="flask.globals (ContextVar), since Flask 2.2; PEP 567",
    broken_by="flask-thread-locals",
    kind="habit",
    shown_by=("--show", "concurrent"),
)
THREADS = Claim(
    "flask.threads",
    "A new thread has no request: RuntimeError, unless it is given a copy of the context.",
    source="Flask docs, copy_current_request_context; Python docs, contextvars (threads begin empty)",
    broken_by="flask-threads-inherit-context",
    kind="habit",
    shown_by=("--show", "threads"),
)
G = Claim(
    "flask.g",
    "g belongs to the application context: new for each request, there without one, and a nested context has its own.",
    source="Flask docs, the application context; flask.ctx.AppContext",
    broken_by="flask-g-is-global",
    kind="habit",
    shown_by=("--show", "contexts"),
)
STREAMING = Claim(
    "flask.streaming",
    "A generator runs after g is gone: reading it raises RuntimeError, unless stream_with_context keeps it.",
    source="Flask docs, streaming contents",
    broken_by="flask-streams-with-context",
    kind="habit",
    shown_by=("--show", "streaming"),
)
FORGED = Claim(
    "flask.session-forged",
    "A changed session cookie is worth nothing: its signature no longer fits, and Flask begins with an empty session.",
    source="flask.sessions.SecureCookieSessionInterface.open_session (BadSignature)",
    broken_by="flask-session-unchecked",
    kind="habit",
    shown_by=("--show", "session"),
)
REPLAYED = Claim(
    "flask.session-replayed",
    "A copied session cookie works from anywhere, also after logging out: the server has nothing to revoke.",
    source="flask.sessions (no state on the server); RFC 6265 section 8.2",
    broken_by="flask-session-on-server",
    kind="habit",
    shown_by=("--show", "session"),
)
SIZE = Claim(
    "flask.session-size",
    "A session that is too large for a cookie is sent all the same, with a warning in the log; browsers drop it.",
    source="werkzeug.http.dump_cookie (max_size 4093); RFC 6265bis section 5.6",
    broken_by="flask-session-refuses-large",
    kind="habit",
    shown_by=("--show", "session"),
)
PROPAGATES = Claim(
    "flask.propagates",
    "With DEBUG or TESTING an exception goes through: no errorhandler(500), no after_request; teardown always runs.",
    source="flask.Flask.handle_exception (PROPAGATE_EXCEPTIONS)",
    broken_by="flask-never-propagates",
    kind="habit",
    shown_by=("--show", "errors"),
)
ORIGINAL = Claim(
    "flask.original",
    "errorhandler(500) gets an InternalServerError; what really happened is its original_exception.",
    source="Flask docs, generic exception handlers; changed in 1.1",
    broken_by="flask-hands-original",
    kind="habit",
    shown_by=("--show", "errors"),
)
CATCH_ALL = Claim(
    "flask.catch-all",
    "errorhandler(Exception) gets the 404s as well: answering 500 to everything makes 500s of them.",
    source="Flask docs, generic exception handlers (HTTPException is an Exception)",
    broken_by="flask-handler-lets-http-through",
    kind="habit",
    shown_by=("--show", "errors"),
)
ARGS = Claim(
    "flask.args",
    "args.get('page', 1) is a text when it was sent and the number 1 when not; type=int makes both numbers.",
    source="werkzeug.datastructures.MultiDict.get",
    broken_by="flask-args-typed",
    kind="habit",
    shown_by=("--show", "args"),
)

CLAIMS = (
    ORDER,
    SESSION_READ,
    SHORT_CIRCUIT,
    NOT_FOUND,
    ERROR_404,
    TEARDOWN,
    TASKS,
    THREADS,
    G,
    STREAMING,
    FORGED,
    REPLAYED,
    SIZE,
    PROPAGATES,
    ORIGINAL,
    CATCH_ALL,
    ARGS,
)
