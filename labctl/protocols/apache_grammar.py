"""The grammar of Apache's configuration: text in, directives and sections out, each with its line (server/config.c).

One directive a line; a backslash at the end of a line joins the next one; `#` begins a comment at the beginning of a
line only; names are case-insensitive; `${NAME}` is what Define said.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from labctl.protocols.proxy_answers import ConfigError, Place

_SECTION = re.compile(r"<\s*(/?)\s*([A-Za-z][\w-]*)\s*(.*?)\s*(>?)\s*")
_VARIABLE = re.compile(r"\$\{([A-Za-z_]\w*)\}")
DEEPEST = 64
_PLAIN_NAME = re.compile(r"[A-Za-z][\w-]*")
# The version that <IfVersion> is asked about.
VERSION = (2, 4, 99)


@dataclass(frozen=True)
class Directive:
    """A directive with its arguments, or a section with what stands in it. `key` is the name in lower case."""

    name: str
    arguments: tuple[str, ...]
    place: Place
    block: tuple[Directive, ...] | None = None

    @property
    def key(self) -> str:
        """The name as it is compared."""
        return self.name.lower()

    @property
    def first(self) -> str:
        """Its first argument, or ""."""
        return self.arguments[0] if self.arguments else ""

    def __str__(self) -> str:
        inner = " ".join((self.name, *(f'"{each}"' if " " in each else each for each in self.arguments)))
        return inner if self.block is None else f"<{inner}>"


# What an include gives: the name and the text of each file, in order; None: nobody knows what stands there, and the
# `Include` stays as a directive. `True`: it need not be there.
Include = Callable[[str, Place, bool], Sequence[tuple[str, str]] | None]


class Reading:
    """What is known while a configuration is read: names that are defined, modules that are loaded."""

    def __init__(self, include: Include | None = None) -> None:
        self.include = include
        self.defined: dict[str, str] = {}
        self.modules: set[str] = set()
        self.undefined: list[tuple[str, Place]] = []
        self.skipped: list[Directive] = []
        self.depth = 0


def parse(text: str, reading: Reading | None = None, file: str = "") -> tuple[Directive, ...]:
    """The directives of a text, with those of included files in their place. Raises ConfigError."""
    reading = reading or Reading()
    lines = _lines(text, file)
    return tuple(_block(lines, None, reading, file, 0))


def _lines(text: str, file: str) -> Iterator[tuple[str, Place]]:
    """Whole lines, joined where a backslash ends them."""
    joined, first = "", 0
    for number, line in enumerate(text.split("\n"), 1):
        line = line.rstrip("\r")
        if not joined:
            first = number
        if line.endswith("\\") and not line.endswith("\\\\"):
            joined += line[:-1]
            continue
        whole = (joined + line).strip()
        joined = ""
        if whole and not whole.startswith("#"):
            yield whole, Place(first, file)
    if joined.strip() and not joined.strip().startswith("#"):
        yield joined.strip(), Place(first, file)


def _block(
    lines: Iterator[tuple[str, Place]], opened: Directive | None, reading: Reading, file: str, depth: int
) -> list[Directive]:
    found: list[Directive] = []
    if depth > DEEPEST:
        raise ConfigError(
            f"More than {DEEPEST} sections stand in one another", opened.place if opened else Place(1, file)
        )
    for line, place in lines:
        line = _with_defined(line, reading, place)
        if line.startswith("<"):
            match = _SECTION.fullmatch(line)
            if match is None or not match[4]:
                raise ConfigError(f"A section has no > at its end: {line[:60]}", place)
            if match[1]:
                if opened is None:
                    raise ConfigError(f"</{match[2]}> closes a section that was never opened", place)
                if match[2].lower() != opened.key:
                    raise ConfigError(
                        f"</{match[2]}> stands where </{opened.name}> has to close line {opened.place.line}",
                        place,
                    )
                return found
            section = Directive(match[2], tuple(words(match[3], place)), place)
            inside = _block(lines, section, reading, file, depth + 1)
            found += _section(Directive(match[2], section.arguments, place, tuple(inside)), reading)
            continue
        name, *arguments = words(line, place)
        if not _PLAIN_NAME.fullmatch(name):
            raise ConfigError(f"{name[:40]!r} is no name of a directive", place)
        found += _directive(Directive(name, tuple(arguments), place), reading)
    if opened is not None:
        raise ConfigError(f"<{opened.name}> that begins here is never closed", opened.place)
    return found


def _with_defined(line: str, reading: Reading, place: Place) -> str:
    def defined(match: re.Match[str]) -> str:
        if match[1] not in reading.defined:
            reading.undefined.append((match[1], place))
        return reading.defined.get(match[1], match[0])

    return _VARIABLE.sub(defined, line)


def words(text: str, place: Place) -> list[str]:
    """The arguments of a line: separated by blanks, quoted with " or ' (ap_getword_conf)."""
    out, at = [], 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        if text[at] in "\"'":
            quote, word, at = text[at], [], at + 1
            while at < len(text) and text[at] != quote:
                if text[at] == "\\" and text[at + 1 : at + 2] in (quote, "\\") and text[at + 1 : at + 2]:
                    at += text[at + 1] == quote
                    word.append(text[at])
                    if text[at] == "\\":
                        at += 1
                        word.append(text[at])
                else:
                    word.append(text[at])
                at += 1
            at += 1
            out.append("".join(word))
            continue
        end = at
        while end < len(text) and not text[end].isspace():
            end += 1
        out.append(text[at:end])
        at = end
    return out


def _directive(each: Directive, reading: Reading) -> list[Directive]:
    if each.key == "define" and each.arguments:
        reading.defined[each.first] = each.arguments[1] if len(each.arguments) > 1 else ""
    elif each.key == "undefine":
        reading.defined.pop(each.first, None)
    elif each.key == "loadmodule":
        reading.modules.add(each.first)
    elif each.key in ("include", "includeoptional") and reading.include is not None and each.arguments:
        if reading.depth > 16:
            raise ConfigError("Files include one another without end", each.place)
        files = reading.include(each.first, each.place, each.key == "includeoptional")
        if files is None:
            return [each]
        reading.depth += 1
        found: list[Directive] = []
        for file, text in files:
            found += parse(text, reading, file)
        reading.depth -= 1
        return found
    return [each]


def _section(each: Directive, reading: Reading) -> list[Directive]:
    """Sections that are read or left out as a whole take themselves away."""
    block = list(each.block or ())
    word = each.first
    denied = word.startswith("!")
    name = word.removeprefix("!")
    if each.key == "ifmodule":
        holds = not reading.modules or _module(name) in reading.modules or _module(name) in _BUILT_IN
    elif each.key == "ifdefine":
        holds = name in reading.defined
    elif each.key == "ifversion":
        holds, denied = _version(each.arguments), False
    elif each.key in ("ifdirective", "ifsection"):
        holds = True
    else:
        return [each]
    if holds != denied:
        return block
    reading.skipped.append(each)
    return []


_BUILT_IN = frozenset(
    ("core_module", "http_module", "so_module", "unixd_module", "log_config_module", "mpm_event_module")
)


def _module(name: str) -> str:
    """mod_proxy.c and proxy_module are one."""
    if name.startswith("mod_") and name.endswith(".c"):
        return f"{name[4:-2]}_module"
    return name


def _version(arguments: Sequence[str]) -> bool:
    operator, wanted = (arguments[0], arguments[1]) if len(arguments) > 1 else ("=", "".join(arguments))
    numbers = tuple(int(part) for part in re.findall(r"\d+", wanted))
    ours = VERSION[: len(numbers)]
    negated = operator.startswith("!")
    holds = {
        "=": ours == numbers,
        "==": ours == numbers,
        ">": ours > numbers,
        ">=": ours >= numbers,
        "<": ours < numbers,
        "<=": ours <= numbers,
    }.get(operator.removeprefix("!"), True)
    return holds != negated
