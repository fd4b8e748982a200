"""What the lab changes in a server's first process, fault or not. Runs in the child."""

from __future__ import annotations

import os

from labs.workers.broken import prepare

FEW_CORES = 2


def as_it_comes(habits: frozenset[str]) -> dict[str, object]:
    """What gunicorn does when nobody says how many workers and which class it shall have."""
    prepare(habits)
    from gunicorn.config import WorkerClass, Workers

    return {"workers": Workers.default, "worker_class": WorkerClass.default}


def on_few_cores(habits: frozenset[str]) -> None:
    """On two cores at most, so that a few workers are more than that."""
    prepare(habits)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, set(sorted(os.sched_getaffinity(0))[:FEW_CORES]))


def with_a_control_socket(habits: frozenset[str]) -> dict[str, object]:
    """As gunicorn does when nobody says --no-control-socket; under its fault, with a path of its own."""
    prepare(habits)
    found: dict[str, object] = {"control_socket_disable": False}
    if "control-sockets-apart" in habits:
        found["control_socket"] = os.path.join(os.environ["XDG_RUNTIME_DIR"], f"{os.getpid()}.ctl")
    return found
