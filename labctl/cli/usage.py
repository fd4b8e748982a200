"""What Typer says of a wrong command line, in our own words and our own shape."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from typing import Any

from typer import TyperException

from labctl.errors import UsageError


@contextmanager
def translated(arguments: Sequence[str]) -> Iterator[None]:
    """Turn Typer's exceptions into ours, told apart by what they carry: Click's classes are not public."""
    try:
        yield
    except TyperException as error:
        raise _ours(error, arguments) from error


def _ours(error: Any, arguments: Sequence[str]) -> UsageError:
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else _command(arguments)
    evidence: tuple[tuple[str, str], ...] = ()
    fixes = [f"{command} --help"]
    parameter = getattr(error, "param", None)
    if hasattr(error, "possibilities"):
        option = error.option_name
        headline = f"{command} has no option {option}"
        inside = _inside_a_shell(arguments)
        near = [] if inside else get_close_matches(option, _options(context), n=2, cutoff=0.6)
        if inside:
            fixes.insert(0, inside)
        if near:
            fixes.insert(0, "did you mean " + " or ".join(near) + "?")
    elif parameter is not None and type(error).__name__ == "MissingParameter":
        headline = f"{command} needs {parameter.human_readable_name.upper()}"
        if getattr(parameter, "help", None):
            evidence = ((parameter.human_readable_name.upper(), parameter.help),)
    elif parameter is not None:
        name = max(parameter.opts, key=len)
        headline = f"{name}: {_sentence(error.message)}"
        choices = getattr(parameter.type, "choices", None)
        if choices:
            value, mended = _choice(parameter, context, arguments)
            if mended:
                headline = f"{name} cannot be {value!r}"
                fixes = [*mended, *fixes]
            evidence = (("there are", ", ".join(map(str, choices))),)
        from_environment = _environment(parameter, context)
        if from_environment:
            evidence += (("from", f"the environment variable {from_environment[0]}"),)
    else:
        headline = _sentence(error.format_message())
    return UsageError("usage", headline, evidence=evidence, fixes=tuple(fixes))


# What servers and workers are called elsewhere. gevent and eventlet answer many at once in one process, as threads do.
_MEANT = {
    "gunicorn": ("sync", "gthread"),
    "thread": ("gthread",),
    "threads": ("gthread",),
    "gevent": ("gthread", "sync"),
    "eventlet": ("gthread", "sync"),
    "uwsgi": ("sync", "gthread"),
    "mod_wsgi": ("gthread", "sync"),
    "werkzeug": ("flask",),
    "uvicorn": ("gthread", "sync"),
}


def _command(arguments: Sequence[str]) -> str:
    first = next(iter(arguments), "-")
    return "labctl" if first.startswith("-") else f"labctl {first}"


def _inside_a_shell(arguments: Sequence[str]) -> str:
    """`labctl shell -- curl -sI ...` for a command whose options were taken for ours; "" for another command line."""
    if not arguments or arguments[0] != "shell" or "--" in arguments:
        return ""
    import shlex

    at = 1
    while at < len(arguments) and arguments[at].startswith("-"):
        at += 2 if arguments[at] == "--break" else 1
    if at >= len(arguments):
        return ""
    return shlex.join(["labctl", *arguments[:at], "--", *arguments[at:]])


def _choice(parameter: Any, context: Any, arguments: Sequence[str]) -> tuple[str, list[str]]:
    """A value that is none of an option's choices: the value, and the command line with the nearest instead."""
    import shlex

    choices = [str(choice) for choice in getattr(parameter.type, "choices", ())]
    names = [*parameter.opts, *parameter.secondary_opts]
    for at, word in enumerate(arguments):
        name, equals, value = word.partition("=")
        if name not in names:
            continue
        if not equals:
            value = arguments[at + 1] if at + 1 < len(arguments) else ""
        if value in choices:
            continue
        meant = [choice for choice in _MEANT.get(value.lower(), ()) if choice in choices]
        near = meant or get_close_matches(value.lower(), choices, n=1, cutoff=0.4)
        lines = []
        for instead in near or choices[:1]:
            mended = [f"{name}={instead}"] if equals else [name, instead]
            lines.append(
                shlex.join(["labctl", *arguments[:at], *mended, *arguments[at + (1 if equals else 2) :]])
            )
        return value, [f"did you mean {line}?" if near else f"{line}   for example" for line in lines]
    return "", []


def _options(context: Any) -> list[str]:
    if context is None:
        return []
    return [
        o
        for p in context.command.get_params(context)
        for o in (*p.opts, *p.secondary_opts)
        if o.startswith("-")
    ]


def _environment(parameter: Any, context: Any) -> list[str]:
    import os

    named = getattr(parameter, "envvar", None)
    if context is None or not named:
        return []
    source = context.get_parameter_source(parameter.name)
    names = [named] if isinstance(named, str) else list(named)
    asked = source is not None and source.name == "COMMANDLINE"
    return [] if asked else [n for n in names if n in os.environ]


def _sentence(message: str) -> str:
    """Typer's messages end with a full stop and begin in upper case; our headlines do neither."""
    message = message.strip().rstrip(".")
    for theirs, ours in _WORDS:
        message = message.replace(theirs, ours)
    return message[:1].lower() + message[1:]


_WORDS = (
    ("is not a valid int", "is not a whole number"),
    ("is not a valid float", "is not a number"),
    ("Got unexpected extra argument(s)", "there is no place for the argument"),
    ("Got unexpected extra argument", "there is no place for the argument"),
    ("Got unexpected extra arguments", "there is no place for the arguments"),
    ("requires an argument", "needs a value"),
)
