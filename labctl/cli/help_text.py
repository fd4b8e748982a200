"""Help as SCREENS.md wants it: no boxes, examples first, plain escape sequences, no rich."""

from __future__ import annotations

import sys
from typing import Any

from labctl.cli.page import Page

COMMON_PANEL = "Common options"


def of_group(group: Any, ctx: Any, panels: tuple[str, ...]) -> str:
    """The help of `labctl` itself."""
    page = Page()
    ctx.color = page.plan.styled
    page.prose(group.help)
    page.say()
    page.say(f"  Usage  labctl {page.paint('COMMAND', '36')} [options]")
    page.say()
    page.rows(
        [
            ("labctl", "where you are and what is next"),
            ("labctl dns www.example.com", "run one lab"),
            ("labctl dns --break no-glue", "run it in a world where something is false"),
        ],
        30,
    )
    listed: dict[str, list[tuple[str, str]]] = {panel: [] for panel in panels}
    for name in group.list_commands(ctx):
        command = group.commands[name]
        if not command.hidden:
            listed.setdefault(command.rich_help_panel, []).append((name, command.help or ""))
    for panel, commands in listed.items():
        if commands:
            page.heading(panel)
            page.rows(commands, 14)
    page.heading("Everywhere")
    page.rows(
        [
            ("--json", "one JSON document   (--jsonl: events as they happen)"),
            ("--plain", "no diagrams, one fact per line"),
            ("--no-input", "never ask"),
            ("--seed N", "the same run again"),
            ("-h, --help", "help for any command"),
            ("-V, --version", ""),
            ("--install-completion", "completion for this shell"),
        ],
        22,
    )
    return page.text


def of_command(command: Any, ctx: Any, examples: tuple[str, ...] = ()) -> str:
    """The help of one command."""
    page = Page()
    ctx.color = page.plan.styled
    page.prose((command.help or "").strip())
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    options = [p for p in command.get_params(ctx) if p.param_type_name == "option" and not p.hidden]
    page.say()
    words = [f"[{_metavar(p)}]" if not p.required else _metavar(p) for p in arguments]
    page.say(f"  Usage  {ctx.command_path} " + page.paint(" ".join([*words, "[options]"]), "accent"))
    if examples:
        page.say()
        for example in examples:
            page.say("    " + page.paint(f"labctl {example}", "accent"))
    if arguments:
        page.heading("Arguments")
        page.rows([(_metavar(p), _help(p, ctx)) for p in arguments])
    common = [option for option in options if option.rich_help_panel == COMMON_PANEL]
    whole = not common or bool({"-v", "--verbose"}.intersection(sys.argv))
    panels: dict[str, list[tuple[str, str]]] = {}
    for option in options:
        if whole or option not in common:
            panel = option.rich_help_panel or "Options"
            panels.setdefault(panel, []).append((_names(option), _help(option, ctx)))
    widest = max((len(left) for rows in panels.values() for left, _ in rows), default=0)
    for panel, rows in panels.items():
        page.heading(panel)
        page.rows(rows, min(widest + 2, 30))
    if common and whole:
        page.say()
        page.prose(
            "These can be set in the environment too: LABCTL_INTERNET (live or sandbox), "
            f"{', '.join(_variables(common))}. The command line wins. The options above, of this lab alone, have "
            "no variable."
        )
    elif common:
        _only_names(page, common, f"{ctx.command_path} --help -v")
    return page.text


def _variables(options: list[Any]) -> list[str]:
    """The environment variables that the options have."""
    return [str(option.envvar) for option in options if option.envvar]


def _only_names(page: Page, common: list[Any], more: str) -> None:
    """The options that every lab has, in a block of names: they must not hide what this lab has."""
    page.heading(COMMON_PANEL)
    lines: list[list[str]] = [[]]
    for option in common:
        name = ", ".join(sorted(option.opts, key=lambda o: o.startswith("--")))
        if option.metavar and not option.is_flag:
            name += f" {option.metavar}"
        if lines[-1] and len("  ".join([*lines[-1], name])) > page.width - 5:
            lines.append([])
        lines[-1].append(name)
    for line in lines:
        page.say("    " + "  ".join(page.paint(name, "accent") for name in line))
    page.say()
    page.rows([(more, "what they do, and their environment variables")])


def _metavar(param: Any) -> str:
    return str(param.metavar or param.name.upper().replace("_", "-"))


def _names(option: Any) -> str:
    short_first = sorted(option.opts, key=lambda o: o.startswith("--"))
    names = ", ".join(short_first)
    if option.secondary_opts:
        names += "/" + ", ".join(option.secondary_opts)
    if not option.is_flag:
        names += " " + _value(option)
    return names


def _value(option: Any) -> str:
    choices = getattr(option.type, "choices", None)
    if option.metavar:
        return str(option.metavar)
    if choices:
        return "|".join(str(c) for c in choices)
    kind = getattr(option.type, "name", "")
    return {"integer": "N", "float": "X"}.get(kind) or str(option.name).upper().replace("_", "-")


def _help(param: Any, ctx: Any) -> str:
    text = str(param.help or "")
    default = param.default
    if isinstance(default, (list, tuple)):
        default = ", ".join(map(str, default))
    shown = isinstance(default, (str, int, float)) and not isinstance(default, bool) and default != ""
    return f"{text} [default: {default}]" if shown else text


class Unboxed:
    """Mixed into a command class: help by `of_command`."""

    examples: tuple[str, ...] = ()

    def format_help(self, ctx: Any, formatter: Any) -> None:
        formatter.write(of_command(self, ctx, self.examples))


def of_subcommands(group: Any, ctx: Any) -> str:
    """The help of a command that has commands of its own."""
    page = Page()
    ctx.color = page.plan.styled
    page.prose((group.help or "").strip())
    page.say()
    page.say(f"  Usage  {ctx.command_path} " + page.paint("COMMAND [options]", "accent"))
    page.heading("Commands")
    page.rows([(name, group.commands[name].help or "") for name in group.list_commands(ctx)], 14)
    return page.text
