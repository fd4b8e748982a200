"""Where an application is: `shop:app`, `shop`, `pkg.mod:create_app()`, `path/to/shop.py:app`; and its Python."""

from __future__ import annotations

import ast
import importlib.util
import os
import sys
from pathlib import Path
from typing import NamedTuple

from labctl.errors import CannotRun, UsageError
from labctl.serving.interpreter import default_python, named_python


class App(NamedTuple):
    """Where an application is. Nothing of it has been looked at.

    `target` is what was typed. `module` is dotted; `attribute` is a name, a call with literal arguments, or "" for the
    one that `flask --app` would find. `folder` comes first on the child's sys.path, `python` is its interpreter.
    `ours` is True for an application of labctl itself.
    """

    target: str
    module: str
    attribute: str
    folder: str
    python: str
    ours: bool = False


def read_app(target: str, *, python: str | None = None, cwd: str | None = None) -> App:
    """What a target means. Raises UsageError app-invalid, python-invalid; CannotRun app-not-found for a missing file.

    `python` is a path or a command; None is the interpreter of the active VIRTUAL_ENV, or ours. `cwd` is where paths
    begin, and the folder of modules: the current one.
    """
    here = os.path.abspath(cwd or os.getcwd())
    interpreter = default_python() if python is None else named_python(python)
    place, attribute = _split(target)
    if place.endswith(".py") or "/" in place or os.sep in place:
        module, folder = _of_path(target, os.path.join(here, os.path.expanduser(place)))
    else:
        module, folder = place, here
    if not _can_be_imported(module, folder):
        raise _invalid(target, f"{module!r} is not the name of a module")
    _check_attribute(target, attribute)
    return App(target, module, attribute, folder, interpreter)


def own_app(module: str, attribute: str = "app") -> App:
    """An application that is part of labctl or of a lab, `labs.flask.apps.shop`, under our own interpreter."""
    root = str(Path(__file__).resolve().parents[2])
    top = module.partition(".")[0]
    spec = importlib.util.find_spec(top)
    if spec is not None and spec.submodule_search_locations:
        root = str(Path(next(iter(spec.submodule_search_locations))).resolve().parent)
    return App(f"{module}:{attribute}", module, attribute, root, sys.executable, ours=True)


def _split(target: str) -> tuple[str, str]:
    if "://" in target:
        raise _invalid(target, "that is a URL, and an application is named by its module")
    start = 2 if len(target) > 2 and target[1] == ":" and target[2] in "\\/" else 0
    colon = target.find(":", start)
    place, attribute = (target, "") if colon < 0 else (target[:colon], target[colon + 1 :].strip())
    if not place.strip():
        raise _invalid(target, "the module is missing")
    return place.strip(), attribute


def _of_path(target: str, path: str) -> tuple[str, str]:
    """The module of a file, and the folder from which it is imported: above the packages that it is in."""
    file = Path(os.path.abspath(path))
    if file.is_dir() and (file / "__init__.py").is_file():
        file = file / "__init__.py"
    if not file.suffix:
        file = file.with_suffix(".py")
    if not file.is_file():
        evidence = [("looked at", str(file))]
        raise CannotRun(
            "app-not-found", f"there is no file {file.name} for {target}", evidence=tuple(evidence)
        )
    if file.suffix != ".py":
        raise _invalid(target, f"{file.name} is not a Python file")
    parts = [] if file.name == "__init__.py" else [file.stem]
    folder = file.parent
    while (folder / "__init__.py").is_file():
        parts.insert(0, folder.name)
        folder = folder.parent
    return ".".join(parts), str(folder)


def _can_be_imported(module: str, folder: str) -> bool:
    """Any file can be imported by its name, `my-shop.py` too; only `import my-shop` cannot be written."""
    if all(part.isidentifier() for part in module.split(".")):
        return True
    return "." not in module and Path(folder, f"{module}.py").is_file()


def _check_attribute(target: str, attribute: str) -> None:
    """A name, or a call of a name with literals, as Flask has it."""
    if not attribute:
        return
    try:
        tree = ast.parse(attribute, mode="eval").body
        if isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name):
            for each in (*tree.args, *(word.value for word in tree.keywords)):
                ast.literal_eval(each)
            return
    except (SyntaxError, ValueError):
        raise _invalid(target, f"{attribute!r} is neither a name nor a call with plain values") from None
    if not isinstance(tree, ast.Name):
        raise _invalid(target, f"{attribute!r} is neither a name nor a call with plain values")


def _invalid(target: str, why: str) -> UsageError:
    return UsageError(
        "app-invalid",
        f"{target!r} does not name an application: {why}",
        evidence=(("wanted", "MODULE:NAME, such as shop:app or path/to/shop.py:app or shop:create_app()"),),
    )
