"""The script that every child runs: `python start.py JOB`, JOB being JSON (`job.Job`).

It makes labctl importable, whatever interpreter this is, and nothing else of where labctl is installed: an
application must not find modules here that its own environment lacks.
"""

from __future__ import annotations

import os
import sys
from importlib.machinery import ModuleSpec, PathFinder

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))


class OurPackages:
    """A finder on sys.meta_path for top-level packages of ours, and for them alone."""

    def __init__(self, *names: str) -> None:
        self.names = names

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """See importlib.abc.MetaPathFinder."""
        return PathFinder.find_spec(name, [ROOT]) if path is None and name in self.names else None


def main(text: str) -> None:
    """Do the job. Ends with status 4 when the application cannot be served; then "failed" was told."""
    if sys.path and os.path.abspath(sys.path[0] or ".") == HERE:
        del sys.path[0]  # Python puts a script's folder there
    # Before all others: this code must not meet another labctl. A learner may well have a `labs` of his own.
    sys.meta_path.insert(0, OurPackages("labctl"))
    sys.meta_path.append(OurPackages("labs"))
    from importlib import import_module

    from labctl.serving.children.job import SERVERS, CannotServe, prepare, read_job

    job = read_job(text)
    if job.folder in sys.path:
        sys.path.remove(job.folder)
    sys.path.insert(0, job.folder)
    try:
        settings = prepare(job)
        import_module(SERVERS[job.kind]).serve(job, settings)
    except CannotServe as refused:
        sys.stderr.write(f"{refused}\n")
        sys.exit(4)


if __name__ == "__main__":
    main(sys.argv[1])
