"""The options that every lab has: one definition, one panel of the help, each with its LABCTL_ variable."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from copy import copy
from typing import Annotated, Any, Literal, NamedTuple

import typer

from labctl.cli.help_text import COMMON_PANEL
from labctl.errors import UsageError
from labctl.render.mode import FORMATS, Flags, Format

Phase = Literal["predict", "observe", "explain", "quiz"]


class Shared(NamedTuple):
    """The common options as they came from the command line or the environment."""

    internet: Literal["live", "sandbox"] | None
    flags: Flags
    break_: str
    seed: int
    pace: Literal["real", "slow", "step", "instant"]
    phase: Phase | None
    answers: str | None
    timeout: float | None
    save: str | None
    junit: str | None
    debug: bool
    require: Literal["captured", "observed"] | None = None


def _faults(incomplete: str) -> list[str]:
    from labctl.sandbox.faults import FAULTS

    return [name for name in FAULTS if name.startswith(incomplete)]


def _option(*names: str, help: str, env: str | None = None, **more: Any) -> Any:
    return typer.Option(
        *names, help=help, envvar=env, show_envvar=False, rich_help_panel=COMMON_PANEL, **more
    )


# name, type, option, default
_COMMON: tuple[tuple[str, Any, Any, Any], ...] = (
    ("live", bool, _option("--live", help="Use the real internet, and never fall back."), False),
    ("sandbox", bool, _option("--sandbox", help="Use the sandbox internet."), False),
    (
        "format",
        Literal["rich", "plain", "json", "jsonl"] | None,
        _option(
            "--format",
            "-f",
            help="How to print. Default: rich on a terminal, else plain.",
            env="LABCTL_FORMAT",
        ),
        None,
    ),
    ("json", bool, _option("--json", help="One JSON document, at the end."), False),
    (
        "jsonl",
        bool,
        _option("--jsonl", help="JSON lines, as things happen; the last one is the document."),
        False,
    ),
    ("plain", bool, _option("--plain", help="Sentences, no diagrams."), False),
    (
        "break_",
        str,
        _option(
            "--break",
            metavar="FAULT",
            help="Run in a world where something is false; a wrong name lists them.",
            env="LABCTL_BREAK",
            autocompletion=_faults,
        ),
        "",
    ),
    ("seed", int, _option("--seed", metavar="N", help="The same run again.", env="LABCTL_SEED"), 1),
    (
        "pace",
        Literal["real", "slow", "step", "instant"],
        _option("--pace", help="Delay what is shown, never what is measured.", env="LABCTL_PACE"),
        "real",
    ),
    (
        "phase",
        Literal["predict", "observe", "explain", "quiz"] | None,
        _option("--phase", help="Only this part of the lesson.", env="LABCTL_PHASE"),
        None,
    ),
    ("no_input", bool, _option("--no-input", help="Ask nothing.", env="LABCTL_NO_INPUT"), False),
    (
        "answers",
        str | None,
        _option(
            "--answers",
            metavar="FILE",
            help="Answers to the questions (TOML), or the word key.",
            env="LABCTL_ANSWERS",
        ),
        None,
    ),
    (
        "timeout",
        float | None,
        _option(
            "--timeout", metavar="S", help="Seconds to wait for one answer.", env="LABCTL_TIMEOUT", min=0.001
        ),
        None,
    ),
    (
        "save",
        str | None,
        _option("--save", metavar="FILE", help="Write the JSON document too.", env="LABCTL_SAVE"),
        None,
    ),
    (
        "junit",
        str | None,
        _option("--junit", metavar="FILE", help="Write a JUnit report too.", env="LABCTL_JUNIT"),
        None,
    ),
    (
        "color",
        Literal["auto", "always", "never"],
        _option("--color", help="Colour.", env="LABCTL_COLOR"),
        "auto",
    ),
    (
        "theme",
        Literal["auto", "dark", "light", "unknown", "16"],
        _option("--theme", help="The terminal's background.", env="LABCTL_THEME"),
        "auto",
    ),
    (
        "ascii",
        bool,
        _option("--ascii", help="No character outside ASCII in diagrams.", env="LABCTL_ASCII"),
        False,
    ),
    (
        "accessible",
        bool,
        _option(
            "--accessible", help="For screen readers: sentences, nothing redrawn.", env="LABCTL_ACCESSIBLE"
        ),
        False,
    ),
    (
        "width",
        int | None,
        _option("--width", metavar="N", help="Lay out for N columns.", env="LABCTL_WIDTH", min=1),
        None,
    ),
    ("all", bool, _option("--all", help="Cut nothing short.", env="LABCTL_ALL"), False),
    ("quiet", bool, _option("--quiet", "-q", help="No progress, no explanation.", env="LABCTL_QUIET"), False),
    ("verbose", bool, _option("--verbose", "-v", help="More of what was seen.", env="LABCTL_VERBOSE"), False),
    (
        "debug",
        bool,
        _option("--debug", help="Show the traceback of a mistake of ours.", env="LABCTL_DEBUG"),
        False,
    ),
)

# Only for labs whose carrier is the box.
_OF_PACKETS: tuple[tuple[str, Any, Any, Any], ...] = (
    (
        "require",
        Literal["captured", "observed"] | None,
        _option("--require", help="Accept no weaker evidence than this.", env="LABCTL_REQUIRE"),
        None,
    ),
)

NAMES = frozenset(name for name, _, _, _ in _COMMON + _OF_PACKETS)


def parameters(
    *, of_packets: bool = False, meanings: Mapping[str, str] | None = None
) -> list[inspect.Parameter]:
    """The common options as parameters of a function that Typer reads; more for labs on packets.

    `meanings` are the lab's own, by name: such an option is the lab's, and not set by the environment.
    """

    def meant(name: str, option: Any) -> Any:
        if not meanings or name not in meanings:
            return option
        own = copy(option)
        own.help, own.envvar, own.rich_help_panel = meanings[name], None, None
        return own

    return [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=default,
            annotation=Annotated[kind, meant(name, option)],
        )
        for name, kind, option, default in (_COMMON + _OF_PACKETS if of_packets else _COMMON)
    ]


# Nobody waits longer for one answer, and a socket's timer has an end.
MOST_SECONDS = 86_400


def taken_from(given: Mapping[str, Any], env: Mapping[str, str]) -> Shared:
    """The common options among all that a command was given. Raises UsageError when two contradict."""
    formats = [name for name in ("json", "jsonl", "plain") if given[name]]
    if len(formats) > 1:
        both = " and ".join(f"--{name}" for name in formats)
        raise UsageError("options-contradict", f"{both}: choose one", fixes=(f"--format {formats[0]}",))
    if given["timeout"] is not None and not given["timeout"] < MOST_SECONDS:  # nan is not less than anything
        raise UsageError(
            "usage", f"--timeout: {given['timeout']} is not a number of seconds under {MOST_SECONDS:,}"
        )
    if given["live"] and given["sandbox"]:
        raise UsageError("options-contradict", "--live and --sandbox: choose one", fixes=("leave one out",))
    flags = Flags(
        format=_format(formats[0] if formats else given["format"]),
        color=given["color"],
        theme=None if given["theme"] == "auto" else given["theme"],
        ascii=True if given["ascii"] else None,
        accessible=True if given["accessible"] else None,
        no_input=given["no_input"],
        width=given["width"],
        quiet=given["quiet"],
        verbose=given["verbose"],
        all=given["all"],
    )
    kept = set(Shared._fields) - {"internet", "flags"}
    if given["break_"] and given["live"]:
        raise UsageError(
            "options-contradict",
            "--break and --live: only the sandbox can be broken",
            fixes=("leave out --live",),
        )
    # An option that this lab does not have is not among what was given.
    values = {name: given[name] for name in kept if name in given}
    return Shared(internet=_internet(given, env), flags=flags, **values)


def _format(named: str | None) -> Format | None:
    return next((known for known in FORMATS if known == named), None)


def _internet(given: Mapping[str, Any], env: Mapping[str, str]) -> Literal["live", "sandbox"] | None:
    if given["live"]:
        return "live"
    if given["sandbox"] or given["break_"]:
        return "sandbox"
    named = env.get("LABCTL_INTERNET", "")
    if named == "live" or named == "sandbox":
        return "live" if named == "live" else "sandbox"
    if named:
        raise UsageError(
            "usage",
            f"LABCTL_INTERNET is {named!r}; it can be live or sandbox",
            evidence=(("from", "the environment variable LABCTL_INTERNET"),),
        )
    return None
