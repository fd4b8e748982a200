"""A PostgreSQL for tests, or a skip where it is not installed."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from labctl.errors import CannotRun
from labctl.jobs.postgres import PrivatePostgres


@contextlib.contextmanager
def private_postgres() -> Iterator[PrivatePostgres]:
    """It and its folder are gone afterwards. LABCTL_REQUIRE_TOOLS=1 makes its absence a failure."""
    # Not pytest's folder: that one is closed to the user that PostgreSQL runs as.
    folder = Path(tempfile.mkdtemp(prefix="labctl-postgres-"))
    folder.chmod(0o755)
    try:
        try:
            postgres = PrivatePostgres(folder)
        except CannotRun as problem:
            if problem.code != "postgres-missing" or os.environ.get("LABCTL_REQUIRE_TOOLS") == "1":
                raise
            pytest.skip("PostgreSQL is not installed")
        with postgres:
            yield postgres
    finally:
        shutil.rmtree(folder, ignore_errors=True)
