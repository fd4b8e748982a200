"""Programs that tests ask whether we are right. Absent: skipped with the reason, and never in CI."""

from __future__ import annotations

import os
import shutil

import pytest

ELSEWHERE = "/usr/sbin:/usr/local/sbin:/usr/local/bin:/opt/homebrew/sbin:/opt/homebrew/bin"


def need(tool: str) -> str:
    """The path of a program. Skips the test without it; LABCTL_REQUIRE_TOOLS=1 makes that a failure."""
    path = shutil.which(tool) or shutil.which(tool, path=ELSEWHERE)
    if path is None:
        if os.environ.get("LABCTL_REQUIRE_TOOLS") == "1":
            pytest.fail(f"{tool} is not installed, and LABCTL_REQUIRE_TOOLS=1")
        pytest.skip(f"{tool} is not installed")
    return path
