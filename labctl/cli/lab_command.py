"""A command made from a lab: the signature of its run function, and the common options."""

from __future__ import annotations

import inspect
import os
import shlex
from collections.abc import Callable, Mapping
from typing import Annotated, Any, get_args

import typer
from typer.core import TyperCommand
from typer.main import get_command

from labctl.cli import help_text, options
from labctl.errors import Malformed
from labctl.lab import Lab, Parameter


def command_of(lab: Lab) -> TyperCommand:
    """The command of this lab. Raises Malformed when its parameters cannot be a command line."""
    own = lab.parameters()
    taken = sorted(p.name for p in own if p.name in options.NAMES)
    if taken:
        raise Malformed(
            "lab-malformed", f"lab {lab.name}: the parameter {taken[0]} is a common option's name"
        )

    def body(**given: Any) -> int:
        from labctl.cli.running import run_lab

        shared = options.taken_from(given, os.environ)
        arguments = {p.name: given[p.name] for p in own}
        if shared.break_ and all(given[p.name] == _usual(p) for p in own):
            arguments = _where_it_shows(lab, shared.break_, arguments)
        return run_lab(lab, arguments, shared, command=_line(lab, own, arguments, shared))

    parameters = [_parameter(p) for p in own]
    parameters += options.parameters(of_packets=lab.carrier == "box", meanings=lab.meanings)
    body.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    body.__annotations__ = {p.name: p.annotation for p in parameters}

    class LabCommand(help_text.Unboxed, TyperCommand):
        examples = lab.examples

    app = typer.Typer(rich_markup_mode=None, add_completion=False, pretty_exceptions_enable=False)
    # Typer would read the help as markup of paragraphs; a lab's title is one sentence.
    app.command(
        lab.name, cls=LabCommand, help=lab.title, context_settings={"help_option_names": ["-h", "--help"]}
    )(body)
    command = get_command(app)
    assert isinstance(command, TyperCommand)
    return command


def _usual(p: Parameter) -> Any:
    return list(p.default) if isinstance(p.default, tuple) else p.default


def _where_it_shows(lab: Lab, fault: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """A fault without a target is shown where it shows: by the command line of the claim that it breaks."""
    claim = lab.claim_broken_by(fault)
    return arguments_from(lab, claim.shown_by) if claim is not None and claim.shown_by else arguments


def arguments_from(lab: Lab, words: tuple[str, ...]) -> dict[str, Any]:
    """The arguments that a command line after `labctl <lab>` means."""
    command = command_of(lab)
    with command.make_context(lab.name, list(words)) as context:
        return {p.name: context.params[p.name] for p in lab.parameters()}


def option_name(parameter: Parameter) -> str:
    """`--name-with-dashes` of a keyword-only parameter."""
    return "--" + parameter.name.strip("_").replace("_", "-")


def _parameter(p: Parameter) -> inspect.Parameter:
    missing = p.default is inspect.Parameter.empty
    default = inspect.Parameter.empty if missing else p.default
    if isinstance(default, tuple):
        default = list(default)
    metavar = None if _is_choice(p.type) else p.name.strip("_").replace("_", "-").upper()
    if p.positional:
        # Without a default the parameter is required; Typer reads that off the signature.
        info: Any = typer.Argument(help=p.help, metavar=metavar, autocompletion=_completing(p))
    elif p.type is bool:
        name = option_name(p)
        info = typer.Option(f"{name}/--no-{name[2:]}" if default is True else name, help=p.help)
    else:
        number = p.type in (int, float, int | None, float | None)
        info = typer.Option(
            *filter(None, (option_name(p), p.short)),
            help=p.help,
            metavar=None if number else metavar,
            autocompletion=_completing(p),
        )
    return inspect.Parameter(
        p.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[p.type, info]
    )


def _completing(p: Parameter) -> Callable[[str], list[str]] | None:
    """What completes the values that a lab names. Typer calls it with what was typed."""
    if not p.values:
        return None

    def complete(incomplete: str) -> list[str]:
        # Typer keeps only what begins with what was typed: small letters are answered in small letters.
        values = [value.lower() for value in p.values] if incomplete.islower() else p.values
        return [value for value in values if value.startswith(incomplete)]

    return complete


def _is_choice(kind: Any) -> bool:
    from typing import Literal, get_origin

    return get_origin(kind) is Literal or any(get_origin(part) is Literal for part in get_args(kind))


def _line(lab: Lab, own: tuple[Parameter, ...], arguments: Mapping[str, Any], shared: options.Shared) -> str:
    """The command line that runs this again: what was said of the lab, not how it was shown."""
    words = ["labctl", lab.name]
    later: list[str] = []
    for p in own:
        value = arguments[p.name]
        if value == p.default or value is None or value == [] or (p.default is None and not value):
            continue
        if p.positional:
            words += map(str, value) if isinstance(value, list) else [str(value)]
        elif p.type is bool:
            later.append(option_name(p) if value else f"--no-{option_name(p)[2:]}")
        else:
            for each in value if isinstance(value, list) else [value]:
                later += [option_name(p), str(each)]
    if "timeout" in lab.meanings and shared.timeout is not None:
        later += ["--timeout", f"{shared.timeout:g}"]
    if shared.break_:
        later += ["--break", shared.break_]
    from labctl.play import without_password

    return shlex.join(without_password(word) for word in words + later)
