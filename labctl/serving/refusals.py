"""What to tell a person whose application, interpreter or server cannot serve: facts in, a CannotRun out."""

from __future__ import annotations

import difflib
import os
import re
import shlex
from collections.abc import Sequence
from typing import Any

from labctl.errors import CannotRun
from labctl.serving.application import App
from labctl.serving.child_events import ChildEvent
from labctl.serving.evidence import Evidence, cut, hanging_in, places, said, shown, signal_name
from labctl.serving.interpreter import has_module, who_has

# "cannot import name 'Flask' from partially initialized module 'flask' (...)", "module 'flask' has no attribute 'g'"
_FROM = re.compile(
    r"(?:from (?:partially initialized module )?|^\w+: (?:partially initialized )?module )'(\w+)'"
)
_NAMES = {"sync": "gunicorn", "gthread": "gunicorn", "flask": "flask run", "toy": "the toy server"}


def of_event(app: App, kind: str, failed: ChildEvent) -> CannotRun:
    """For a "failed" event of a child."""
    facts = dict(failed.data)
    code = str(facts.get("code", ""))
    if code == "app-not-found":
        return _no_module(app, facts) if facts.get("what") == "module" else _no_attribute(app, facts)
    if code == "app-raises":
        return _raises(app, facts)
    if code == "app-exits":
        return _exits(app, "it calls sys.exit", str(facts.get("status")), places(app, facts.get("at", ())))
    if code == "app-is-asgi":
        return _asgi(app, facts)
    if code == "app-not-callable":
        return _not_callable(app, facts)
    if code == "server-missing":
        return server_missing(app, str(facts.get("server", kind)), str(facts.get("error", "")))
    return CannotRun(code or "server-ended", str(facts.get("sentence", "the application cannot be served")))


def not_callable(app: App, target: str, type: str, repr: str) -> CannotRun:
    """For an object that nobody can serve: where it is, its type, and how it shows itself."""
    return _not_callable(app, {"target": target, "type": type, "repr": repr})


def exited(app: App, status: object, number: int, at: Sequence[Any], log: str) -> CannotRun:
    """The process went away while the application was imported: os._exit, then with the lines `at`, or a crash."""
    how = signal_name(number) if number else f"exit status {status}"
    why = "its process ended without an exception"
    if at:
        why = "it calls os._exit"
    elif number:
        why = "a signal killed its process"
    return _exits(app, why, how, places(app, at) or said(log))


def hangs(app: App, limit_s: float, traceback: str, log: str) -> CannotRun:
    """The import does not come to its end: faulthandler's traceback of it, and what was printed before."""
    where = hanging_in(app, traceback)
    fixes = [f"the same command with --boot-timeout {max(60, limit_s * 2):g}"]
    if any(".run(" in text for _, text in where):
        fixes = ['put app.run() under: if __name__ == "__main__":']
    return CannotRun(
        "app-hangs",
        f"{app.module} is still being imported after {limit_s:g} s",
        evidence=(*where, *(() if where else said(log))),
        fixes=tuple(fixes),
    )


def server_missing(app: App, server: str, error: str) -> CannotRun:
    """The server is not there in the application's interpreter."""
    package = server.partition(" ")[0]
    fixes = [f"{shlex.quote(app.python)} -m pip install {package}"]
    other = who_has(package, app.python, app.folder)
    if other:
        fixes.append(f"the same command with --python {shlex.quote(other)}")
    return CannotRun(
        "server-missing",
        f"{package} is not installed for {app.python}",
        evidence=(("got", cut(error)),) if error else (),
        fixes=tuple(fixes),
    )


def server_ended(kind: str, status: int, log: str) -> CannotRun:
    """The server went away before it was ready, and not for the application."""
    how = signal_name(-status) if status < 0 else f"exit status {status}"
    return CannotRun(
        "server-ended",
        f"{_NAMES.get(kind, kind)} ended before it was ready",
        evidence=(("status", how), *said(log)),
    )


def server_hangs(kind: str, limit_s: float, log: str) -> CannotRun:
    """The application is there, and the server does not get ready."""
    return CannotRun(
        "server-hangs", f"{_NAMES.get(kind, kind)} is not ready after {limit_s:g} s", evidence=said(log)
    )


def unusable(app: App, status: int, log: str) -> CannotRun:
    """The interpreter never ran our code."""
    return CannotRun(
        "python-unusable",
        f"{app.python} does not run labctl's code",
        evidence=(("status", signal_name(-status) if status < 0 else str(status)), *said(log)),
    )


def _no_module(app: App, facts: dict[str, Any]) -> CannotRun:
    missing = str(facts.get("missing", app.module))
    fixes = []
    if facts.get("parent"):
        fixes.append(f"the same command with {facts['parent']}:{facts.get('last')}")
    else:
        near = difflib.get_close_matches(missing, _modules(app.folder), 1, 0.6)
        name = f":{app.attribute}" if app.attribute else ""
        fixes += [f"the same command with {near[0]}{name}"] if near else []
    return CannotRun(
        "app-not-found",
        f"there is no module {missing}" + ("" if app.target == missing else f" for {app.target}"),
        evidence=(("looked in", app.folder), ("and in", f"what {app.python} has installed")),
        fixes=tuple(fixes),
    )


def _with(app: App, name: str) -> str:
    """The fix that names the application right; `...` stands for a value that only the learner knows."""
    filled = ", with values for the ..." if "..." in name else ""
    return f"the same command with {shlex.quote(f'{app.module}:{name}')}{filled}"


def _modules(folder: str) -> list[str]:
    try:
        with os.scandir(folder) as listing:
            return [
                entry.name.removesuffix(".py")
                for entry in listing
                if entry.name.endswith(".py") or os.path.isfile(os.path.join(entry.path, "__init__.py"))
            ]
    except OSError:
        return []


def _no_attribute(app: App, facts: dict[str, Any]) -> CannotRun:
    near = [str(each) for each in facts.get("near", ())]
    typed = str(facts.get("typed", ""))
    file = shown(app, str(facts.get("file", ""))) or app.module
    evidence: Evidence = (("has", ", ".join(near) if near else "nothing that looks like an application"),)
    best = difflib.get_close_matches(typed, near, 1, 0.0) if typed else near[:1]
    headline = f"{file} has no {typed}" if typed else f"no application was found in {file}"
    if not typed:
        evidence = (("looked for", "app, application, one Flask object, create_app(), make_app()"), *evidence)
    return CannotRun(
        "app-not-found",
        headline,
        evidence=evidence,
        fixes=tuple(_with(app, name) for name in best),
    )


def _raises(app: App, facts: dict[str, Any]) -> CannotRun:
    error = str(facts.get("error", ""))
    missing = str(facts.get("missing", ""))
    fixes = []
    if hiding := _hiding(app, error):
        fixes.append(f"give {hiding}.py another name: it is imported in place of the installed {hiding}")
    if missing:
        top = missing.partition(".")[0]
        other = who_has(top, app.python, app.folder)
        if other:
            fixes.append(f"the same command with --python {shlex.quote(other)}")
        fixes.append(f"{shlex.quote(app.python)} -m pip install {top}")
    kind = error.partition(":")[0]
    evidence = [*places(app, facts.get("at", ())), ("raised", cut(error))]
    if missing:
        evidence.append(("python", app.python))
    return CannotRun(
        "app-raises",
        f"{app.module} raises {kind} when it is imported",
        evidence=tuple(evidence[-3:]),
        fixes=tuple(fixes),
    )


def _hiding(app: App, error: str) -> str:
    """The name of a file in the application's folder that is imported in the place of an installed package, or ""."""
    named = _FROM.search(error)
    module = named[1] if named else ""
    if module and os.path.isfile(os.path.join(app.folder, f"{module}.py")) and has_module(app.python, module):
        return module
    return ""


def _exits(app: App, why: str, how: str, where: Evidence) -> CannotRun:
    return CannotRun(
        "app-exits", f"{app.module} ends when it is imported: {why}", evidence=(*where[-2:], ("status", how))
    )


def _asgi(app: App, facts: dict[str, Any]) -> CannotRun:
    return CannotRun(
        "app-is-asgi",
        f"{facts.get('target', app.target)} is an ASGI application, and this is about WSGI",
        evidence=(
            ("type", str(facts.get("type", ""))),
            ("takes", "scope, receive and send; WSGI takes environ and start_response (PEP 3333)"),
        ),
        fixes=("labctl wsgi --show asgi",),
    )


def _not_callable(app: App, facts: dict[str, Any]) -> CannotRun:
    target = str(facts.get("target", app.target))
    near = [
        _with(app, str(name))
        for name in facts.get("near", ())
        if not target.startswith(f"{app.module}:{name}")
    ]
    why = str(facts.get("why") or "it cannot be called")
    return CannotRun(
        "app-not-callable",
        f"{target} is no WSGI application: {why}",
        evidence=(("type", str(facts.get("type", ""))), ("value", cut(str(facts.get("repr", ""))))),
        fixes=tuple(near[:1]),
    )
