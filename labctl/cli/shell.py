"""`labctl shell`: a shell, or one command, inside the box, where the sandbox is the only internet there is."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Annotated

import typer

from labctl.cli.command import single
from labctl.errors import CannotRun, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

_MARK = "LABCTL_SHELL"
WELCOME = (
    "You are in the sandbox internet, with nothing else around. "
    "Try dig +trace www.shop.test, or tcpdump -ni eth0; exit leaves. "
    "127.0.0.1 in here is the sandbox's own: what runs on your machine is not reached."
)


def _faults(incomplete: str) -> list[str]:
    from labctl.sandbox.faults import FAULTS

    return [name for name in FAULTS if name.startswith(incomplete)]


@single(
    "shell",
    "a shell, or one command, inside the sandbox internet",
    "shell",
    "shell -- dig +trace www.shop.test",
    "shell --break no-glue -- dig +trace www.shop.test",
)
def app(
    command: Annotated[
        list[str] | None, typer.Argument(metavar="-- COMMAND ...", help="One command instead of a shell.")
    ] = None,
    break_: Annotated[
        str,
        typer.Option(
            "--break",
            metavar="FAULT",
            help="Step into a world where something is false.",
            envvar="LABCTL_BREAK",
            show_envvar=False,
            autocompletion=_faults,
        ),
    ] = "",
) -> int:
    """Returns the exit code of the command."""
    if os.environ.get(_MARK):
        raise UsageError(
            "shell-nested",
            "this is already a labctl shell",
            evidence=(("from", f"the environment variable {_MARK}"),),
            fixes=("exit",),
        )
    from labctl.cli.carrier import open_box
    from labctl.sandbox.faults import town_under

    town_under(break_)  # an unknown fault is said before anything starts
    box = open_box(fault=break_, terminal=True)
    if isinstance(box, CannotRun):
        raise box
    with box:
        if not command and sys.stderr.isatty():
            sys.stderr.write(f"{WELCOME}\n")
        sys.stdout.flush()
        sys.stderr.flush()
        with _terminal_lent():
            return box.command(command or ())


@contextmanager
def _terminal_lent() -> Iterator[None]:
    """The terminal is the command's inside: its signals are not for us, and afterwards it is ours again."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGQUIT)}
    try:
        yield
    finally:
        ttou = signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        with suppress(OSError, ValueError):
            if sys.stdin.isatty():
                os.tcsetpgrp(sys.stdin.fileno(), os.getpgrp())
        signal.signal(signal.SIGTTOU, ttou)
        for number, handler in before.items():
            signal.signal(number, handler)
