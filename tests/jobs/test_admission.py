"""The cap is exact when several processes accept at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter

import pytest
from jobs_engine import open_store, settings_on

from labctl import children
from labctl.jobs.settings import VARIABLE

_CODE = """
import json, sys
from concurrent.futures import ThreadPoolExecutor
from labctl.jobs.settings import Settings
from labctl.jobs.store import Refused, Store
store = Store(Settings.from_environment())
store.get("warm")
print("ready", flush=True)
sys.stdin.readline()
def ask(number):
    said = store.submit(f"u{number % 4}", "report", {})
    return said.status if isinstance(said, Refused) else 202
with ThreadPoolExecutor(16) as pool:
    print(json.dumps(list(pool.map(ask, range(24)))))
store.close()
"""


@pytest.mark.parametrize("engine", ["sqlite", "postgres"])
def test_two_processes_with_many_threads_accept_exactly_the_cap_and_no_user_more_than_theirs(
    engine: str,
) -> None:
    with settings_on(engine, cap=11, per_user=4) as settings, open_store(settings, migrate=True) as store:
        asking = [
            children.start(
                [sys.executable, "-c", _CODE],
                env={**os.environ, VARIABLE: settings.to_json()},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
            for _ in range(2)
        ]
        for each in asking:
            assert each.stdout is not None
            assert each.stdout.readline() == b"ready\n"
        for each in asking:
            assert each.stdin is not None
            each.stdin.write(b"go\n")
            each.stdin.flush()
        said = Counter(status for each in asking for status in json.loads(each.communicate()[0]))
        assert said.total() == 48
        assert said[202] == 11
        assert set(said) <= {202, 429, 503}
        had = [len(store.list(f"u{number}", 1000)) for number in range(4)]
        assert sum(had) == 11
        assert max(had) <= 4
