"""`--config`: a configuration of nginx or Apache, read: who takes a path, what the app gets, which traps are set."""

from __future__ import annotations

import re
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields, is_dataclass, replace
from typing import Any

from labctl.errors import Malformed
from labctl.events import Event
from labctl.protocols.proxy_answers import ConfigError
from labs.proxy.config_file import Server, Source, broken, read_source
from labs.proxy.config_traps import FailOn

# A pattern like ^(a+)+$ tries every way to part a path: longer than this nobody waits.
LIMIT_S = 5.0
_REPEAT_IN_REPEAT = re.compile(r"\([^()]*[+*][^()]*\)[+*{]")


def explained(
    config: str,
    *,
    paths: Sequence[str] = (),
    server: Server | None = None,
    host: str = "",
    method: str = "GET",
    fail_on: FailOn | None = None,
    limit_s: float = LIMIT_S,
) -> Iterator[Event]:
    """The events; `config` "-" is standard input. Nobody is asked, and nothing is judged but what `fail_on` says.

    Raises UsageError config-unreadable, config-not-file, config-ambiguous, path-invalid and Malformed config-malformed
    (a pattern that takes longer than `limit_s`, too), at once.
    """
    from labs.proxy.config_asking import read_paths

    asked = read_paths(paths, host, method, config)
    source = read_source(config, server)
    try:
        if source.server == "nginx":
            from labs.proxy.config_nginx import told
        else:
            from labs.proxy.config_apache import told
        with _at_most(limit_s):
            return iter([_readable(event) for event in told(source, asked, fail_on)])
    except ConfigError as error:
        raise broken(config, source.server, error, source.text) from error
    except _TooLong:
        raise _endless(source, limit_s) from None


class _TooLong(Exception):
    """The time is over."""


@contextmanager
def _at_most(limit_s: float) -> Iterator[None]:
    """Raise _TooLong when it takes longer. In the main thread of a POSIX system only; else there is no limit."""
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def over(number: int, frame: object) -> None:
        raise _TooLong

    before = signal.signal(signal.SIGALRM, over)
    try:
        signal.setitimer(signal.ITIMER_REAL, limit_s)
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _endless(source: Source, limit_s: float) -> Malformed:
    lines = [
        (f"line {number}", line.strip()[:80])
        for number, line in enumerate(source.text.splitlines(), 1)
        if _REPEAT_IN_REPEAT.search(line)
    ]
    return Malformed(
        "config-malformed",
        f"{source.title} has a pattern that takes more than {limit_s:g} s for one path, mostly a repeat within a "
        "repeat, like (a+)+",
        evidence=tuple(lines[:5]),
    )


def _readable(value: Any) -> Any:
    """The same with its texts in UTF-8: what is read is a character a byte."""
    if isinstance(value, str):
        if value.isascii():
            return value
        try:
            return value.encode("latin-1").decode("utf-8")
        except UnicodeError:
            return value
    if isinstance(value, dict):
        return {_readable(key): _readable(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_readable(each) for each in value]
    if isinstance(value, tuple):
        made = [_readable(each) for each in value]
        return type(value)(*made) if hasattr(value, "_fields") else tuple(made)
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{each.name: _readable(getattr(value, each.name)) for each in fields(value)})
    return value
