"""A real gunicorn: its own application class, arbiter and workers, with hooks that tell what happens."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from labctl.serving.children.job import CannotServe, Job, missing, started, tell
from labctl.serving.children.loading import load


def serve(job: Job, settings: Mapping[str, object]) -> None:
    """Serve until a signal ends it."""
    try:
        gunicorn: Any = import_module("gunicorn")
        base: Any = import_module("gunicorn.app.base")
        errors: Any = import_module("gunicorn.errors")
    except ImportError as problem:
        raise missing("gunicorn", problem) from None
    started(f"gunicorn {gunicorn.__version__}")
    deaths = Deaths()
    # A master that another one started (USR2) gets the listening socket from it, in GUNICORN_FD.
    bind = "127.0.0.1:0" if "GUNICORN_FD" in os.environ else f"fd://{job.fd}"

    class Application(base.BaseApplication):  # type: ignore[misc]
        """What gunicorn calls a custom application: the settings and the application come from the job."""

        def init(self, parser: Any, opts: Any, args: Any) -> None:
            """Nothing on the command line is gunicorn's."""

        def load_config(self) -> None:
            """First ours, then what the learner wrote in gunicorn's own words, then what a fault wants."""
            words = vars(self.cfg.parser().parse_args(list(job.options)))
            for given in (own_settings(job, bind, deaths), words, settings):
                for name, value in given.items():
                    if value is None or name not in self.cfg.settings:
                        continue
                    if name in ("timeout", "graceful_timeout") and isinstance(value, float):
                        # gunicorn counts in whole seconds only on its command line.
                        self.cfg.settings[name].value = value
                    else:
                        self.cfg.set(name, value)

        def load(self) -> Any:
            """In each worker, or in the master with preload."""
            try:
                return load(job)
            except CannotServe as refused:
                if job.preload:
                    raise SystemExit(4) from refused
                raise errors.AppImportError(str(refused)) from None

    # `ps` and gunicorn's own messages show it; a re-executed master (USR2) gets it again.
    Application().run()


def own_settings(job: Job, bind: str, deaths: Deaths) -> dict[str, Any]:
    """The job in gunicorn's words."""
    return {
        "bind": bind,
        "workers": job.workers,
        "worker_class": job.kind,
        "threads": job.threads,
        "timeout": job.timeout_s,
        "graceful_timeout": job.graceful_s,
        "backlog": job.backlog or 2048,
        "preload_app": job.preload,
        # Two gunicorns of one user would share it (CURRICULUM 4.22).
        "control_socket_disable": True,
        "proc_name": job.target,
        "when_ready": lambda server: deaths.watch(server),
        "post_fork": lambda server, worker: deaths.born(worker),
        "post_worker_init": lambda worker: tell("booted", worker=worker.age),
        "worker_abort": lambda worker: tell("timeout", worker=worker.age),
        "worker_exit": lambda server, worker: tell("exiting", worker=worker.age),
        "nworkers_changed": lambda server, now, before: tell("workers", now=now, before=before),
        "on_reload": lambda server: tell("reloading"),
        "on_exit": lambda server: tell("ended"),
    }


class Deaths:
    """Tells how workers end: gunicorn's hook does not say, so what the master's waitpid gets is looked at."""

    def __init__(self) -> None:
        self._wait = os.waitpid
        self._server: Any = None

    def watch(self, server: Any) -> None:
        """In the master."""
        self._server = server
        os.waitpid = self._waitpid
        tell("listening")

    def born(self, worker: Any) -> None:
        """In a worker, first of all: an application finds the os module as it is."""
        os.waitpid = self._wait
        tell("forked", worker=worker.age)

    def _waitpid(self, pid: int, options: int, /) -> tuple[int, int]:
        found, ended = self._wait(pid, options)
        worker = self._server.WORKERS.get(found) if found > 0 else None
        if worker is not None:
            number = os.WTERMSIG(ended) if os.WIFSIGNALED(ended) else 0
            status = os.WEXITSTATUS(ended) if os.WIFEXITED(ended) else None
            tell(
                "gone",
                pid=found,
                worker=worker.age,
                status=status,
                signal=number,
                timed_out=bool(getattr(worker, "aborted", False)),
                why=f"killed by {_name(number)}" if number else f"exit status {status}",
            )
        return found, ended


def _name(number: int) -> str:
    """ "SIGKILL"; "signal 40" for one that has no name."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
