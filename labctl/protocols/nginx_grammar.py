"""The grammar of nginx's configuration: text in, directives out, each with its line (ngx_conf_file.c).

A word ends at white space, `;` or `{`. Quotes and comments count at the beginning of a word only, `\\"` `\\'` `\\\\`
lose their backslash, `${` does not open a block.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from labctl.protocols.nginx_directives import KNOWN
from labctl.protocols.proxy_answers import ConfigError, Place

_SPACE = " \t\r\n"
_ESCAPED = {"t": "\t", "r": "\r", "n": "\n", '"': '"', "'": "'", "\\": "\\"}
# A line that begins with one of these begins a directive.
_BEGINNING = frozenset(
    (
        *(
            "server",
            "server_name",
            "listen",
            "root",
            "alias",
            "location",
            "upstream",
            "include",
            "return",
            "rewrite",
        ),
        *(
            "proxy_pass",
            "proxy_set_header",
            "try_files",
            "add_header",
            "error_page",
            "access_log",
            "error_log",
        ),
        *(
            "ssl_certificate",
            "ssl_certificate_key",
            "client_max_body_size",
            "expires",
            "fastcgi_pass",
            "uwsgi_pass",
        ),
    )
)
# Blocks deeper than this are no configuration that somebody wrote.
DEEPEST = 64


class Word(NamedTuple):
    """A token. `mark` is ";", "{" or "}" for one of these, "" for a word."""

    text: str
    line: int
    mark: str = ""
    ends_at: int = 0
    quoted: bool = False


@dataclass(frozen=True)
class Directive:
    """A name with its arguments, and what stands in its block (None: it has none and ends with ";")."""

    name: str
    arguments: tuple[str, ...]
    place: Place
    block: tuple[Directive, ...] | None = None

    @property
    def first(self) -> str:
        """Its first argument, or ""."""
        return self.arguments[0] if self.arguments else ""

    def __str__(self) -> str:
        return " ".join((self.name, *self.arguments))


# What an include gives: the name and the text of each file, in order; None: nobody knows what stands there, and the
# `include` stays as a directive. `True`: it need not be there.
Include = Callable[[str, Place, bool], Sequence[tuple[str, str]] | None]


def words(text: str, file: str = "", start: int = 0, line: int = 1) -> Iterator[Word]:
    """The tokens of a text. Raises ConfigError for a quote that does not end and for what follows one."""
    at, size = start, len(text)
    while at < size:
        character = text[at]
        if character in _SPACE:
            line += character == "\n"
            at += 1
        elif character == "#":
            end = text.find("\n", at)
            at = size if end < 0 else end
        elif character in ";{}":
            at += 1
            yield Word(character, line, character, at)
        elif character in "\"'":
            begun = line
            content, at, line = _quoted(text, at, line, file)
            yield Word(content, begun, "", at, quoted=True)
        else:
            begun = line
            content, at = _plain(text, at)
            line += content.count("\n")
            yield Word(content, begun, "", at)


def _quoted(text: str, at: int, line: int, file: str) -> tuple[str, int, int]:
    quote, begun, out = text[at], line, []
    at += 1
    while at < len(text) and text[at] != quote:
        if text[at] == "\\" and at + 1 < len(text):
            out.append(_unescaped(text[at + 1]))
            line += text[at + 1] == "\n"
            at += 2
            continue
        line += text[at] == "\n"
        out.append(text[at])
        at += 1
    if at >= len(text):
        raise ConfigError(f"The quote that begins here does not end: {quote}", Place(begun, file))
    at += 1
    if at < len(text) and text[at] not in _SPACE + ";{)":
        raise ConfigError(
            f"Behind a quoted word stands {text[at]!r}; nginx wants a blank, ; or {{ there", Place(line, file)
        )
    return "".join(out), at, line


def _plain(text: str, at: int) -> tuple[str, int]:
    out: list[str] = []
    while at < len(text):
        character = text[at]
        if character == "{" and out and out[-1] == "$":
            out.append(character)
        elif character in _SPACE or character in ";{":
            break
        elif character == "\\" and at + 1 < len(text):
            out.append(_unescaped(text[at + 1]))
            at += 1
        else:
            out.append(character)
        at += 1
    return "".join(out), at


def _unescaped(character: str) -> str:
    return _ESCAPED.get(character, "\\" + character)


def _begins(word: Word) -> bool:
    """Whether a word at the beginning of a line is a directive: no argument is called so."""
    return not word.quoted and (word.text in _BEGINNING or ("_" in word.text and word.text in KNOWN))


def parse(text: str, include: Include | None = None, file: str = "", depth: int = 0) -> tuple[Directive, ...]:
    """The directives of a file, with those of the files that it includes in their place. Raises ConfigError."""
    reader = _Reader(text, include, file, depth)
    found = reader.block(None)
    return tuple(found)


class _Reader:
    def __init__(self, text: str, include: Include | None, file: str, depth: int) -> None:
        self._text, self._include, self._file, self._depth = text, include, file, depth
        self._words = words(text, file)
        self._open: list[Directive | Word] = []

    def block(self, opened: Word | None) -> list[Directive]:
        """Directives up to the brace that closes this block, or up to the end of the file."""
        if len(self._open) > DEEPEST:
            raise self._error(f"More than {DEEPEST} blocks stand in one another", opened)
        found: list[Directive] = []
        gathered: list[Word] = []
        # Not a for: code in Lua moves the words on.
        while (word := next(self._words, None)) is not None:
            if not word.mark:
                gathered.append(word)
                continue
            if word.mark == "}":
                if gathered:
                    raise self._error(f"{gathered[0].text!r} has no ; at its end", gathered[0])
                if opened is None:
                    raise self._error("A } closes a block that was never opened", word)
                return found
            if not gathered:
                raise self._error(f"Here stands {word.mark} without a directive before it", word)
            found += self._directive(gathered, word)
            gathered = []
        if gathered:
            raise self._error(f"{gathered[0].text!r} has no ; at its end", gathered[0])
        if opened is not None:
            raise self._error(f"The block {opened.text!r} that begins here is never closed", opened)
        return found

    def _directive(self, gathered: list[Word], mark: Word) -> list[Directive]:
        name, place = gathered[0].text, Place(gathered[0].line, self._file)
        arguments = tuple(word.text for word in gathered[1:])
        for before, word in pairwise(gathered):
            # nginx refuses most of these, and takes `server_name a` and `root /x` in the next line as three names.
            if word.line > before.line and _begins(word):
                raise self._error(f"{name!r} has no ; at its end: it goes on with {word.text!r}", gathered[0])
        if mark.mark == ";":
            if name == "include" and self._include and len(arguments) == 1:
                return self._included(arguments[0], place)
            return [Directive(name, arguments, place)]
        if name.endswith("_by_lua_block"):
            self._skip_code(mark, gathered[0])
            return [Directive(name, arguments, place, ())]
        self._open.append(gathered[0])
        inside = self.block(gathered[0])
        self._open.pop()
        return [Directive(name, arguments, place, tuple(inside))]

    def _included(self, pattern: str, place: Place) -> list[Directive]:
        assert self._include is not None
        if self._depth > 16:
            raise ConfigError("Files include one another without end", place)
        files = self._include(pattern, place, False)
        if files is None:
            return [Directive("include", (pattern,), place)]
        found: list[Directive] = []
        for file, text in files:
            found += parse(text, self._include, file, self._depth + 1)
        return found

    def _skip_code(self, mark: Word, opened: Word) -> None:
        """Lua has braces of its own: up to the one that fits."""
        level, at = 1, mark.ends_at
        while at < len(self._text) and level:
            level += {"{": 1, "}": -1}.get(self._text[at], 0)
            at += 1
        if level:
            raise self._error(f"The block {opened.text!r} that begins here is never closed", opened)
        line = mark.line + self._text.count("\n", mark.ends_at, at)
        self._words = words(self._text, self._file, at, line)

    def _error(self, sentence: str, word: Word | None) -> ConfigError:
        return ConfigError(sentence, Place(word.line if word else 1, self._file))
