"""How many arguments a directive takes, and which name a mistyped one was meant to be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

# A shorter name is one letter from too many others.
_SHORTEST = 5


class Form:
    """What may stand behind a name: "12" one or two, "2+" two or more, "flag" on or off, "{1" one and a block."""

    def __init__(self, form: str) -> None:
        self.block = form.startswith("{")
        self.flag = form == "flag"
        digits = "1" if self.flag else form.lstrip("{").rstrip("+")
        self.least = int(digits[0])
        self.most = None if form.endswith("+") else int(digits[-1])
        self.allowed = None if self.most is None else frozenset(map(int, digits))

    def wrong(self, name: str, arguments: Sequence[str]) -> str:
        """What is wrong with the arguments of a directive, a sentence without its end; "" nothing."""
        number = len(arguments)
        if number < self.least if self.allowed is None else number not in self.allowed:
            got = (
                f"{number} stand here" if number > 1 else ("1 stands here" if number else "none stands here")
            )
            return f"{name} takes {self.words}, and {got}"
        if self.flag and _is_plain(arguments[0]) and arguments[0].lower() not in ("on", "off"):
            return f"{name} is on or off, and not {arguments[0][:40]!r}"
        return ""

    @property
    def words(self) -> str:
        """`1 argument`, `2 or 3 arguments`, `at least 2 arguments`."""
        if self.allowed is None:
            return f"at least {self.least} argument{'' if self.least == 1 else 's'}"
        numbers = [str(each) if each else "no" for each in sorted(self.allowed)]
        joined = " or ".join((", ".join(numbers[:-1]), numbers[-1])) if len(numbers) > 1 else numbers[0]
        return f"{joined} argument{'' if joined == '1' else 's'}"


def _is_plain(word: str) -> bool:
    """Whether a word stands for itself: a template puts something else there."""
    return not any(mark in word for mark in "${%@")


def forms(table: Mapping[str, str]) -> dict[str, Form]:
    """The forms by name, of a table from forms to names."""
    return {name: Form(form) for form, names in table.items() for name in names.split()}


def meant(name: str, known: Iterable[str]) -> str:
    """The known name from which this one differs by one letter (more, less, another, or two swapped); "" none.

    `name` and `known` in the same case.
    """
    if len(name) < _SHORTEST:
        return ""
    return next((each for each in sorted(known) if _is_near(name, each)), "")


def _is_near(name: str, other: str) -> bool:
    if abs(len(name) - len(other)) > 1 or name == other:
        return False
    at = next((at for at, pair in enumerate(zip(name, other, strict=False)) if pair[0] != pair[1]), None)
    if at is None:
        return True
    mine, others = name[at:], other[at:]
    return (
        mine[1:] == others[1:]
        or mine[1:] == others
        or mine == others[1:]
        or (mine[:2] == others[1::-1] and mine[2:] == others[2:])
    )
