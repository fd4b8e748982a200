"""The socket of a server: bound here, so that a port in use is known before anything starts, and who has it."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import stat

from labctl.errors import CannotRun, UsageError

# What gunicorn asks for when nobody says.
BACKLOG = 2048


def bound(
    bind: str, server: str, backlog: int | None = None
) -> tuple[socket.socket, tuple[str, int] | None, str]:
    """A socket that listens, its address, and its path ("" unless it is a Unix socket).

    Who connects before the server accepts waits in the queue. Raises CannotRun port-in-use, port-not-allowed,
    cannot-bind; UsageError bind-invalid.
    """
    waiting = BACKLOG if backlog is None else backlog
    if bind.startswith("unix:"):
        path = bind.removeprefix("unix:")
        return _unix(path, waiting), None, path
    host, port = _split(bind)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        # At once: on Linux two sockets that set SO_REUSEADDR may both be bound, and only one of them may listen.
        listener.listen(waiting)
        if port:
            return listener, (host, port), ""
        return listener, (host, listener.getsockname()[1]), ""
    except OSError as problem:
        listener.close()
        raise refused(host, port, server, problem) from problem
    except BaseException:
        listener.close()
        raise


def _unix(path: str, backlog: int) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if _answers(path):
            raise CannotRun(
                "port-in-use",
                f"{path} is already taken",
                evidence=(("tried", "connect, and somebody accepted"),),
            )
        forget(path)  # its server is gone
        listener.bind(path)
        listener.listen(backlog)
    except OSError as problem:
        listener.close()
        raise CannotRun(
            "cannot-bind",
            f"no socket can be made at {path}",
            evidence=(("got", f"{type(problem).__name__}: {problem.strerror or problem}"),),
        ) from problem
    except BaseException:
        listener.close()
        raise
    return listener


def _answers(path: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(path)
        except BlockingIOError:
            return True  # its queue is full
        except OSError:
            return False
    return True


def refused(host: str, port: int, server: str, problem: OSError) -> CannotRun:
    """Why bind() or listen() said no, and who has the port."""
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    tried = ("tried", f"bind {place}")
    got = ("got", f"{type(problem).__name__}: [Errno {problem.errno}] {problem.strerror}")
    if problem.errno == errno.EADDRINUSE:
        from labctl import ports

        who = ports.holder(port, host, "tcp")
        return CannotRun(
            "port-in-use",
            f"port {port} is already taken",
            evidence=(tried, got, *((("held by", who),) if who else ())),
            fixes=(f"labctl port {port}",),
        )
    if problem.errno in (errno.EACCES, errno.EPERM):
        return CannotRun("port-not-allowed", f"port {port} is for the administrator", evidence=(tried, got))
    return CannotRun("cannot-bind", f"{server} cannot listen on {place}", evidence=(tried, got))


def forget(path: str) -> None:
    """Remove a socket that nobody needs any more. Anything else at that path is left alone."""
    if path:
        with contextlib.suppress(OSError):
            if stat.S_ISSOCK(os.stat(path).st_mode):
                os.unlink(path)


def _split(bind: str) -> tuple[str, int]:
    host, colon, port = bind.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not host or not port.isdigit() or int(port) > 65535:
        raise UsageError(
            "bind-invalid",
            f"{bind!r} is no place to listen",
            evidence=(("wanted", "IP:PORT, such as 127.0.0.1:5000, [::1]:5000, or unix:/path"),),
        )
    return host, int(port)
