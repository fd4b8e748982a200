"""The command line: it chooses the lab, the internet and the renderers, and turns verdicts into an exit code."""

from __future__ import annotations

from collections.abc import Sequence


def run(arguments: Sequence[str]) -> int:
    """Run one command line (without the program's name). Returns the exit code; errors are raised."""
    from labctl.cli.app import application
    from labctl.cli.usage import translated

    with translated(arguments):
        code = application()(list(arguments), prog_name="labctl", standalone_mode=False)
    return code if isinstance(code, int) else 0
