"""The Typer app, with labs and commands that are imported when they are run, never when they are listed."""

from __future__ import annotations

import os
from difflib import get_close_matches
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from labctl import catalog
from labctl.cli.manifest import COMMANDS, JOURNEY, PRACTICE, TEACH
from labctl.errors import UsageError

SETTINGS = {"help_option_names": ["-h", "--help"]}
PANELS = (JOURNEY, PRACTICE, TEACH, catalog.FOREIGN_PANEL)


class Labs(TyperGroup):
    """The group of all commands. It answers listings from stubs and swaps in the real command to run it."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._entries = {entry.name: entry for entry in catalog.built_in()}
        self._modules = {name: module for name, module, _, _ in COMMANDS}
        self._looked_elsewhere = False
        for entry in self._entries.values():
            self._stub(entry.name, entry.title, entry.panel)
        for name, _, title, panel in COMMANDS:
            self._stub(name, title, panel)

    def _stub(self, name: str, title: str, panel: str) -> None:
        self.commands.setdefault(name, TyperCommand(name, help=title, rich_help_panel=panel))

    def look_elsewhere(self) -> None:
        """Find the labs of other packages: when listing, and when a name is unknown."""
        if self._looked_elsewhere:
            return
        self._looked_elsewhere = True
        for entry in catalog.foreign():
            if entry.name not in self._modules:
                self._entries[entry.name] = entry
                self._stub(entry.name, entry.title, entry.panel)

    def list_commands(self, ctx: Any) -> list[str]:
        """Names of all commands, in teaching order."""
        self.look_elsewhere()
        return list(self.commands)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Swap in the real command of this name."""
        name = args[0]
        if name not in self.commands:
            self.look_elsewhere()
        if name not in self.commands and not ctx.resilient_parsing:
            if name.startswith("-"):
                ctx.fail(f"No such option: {name}")
            raise no_such_command(name, list(self.commands))
        if name in self.commands:
            self.commands[name] = self._real(name)
        return super().resolve_command(ctx, args)

    def _real(self, name: str) -> Any:
        if name in self._modules:
            command = get_command(import_module(self._modules[name]).app)
        else:
            from labctl.cli.lab_command import command_of

            command = command_of(catalog.load(self._entries[name]))
        command.name = name
        return command

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Help without boxes, and without rich."""
        from labctl.cli import help_text  # completion does without

        formatter.write(help_text.of_group(self, ctx, PANELS))


# What other programs have a command for.
_MEANT = {"help": "labctl --help", "version": "labctl --version", "list": "labctl"}


def no_such_command(name: str, known: list[str]) -> UsageError:
    """The error for an unknown command, with the nearest names."""
    if name in _MEANT:
        return UsageError("usage", f"there is no command '{name}'", fixes=(f"did you mean {_MEANT[name]}?",))
    near = get_close_matches(name, known, n=2, cutoff=0.5)
    fixes = (
        ("did you mean " + " or ".join(f"labctl {n}" for n in near) + "?",)
        if near
        else ("labctl --help   lists the commands",)
    )
    return UsageError("usage", f"there is no command '{name}'", fixes=fixes)


def _complete_without_rich() -> None:
    """Typer imports rich to strip markup from help texts that a shell shows beside a name. Ours have none."""
    from typer import _completion_classes

    # Not public: where a later Typer has moved it, completion only gets slower (a test notices).
    if hasattr(_completion_classes, "_sanitize_help_text"):
        _completion_classes._sanitize_help_text = lambda text: text


def application() -> typer.Typer:
    """A fresh app: the group is built from tables, so this is cheap."""
    if "_LABCTL_COMPLETE" in os.environ:
        _complete_without_rich()
    app = typer.Typer(
        cls=Labs,
        help="See how the web works, by watching it work.",
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings=SETTINGS,
        invoke_without_command=True,
    )

    @app.callback()
    def home(
        context: typer.Context,
        version: Annotated[
            bool, typer.Option("--version", "-V", help="The version, and nothing else.")
        ] = False,
    ) -> int:
        if version:
            from labctl import __version__

            typer.echo(f"labctl {__version__}")
            return 0
        if context.invoked_subcommand is None:
            from labctl.cli.home import show

            return show()
        return 0

    return app
