"""`labctl jobs`: alone or with options it is the lab, with a command it is the service or a client of it.

Neither the lab nor a command is imported before it is known which one is wanted.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from labctl import catalog
from labctl.cli import help_text
from labctl.cli.command import SETTINGS
from labctl.cli.page import Page

TITLE = next((entry.title for entry in catalog.built_in() if entry.name == "jobs"), "slow work, live")

# Name, module that holds `app` (an app of that one command), one line of help.
COMMANDS: tuple[tuple[str, str, str], ...] = (
    ("serve", "labctl.cli.jobs_serve", "a jobs service on this machine: web server, workers, database"),
    ("work", "labctl.cli.jobs_work", "workers alone, for a database that another machine serves"),
    ("submit", "labctl.cli.jobs_submit", "hand in a job"),
    ("watch", "labctl.cli.jobs_watch", "follow the events of a job, over cut connections and restarts"),
    ("list", "labctl.cli.jobs_list", "your jobs"),
    ("cancel", "labctl.cli.jobs_cancel", "end a job before it is done"),
    ("login", "labctl.cli.jobs_login", "a link that logs a browser in, once"),
)


class JobsGroup(TyperGroup):
    """A lab that has commands beside it."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._modules = {name: module for name, module, _ in COMMANDS}
        self._lab: Any = None
        for name, _, title in COMMANDS:
            self.commands[name] = TyperCommand(name, help=title)

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """Be the lab, unless the command line names a command first."""
        if not (args and args[0] in self.commands):
            self._be_the_lab()
        return super().make_context(info_name, args, parent, **extra)

    def list_commands(self, ctx: Any) -> list[str]:
        """In the order in which they are used."""
        return list(self.commands)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Swap in the real command. The lab itself takes no words."""
        name = args[0]
        if self._lab is not None and not ctx.resilient_parsing:
            if name in self._modules:
                ctx.fail(f"{name} stands before its options: labctl jobs {name}")
            from labctl.cli.app import no_such_command

            raise no_such_command(f"jobs {name}", [f"jobs {each}" for each in self.commands])
        if name in self._modules:
            command = get_command(import_module(self._modules[name]).app)
            command.name = name
            self.commands[name] = command
        return super().resolve_command(ctx, args)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """The lab's help, and the commands."""
        if self._lab is None:
            formatter.write(help_text.of_subcommands(self, ctx))
            return
        formatter.write(help_text.of_command(self, ctx, self._lab.examples))
        page = Page()
        page.heading("Commands")
        page.rows([(f"jobs {name}", title) for name, _, title in COMMANDS], 16)
        formatter.write("\n" + page.text)

    def _be_the_lab(self) -> None:
        if self._lab is not None or catalog.find("jobs") is None:
            return
        from labctl.cli.lab_command import command_of

        lab = catalog.load("jobs")
        command = command_of(lab)
        self._lab = lab
        self.params, self.callback = command.params, command.callback


app = typer.Typer(
    cls=JobsGroup,
    help=TITLE,
    rich_markup_mode=None,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings=SETTINGS,
    no_args_is_help=False,
    invoke_without_command=True,
)


@app.callback()
def _jobs(context: typer.Context) -> int:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help(), color=context.color)
    return 0
