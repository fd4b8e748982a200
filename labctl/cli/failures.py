"""The last net: an error becomes one paragraph on stderr and an exit code."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence

from labctl import errors


def report(error: Exception, arguments: Sequence[str]) -> int:
    """Tell the person what went wrong. Returns the exit code."""
    ours = _ours(error, arguments)
    try:
        _print(ours)
    except (OSError, ValueError):
        return ours.exit_code  # stderr is gone; the code still says it
    except Exception as second:  # the printer itself is broken: say it bare
        sys.stderr.write(f"error[{ours.code}]: {ours.headline} ({type(second).__name__}: {second})\n")
    if isinstance(ours, Internal) and _wants_traceback(arguments):
        import traceback

        traceback.print_exception(error)
    return ours.exit_code


class Internal(errors.LabctlError):
    """Our own mistake: exit 70."""

    exit_code = errors.INTERNAL


def _ours(error: Exception, arguments: Sequence[str]) -> errors.LabctlError:
    if isinstance(error, errors.LabctlError):
        return error
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO):
        return errors.CannotRun(
            "output-not-written",
            f"the output could not be written: {error.strerror}",
            evidence=(("wrote to", "standard output"), ("got", f"{type(error).__name__}: {error}")),
            fixes=("free some space, or write somewhere else",),
        )
    return _internal(error, arguments)


def _internal(error: Exception, arguments: Sequence[str]) -> Internal:
    place = ""
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        place = f" in {_short(code.co_filename)}:{trace.tb_lineno}"
        trace = trace.tb_next
    evidence = [("what", f"{type(error).__name__}: {error}{place}")]
    log = _write_log(error, arguments)
    if log:
        evidence.append(("log", log))
    return Internal(
        "internal",
        "labctl made a mistake, you did not",
        evidence=tuple(evidence),
        fixes=("please report this, with the log and the output of: labctl doctor --report",),
    )


def _short(path: str) -> str:
    parts = path.replace(os.sep, "/").split("/")
    for top in ("labctl", "labs"):
        if top in parts:
            return "/".join(parts[len(parts) - 1 - parts[::-1].index(top) :])
    return "/".join(parts[-2:])


def _write_log(error: Exception, arguments: Sequence[str]) -> str:
    """Write the traceback to the state directory. Returns the path, "" when it could not be written."""
    import shlex
    import time
    import traceback

    from labctl import __version__
    from labctl.directories import directory

    try:
        folder = directory("state") / "log"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{time.strftime('%Y-%m-%dT%H-%M-%S')}-{os.getpid()}.txt"
        with path.open("w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(f"labctl {__version__}, Python {sys.version.split()[0]}, {sys.platform}\n")
            file.write(f"labctl {shlex.join(arguments)}\n\n")
            traceback.print_exception(error, file=file)
    except (OSError, RuntimeError, ImportError):
        return ""
    return str(path)


def _wants_traceback(arguments: Sequence[str]) -> bool:
    return "--debug" in arguments or os.environ.get("LABCTL_DEBUG", "") not in ("", "0")


def _print(error: errors.LabctlError) -> None:
    from labctl.cli.streams import plan_for
    from labctl.render.errors import print_error

    print_error(error, plan_for(), sys.stderr)
