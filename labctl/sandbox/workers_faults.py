"""Faults of workers: each refutes one sentence of the workers lab.

Each is a real change of gunicorn's master or workers, or of the lab's application, made in the child that runs them
(labs/workers/broken.py) or in the words that start it.
"""

from __future__ import annotations

from labctl.sandbox.web_fault import WebFault


def _fault(name: str, sentence: str) -> WebFault:
    return WebFault(name, sentence, (name,))


WORKERS_FAULTS: tuple[WebFault, ...] = (
    _fault("worker-starts-threads", "A sync worker starts a thread for each connection that it accepts."),
    _fault("master-never-looks", "The master does not look at its workers' heartbeats."),
    _fault("gthread-reports-when-idle", "A gthread worker sends its heartbeat only while it has no request."),
    _fault("workers-open-their-own", "Each worker opens a listening socket of its own (SO_REUSEPORT)."),
    _fault("master-answers-too", "The master accepts connections as well, and answers them."),
    _fault("web-concurrency", "WEB_CONCURRENCY=4 is set in the environment."),
    _fault("worker-accepts-ahead", "A sync worker accepts all that wait before it serves the first."),
    _fault("master-never-respawns", "The master starts its workers once, and no other ones later."),
    _fault("worker-dies-of-exceptions", "A worker ends when a view raises an exception."),
    _fault("hup-ends-at-once", "On HUP the master kills the old workers instead of letting them finish."),
    _fault("counter-is-shared", "The application's counter lives in memory that all workers share."),
    _fault("workers-load-again", "Each worker imports the application again, whatever was preloaded."),
    _fault("catalogue-in-one-block", "The application keeps its catalogue in one block of bytes."),
    _fault("backlog-without-end", "The master listens with the largest backlog, whatever --backlog says."),
    _fault(
        "worker-waits-for-whole-requests",
        "A sync worker accepts, and serves a request once all of it is there.",
    ),
    _fault("pool-of-one", "A gthread worker has one thread, whatever --threads says."),
    _fault(
        "loop-outside-of-python", "The application's loop is C code that lets go of the interpreter's lock."
    ),
    _fault("digest-in-small-pieces", "The application hashes pieces so small that the lock is kept."),
    _fault("loop-that-sleeps", "The application's loop waits instead of computing."),
    _fault("control-sockets-apart", "Each gunicorn is given a control socket of its own."),
)
