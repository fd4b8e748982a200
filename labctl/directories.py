"""Where labctl keeps its files. `LABCTL_HOME` moves them all: for tests, classrooms, read-only homes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

Kind = Literal["data", "state", "cache"]


def directory(kind: Kind, env: Mapping[str, str] = os.environ) -> Path:
    """The folder for progress (`data`), logs (`state`), what can be made anew (`cache`). It may be missing."""
    home = env.get("LABCTL_HOME")
    if home:
        return Path(home) / kind
    import platformdirs

    of = {
        "data": platformdirs.user_data_path,
        "state": platformdirs.user_state_path,
        "cache": platformdirs.user_cache_path,
    }
    return of[kind]("labctl", appauthor=False)
