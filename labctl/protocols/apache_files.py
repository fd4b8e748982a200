"""Apache's own files: mod_dir and the default handler."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from labctl.protocols.apache_state import State
from labctl.protocols.proxy_answers import Answer, Kind


class Served(NamedTuple):
    """A file with its path, a redirect to the path with a slash, or a status. `answer` is that of an index."""

    kind: Kind
    to: str = ""
    status: int = 200
    answer: Answer | None = None


# Asks for an index file below the path, as a request of its own.
Index = Callable[[str], Answer | None]


def serve_file(state: State, path: str, index: Index) -> Served:
    """What comes of a path of the disk."""
    there = state.on_disk(path.rstrip("/") or "/")
    sections = state.folders(path)
    if there is None:
        state.say(f"Apache gives the file {path} itself.")
        state.doubt(f"Whether {path} is there is not known on this machine.")
        return Served("file", path)
    if there == "folder":
        if not state.uri.endswith("/"):
            slash = [each for section in sections for each in section.own("directoryslash")]
            if not slash or slash[-1].first.lower() != "off":
                state.say(f"{path} is a folder, so Apache sends the visitor to {state.uri}/.")
                return Served("redirect", status=301)
        return _folder(state, path, index)
    if there == "file" and not path.endswith("/"):
        if state.request.method not in ("GET", "HEAD", "POST"):
            return Served("status", status=405)
        state.say(f"Apache gives the file {path} itself.")
        return Served("file", path)
    state.say(f"Apache looks for {path}: not there.")
    return Served("status", status=404)


def _folder(state: State, path: str, index: Index) -> Served:
    sections = state.folders(path)
    held = [each for section in sections for each in section.own("directoryindex")] or state.both(
        "directoryindex"
    )
    names = [name for name in (held[-1].arguments if held else ("index.html",)) if name != "disabled"]
    for name in names:
        if (answer := index(name)) is not None:
            return Served(answer.kind, answer=answer)
    options = [word for section in sections for each in section.own("options") for word in each.arguments]
    listed = options and any(word.lstrip("+").lower() in ("indexes", "all") for word in options)
    if listed and "-indexes" not in [word.lower() for word in options]:
        state.say(f"{path} has no index file, and Options Indexes lists it.")
        return Served("status", path, 200)
    state.say(f"{path} has no index file, and may not be listed.")
    return Served("status", status=403)
