"""The environ of a request, as PEP 3333 wants it (section "environ Variables"), from a request head.

Text in it is bytes read as Latin-1: the path /caf%C3%A9 becomes "/cafÃ©", and an application that wants characters
encodes to Latin-1 and decodes from UTF-8.
"""

from __future__ import annotations

from typing import IO, Any, NamedTuple
from urllib.parse import unquote_to_bytes

from labctl.protocols.http1 import MessageError, RequestHead
from labctl.protocols.wsgi_contract import Environ

SOFTWARE = "labctl"
_DEFAULT_PORTS = {"http": "80", "https": "443"}
# CGI has these two without HTTP_ (RFC 3875 sections 4.1.2 and 4.1.3).
_WITHOUT_PREFIX = {"content-type": "CONTENT_TYPE", "content-length": "CONTENT_LENGTH"}
_MOST_NAMES = 1024


class Ends(NamedTuple):
    """The two ends of a connection. An address is (host, port), or the path of a Unix socket, "" without one."""

    server: tuple[str, int] | str
    client: tuple[str, int] | str
    scheme: str = "http"


class _Keys(dict[str, str]):
    """The environ's key of a field name in lower case; "" for a name that is dropped.

    X_Forwarded_For and X-Forwarded-For would be one key, and a proxy in front watches over only one of them: names with
    an underscore are dropped, as nginx and gunicorn do.
    """

    def __missing__(self, name: str) -> str:
        key = "" if "_" in name else _WITHOUT_PREFIX.get(name) or f"HTTP_{name.upper().replace('-', '_')}"
        if len(self) < _MOST_NAMES:
            self[name] = key
        return key


_keys = _Keys()


def connection_environ(
    ends: Ends, *, errors: IO[str], multithread: bool = True, multiprocess: bool = False
) -> Environ:
    """What all requests of a connection have in common."""
    environ: Environ = {
        "SCRIPT_NAME": "",
        "SERVER_SOFTWARE": SOFTWARE,
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": ends.scheme,
        "wsgi.errors": errors,
        "wsgi.multithread": multithread,
        "wsgi.multiprocess": multiprocess,
        "wsgi.run_once": False,
        "wsgi.input_terminated": True,
    }
    if isinstance(ends.server, str):
        # A Unix socket has no name and no port, and the contract wants both.
        environ["SERVER_NAME"], environ["SERVER_PORT"] = "localhost", _DEFAULT_PORTS[ends.scheme]
    else:
        environ["SERVER_NAME"], environ["SERVER_PORT"] = ends.server[0], str(ends.server[1])
    if isinstance(ends.client, str):
        environ["REMOTE_ADDR"] = ""
    else:
        environ["REMOTE_ADDR"], environ["REMOTE_PORT"] = ends.client[0], str(ends.client[1])
    return environ


def request_environ(connection: Environ, head: RequestHead, named: dict[str, str], content: Any) -> Environ:
    """A new environ. `named` are the values of the fields by lower-case name, `content` becomes wsgi.input.

    Raises MessageError for a target that is no path: target-unfit.
    """
    environ = connection.copy()
    target = head.target
    environ["REQUEST_METHOD"] = head.method
    environ["SERVER_PROTOCOL"] = "HTTP/1.1" if head.version == "1.1" else "HTTP/1.0"
    environ["wsgi.input"] = content
    for name, value in named.items():
        if key := _keys[name]:
            environ[key] = value
    if "," in named.get("content-length", ""):  # the same number, more than once: applications read one
        environ["CONTENT_LENGTH"] = named["content-length"].partition(",")[0].strip()
    if "cookie" in named and ", " in named["cookie"]:
        environ["HTTP_COOKIE"] = _cookies(head)
    if target[0] != "/":
        target = _of_absolute(target, environ)
    if "#" in target:
        raise MessageError("target-unfit", "The target has a fragment, which stays in the browser.")
    path, _, environ["QUERY_STRING"] = target.partition("?")
    environ["PATH_INFO"] = unquote_to_bytes(path).decode("latin-1") if "%" in path else path
    return environ


def _cookies(head: RequestHead) -> str:
    """Lines of Cookie are joined with "; ": a comma would be part of a value (RFC 9113 section 8.2.3)."""
    return "; ".join(value for name, value in head.fields if name.lower() == "cookie")


def _of_absolute(target: str, environ: Environ) -> str:
    """Path and query of "http://host/path"; its host takes the place of Host (RFC 9112 section 3.2.2)."""
    scheme, separator, rest = target.partition("://")
    if not separator or scheme.lower() not in _DEFAULT_PORTS:
        raise MessageError("target-unfit", f"{target[:40]!r} is no path that an application could serve.")
    ends = [at for mark in "/?#" if (at := rest.find(mark)) >= 0]
    end = min(ends, default=len(rest))
    if not rest[:end] or "@" in rest[:end]:
        raise MessageError("target-unfit", f"{rest[:end][:40]!r} is no host.")
    environ["HTTP_HOST"] = rest[:end]
    rest = rest[end:]
    return rest if rest.startswith("/") else f"/{rest}"
