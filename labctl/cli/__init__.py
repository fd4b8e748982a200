"""The command line chooses the lab, the internet and the renderers; verdicts become an exit code."""

from __future__ import annotations

import os
from collections.abc import Sequence


def run(arguments: Sequence[str]) -> int:
    """Run one command line (without the program's name). Returns the exit code; errors are raised."""
    from labctl.cli.app import application
    from labctl.cli.usage import translated

    if "SSLKEYLOGFILE" in os.environ:
        from labctl.cli.key_log import check_key_log

        check_key_log()
    try:
        with translated(arguments):
            code = application()(list(arguments), prog_name="labctl", standalone_mode=False)
    except SystemExit as end:
        # Typer ends the process with 1 when the reader of a pipe has gone; that is no failure here.
        if isinstance(end.__context__, BrokenPipeError):
            raise end.__context__ from None
        raise
    return code if isinstance(code, int) else 0
