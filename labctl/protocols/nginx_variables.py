"""nginx's variables: `$host`, `$proxy_add_x_forwarded_for`, those of `set` and `map`, and what a pattern caught."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from labctl.protocols.nginx_grammar import Directive
from labctl.protocols.nginx_scopes import compiled

_NAME = re.compile(r"\$(?:\{(\w+)\}|(\w+))", re.ASCII)

# nginx's own names are mostly written small: these are for envsubst, before nginx reads the file.
PLACEHOLDER = re.compile(r"\$(?:\{[A-Z][A-Z0-9_]*\}|[A-Z][A-Z0-9_]+)", re.ASCII)

_OWN = ("$host", "$uri", "$args", "$scheme", "$request_uri", "$remote_addr", "$server_name", "$server_port")

# A name to its value; None when nobody here knows it.
Value = Callable[[str], str | None]


def expanded(text: str, value: Value, missing: list[str], quote: Callable[[str], str] | None = None) -> str:
    """A text with its variables replaced. Names that nobody knows stay as they are, and are put into `missing`.

    `quote` is done to what a pattern caught.
    """

    def replace(found: re.Match[str]) -> str:
        name = found[1] or found[2]
        rest = ""
        if found[2] and name[0].isdigit():
            # $1a is $1 and the letter a.
            name, rest = name[0], name[1:]
        known = value(name)
        if known is None:
            missing.append(name)
            return found[0]
        return (quote(known) if quote and name.isdigit() else known) + rest

    return _NAME.sub(replace, text)


def has_variables(text: str) -> bool:
    """Whether a text has variables."""
    return _NAME.search(text) is not None


def names_in(text: str) -> list[str]:
    """The names of the variables of a text."""
    return [found[1] or found[2] for found in _NAME.finditer(text)]


def mapped(name: str, maps: Sequence[Directive], value: Value) -> str | None:
    """The value that a `map` block gives this variable; None when none makes it."""
    block = next(
        (each for each in maps if len(each.arguments) == 2 and each.arguments[1].lower() == f"${name}"), None
    )
    if block is None:
        return None
    missing: list[str] = []
    source = expanded(block.first, value, missing)
    if missing:
        return None
    found = _mapped_to(source, block)
    if found is None:
        return None
    chosen, match = found
    groups = match.groupdict() if match is not None else {}

    def also_caught(key: str) -> str | None:
        if match is not None and key.isdigit():
            return (match[int(key)] or "") if int(key) <= (match.re.groups) else ""
        return groups[key] or "" if key in groups else value(key)

    return expanded(chosen, also_caught, missing)


def _mapped_to(source: str, block: Directive) -> tuple[str, re.Match[str] | None] | None:
    """The text behind the entry that fits, and what its pattern caught; None when entries stand in another file."""
    entries = block.block or ()
    hostnames = any(each.name == "hostnames" for each in entries)
    default, pattern, match = "", None, None
    for each in entries:
        if each.name == "include":
            return None
        if each.name == "default" and each.arguments:
            default = each.first
        elif each.name.startswith("~"):
            folded = each.name.startswith("~*")
            fits = compiled(each.name[1 + folded :], each.place, ignore_case=folded).search(source)
            if pattern is None and fits:
                pattern, match = each.first, fits
        elif each.name.removeprefix("\\").lower() == source.lower():
            return each.first, None
        elif hostnames and each.name.startswith(("*.", ".")) and source.endswith(each.name.removeprefix("*")):
            pattern = pattern or each.first
    return (default if pattern is None else pattern), match


def placeholders(directives: Iterable[Directive]) -> list[str]:
    """What is written like a variable of the environment, and is none that nginx has or the file makes."""
    found: dict[str, None] = {}
    made = set(_OWN)
    waiting = list(directives)
    while waiting:
        each = waiting.pop(0)
        waiting = [*(each.block or ()), *waiting]
        words = (each.name, *each.arguments)
        if each.name in ("set", "map", "geo", "split_clients") and each.arguments:
            made.add(each.arguments[0 if each.name == "set" else -1].lower())
        found.update(dict.fromkeys(name for word in words for name in PLACEHOLDER.findall(word)))
    return [name for name in found if name.replace("{", "").replace("}", "").lower() not in made]
