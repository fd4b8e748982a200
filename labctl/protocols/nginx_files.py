"""nginx's own files: index, autoindex and static, when nobody else takes the path."""

from __future__ import annotations

import posixpath
from typing import NamedTuple

from labctl.protocols.nginx_state import DEFAULT_ROOT, State
from labctl.protocols.nginx_uri import escape
from labctl.protocols.proxy_answers import Kind


class Served(NamedTuple):
    """A file, a redirect, a status; or `again`: the path of an index file, for which a location is sought anew."""

    kind: Kind
    to: str = ""
    status: int = 200
    again: str = ""


def serve_file(state: State) -> Served:
    """What comes of the path that the state has now."""
    path = state.file()
    if state.root() == DEFAULT_ROOT:
        state.doubt(
            f"No root holds here, so nginx looks in its own folder {DEFAULT_ROOT}: /usr/share/nginx/html with Debian's "
            "package, /etc/nginx/html with Docker's image."
        )
    if state.uri.endswith("/"):
        return _folder(state, path)
    if state.method not in ("GET", "HEAD"):
        state.say(f"nginx gives files to GET and HEAD only: {state.method} gets 405.")
        return Served("status", status=405)
    there = state.on_disk(path)
    if there is None:
        state.doubt(f"Whether {_resolved(path)} is there is not known on this machine.")
        return _file(state, path)
    if there == "file":
        return _file(state, path)
    if there == "folder":
        query = f"?{state.arguments}" if state.arguments else ""
        state.say(f"{path} is a folder, so nginx sends the visitor to {state.uri}/.")
        return Served("redirect", escape(state.uri) + "/" + query, 301)
    state.say(f"nginx looks for the file {path}: not there.", state.scope.place)
    return Served("status", status=404)


def _file(state: State, path: str) -> Served:
    state.say(f"No proxy_pass holds here, so nginx gives the file {path} itself.", state.scope.place)
    folder = state.root().rstrip("/") + "/"
    if not _resolved(path).startswith(posixpath.normpath(folder)):
        state.say(
            f"That is {_resolved(path)}: outside of {folder}, and never meant to be given out.",
            state.scope.place,
        )
    return Served("file", _resolved(path))


def _resolved(path: str) -> str:
    return posixpath.normpath(path) if "/.." in path else path


def _folder(state: State, path: str) -> Served:
    if state.method not in ("GET", "HEAD", "POST"):
        return Served("status", status=405)
    held = state.scope.holding("index")
    names = [name for each in held for name in each.arguments] or ["index.html"]
    for name in names:
        name = state.expand(name)
        if name.startswith("/"):
            state.say(f"The path ends with a slash, and index names {name}: nginx asks itself for that.")
            return Served("file", again=name)
        there = state.on_disk(path + name)
        if there is None:
            state.doubt(f"Whether {path}{name} is there is not known on this machine.")
        if there is None or there == "file":
            state.say(f"The path ends with a slash: nginx asks itself for {state.uri}{name}.")
            return Served("file", again=state.uri + name)
    there = state.on_disk(path.rstrip("/") or "/")
    if there == "folder" and state.scope.value("autoindex", "off") == "on":
        state.say(f"{path} has no index file, and autoindex lists it.")
        return Served("status", to=path, status=200)
    status = 403 if there == "folder" else 404
    why = "has no index file, and autoindex is off" if status == 403 else "is not there"
    state.say(f"{path} {why}: nginx answers {status}.")
    return Served("status", status=status)
