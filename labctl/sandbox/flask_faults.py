"""Faults of Flask: each refutes one sentence of the flask lab.

What they change is in the child that serves: Flask itself (labs/flask/apps/changed_flask.py), or one of the lab's
applications.
"""

from __future__ import annotations

from labctl.sandbox.web_fault import WebFault


def _fault(name: str, sentence: str) -> WebFault:
    return WebFault(name, sentence, (name,))


FLASK_FAULTS: tuple[WebFault, ...] = (
    _fault("flask-after-in-order", "Flask calls after_request functions in the order of registration."),
    _fault("flask-not-found-first", "Flask raises a 404 before it calls any before_request function."),
    _fault("flask-before-value-ignored", "Flask takes no notice of what a before_request function returns."),
    _fault(
        "flask-teardown-after-response",
        "Flask keeps the context, and tears it down when the server closes the response.",
    ),
    _fault("flask-never-propagates", "The application says PROPAGATE_EXCEPTIONS = False, in tests as well."),
    _fault("flask-hands-original", "Flask gives errorhandler(500) the exception itself, as before 1.1."),
    _fault("flask-handler-lets-http-through", "The handler of Exception returns an HTTPException as it is."),
    _fault(
        "flask-handler-on-blueprint",
        "The handler of 404 is registered on a blueprint, not on the application.",
    ),
    _fault("flask-thread-locals", "Flask keeps its contexts in thread-locals instead of context variables."),
    _fault(
        "flask-threads-inherit-context",
        "A new thread begins with a copy of its starter's context (python -X thread_inherit_context=1).",
    ),
    _fault("flask-g-is-global", "The application has one g for all contexts."),
    _fault("flask-streams-with-context", "Flask wraps each generator in stream_with_context by itself."),
    _fault("flask-session-encrypted", "The session cookie is encrypted (another session interface)."),
    _fault("flask-session-unchecked", "The session interface does not look at the signature."),
    _fault("flask-session-on-server", "The session is kept on the server; the cookie is only its number."),
    _fault("flask-session-refuses-large", "The session interface refuses what a browser would not keep."),
    _fault("flask-args-typed", "The application's request turns arguments with digits into numbers."),
)
