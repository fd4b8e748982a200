"""Commands that are not labs: one app each, all made the same way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from labctl.cli import help_text

SETTINGS = {"help_option_names": ["-h", "--help"]}


def single(name: str, help: str, *examples: str) -> Callable[[Callable[..., int]], typer.Typer]:
    """Make an app of one command from a function that returns the exit code."""
    given = examples

    class Command(help_text.Unboxed, TyperCommand):
        examples = given

    def make(function: Callable[..., int]) -> typer.Typer:
        app = typer.Typer(rich_markup_mode=None, add_completion=False, pretty_exceptions_enable=False)
        app.command(name, cls=Command, help=help, context_settings=SETTINGS)(function)
        return app

    return make


class Subcommands(TyperGroup):
    """A group of commands with the same help."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """List the commands."""
        formatter.write(help_text.of_subcommands(self, ctx))
