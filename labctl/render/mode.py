"""How a run presents itself: format, colour, glyphs, width, prompts. Pure: all it looks at is passed in."""

from collections.abc import Mapping
from typing import IO, Literal, NamedTuple

from labctl.render.palette import Theme, choose_theme

Format = Literal["rich", "plain", "json", "jsonl"]
Colours = Literal["truecolor", "256", "16", "none"]
Progress = Literal["bar", "lines", "off"]

FORMATS: tuple[Format, ...] = ("rich", "plain", "json", "jsonl")
# Under the first a ladder has no room for words; from WIDE_FROM labels may be longer; MOST is the widest.
DIAGRAMS_FROM, WIDE_FROM, MOST, LEAST = 72, 110, 120, 40


class Streams(NamedTuple):
    """What the three standard streams are."""

    stdin_tty: bool
    stdout_tty: bool
    stderr_tty: bool
    encoding: str = "utf-8"
    columns: int = 80


class Flags(NamedTuple):
    """What the command line said; None and "auto" mean it did not."""

    format: Format | None = None
    color: Literal["auto", "always", "never"] = "auto"
    theme: str | None = None
    ascii: bool | None = None
    accessible: bool | None = None
    no_input: bool = False
    width: int | None = None
    quiet: bool = False
    verbose: bool = False
    all: bool = False


class Plan(NamedTuple):
    """How to show a run. `width` None means never wrap; `why` says what kept the rich form away."""

    format: Format
    color: bool
    err_color: bool
    colours: Colours
    theme: Theme
    # May stdout (stderr) carry escape codes at all: bold and reverse are left when colour is off.
    styled: bool
    err_styled: bool
    ascii: bool
    accessible: bool
    diagrams: bool
    live: bool
    progress: Progress
    prompt: bool
    width: int | None
    quiet: bool = False
    verbose: bool = False
    all: bool = False
    why: tuple[str, ...] = ()
    # Columns of stderr when it is a terminal; None never wraps what is written there.
    err_width: int | None = None

    @property
    def wide(self) -> bool:
        """Is there room for more words on an arrow?"""
        return self.width is not None and self.width >= WIDE_FROM


def look(stdin: IO[str], stdout: IO[str], stderr: IO[str]) -> Streams:
    """What the given streams are. The only part of this module that asks the system."""
    import os
    import shutil

    try:
        columns = os.get_terminal_size(stdout.fileno()).columns
    except (OSError, ValueError, AttributeError):
        columns = shutil.get_terminal_size().columns
    return Streams(
        _isatty(stdin),
        _isatty(stdout),
        _isatty(stderr),
        getattr(stdout, "encoding", None) or "ascii",
        columns or 80,
    )


def _isatty(stream: IO[str] | None) -> bool:
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # closed
        return False


def is_on(value: str | None) -> bool:
    """Is an environment switch set to something that means yes?"""
    return bool(value) and str(value).lower() not in ("0", "false", "no", "off")


def resolve(flags: Flags, streams: Streams, env: Mapping[str, str]) -> Plan:
    """The table of SCREENS.md: a flag beats the environment, the environment beats what the streams are."""
    why: list[str] = []
    dumb = env.get("TERM") in ("dumb", "unknown")
    ci = is_on(env.get("CI"))
    accessible = flags.accessible
    if accessible is None:
        accessible = is_on(env.get("LABCTL_ACCESSIBLE")) or is_on(env.get("ACCESSIBLE"))
    form = _format(flags, streams, env, dumb, accessible, why)
    width = flags.width or _number(env.get("LABCTL_WIDTH")) or _number(env.get("COLUMNS"))
    asked_width = width is not None
    width = width or (streams.columns if streams.stdout_tty else 80)
    diagrams = form == "rich" and width >= DIAGRAMS_FROM
    if form == "rich" and not diagrams:
        why.append(f"{width} columns is under {DIAGRAMS_FROM}: sentences, not diagrams")
    human = form in ("rich", "plain")
    color = human and _color(flags, streams.stdout_tty, env, dumb)
    err_color = _color(flags, streams.stderr_tty, env, dumb)
    colours = _colours(env)
    never = flags.color == "never"
    prompt = (
        streams.stdin_tty
        and streams.stdout_tty
        and human
        and not flags.no_input
        and not is_on(env.get("LABCTL_NO_INPUT"))
    )
    if prompt and ci:
        prompt = False
        why.append("CI is set: no questions are asked")
    progress: Progress = "lines"
    if flags.quiet:
        progress = "off"
    elif streams.stderr_tty and not dumb and not accessible and not ci:
        progress = "bar"
    elif not human:
        progress = "off"
    unwrapped = form == "plain" and not streams.stdout_tty and not asked_width
    return Plan(
        format=form,
        color=color,
        err_color=err_color,
        colours=colours,
        theme=choose_theme(flags.theme, env, sixteen=colours == "16"),
        styled=human and (color or (streams.stdout_tty and not dumb and not never)),
        err_styled=err_color or (streams.stderr_tty and not dumb and not never),
        ascii=_ascii(flags, streams, env, dumb),
        accessible=accessible,
        diagrams=diagrams,
        live=diagrams and streams.stdout_tty and not dumb and not accessible and not ci,
        progress=progress,
        prompt=prompt,
        width=None if unwrapped else max(LEAST, min(width, MOST)),
        quiet=flags.quiet,
        verbose=flags.verbose,
        all=flags.all,
        why=tuple(why),
        err_width=max(LEAST, width) if streams.stderr_tty else None,
    )


def _format(
    flags: Flags, streams: Streams, env: Mapping[str, str], dumb: bool, accessible: bool, why: list[str]
) -> Format:
    named = flags.format or env.get("LABCTL_FORMAT", "")
    if named in FORMATS:
        return named
    if not streams.stdout_tty:
        why.append("stdout is not a terminal")
    elif dumb:
        why.append("TERM=dumb")
    elif accessible:
        why.append("accessible mode")
    else:
        return "rich"
    return "plain"


def _color(flags: Flags, tty: bool, env: Mapping[str, str], dumb: bool) -> bool:
    if flags.color != "auto":
        return flags.color == "always"
    named = env.get("LABCTL_COLOR", "")
    if named in ("always", "never"):
        return named == "always"
    if env.get("NO_COLOR"):  # any non-empty value, https://no-color.org; it beats FORCE_COLOR
        return False
    if is_on(env.get("FORCE_COLOR")) or is_on(env.get("CLICOLOR_FORCE")):
        return True
    if env.get("CLICOLOR") == "0" or dumb:
        return False
    return tty


def _colours(env: Mapping[str, str]) -> Colours:
    term = env.get("TERM", "")
    forced = env.get("FORCE_COLOR")
    if forced in ("2", "3"):
        return "256" if forced == "2" else "truecolor"
    if env.get("COLORTERM") in ("truecolor", "24bit") or env.get("WT_SESSION") or term.endswith("-direct"):
        return "truecolor"
    if "256" in term or "kitty" in term or "ghostty" in term or "alacritty" in term:
        return "256"
    return "16"


def _ascii(flags: Flags, streams: Streams, env: Mapping[str, str], dumb: bool) -> bool:
    if flags.ascii is not None:
        return flags.ascii
    if is_on(env.get("LABCTL_ASCII")) or env.get("TERM") == "linux" or dumb:
        return True
    return not streams.encoding.lower().replace("_", "-").startswith("utf")


def _number(value: str | None) -> int | None:
    return int(value) if value and value.isascii() and value.isdigit() and int(value) > 0 else None
