"""Faults of WSGI servers and applications: each refutes one sentence of the wsgi lab.

The names are looked up in the server's process, by labs/wsgi/broken.py, or are options that a server is started with.
"""

from __future__ import annotations

from labctl.sandbox.web_fault import WebFault


def _fault(name: str, sentence: str) -> WebFault:
    return WebFault(name, sentence, (name,))


WSGI_FAULTS: tuple[WebFault, ...] = (
    _fault("server-takes-one-item", "The server takes the first item of the iterable, and no other."),
    _fault("server-forgets-close", "The server does not call close() of what the application returned."),
    _fault("app-says-its-length", "A layer around the application adds the Content-Length of its body."),
    _fault("server-wants-a-function", "The server calls functions only, no classes and no objects."),
    _fault(
        "server-keeps-escapes",
        "The server gives PATH_INFO as it stood in the request, percent signs included.",
    ),
    _fault(
        "gunicorn-takes-underscores", "gunicorn runs with --header-map dangerous: X_User becomes HTTP_X_USER."
    ),
    _fault("server-keeps-the-last-field", "Of a field that came twice, the server gives the last value."),
    _fault("server-rewinds-input", "The server's wsgi.input begins anew when it is read again."),
    _fault(
        "server-sends-head-at-once",
        "The server sends status and headers as soon as start_response is called.",
    ),
    _fault(
        "server-holds-everything-back", "The server keeps the body until all of it is there, and sends then."
    ),
    _fault(
        "app-is-validated",
        "The application runs inside of wsgiref.validate, which refuses what breaks the contract.",
    ),
    _fault("app-gives-exc-info", "The application gives exc_info with its second start_response."),
    _fault(
        "gunicorn-trusts-headers", "gunicorn does not look for line breaks in the headers of an application."
    ),
    _fault(
        "gunicorn-sends-everything",
        "gunicorn sends all that the application gives, whatever Content-Length says.",
    ),
    _fault("app-is-adapted", "An adapter stands around the ASGI application, and speaks WSGI for it."),
    _fault("dev-server-without-threads", "The development server runs with --without-threads."),
    _fault("gunicorn-replaces-nobody", "gunicorn's master makes its workers once, and never another one."),
    _fault("dev-server-in-debug-mode", "The development server runs with --debug, reloader included."),
    _fault(
        "server-binds-all-addresses", "The server is bound to 0.0.0.0, which is every address of the machine."
    ),
)
