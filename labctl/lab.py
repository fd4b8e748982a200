"""A lab: a run function, its claims, and the folder with its words.

The signature of the run function is the command line: the first parameter is the internet, positional ones are
arguments, keyword-only ones are options, and the string in `Annotated[T, "help"]` is the help text. Supported
types: str, int, float, bool, `Literal[...]`, `list[str]`, and each of them `| None`. A tuple of strings after
the help are values to complete, and a string like "-X" is the option's short form.

`run` reads its arguments, raises UsageError for those that mean nothing, and returns an iterator of events that does
the work. A generator function will do as well; then wrong arguments are found only when the run begins.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Annotated, Any, Literal, NamedTuple, get_args, get_origin, get_type_hints

from labctl.errors import Malformed
from labctl.events import Claim, Event

# `local`: on this machine or its network, asked with real packets. `own`: an application or a file of the user's.
Place = Literal["sandbox", "live", "both", "local", "own"]
# What needs no internet, even when the real one is asked for.
NEAR: tuple[Place, ...] = ("local", "own")
# What the sandbox is made of for this lab: servers on 127.0.0.1, or a private network with real packets.
Carrier = Literal["loopback", "box"]


class Parameter(NamedTuple):
    """One parameter of a lab's run function, as the command line sees it."""

    name: str
    type: Any
    default: Any
    help: str
    positional: bool
    values: tuple[str, ...] = ()
    short: str = ""


@dataclass(frozen=True)
class Lab:
    """`name` is the subcommand, `title` one line of prose, `package` the folder of explain.md and quiz.toml."""

    name: str
    title: str
    claims: tuple[Claim, ...]
    run: Callable[..., Iterator[Event]]
    package: str
    # Command lines for `--help`, without the leading `labctl`.
    examples: tuple[str, ...] = ()
    # Where the arguments' target lives: in the sandbox, on the real internet, or in both (DESIGN.md section 6).
    place: Callable[[Mapping[str, Any]], Place] = lambda arguments: "sandbox"
    # Whether a run with these arguments judges claims at all; what only explains something ends with 0 all the same.
    judges: Callable[[Mapping[str, Any]], bool] = lambda arguments: True
    # A "box" lab finds `internet.network` set. It runs in a process of its own: `run` is a function of a module.
    carrier: Carrier = "loopback"
    # Common options that mean something else in this lab, by parameter name, and what: they stand among its own, in
    # its help and in the command of a run, and the environment (which is for all labs) does not set them.
    meanings: Mapping[str, str] = field(default_factory=dict)

    def parameters(self) -> tuple[Parameter, ...]:
        """The command line of this lab. Raises Malformed when an annotation lacks its help sentence."""
        hints = get_type_hints(self.run, include_extras=True)
        found = []
        for name, p in list(inspect.signature(self.run).parameters.items())[1:]:
            hint = hints.get(name)
            if get_origin(hint) is not Annotated or not isinstance(get_args(hint)[1], str):
                raise Malformed(
                    "lab-malformed", f'lab {self.name}: parameter {name} needs Annotated[type, "help"]'
                )
            kind, text, *more = get_args(hint)
            values = next((each for each in more if isinstance(each, tuple)), ())
            short = next((each for each in more if isinstance(each, str)), "")
            positional = p.kind is not p.KEYWORD_ONLY
            found.append(Parameter(name, kind, p.default, text, positional, values, short))
        return tuple(found)

    def claim(self, id: str) -> Claim | None:
        """The claim with this id, or None."""
        return next((c for c in self.claims if c.id == id), None)

    def claim_broken_by(self, fault: str) -> Claim | None:
        """The claim that this fault refutes, or None."""
        return next((c for c in self.claims if c.broken_by == fault), None)

    def words(self, filename: str) -> str:
        """The text of a file in the lab's folder ("" when there is none)."""
        package = import_module(self.package)
        loader: Any = package.__loader__
        if not hasattr(loader, "get_data"):  # a namespace package
            from importlib import resources

            path = resources.files(self.package) / filename
            return path.read_text(encoding="utf-8") if path.is_file() else ""
        # The loader reads from folders and zip files alike; importlib.resources is a lot to import for this.
        try:
            data: bytes = loader.get_data(os.path.join(package.__path__[0], filename))
        except OSError:
            return ""
        return data.decode("utf-8").replace("\r\n", "\n")
