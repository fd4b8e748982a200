"""quiz.toml into items; whatever is wrong is told with its place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, cast, get_args

from labctl.errors import Malformed
from labctl.quiz.items import Ask, Item, Kind, Option, Phase


def read(text: str, where: str = "quiz.toml") -> tuple[Item, ...]:
    """The items of a quiz.toml. Raises Malformed `quiz-malformed` with the place."""
    import tomllib

    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Malformed("quiz-malformed", f"{where} is not TOML", evidence=(("got", str(error)),)) from error
    items = document.get("item", [])
    if not isinstance(items, list) or set(document) - {"item"}:
        raise Malformed("quiz-malformed", f"{where}: only [[item]] tables are known here")
    return tuple(_item(table, f"{where}: item {number}") for number, table in enumerate(items, 1))


def _item(table: Any, where: str) -> Item:
    if not isinstance(table, dict):
        raise Malformed("quiz-malformed", f"{where} is not a table")
    where = f"{where} ({table.get('id', 'without id')})"
    values = dict(table)
    options = values.pop("option", [])
    _expect(values, Item, where, required=("id", "phase", "ask", "stem"))
    for field, allowed in (("phase", Phase), ("ask", Ask), ("kind", Kind)):
        if field in values and values[field] not in get_args(allowed):
            raise Malformed(
                "quiz-malformed",
                f"{where}: {field} is {values[field]!r}",
                evidence=(("allowed", ", ".join(get_args(allowed))),),
            )
    values["hints"] = tuple(values.get("hints", ()))
    values["unless"] = tuple(values.get("unless", ()))
    found = []
    for letter, option in zip("abcdefgh", options, strict=False):
        _expect(option, Option, f"{where}, option {letter}", required=("text",))
        found.append(Option(**{"id": letter, **option}))
    return Item(**values, options=tuple(found))


def _expect(values: Mapping[str, Any], cls: type, where: str, required: Sequence[str]) -> None:
    known = {f.name: str(f.type) for f in fields(cls)}
    wrong = sorted(set(values) - set(known)) + [f"no {name}" for name in required if name not in values]
    types = {"str": str, "bool": bool, "int": int, "float": (int, float), "tuple[str, ...]": list}
    wrong += [
        f"{name} is {value!r}"
        for name, value in values.items()
        if known.get(name) in types and not isinstance(value, cast(type, types[known[name]]))
    ]
    if wrong:
        raise Malformed("quiz-malformed", f"{where}: {', '.join(wrong)}")
