"""Which labs exist, without importing one.

Built-in labs come from the CURRICULUM table of the package `labs`, which the engine knows only by its name.
Third parties register in the entry-point group `labctl.labs`. Their registrations are read by hand, because
`importlib.metadata` costs a quarter of a whole start-up: a registration is a text file beside the package.
A lab that does not import is an error of that lab alone, and it is found out when that lab is wanted.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

from labctl.errors import Malformed

if TYPE_CHECKING:
    from labctl.lab import Lab

BUILT_IN = "labs"
GROUP = "labctl.labs"
FOREIGN_PANEL = "From other packages"


class Entry(NamedTuple):
    """A lab that could be loaded. `package` is the distribution that brought it, "" for a built-in one."""

    name: str
    module: str
    attribute: str
    title: str
    panel: str
    package: str = ""


def built_in() -> tuple[Entry, ...]:
    """The course, in teaching order."""
    table: tuple[tuple[str, str, str, str], ...] = import_module(BUILT_IN).CURRICULUM
    return tuple(Entry(name, module, "LAB", title, panel) for name, module, title, panel in table)


def foreign(path: Iterable[str] | None = None) -> tuple[Entry, ...]:
    """Labs of other installed packages, sorted by name. The first on `path` (default sys.path) wins."""
    found: dict[str, Entry] = {}
    for entry in _registrations(sys.path if path is None else path):
        found.setdefault(entry.name, entry)
    taken = {entry.name for entry in built_in()}
    return tuple(found[name] for name in sorted(found) if name not in taken)


def find(name: str) -> Entry | None:
    """The lab of this name; other packages are looked through only when no built-in lab has it."""
    for entry in built_in():
        if entry.name == name:
            return entry
    return next((entry for entry in foreign() if entry.name == name), None)


def load(lab: Entry | str) -> Lab:
    """Import the lab. Raises Malformed when it does not import or is none, KeyError for an unknown name."""
    from labctl.lab import Lab

    entry = find(lab) if isinstance(lab, str) else lab
    if entry is None:
        raise KeyError(lab)
    of = f" of the package {entry.package}" if entry.package else ""
    try:
        loaded = getattr(import_module(entry.module), entry.attribute)
    except (Exception, SystemExit) as error:
        raise Malformed(
            "lab-does-not-import",
            f"the lab {entry.name}{of} does not import",
            evidence=(("tried", f"import {entry.module}"), ("got", f"{type(error).__name__}: {error}")),
            fixes=(f"python -m pip install --upgrade {entry.package}",) if entry.package else (),
        ) from error
    if not isinstance(loaded, Lab):
        raise Malformed(
            "lab-malformed",
            f"the lab {entry.name}{of} is not a labctl lab",
            evidence=(("got", f"{entry.module}:{entry.attribute} is a {type(loaded).__name__}"),),
        )
    return loaded


def _registrations(path: Iterable[str]) -> Iterator[Entry]:
    for directory in path:
        try:
            with os.scandir(directory or ".") as listing:
                folders = [e.path for e in listing if e.name.endswith((".dist-info", ".egg-info"))]
        except OSError:
            continue
        for folder in sorted(folders):
            text = _read(os.path.join(folder, "entry_points.txt"))
            if f"[{GROUP}]" in text:
                yield from _entries(text, folder)


def _entries(text: str, folder: str) -> Iterator[Entry]:
    stem = os.path.basename(folder).removesuffix(".egg-info").removesuffix(".dist-info")
    package = stem.partition("-")[0].replace("_", "-")
    title = _summary(folder) or f"a lab of the package {package}"
    section = ""
    for line in map(str.strip, text.splitlines()):
        if line.startswith("["):
            section = line.strip("[]")
        elif section == GROUP and "=" in line and not line.startswith(("#", ";")):
            name, _, target = (part.strip() for part in line.partition("="))
            # `module:attribute [extra]`; without an attribute the lab is called LAB, as built-in ones are.
            module, _, attribute = target.partition("[")[0].strip().partition(":")
            yield Entry(name, module, attribute or "LAB", title, FOREIGN_PANEL, package)


def _summary(folder: str) -> str:
    for file in ("METADATA", "PKG-INFO"):
        for line in _read(os.path.join(folder, file)).splitlines():
            if not line:
                break  # the headers end here
            if line.startswith("Summary:"):
                return line.partition(":")[2].strip()
    return ""


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""
